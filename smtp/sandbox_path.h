/* SPDX-License-Identifier: MIT */
/* Arguments of MAIL and RCPT. Milder than the gateway's own address parser: the sandbox shows what
 * a client sends, as a receiving server would.
 *
 * Spec: RFC 5321 sec. 4.1.2. */
#ifndef SMTP_SANDBOX_PATH_H
#define SMTP_SANDBOX_PATH_H

#include <stdbool.h>

#include "gateway/base/gw_slice.h"

struct smtp_sandbox_path {
    struct gw_slice mailbox; /* without brackets and source route; empty for <> */
    struct gw_slice params;  /* what follows, without the space */
    bool utf8;               /* the mailbox has octets above 0x7F, and they are UTF-8 */
};

/* @in  `<mailbox>` or `<>`, spaces before it, parameters behind it; no control characters
 * NULL, or what is wrong with it: static text without code. */
const char *smtp_sandbox_path_parse(struct gw_slice in, struct smtp_sandbox_path *out);

/* Cuts the next `key[=value]` off @params. False when there is none. */
bool smtp_sandbox_param_next(struct gw_slice *params, struct gw_slice *key, struct gw_slice *value);

#endif
