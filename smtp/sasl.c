/* SPDX-License-Identifier: MIT */
/* SASL PLAIN and LOGIN. */
#include "smtp/sasl.h"

#include <string.h>

#include "gateway/base/gw_base64.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"

enum {
    MAX_TOKEN = SMTP_MAX_AUTH_LINE / 4 * 3, /* octets before base64 */
    /* A relay's echo may be cut anywhere; this much of a token in it is too much. */
    REVEALING = 12,
    /* Shorter passwords are in any text by chance. */
    REVEALING_PASSWORD = 4
};

/* Token @i of an exchange, at most MAX_TOKEN octets at @out; more than that when it does not fit.
 */
typedef size_t (*sasl_token_fn)(const struct smtp_sasl *s, size_t i, char *out);

static size_t put(char *out, size_t at, const char *data, size_t len)
{
    if (at + len <= MAX_TOKEN)
        memcpy(out + at, data, len);
    return at + len;
}

/* [authzid] NUL authcid NUL passwd */
static size_t plain_token(const struct smtp_sasl *s, size_t i, char *out)
{
    (void)i;
    size_t at = put(out, 0, "", 1);
    at = put(out, at, s->username, strlen(s->username) + 1);
    return put(out, at, s->password, strlen(s->password));
}

/* The prompts are not looked at: a relay that asks in another order gets the same order from us. */
static size_t login_token(const struct smtp_sasl *s, size_t i, char *out)
{
    const char *text = i == 0 ? s->username : s->password;
    return put(out, 0, text, strlen(text));
}

static const struct {
    const char *name;
    bool speaks_first;
    size_t n_tokens;
    sasl_token_fn token;
} mechs[SMTP_N_AUTH_MECHS] = {
    [SMTP_AUTH_PLAIN] = {"PLAIN", true, 1, plain_token},
    [SMTP_AUTH_LOGIN] = {"LOGIN", false, 2, login_token},
};

const char *smtp_sasl_name(enum smtp_auth_mech mech)
{
    PRE((unsigned)mech < SMTP_N_AUTH_MECHS);
    return mechs[mech].name;
}

struct smtp_sasl smtp_sasl_start(enum smtp_auth_mech mech, const char *username,
                                 const char *password)
{
    PRE((unsigned)mech < SMTP_N_AUTH_MECHS && username != NULL && password != NULL);
    return (struct smtp_sasl){.mech = mech, .username = username, .password = password};
}

bool smtp_sasl_speaks_first(const struct smtp_sasl *s)
{
    return mechs[s->mech].speaks_first;
}

bool smtp_sasl_finished(const struct smtp_sasl *s)
{
    return s->n_sent == mechs[s->mech].n_tokens;
}

enum gw_status smtp_sasl_challenge(const struct smtp_sasl *s, struct gw_slice challenge)
{
    char decoded[SMTP_MAX_AUTH_LINE];
    size_t len = 0;
    if (smtp_sasl_finished(s) || gw_base64_decoded_max(challenge.len) > sizeof(decoded))
        return GW_PROTO;
    for (size_t i = 0; i < challenge.len; i++) {
        if (challenge.data[i] <= ' ') /* gw_base64_decode() forgives white space, RFC 4954 not */
            return GW_PROTO;
    }
    return gw_base64_decode(challenge, decoded, &len, NULL) == GW_OK ? GW_OK : GW_PROTO;
}

enum gw_status smtp_sasl_token(struct smtp_sasl *s, struct gw_buf *out)
{
    PRE(!smtp_sasl_finished(s));
    char raw[MAX_TOKEN];
    enum gw_status status = GW_TOOBIG;
    size_t len = mechs[s->mech].token(s, s->n_sent, raw);
    char *to = len <= MAX_TOKEN ? gw_buf_reserve(out, gw_base64_encoded_size(len)) : NULL;

    if (to != NULL) {
        out->len += gw_base64_encode(raw, len, to);
        s->n_sent++;
        status = GW_OK;
    }
    gw_wipe(raw, sizeof(raw));
    return status;
}

bool smtp_sasl_is_revealed(const struct smtp_sasl *s, const char *text)
{
    char raw[MAX_TOKEN];
    char token[SMTP_MAX_AUTH_LINE + 1];
    bool found = strlen(s->password) >= REVEALING_PASSWORD && strstr(text, s->password) != NULL;

    for (size_t i = 0; i < mechs[s->mech].n_tokens && !found; i++) {
        size_t len = mechs[s->mech].token(s, i, raw);
        if (len == 0 || len > MAX_TOKEN)
            continue;
        token[gw_base64_encode(raw, len, token)] = '\0';
        if (strlen(token) > REVEALING)
            token[REVEALING] = '\0';
        found = strstr(text, token) != NULL;
    }
    gw_wipe(raw, sizeof(raw));
    gw_wipe(token, sizeof(token));
    return found;
}
