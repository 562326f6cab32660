/* SPDX-License-Identifier: MIT */
/* A short list of texts to look for, made once: replies are many. */
#include "smtp/secrets.h"

#include <string.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"

enum {
    /* Shorter passwords are in any text by chance, and so is the base64 of them. */
    REVEALING_PASSWORD = 4,
    REVEALING_BASE64 = 8,
    /* A relay's echo may be cut anywhere; this much of a token in it is too much. */
    ENOUGH_BASE64 = 12
};

static void add(struct smtp_secrets *s, const char *text, size_t len)
{
    CHECK(s->n < SMTP_N_SECRETS);
    s->texts[s->n++] = gw_memdup0(text, len);
}

static void add_plain(struct smtp_secrets *s, const char *secret)
{
    if (secret != NULL && strlen(secret) >= REVEALING_PASSWORD)
        add(s, secret, strlen(secret));
}

/* What a mechanism says, if that can be read. */
static void add_tokens(struct smtp_secrets *s, enum smtp_auth_mech mech,
                       const struct smtp_sasl_credentials *who)
{
    if (!smtp_sasl_can(mech, who))
        return;
    struct smtp_sasl sasl = smtp_sasl_start(mech, who);
    struct gw_buf token;
    gw_buf_init(&token, SMTP_MAX_AUTH_LINE + 1);
    if (smtp_sasl_password(&sasl) != who->password)
        add_plain(s, smtp_sasl_password(&sasl));
    while (!smtp_sasl_finished(&sasl) && smtp_sasl_token(&sasl, &token) == GW_OK) {
        if (token.len >= REVEALING_BASE64)
            add(s, token.data, token.len < ENOUGH_BASE64 ? token.len : ENOUGH_BASE64);
        gw_buf_reset(&token);
    }
    smtp_sasl_wipe(&sasl);
    if (token.data != NULL)
        gw_wipe(token.data, token.cap);
    gw_buf_deinit(&token);
}

void smtp_secrets_init(struct smtp_secrets *s, const struct smtp_sasl_credentials *who)
{
    static const enum smtp_auth_mech readable[] = {SMTP_AUTH_PLAIN, SMTP_AUTH_LOGIN,
                                                   SMTP_AUTH_XOAUTH2, SMTP_AUTH_OAUTHBEARER};
    *s = (struct smtp_secrets){.n = 0};
    if (who->username == NULL)
        return;
    add_plain(s, who->password);
    add_plain(s, who->token);
    for (size_t i = 0; i < sizeof(readable) / sizeof(readable[0]); i++)
        add_tokens(s, readable[i], who);
}

void smtp_secrets_deinit(struct smtp_secrets *s)
{
    while (s->n > 0)
        gw_free_secret(&s->texts[--s->n]);
}

bool smtp_secrets_in(const struct smtp_secrets *s, struct gw_slice text)
{
    for (size_t i = 0; i < s->n && text.len > 0; i++)
        if (memmem(text.data, text.len, s->texts[i], strlen(s->texts[i])) != NULL)
            return true;
    return false;
}
