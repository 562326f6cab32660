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

/* Ours, all of them: a reader must end, whatever the sender wrote. */
enum {
    GW_MIME_READ_MAX_DEPTH = 16,         /* multiparts inside each other; deeper ones stay text */
    GW_MIME_READ_MAX_PARTS = 2000,       /* of all multiparts together; more are left out */
    GW_MIME_READ_MAX_HEADERS = 2000,     /* of the message; more are left out */
    GW_MIME_READ_MAX_ADDRESSES = 10000,  /* of one field; more are left out */
    GW_MIME_READ_MAX_PARAMETERS = 64,    /* of one field; more are left out */
    GW_MIME_READ_SUBJECT_WITHIN = 65536, /* gw_mime_read_subject() looks at so many bytes */
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
    struct gw_slice content;  /* transfer-decoded; data NULL unless asked for */
};
struct gw_read_message {
    struct gw_read_header *headers;
    size_t n_headers;
    struct gw_read_addresses from, to, cc, reply_to;
    const char *subject, *message_id, *date; /* "" when absent */
    /* The first of each kind, decoded to UTF-8, lines ended by LF; data NULL when absent or not
     * asked for. */
    struct gw_slice text, html;
    struct gw_read_attachment *attachments;
    size_t n_attachments;
};

/* What else to read than headers and the sizes of attachments. */
enum {
    GW_MIME_READ_BODIES = 1,  /* text and html */
    GW_MIME_READ_CONTENTS = 2 /* of attachments */
};

/* Result lives in @arena, independent of @raw.
 * @what  GW_MIME_READ_* together */
void gw_mime_read(struct gw_arena *arena, struct gw_slice raw, unsigned what,
                  struct gw_read_message *out);

/* Its subject alone, as in subject above, cheaply; "" when there is none. */
const char *gw_mime_read_subject(struct gw_arena *arena, struct gw_slice raw);

/* First value of header @name (any case), or NULL. */
const char *gw_mime_read_header(const struct gw_read_message *m, const char *name);

#endif
