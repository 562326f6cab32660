/* SPDX-License-Identifier: MIT */
/* What the files of the MIME reader share. All results live in the arena. */
#ifndef GW_MIME_READ_INTERNAL_H
#define GW_MIME_READ_INTERNAL_H

#include <stdbool.h>

#include "gateway/mime_read.h"

/* A field's value as it stands, folds included, without the last end of line. */
struct gw_read_field {
    struct gw_slice name, value;
};

/* Takes the next field off @rest, past the end of its last line. False at the end of the header:
 * an empty line (which is taken off too), something that is not a field, or the end. */
bool gw_read_next_field(struct gw_slice *rest, struct gw_read_field *out);

/* ---- text: mime_read_text.c ---- */

/* @bytes in @charset as UTF-8. Charsets: UTF-8, US-ASCII, ISO-8859-1 and windows-1252; any other
 * is read as UTF-8. What does not fit becomes U+FFFD, and so does NUL. NUL-terminated. */
struct gw_slice gw_read_to_utf8(struct gw_arena *arena, struct gw_slice bytes,
                                struct gw_slice charset);
/* A field's value unfolded, without white space around it. */
struct gw_slice gw_read_unfold(struct gw_arena *arena, struct gw_slice value);
/* Unfolded text with its encoded words decoded (RFC 2047). */
const char *gw_read_words(struct gw_arena *arena, struct gw_slice in);
struct gw_slice gw_read_trim(struct gw_slice s);

/* ---- transfer encodings: mime_read_decode.c ---- */

/* Writes at most in.len bytes at @out (NULL: none) and returns how many. Foreign characters are
 * passed over. */
size_t gw_read_base64(struct gw_slice in, char *out);
/* Likewise. @word  as in encoded words: `_` is a space. Escapes that are none stay. */
size_t gw_read_quoted_printable(struct gw_slice in, bool word, char *out);
/* @encoding  Content-Transfer-Encoding; an unknown one leaves the bytes as they are */
struct gw_slice gw_read_transfer(struct gw_arena *arena, struct gw_slice body,
                                 struct gw_slice encoding);

/* {NULL, its size} */
struct gw_slice gw_read_transfer_size(struct gw_slice body, struct gw_slice encoding);

/* ---- parameters: mime_read_param.c ---- */

struct gw_read_params {
    const char *value; /* what stands before the first `;`, lower case */
    size_t n;
    struct gw_read_param {
        struct gw_slice name, value; /* quotes and escapes removed */
    } items[GW_MIME_READ_MAX_PARAMETERS];
};
/* @value  of Content-Type or Content-Disposition; {NULL, 0} when the field is absent */
void gw_read_params(struct gw_arena *arena, struct gw_slice value, struct gw_read_params *out);
/* A parameter in UTF-8, its pieces put together (RFC 2231); NULL when absent. */
const char *gw_read_param(struct gw_arena *arena, const struct gw_read_params *p, const char *name);

/* ---- addresses: mime_read_address.c ---- */

void gw_read_addresses(struct gw_arena *arena, struct gw_slice value,
                       struct gw_read_addresses *out);

#endif
