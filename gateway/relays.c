/* SPDX-License-Identifier: MIT */
/* From the configuration of relays to live ones, counted. */
#include "gateway/relays.h"

#include <string.h>

#include "gateway/base/gw_base64.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"
#include "gateway/sandbox.h"

static const enum smtp_tls_mode tls_modes[] = {[CFG_TLS_STARTTLS] = SMTP_TLS_REQUIRED,
                                               [CFG_TLS_IMPLICIT] = SMTP_TLS_IMPLICIT,
                                               [CFG_TLS_OPPORTUNISTIC] = SMTP_TLS_OPPORTUNISTIC,
                                               [CFG_TLS_NONE] = SMTP_TLS_NONE};
static const enum smtp_tls_verify verify_modes[] = {[CFG_VERIFY_FULL] = SMTP_VERIFY_FULL,
                                                    [CFG_VERIFY_CA] = SMTP_VERIFY_CA,
                                                    [CFG_VERIFY_NONE] = SMTP_VERIFY_NONE};
static const enum smtp_auth_mech auth_mechs[CFG_N_AUTH_MECHS] = {
    [CFG_AUTH_PLAIN] = SMTP_AUTH_PLAIN,       [CFG_AUTH_LOGIN] = SMTP_AUTH_LOGIN,
    [CFG_AUTH_CRAM_MD5] = SMTP_AUTH_CRAM_MD5, [CFG_AUTH_SCRAM_SHA_256] = SMTP_AUTH_SCRAM_SHA_256,
    [CFG_AUTH_XOAUTH2] = SMTP_AUTH_XOAUTH2,   [CFG_AUTH_OAUTHBEARER] = SMTP_AUTH_OAUTHBEARER};

static struct smtp_timeouts timeouts(const struct cfg_timeouts *c)
{
    struct smtp_timeouts t = smtp_timeouts_default();
    t.resolve_ms = c->resolve_ms;
    t.connect_ms = c->connect_ms;
    t.greeting_ms = c->greeting_ms;
    t.ehlo_ms = c->ehlo_ms;
    t.starttls_ms = c->starttls_ms;
    t.handshake_ms = c->handshake_ms;
    t.auth_ms = c->auth_ms;
    t.mail_ms = c->mail_ms;
    t.rcpt_ms = c->rcpt_ms;
    t.data_ms = c->data_ms;
    t.dot_ms = c->dot_ms;
    t.rset_ms = c->rset_ms;
    t.quit_ms = c->quit_ms;
    t.body_floor_ms = c->body_ms;
    return t;
}

/* The configuration has checked what they look like. */
static void set_pins(const struct cfg_relay *c, struct smtp_relay_config *out)
{
    out->n_pins = c->n_pins;
    for (size_t i = 0; i < c->n_pins; i++) {
        unsigned char digest[2 * SMTP_TLS_PIN_SIZE];
        size_t len = 0;
        struct gw_slice base64 = gw_slice_str(strchr(c->pins[i], '/') + 1);
        CHECK(gw_base64_decode(base64, digest, &len, NULL) == GW_OK && len == SMTP_TLS_PIN_SIZE);
        memcpy(out->pins[i].sha256, digest, SMTP_TLS_PIN_SIZE);
    }
}

struct smtp_relay_config gw_relay_config(const struct cfg_relay *c,
                                         const struct gw_sandbox *sandbox)
{
    struct smtp_relay_config out = smtp_relay_config_default();
    out.name = c->name;
    out.helo_name = c->helo_name;
    out.max_connections = c->pool_connections;
    out.max_messages_per_connection = c->pool_messages_per_connection;
    out.idle_ms = c->pool_idle_ms;
    out.max_age_ms = c->pool_age_ms;
    out.timeouts = timeouts(&c->timeouts);
    out.rate_per_s = c->rate_per_s;
    out.burst = (double)c->burst;
    out.domain_connections = c->domain_connections;
    out.domain_rate_per_s = c->domain_rate_per_s;
    out.one_flight = c->one_flight == CFG_ONE_FLIGHT_AUTO;
    if (c->sandbox) {
        PRE(sandbox != NULL);
        gw_sandbox_reach(sandbox, &out);
        return out;
    }
    out.host = c->host;
    out.port = c->port;
    out.tls_mode = tls_modes[c->tls_mode];
    out.verify = verify_modes[c->verify];
    out.ca_file = c->ca_file;
    out.server_name = c->server_name;
    out.client_cert_file = c->client_cert_file;
    out.client_key_file = c->client_key_file;
    out.min_tls_version = c->min_tls_version;
    set_pins(c, &out);
    out.username = c->username;
    out.password = c->password;
    out.n_mechs = c->n_auth;
    for (size_t i = 0; i < c->n_auth; i++)
        out.mechs[i] = auth_mechs[c->auth[i]];
    return out;
}

