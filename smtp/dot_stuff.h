/* SPDX-License-Identifier: MIT */
/* Message content on its way behind DATA: dots doubled at line starts, the end marked.
 *
 * Spec: RFC 5321 sec. 4.5.2 (transparency), 2.3.8 (lines end in CRLF, nothing else does). */
#ifndef SMTP_DOT_STUFF_H
#define SMTP_DOT_STUFF_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_slice.h"
#include "gateway/base/gw_status.h"

struct smtp_dot_stuff {
    struct gw_slice content; /* borrowed */
    size_t at;               /* octets of content given out */
    bool in_line;            /* content[at] does not start a line */
    bool finished;           /* the end-of-data dot was given out */
};

struct smtp_dot_stuff smtp_dot_stuff_start(struct gw_slice content);

/* Append the next piece, at most @max octets (16 or more), to @out. The piece with the final dot
 * sets `finished`; content that lacks its last CRLF gets one.
 * GW_OK, GW_TOOBIG (@out is full), or GW_INVALID: a CR or LF that is not part of a CRLF, which some
 * relays take for the end of a line (SMTP smuggling); nothing more may be sent then. */
enum gw_status smtp_dot_stuff_next(struct smtp_dot_stuff *d, struct gw_buf *out,
                                   size_t max) GW_NODISCARD;

/* Octet in content[from, to) that is a CR or LF and not part of a CRLF; content.len when there is
 * none. */
size_t smtp_find_bare_line_end(struct gw_slice content, size_t from, size_t to);

#endif
