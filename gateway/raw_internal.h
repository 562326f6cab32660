/* SPDX-License-Identifier: MIT */
/* Messages that come as MIME: their header read strictly, their body made fit for any relay. For
 * gateway/raw*.c and gateway/prepare_raw.c only.
 *
 * What is 7-bit already and has no line over 998 octets stays as it is but for line ends, so that
 * signatures inside (S/MIME, PGP) survive.
 *
 * Spec: RFC 5322, 2045 to 2047, 2231. */
#ifndef GW_RAW_INTERNAL_H
#define GW_RAW_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/gw_buf.h"
#include "gateway/prepare_internal.h"

enum {
    GW_RAW_MAX_FIELDS = 500,        /* of the message's header */
    GW_RAW_MAX_HEADER = 512 * 1024, /* octets of it: 1,000 recipients with long names fit */
    GW_RAW_MAX_PARTS = 2000,        /* of all multiparts together */
    GW_RAW_MAX_DEPTH = 16,          /* entities inside each other */
    GW_RAW_MAX_LINE = 998,          /* RFC 5322 sec. 2.1.1 */
    GW_RAW_MAX_COMMENT_DEPTH = 8    /* of parentheses in an address list */
};

struct gw_raw_field {
    struct gw_slice name;
    struct gw_slice value; /* as it stands behind the colon, folds included, without its line end */
    const char *pointer;   /* "/headers/Subject" behind the draft's own */
};

struct gw_raw_message {
    struct gw_raw_field *fields;
    size_t n_fields;
    struct gw_slice body;
};

/* ---- the header: raw_header.c ---- */

/* Takes the message apart. A problem is added for: no header at all, a line that is no field, line
 * breaks other than CRLF and LF, NUL and other controls, octets that are not UTF-8, a field given
 * twice that may stand once, and what is over a limit. @pointer  of the message */
void gw_raw_read(struct gw_prepare_job *job, struct gw_slice raw, const char *pointer,
                 struct gw_raw_message *out);
/* The first field @name, or NULL. */
const struct gw_raw_field *gw_raw_find(const struct gw_raw_message *m, const char *name);
/* Its value unfolded, data NULL without one. */
struct gw_slice gw_raw_value(struct gw_arena *arena, const struct gw_raw_field *f);
/* Writes a field: as it stands when that is 7-bit with short lines, else as encoded text, or with
 * its parameters encoded. */
void gw_raw_write_field(struct gw_arena *arena, struct gw_buf *out, struct gw_slice name,
                        struct gw_slice value);

/* ---- addresses: raw_address.c ---- */

/* The mailboxes of an address list, those in groups too, as a draft has them; encoded words of
 * names are decoded, comments dropped. What is no list is a problem at @f. */
void gw_raw_addresses(struct gw_prepare_job *job, const struct gw_raw_field *f,
                      struct gw_draft_addresses *out);

/* ---- the body: raw_body.c ---- */

/* Appends Content-* fields, the empty line and the body, 7-bit, CRLF, lines up to 998 octets.
 * NULL, or what cannot be mended. */
const char *gw_raw_write_content(struct gw_arena *arena, const struct gw_raw_message *m,
                                 struct gw_buf *out);
/* Is every octet 7-bit and none NUL, and no line over GW_RAW_MAX_LINE? */
bool gw_raw_is_clean(struct gw_slice s);

#endif
