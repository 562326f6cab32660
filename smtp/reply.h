/* SPDX-License-Identifier: MIT */
/* Incremental parser of SMTP replies: bytes in any split, one reply out at a time.
 *
 * Spec: RFC 5321 sec. 4.2 and 4.5.3.1.5, RFC 2034, RFC 3463. */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_slice.h"
#include "smtp/outcome.h"

enum {
    SMTP_MAX_REPLY_LINE = 2048,     /* octets without CRLF; RFC 5321 minimum is 512 */
    SMTP_MAX_REPLY_LINES = 128,     /* ours */
    SMTP_MAX_REPLY_SIZE = 64 * 1024 /* octets of one reply; ours */
};

enum smtp_reply_state {
    SMTP_REPLY_MORE, /* all input consumed, the reply is not complete */
    SMTP_REPLY_DONE, /* one reply complete; the rest of the input is not consumed */
    SMTP_REPLY_BAD,  /* not an SMTP reply: bad code, codes differ, bad separator */
    SMTP_REPLY_LINE_TOO_LONG,
    SMTP_REPLY_TOO_LONG /* over SMTP_MAX_REPLY_LINES or SMTP_MAX_REPLY_SIZE */
};

struct smtp_reply_parser {
    struct gw_buf text; /* raw reply, lines with code, each ended by '\n' */
    size_t line_start, n_lines;
    int code;
    bool saw_bare_lf; /* a line ended in LF without CR (tolerated, reported) */
    bool done, failed;
};

/* smtp_reply_parser_init ... feed until DONE ... reset, feed the rest ... deinit. */
void smtp_reply_parser_init(struct smtp_reply_parser *p);
void smtp_reply_parser_deinit(struct smtp_reply_parser *p);
void smtp_reply_parser_reset(struct smtp_reply_parser *p);

/* @used_out  octets of @in consumed, always written. After BAD or TOO_LONG only reset is allowed.
 */
enum smtp_reply_state smtp_reply_parse(struct smtp_reply_parser *p, struct gw_slice in,
                                       size_t *used_out);
/* True when part of a reply is buffered. */
bool smtp_reply_parser_dirty(const struct smtp_reply_parser *p);

/* After DONE. Text of line @i (0 ≤ i < n_lines) behind code and separator; borrowed until reset. */
struct gw_slice smtp_reply_line(const struct smtp_reply_parser *p, size_t i);
/* After DONE: the form kept for people. The enhanced code is taken only when its class equals the
 * reply's first digit and its fields are 1-3 digits without leading zeros. */
void smtp_reply_info_from(const struct smtp_reply_parser *p, struct smtp_reply_info *out);

/* Any octets as text for people, by the rules of struct smtp_reply_info; cut at a whole character
 * to fit @size with its NUL. */
void smtp_text_escape(struct gw_slice in, char *out, size_t size);

#endif