enum gw_status gw_relay_read_tls(const struct cfg_relay *c, struct smtp_tls_context **out,
                                 struct gw_err *err)
{
    *out = NULL;
    if (c->sandbox)
        return GW_OK; /* names no file, and its server is not there yet */
    struct smtp_relay_config config = gw_relay_config(c, NULL);
    return smtp_relay_read_tls(&config, out, err);
}

/* ---- one relay ---- */

static void tell(const struct gw_relay *r, const struct gw_relay_change *change)
{
    if (r->all->watch.on_change != NULL)
        r->all->watch.on_change(change, r->all->watch.data);
}

static void on_down(struct smtp_relay *relay, enum smtp_reason reason, const char *detail,
                    void *data)
{
    (void)relay;
    tell(data, &(struct gw_relay_change){
                   .of = data, .reason = smtp_reason_name(reason), .detail = detail});
}

static void on_up(struct smtp_relay *relay, void *data)
{
    (void)relay;
    tell(data, &(struct gw_relay_change){.of = data, .up = true});
}

static struct gw_http *http_of(struct gw_relays *all, const struct cfg_relay *c)
{
    if (all->http == NULL && gw_relay_secret_wants_http(c)) {
        all->http = gw_http_new(all->loop);
        all->n_open++;
    }
    return all->http;
}

static void free_if_done(struct gw_relay *r)
{
    if (r->refs != 0 || r->smtp != NULL)
        return;
    gw_list_remove(&r->link);
    gw_relay_secret_close(&r->secret);
    cfg_unref(&r->cfg);
    gw_free(r);
}

static void on_part_closed(struct gw_relays *all)
{
    all->n_open--;
    all->on_progress(all->data);
}

static void on_smtp_closed(void *data)
{
    struct gw_relay *r = data;
    struct gw_relays *all = r->all;
    r->smtp = NULL;
    free_if_done(r);
    on_part_closed(all);
}

static void close_relay(struct gw_relay *r, int64_t grace_ms)
{
    if (r->closing)
        return;
    r->closing = true;
    gw_relay_secret_stop(&r->secret);
    smtp_relay_close(r->smtp, grace_ms, on_smtp_closed, r);
}

enum gw_status gw_relay_new(struct gw_relays *all, const struct cfg *cfg, size_t index,
                            struct smtp_tls_context *tls, struct gw_relay **out, struct gw_err *err)
{
    const struct cfg_relay *c = &cfg->relays[index];
    struct smtp_relay_config config = gw_relay_config(c, all->sandbox);
    struct gw_relay *r = gw_calloc(1, sizeof(*r));
    *out = NULL;
    *r = (struct gw_relay){
        .name = c->name, .all = all, .cfg = cfg_ref(cfg), .refs = 1, .anew = true};
    gw_list_push_back(&all->list, &r->link);
    gw_relay_secret_open(&r->secret, http_of(all, c), c);
    config.secrets = gw_relay_secret_source(&r->secret);
    config.tls = tls;
    config.on_down = on_down;
    config.on_up = on_up;
    config.on_change_data = r;
    enum gw_status st = smtp_relay_new(all->loop, &config, &r->smtp, err);
    if (st != GW_OK) {
        r->refs = 0;
        free_if_done(r);
        return st;
    }
    all->n_open++;
    r->secret.relay = r->smtp;
    *out = r;
    return GW_OK;
}

struct gw_relay *gw_relay_ref(struct gw_relay *r)
{
    r->refs++;
    return r;
}

void gw_relay_unref(struct gw_relay **at)
{
    struct gw_relay *r = *at;
    *at = NULL;
    if (r == NULL || --r->refs != 0)
        return;
    if (r->smtp != NULL)
        close_relay(r, 0);
    else
        free_if_done(r);
}

void gw_relay_stats(const struct gw_relay *r, struct smtp_relay_stats *out)
{
    *out = (struct smtp_relay_stats){.opened = r->counted.opened, .reused = r->counted.reused};
    if (r->smtp != NULL)
        smtp_relay_stats(r->smtp, out);
}

/* ---- all of them ---- */

void gw_relays_init(struct gw_relays *all, uv_loop_t *loop, void (*on_progress)(void *), void *data)
{
    *all = (struct gw_relays){.loop = loop, .on_progress = on_progress, .data = data};
    gw_list_init(&all->list);
}

static void on_http_closed(void *data)
{
    on_part_closed(data);
}

void gw_relays_close(struct gw_relays *all, int64_t grace_ms)
{
    gw_list_foreach (link, &all->list)
        close_relay(gw_list_entry(link, struct gw_relay, link), grace_ms);
    if (all->http != NULL)
        gw_http_close(all->http, on_http_closed, all);
    all->http = NULL;
}
