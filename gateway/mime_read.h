/* SPDX-License-Identifier: MIT */
/* A lenient reader of MIME messages, for showing what the sandbox caught. Never fails: what it
 * cannot understand comes out as it stands.
 *
 * Spec: RFC 5322, 2045-2047, 2231. */
#ifndef GW_MIME_READ_H
#define GW_MIME_READ_H

#include <stddef.h>

#include "gateway/base/gw_arena.h"
#include "gateway/base/gw_slice.h"

enum {
    GW_MIME_READ_MAX_DEPTH = 16,
    GW_MIME_READ_MAX_PARTS = 2000,
    GW_MIME_READ_MAX_HEADERS = 2000
};

struct gw_read_address {
    const char *name; /* decoded UTF-8, "" when none */
    const char *email;
};
struct gw_read_addresses {
    struct gw_read_address *items;
    size_t n;
};
struct gw_read_header {
    const char *name;  /* as written */
    const char *value; /* unfolded and RFC 2047-decoded, valid UTF-8 */
};
struct gw_read_attachment {
    const char *filename;     /* "" when none; RFC 2231-decoded */
    const char *content_type; /* type/subtype, lower case */
    const char *content_id;   /* without brackets, "" when none */
    const char *disposition;  /* "attachment" or "inline" */
    struct gw_slice content;  /* transfer-decoded */
};
struct gw_read_message {
    struct gw_read_header *headers;
    size_t n_headers;
    struct gw_read_addresses from, to, cc, reply_to;
    const char *subject, *message_id, *date; /* "" when absent */
    struct gw_slice text, html; /* decoded to UTF-8, first of each kind; data NULL when absent */
    struct gw_read_attachment *attachments;
    size_t n_attachments;
};

/* Result lives in @arena, independent of @raw. */
void gw_mime_read(struct gw_arena *arena, struct gw_slice raw, struct gw_read_message *out);

/* First value of header @name (any case), or NULL. */
const char *gw_mime_read_header(const struct gw_read_message *m, const char *name);

#endif
