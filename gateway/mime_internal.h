/* SPDX-License-Identifier: MIT */
/* The pieces of the MIME builder, for gateway/mime*.c only. Everything appends to a gw_buf; whoever
 * owns the buffer looks at `overflowed` at the end. */
#ifndef GW_MIME_INTERNAL_H
#define GW_MIME_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_slice.h"
#include "gateway/mime.h"

enum {
    GW_MIME_LINE = 78,             /* header lines, RFC 5322 sec. 2.1.1 */
    GW_MIME_ENCODED_WORD = 75,     /* RFC 2047 sec. 2 */
    GW_MIME_BODY_LINE = 76,        /* RFC 2045 sec. 6.7 and 6.8 */
    GW_MIME_BASE64_LINE_BYTES = 57 /* that make 76 characters */
};

/* A header field being written, folded at GW_MIME_LINE where there is white space. */
struct gw_mime_field {
    struct gw_buf *out;
    size_t col;      /* of the line in hand */
    size_t max_word; /* longer words of a text are encoded */
    bool empty;      /* no word yet */
};

struct gw_mime_field gw_mime_field_start(struct gw_buf *out, const char *name);
void gw_mime_field_end(struct gw_mime_field *f);
/* Room for a word of @len bytes behind @n_spaces spaces, on this line or the next; the caller adds
 * exactly @len bytes to the buffer. */
void gw_mime_field_room(struct gw_mime_field *f, size_t n_spaces, size_t len);
void gw_mime_field_word(struct gw_mime_field *f, struct gw_slice word);
/* Bytes straight behind the last word, no fold before them; for ";" and ",". */
void gw_mime_field_glue(struct gw_mime_field *f, const char *s);
/* Words of @value as they stand, folded between them. */
void gw_mime_field_plain(struct gw_mime_field *f, struct gw_slice value);
/* Unstructured text: words that need it as encoded-words (RFC 2047). */
void gw_mime_field_text(struct gw_mime_field *f, struct gw_slice value);
/* @text as a run of encoded-words, Q or B, whichever is shorter; never split inside a character.
 * @phrase  in a display name: rather a new line than two words, between which some readers of
 *          phrases see a space */
void gw_mime_field_encoded(struct gw_mime_field *f, struct gw_slice text, bool phrase);
/* Parameter of a structured field: `; name=value`, RFC 2231 when @value is not plain ASCII or
 * long. */
void gw_mime_field_param(struct gw_mime_field *f, const char *name, struct gw_slice value);

/* Whole fields. */
void gw_mime_write_text_field(struct gw_buf *out, const char *name, struct gw_slice value);
void gw_mime_write_addresses(struct gw_buf *out, const char *name,
                             const struct gw_mime_address *list, size_t n);
void gw_mime_write_custom(struct gw_buf *out, const struct gw_mime_header *header);

/* Transfer encodings of text, RFC 2045 sec. 6. */
enum gw_mime_encoding {
    GW_MIME_7BIT,
    GW_MIME_QP,
    GW_MIME_BASE64
};
const char *gw_mime_encoding_name(enum gw_mime_encoding e);
/* The plainest encoding that leaves a relay nothing to change: 7bit only for lines of printable
 * ASCII up to 76 that do not end in white space nor start with "." or "From " or like one of our
 * boundaries; else the shorter one. */
enum gw_mime_encoding gw_mime_choose_encoding(struct gw_slice text);
/* @text with every form of line end (CRLF, LF, CR, CR CR LF) as CRLF, encoded. A last line without
 * end stays without. */
void gw_mime_write_text(struct gw_buf *out, struct gw_slice text, enum gw_mime_encoding e);
/* Lines of 76, no line end behind the last. */
void gw_mime_write_base64(struct gw_buf *out, struct gw_slice data);

/* Content type by the extension of @filename (may be NULL), application/octet-stream when it is not
 * known. Static text. */
const char *gw_mime_type_of(const char *filename);

/* The text of an HTML page, for readers that show no HTML: blocks as paragraphs, list items with
 * their marks, links with their address. Takes any input; linear time; appends to @out. */
void gw_mime_html_to_text(struct gw_slice html, struct gw_buf *out);
/* The character reference at the start of @in ("&amp;", "&#8364;"): its bytes, or 0 when it is
 * none. */
size_t gw_mime_html_entity(struct gw_slice in, uint32_t *cp_out);
/* Code points of the octets 0x80 to 0x9f in windows-1252, as the WHATWG encoding standard has them.
 */
extern const uint16_t gw_mime_windows_1252[32];

#endif
