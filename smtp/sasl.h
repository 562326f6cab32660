/* SPDX-License-Identifier: MIT */
/* The client side of SASL mechanisms, free of SMTP: challenges in, tokens out, all in base64.
 *
 * Spec: RFC 4616 (PLAIN), draft-murchison-sasl-login (LOGIN), RFC 4013 (SASLprep), RFC 2195
 * (CRAM-MD5), RFC 5802 and 7677 (SCRAM-SHA-256), RFC 7628 (OAUTHBEARER), Google's and Microsoft's
 * "XOAUTH2", RFC 4954 sec. 4 (the exchange). */
#ifndef SMTP_SASL_H
#define SMTP_SASL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_saslprep.h"
#include "gateway/base/gw_slice.h"
#include "gateway/base/gw_status.h"
#include "smtp/sasl_scram.h"
#include "smtp/session.h"

enum {
    SMTP_MAX_AUTH_LINE = 12288, /* octets of base64 in one line, RFC 4954 sec. 4 */
    SMTP_SASL_ERROR_SIZE = 160  /* of what a relay says about a bearer token; ours */
};

/* What there is to prove who we are. Borrowed; NULL where there is none. */
struct smtp_sasl_credentials {
    const char *username, *password;
    const char *token; /* OAuth2 access token */
    const char *host;  /* of the relay, OAUTHBEARER names it */
    uint16_t port;
    struct smtp_scram_cache *scram_cache; /* may be NULL */
    const struct smtp_secrets *secrets;   /* not shown of a relay's text; NULL: none are known */
};

/* One exchange. Of a secret it holds what SASLprep made of it, if that is another text, and SCRAM's
 * proof of it: smtp_sasl_wipe(). */
struct smtp_sasl {
    enum smtp_auth_mech mech;
    struct smtp_sasl_credentials who;
    char username[GW_SASLPREP_SIZE], password[GW_SASLPREP_SIZE]; /* prepared; "": as in `who` */
    size_t n_sent;                                               /* tokens handed out */
    struct gw_slice challenge; /* the one to answer, decoded; valid in smtp_sasl_challenge() */
    char digest[33];           /* CRAM-MD5's answer in hex */
    bool refused;              /* the relay answered a bearer token with an error challenge */
    char error[SMTP_SASL_ERROR_SIZE]; /* that challenge, as text for people */
    struct smtp_scram scram;
};

/* As in "AUTH <name>". */
const char *smtp_sasl_name(enum smtp_auth_mech mech);
/* True when @who has what this mechanism needs: a password that can be prepared if the mechanism
 * wants that (PLAIN, SCRAM), or a token. */
bool smtp_sasl_can(enum smtp_auth_mech mech, const struct smtp_sasl_credentials *who);
/* Why PLAIN and SCRAM cannot take this user name and password, "the password is too long", in @out;
 * false when they can. */
bool smtp_sasl_unprepared(const struct smtp_sasl_credentials *who, char *out, size_t size);

struct smtp_sasl smtp_sasl_start(enum smtp_auth_mech mech, const struct smtp_sasl_credentials *who);
/* User name and password as this exchange sends them. */
const char *smtp_sasl_username(const struct smtp_sasl *s);
const char *smtp_sasl_password(const struct smtp_sasl *s);
/* Wipes what an exchange has computed of a secret. */
void smtp_sasl_wipe(struct smtp_sasl *s);
/* The first token needs no challenge and may ride with the AUTH command. */
bool smtp_sasl_speaks_first(const struct smtp_sasl *s);
/* Octets that an AUTH command with the first token behind it may have. */
size_t smtp_sasl_max_command(const struct smtp_sasl *s);
/* Judge a challenge (the base64 behind "334 ").
 * GW_OK    smtp_sasl_token() has the answer
 * GW_BUSY  smtp_sasl_work() has to be called before
 * GW_PROTO not base64, not what the mechanism knows, or no token is left: the exchange must be
 *          cancelled */
enum gw_status smtp_sasl_challenge(struct smtp_sasl *s, struct gw_slice challenge) GW_NODISCARD;
/* A slice of the work that a challenge asks for, at most SMTP_SCRAM_SLICE rounds of hashing. True
 * when it is done and smtp_sasl_token() has the answer. */
bool smtp_sasl_work(struct smtp_sasl *s);
/* Append the next token in base64 to @out, which must have room without moving: it is a secret, and
 * the caller wipes it. GW_TOOBIG when it is over SMTP_MAX_AUTH_LINE; @out is then unchanged. */
enum gw_status smtp_sasl_token(struct smtp_sasl *s, struct gw_buf *out) GW_NODISCARD;
/* All tokens were handed out and the relay has proved what it has to: only now may it say that we
 * are in. */
bool smtp_sasl_finished(const struct smtp_sasl *s);

#endif
