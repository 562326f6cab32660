/* SPDX-License-Identifier: MIT */
/* Secrets that change: a password file that is replaced, an access token that expires.
 *
 * Each connection keeps a copy of what it was given, as the source may have another one by the time
 * it is used. A refused token is renewed once; what is refused then opens the breaker. */
#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_mem.h"
#include "smtp/relay_internal.h"

static enum smtp_secret_status ask(const struct smtp_relay *r, struct smtp_secret *out)
{
    *out = (struct smtp_secret){.password = r->config.password};
    return r->config.secrets.get == NULL ? SMTP_SECRET_READY
                                         : r->config.secrets.get(r->config.secrets.data, out);
}

static const char *text_of(const struct smtp_secret *secret)
{
    return secret->token != NULL ? secret->token : secret->password;
}

bool smtp_relay_has_secret(struct smtp_relay *r)
{
    struct smtp_secret secret;
    enum smtp_secret_status st = ask(r, &secret);
    if (st != SMTP_SECRET_FAILED)
        return st == SMTP_SECRET_READY;
    struct smtp_client_end end = {.stage = SMTP_STAGE_AUTH, .reason = secret.reason};
    (void)snprintf(end.detail, sizeof(end.detail), "%s", secret.detail);
    smtp_relay_no_secret(r, &end);
    return false;
}

void smtp_relay_lend_secret(struct relay_slot *s, struct smtp_session_config *session)
{
    struct smtp_relay *r = s->relay;
    struct smtp_secret secret;
    if (r->config.secrets.get == NULL || ask(r, &secret) != SMTP_SECRET_READY ||
        text_of(&secret) == NULL)
        return;
    s->secret = gw_strdup(text_of(&secret));
    session->password = secret.token == NULL ? s->secret : NULL;
    session->token = secret.token != NULL ? s->secret : NULL;
    gw_free_secret(&r->tried);
    r->tried = gw_strdup(s->secret);
}

bool smtp_relay_renew_secret(struct smtp_relay *r)
{
    const struct smtp_secret_source *source = &r->config.secrets;
    if (source->refused == NULL || r->renewed || !source->refused(source->data))
        return false;
    r->renewed = true;
    return true;
}

bool smtp_relay_secret_is_new(struct smtp_relay *r)
{
    struct smtp_secret secret;
    if (r->config.secrets.get == NULL || r->tried == NULL || ask(r, &secret) != SMTP_SECRET_READY ||
        text_of(&secret) == NULL)
        return false;
    return strcmp(text_of(&secret), r->tried) != 0;
}

void smtp_relay_secret_changed(struct smtp_relay *r)
{
    smtp_relay_pump(r);
}
