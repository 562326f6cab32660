/* SPDX-License-Identifier: MIT */
/* SASL mechanisms as a table; SCRAM's part is in sasl_scram.c. */
#include "smtp/sasl.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "gateway/base/gw_base64.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"
#include "smtp/reply.h"
#include "smtp/secrets.h"

enum {
    MAX_TOKEN = SMTP_MAX_AUTH_LINE / 4 * 3, /* octets before base64 */
    MAX_COMMAND = 512                       /* octets with CRLF, RFC 5321 sec. 4.5.3.1.4 */
};

/* Token @i of an exchange, at most MAX_TOKEN octets at @out; more than that when it does not fit.
 */
typedef size_t (*sasl_token_fn)(struct smtp_sasl *s, size_t i, char *out);
/* Judge the decoded challenge in front of token @i. NULL: any will do. */
typedef enum gw_status (*sasl_challenge_fn)(struct smtp_sasl *s, size_t i);

static size_t put(char *out, size_t at, const char *data, size_t len)
{
    if (at + len <= MAX_TOKEN)
        memcpy(out + at, data, len);
    return at + len;
}

static size_t put_str(char *out, size_t at, const char *text)
{
    return put(out, at, text, strlen(text));
}

/* [authzid] NUL authcid NUL passwd */
static size_t plain_token(struct smtp_sasl *s, size_t i, char *out)
{
    (void)i;
    size_t at = put(out, 0, "", 1);
    const char *username = smtp_sasl_username(s);
    at = put(out, at, username, strlen(username) + 1);
    return put_str(out, at, smtp_sasl_password(s));
}

/* The prompts are not looked at: a relay that asks in another order gets the same order from us. */
static size_t login_token(struct smtp_sasl *s, size_t i, char *out)
{
    return put_str(out, 0, i == 0 ? s->who.username : s->who.password);
}

/* The keyed digest of the challenge in hex. */
static enum gw_status cram_challenge(struct smtp_sasl *s, size_t i)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    (void)i;
    if (s->challenge.len == 0 ||
        HMAC(EVP_md5(), s->who.password, (int)strlen(s->who.password),
             (const unsigned char *)s->challenge.data, s->challenge.len, digest, &len) == NULL)
        return GW_PROTO;
    CHECK(2 * (size_t)len < sizeof(s->digest));
    for (size_t at = 0; at < len; at++) {
        s->digest[2 * at] = hex[digest[at] >> 4];
        s->digest[2 * at + 1] = hex[digest[at] & 15];
    }
    return GW_OK;
}

/* username SP digest */
static size_t cram_token(struct smtp_sasl *s, size_t i, char *out)
{
    (void)i;
    size_t at = put_str(out, 0, s->who.username);
    at = put(out, at, " ", 1);
    return put_str(out, at, s->digest);
}

static enum gw_status scram_challenge(struct smtp_sasl *s, size_t i)
{
    if (i == 0) /* an empty "334 " asks for the first token */
        return s->challenge.len == 0 ? GW_OK : GW_PROTO;
    return smtp_scram_challenge(s, i - 1, s->challenge);
}

static size_t scram_token(struct smtp_sasl *s, size_t i, char *out)
{
    return smtp_scram_token(s, i, out, MAX_TOKEN);
}

/* "user=" user ^A "auth=Bearer " token ^A ^A; behind an error challenge, nothing. */
static size_t xoauth2_token(struct smtp_sasl *s, size_t i, char *out)
{
    if (i > 0)
        return 0;
    size_t at = put_str(out, 0, "user=");
    at = put_str(out, at, s->who.username);
    at = put_str(out, at, "\001auth=Bearer ");
    at = put_str(out, at, s->who.token);
    return put(out, at, "\001\001", 2);
}

/* RFC 5801 sec. 4: "," and "=" of a name in a gs2 header. */
static size_t put_saslname(char *out, size_t at, const char *name)
{
    for (; *name != '\0'; name++) {
        if (*name == ',' || *name == '=')
            at = put_str(out, at, *name == ',' ? "=2C" : "=3D");
        else
            at = put(out, at, name, 1);
    }
    return at;
}

/* RFC 7628 sec. 3.1; behind an error challenge a lone ^A (sec. 3.2.3). */
static size_t oauthbearer_token(struct smtp_sasl *s, size_t i, char *out)
{
    char port[24];
    if (i > 0)
        return put(out, 0, "\001", 1);
    size_t at = put_str(out, 0, "n,a=");
    at = put_saslname(out, at, s->who.username);
    at = put_str(out, at, ",\001host=");
    at = put_str(out, at, s->who.host);
    (void)snprintf(port, sizeof(port), "\001port=%u", s->who.port);
    at = put_str(out, at, port);
    at = put_str(out, at, "\001auth=Bearer ");
    at = put_str(out, at, s->who.token);
    return put(out, at, "\001\001", 2);
}

/* The first challenge asks for the token, a later one says what is wrong with it. */
static enum gw_status bearer_challenge(struct smtp_sasl *s, size_t i)
{
    if (i == 0)
        return GW_OK;
    if (s->refused)
        return GW_PROTO;
    s->refused = true;
    smtp_text_escape(s->challenge, s->error, sizeof(s->error));
    if (s->who.secrets != NULL && smtp_secrets_in(s->who.secrets, s->challenge))
        (void)snprintf(s->error, sizeof(s->error), "%s", "(not shown: it repeats the token)");
    return GW_OK;
}

