/* SPDX-License-Identifier: MIT */
/* The client side of SASL mechanisms, free of SMTP: challenges in, tokens out, all in base64.
 *
 * Spec: RFC 4616 (PLAIN), draft-murchison-sasl-login (LOGIN), RFC 4954 sec. 4 (the exchange). */
#ifndef SMTP_SASL_H
#define SMTP_SASL_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_slice.h"
#include "gateway/base/gw_status.h"
#include "smtp/session.h"

enum {
    SMTP_MAX_AUTH_LINE = 12288 /* octets of base64 in one line, RFC 4954 sec. 4 */
};

/* One exchange. Holds no copy of a secret. */
struct smtp_sasl {
    enum smtp_auth_mech mech;
    const char *username, *password; /* borrowed */
    size_t n_sent;                   /* tokens handed out */
};

/* As in "AUTH <name>". */
const char *smtp_sasl_name(enum smtp_auth_mech mech);

struct smtp_sasl smtp_sasl_start(enum smtp_auth_mech mech, const char *username,
                                 const char *password);
/* The first token needs no challenge and may ride with the AUTH command. */
bool smtp_sasl_speaks_first(const struct smtp_sasl *s);
/* Judge a challenge (the base64 behind "334 "). GW_OK: smtp_sasl_token() has the answer. GW_PROTO:
 * not base64, or no token is left: the exchange must be cancelled. */
enum gw_status smtp_sasl_challenge(const struct smtp_sasl *s,
                                   struct gw_slice challenge) GW_NODISCARD;
/* Append the next token in base64 to @out, which must have room without moving: it is a secret, and
 * the caller wipes it. GW_TOOBIG when it is over SMTP_MAX_AUTH_LINE; @out is then unchanged. */
enum gw_status smtp_sasl_token(struct smtp_sasl *s, struct gw_buf *out) GW_NODISCARD;
/* All tokens were handed out: only now may the relay say that we are in. */
bool smtp_sasl_finished(const struct smtp_sasl *s);

/* True when @text (from the relay) repeats the password or the start of a token made of it. */
bool smtp_sasl_is_revealed(const struct smtp_sasl *s, const char *text);

#endif
