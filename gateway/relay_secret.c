/* SPDX-License-Identifier: MIT */
/* Secrets of relays, from files and from token endpoints. */
#include "gateway/relay_secret.h"

bool gw_relay_secret_wants_http(const struct cfg_relay *c)
{
    return c->oauth2.token_url != NULL;
}

static enum smtp_secret_status get_password(void *data, struct smtp_secret *out)
{
    struct gw_secret_file *f = data;
    (void)gw_secret_file_refresh(f);
    *out = (struct smtp_secret){.password = f->value};
    return SMTP_SECRET_READY;
}

static bool password_refused(void *data)
{
    return gw_secret_file_refresh(data);
}

static void on_token_change(void *data)
{
    const struct gw_relay_secret *s = data;
    if (s->relay != NULL)
        smtp_relay_secret_changed(s->relay);
}

void gw_relay_secret_open(struct gw_relay_secret *s, struct gw_http *http,
                          const struct cfg_relay *c)
{
    *s = (struct gw_relay_secret){.relay = NULL};
    if (c->oauth2.token_url != NULL || c->oauth2.access_token != NULL)
        s->oauth2 = gw_oauth2_new(c->oauth2.token_url != NULL ? http : NULL, &c->oauth2, c->name,
                                  on_token_change, s);
    else if (c->password_file != NULL)
        gw_secret_file_init(&s->password, c->password_file, c->password);
}

struct smtp_secret_source gw_relay_secret_source(struct gw_relay_secret *s)
{
    if (s->oauth2 != NULL)
        return (struct smtp_secret_source){
            .get = gw_oauth2_get, .refused = gw_oauth2_refused, .data = s->oauth2};
    if (s->password.path != NULL)
        return (struct smtp_secret_source){
            .get = get_password, .refused = password_refused, .data = &s->password};
    return (struct smtp_secret_source){.get = NULL};
}

void gw_relay_secret_stop(struct gw_relay_secret *s)
{
    s->relay = NULL;
    if (s->oauth2 != NULL)
        gw_oauth2_stop(s->oauth2);
}

void gw_relay_secret_close(struct gw_relay_secret *s)
{
    s->relay = NULL;
    gw_oauth2_free(&s->oauth2);
    gw_secret_file_deinit(&s->password);
}