static const struct {
    const char *name;
    bool speaks_first;
    bool bearer;   /* needs an access token, not a password */
    bool prepares; /* user name and password, by SASLprep */
    size_t n_tokens;
    size_t max_command; /* octets of the AUTH line with the first token */
    sasl_token_fn token;
    sasl_challenge_fn challenge;
} mechs[SMTP_N_AUTH_MECHS] = {
    [SMTP_AUTH_PLAIN] = {"PLAIN", true, false, true, 1, MAX_COMMAND, plain_token, NULL},
    [SMTP_AUTH_LOGIN] = {"LOGIN", false, false, false, 2, MAX_COMMAND, login_token, NULL},
    [SMTP_AUTH_CRAM_MD5] = {"CRAM-MD5", false, false, false, 1, MAX_COMMAND, cram_token,
                            cram_challenge},
    [SMTP_AUTH_SCRAM_SHA_256] = {"SCRAM-SHA-256", true, false, true, 3, MAX_COMMAND, scram_token,
                                 scram_challenge},
    /* Access tokens are long, and both vendors show them in one line with the command. */
    [SMTP_AUTH_XOAUTH2] = {"XOAUTH2", true, true, false, 1, SMTP_MAX_AUTH_LINE, xoauth2_token,
                           bearer_challenge},
    [SMTP_AUTH_OAUTHBEARER] = {"OAUTHBEARER", true, true, false, 1, SMTP_MAX_AUTH_LINE,
                               oauthbearer_token, bearer_challenge},
};

const char *smtp_sasl_name(enum smtp_auth_mech mech)
{
    PRE((unsigned)mech < SMTP_N_AUTH_MECHS);
    return mechs[mech].name;
}

bool smtp_sasl_can(enum smtp_auth_mech mech, const struct smtp_sasl_credentials *who)
{
    PRE((unsigned)mech < SMTP_N_AUTH_MECHS);
    if (who->username == NULL || (mechs[mech].bearer ? who->token : who->password) == NULL)
        return false;
    return !mechs[mech].prepares || !smtp_sasl_unprepared(who, NULL, 0);
}

bool smtp_sasl_unprepared(const struct smtp_sasl_credentials *who, char *out, size_t size)
{
    const char *what = "username";
    const char *why = gw_saslprep_problem(who->username);
    if (why == NULL && who->password != NULL) {
        what = "password";
        why = gw_saslprep_problem(who->password);
    }
    if (why != NULL)
        (void)snprintf(out, size, "the %s %s", what, why);
    return why != NULL;
}

const char *smtp_sasl_username(const struct smtp_sasl *s)
{
    return s->username[0] != '\0' ? s->username : s->who.username;
}

const char *smtp_sasl_password(const struct smtp_sasl *s)
{
    return s->password[0] != '\0' ? s->password : s->who.password;
}

/* smtp_sasl_can() has seen that it works. */
static void prepare(const char *text, char out[GW_SASLPREP_SIZE])
{
    if (!gw_saslprep_is_plain(text))
        CHECK(gw_saslprep(text, out) == NULL);
}

struct smtp_sasl smtp_sasl_start(enum smtp_auth_mech mech, const struct smtp_sasl_credentials *who)
{
    PRE(smtp_sasl_can(mech, who));
    struct smtp_sasl s = {.mech = mech, .who = *who};
    if (mechs[mech].prepares) {
        prepare(who->username, s.username);
        prepare(who->password, s.password);
    }
    if (mech == SMTP_AUTH_SCRAM_SHA_256)
        smtp_scram_start(&s.scram);
    return s;
}

void smtp_sasl_wipe(struct smtp_sasl *s)
{
    gw_wipe(s, sizeof(*s));
}

bool smtp_sasl_speaks_first(const struct smtp_sasl *s)
{
    return mechs[s->mech].speaks_first;
}

size_t smtp_sasl_max_command(const struct smtp_sasl *s)
{
    return mechs[s->mech].max_command;
}

static bool all_sent(const struct smtp_sasl *s)
{
    return s->n_sent >= mechs[s->mech].n_tokens;
}

bool smtp_sasl_finished(const struct smtp_sasl *s)
{
    bool proved = s->mech != SMTP_AUTH_SCRAM_SHA_256 || s->scram.verified;
    return all_sent(s) && proved && !s->refused;
}

enum gw_status smtp_sasl_challenge(struct smtp_sasl *s, struct gw_slice challenge)
{
    char decoded[SMTP_MAX_AUTH_LINE];
    size_t len = 0;
    sasl_challenge_fn judge = mechs[s->mech].challenge;

    if ((all_sent(s) && !mechs[s->mech].bearer) ||
        gw_base64_decoded_max(challenge.len) > sizeof(decoded))
        return GW_PROTO;
    for (size_t i = 0; i < challenge.len; i++) {
        if (challenge.data[i] <= ' ') /* gw_base64_decode() forgives white space, RFC 4954 not */
            return GW_PROTO;
    }
    if (gw_base64_decode(challenge, decoded, &len, NULL) != GW_OK)
        return GW_PROTO;
    s->challenge = gw_slice_of(decoded, len);
    enum gw_status status = judge != NULL ? judge(s, s->n_sent) : GW_OK;
    s->challenge = (struct gw_slice){0};
    return status;
}

bool smtp_sasl_work(struct smtp_sasl *s)
{
    return s->mech != SMTP_AUTH_SCRAM_SHA_256 || smtp_scram_work(s);
}

enum gw_status smtp_sasl_token(struct smtp_sasl *s, struct gw_buf *out)
{
    PRE(!all_sent(s) || s->refused);
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
