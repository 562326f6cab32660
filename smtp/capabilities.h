/* SPDX-License-Identifier: MIT */
/* What a relay offers, from its EHLO reply.
 *
 * Spec: RFC 5321 sec. 4.1.1.1 (ehlo-keyword), RFC 1870 (SIZE), RFC 4954 (AUTH). */
#ifndef SMTP_CAPABILITIES_H
#define SMTP_CAPABILITIES_H

#include "smtp/reply.h"
#include "smtp/session.h"

/* Read a complete 250 reply to EHLO; the first line is the relay's name. @out is overwritten.
 *
 * A keyword is the whole first word of a line, in any case; "AUTH=" (an old form) is AUTH. Unknown
 * keywords and parameters are passed over, repeated ones add up. SIZE without a number, with one
 * that is no plain decimal or that does not fit 64 bits, or 0: no limit known. */
void smtp_capabilities_parse(const struct smtp_reply_parser *reply, struct smtp_capabilities *out);

#endif
