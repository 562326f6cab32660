/* SPDX-License-Identifier: MIT */
/* From a validated message content to RFC 5322/MIME bytes: 7-bit, CRLF, lines ≤ 76 in bodies and
 * folded at 78 in headers, so that no relay has a reason to rewrite it.
 *
 * Spec: RFC 5322, 2045, 2046, 2047, 2183, 2231, 2369 and 8058 (list headers), 2387 (related). */
#ifndef GW_MIME_H
#define GW_MIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/gw_arena.h"
#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_slice.h"
#include "gateway/base/gw_status.h"

enum {
    GW_MIME_MAX_PLAIN_WORD = 900,  /* longest word of a custom header that is written as it is; a
                                      line  holds 998 (RFC 5322 sec. 2.1.1) */
    GW_MIME_MAX_CONTENT_TYPE = 255 /* as given by a user, parameters included */
};

/* All strings validated by gateway/prepare.c: UTF-8, no CR, LF, NUL or other controls outside
 * bodies. */
struct gw_mime_address {
    const char *name; /* UTF-8 or NULL */
    const char
        *address; /* wire form; UTF-8 local part allowed (then the header is 8-bit: RFC 6532) */
};

struct gw_mime_header {
    const char *name;      /* RFC 5322 field name */
    struct gw_slice value; /* UTF-8, unstructured */
};

struct gw_mime_part {
    struct gw_slice content;  /* raw bytes */
    const char *content_type; /* type/subtype with validated parameters, or NULL: from the filename,
                                 else application/octet-stream */
    const char *filename;     /* UTF-8, or NULL */
    const char *content_id;   /* without angle brackets; set: inline in multipart/related */
    bool inline_disposition;
};

struct gw_mime_input {
    struct gw_mime_address from;
    const struct gw_mime_address *to, *cc, *reply_to;
    size_t n_to, n_cc, n_reply_to;
    struct gw_slice subject;
    struct gw_slice text, html; /* data NULL: absent; any line ends, normalised to CRLF */
    const struct gw_mime_header *headers;
    size_t n_headers;
    const struct gw_mime_part *parts;
    size_t n_parts;
    const char *message_id, *in_reply_to; /* with angle brackets, or NULL */
    const char *const *references;
    size_t n_references;
    const char *unsubscribe_url, *unsubscribe_mailto; /* or NULL */
    bool unsubscribe_one_click;
    int64_t date_ms; /* wall */
};

/* Upper bound for what gw_mime_build may write, for sizing @out's maximum. */
size_t gw_mime_max_size(const struct gw_mime_input *in);

/* Append the whole message to @out; ends in CRLF. Without To and Cc it is addressed to
 * `undisclosed-recipients:;`. Pure: same input and random seed, same bytes.
 * With html alone a text alternative is derived. Nesting: mixed{ related{ alternative{text, html},
 * inline… }, attachment… }, levels left out where they would hold one part. Without html a part
 * with content_id is an attachment like any other.
 * @body_at_out  may be NULL; offset of the body (behind the empty line) from where the message
 *               starts in @out
 * GW_OK or GW_TOOBIG. */
enum gw_status gw_mime_build(const struct gw_mime_input *in, struct gw_buf *out,
                             size_t *body_at_out) GW_NODISCARD;

/* A content type as given by a user: type "/" subtype with parameters, tokens and quoted-strings of
 * RFC 2045 only; multipart/ and message/ are refused, `boundary` too.
 * GW_OK with the canonical form in *out, GW_INVALID. */
enum gw_status gw_mime_content_type_parse(struct gw_arena *arena, struct gw_slice in,
                                          const char **out, struct gw_err *err) GW_NODISCARD;

/* RFC 5322 ftext, 1 to 76 characters. */
bool gw_mime_header_name_valid(struct gw_slice name);
/* Headers that Mailhatch writes itself (From, Date, Content-*, DKIM-Signature, …), and those that
 * only relays may write (Received, Resent-*, ARC-*, …). */
bool gw_mime_header_managed(struct gw_slice name);
/* Headers that programs parse (List-*): ASCII without encoded-words, every word as it stands. */
bool gw_mime_header_structured(struct gw_slice name);

/* The last look before a message may leave, independent of how it was built: CRLF only, no NUL,
 * 7-bit (UTF-8 in the header only with @utf8_header), no line over 998, one empty line behind the
 * header, exactly one each of From, Date, Message-ID and MIME-Version, at most one of the others
 * that RFC 5322 sec. 3.6 wants once, no Bcc. GW_OK, or GW_INVALID with err->text. Linear. */
enum gw_status gw_mime_check(struct gw_slice message, bool utf8_header,
                             struct gw_err *err) GW_NODISCARD;

#endif
