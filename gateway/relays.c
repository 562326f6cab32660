/* SPDX-License-Identifier: MIT */
/* From the configuration of relays to live ones. */
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

static bool wants_http(const struct cfg *cfg)
{
    for (size_t i = 0; i < cfg->n_relays; i++)
        if (gw_relay_secret_wants_http(&cfg->relays[i]))
            return true;
    return false;
}

static void tell(const struct gw_relays *r, const struct gw_relay_change *change)
{
    if (r->watch.on_change != NULL)
        r->watch.on_change(change, r->watch.data);
}

static void on_down(struct smtp_relay *relay, enum smtp_reason reason, const char *detail,
                    void *data)
{
    tell(data, &(struct gw_relay_change){.of = data,
                                         .relay = smtp_relay_name(relay),
                                         .reason = smtp_reason_name(reason),
                                         .detail = detail});
}

static void on_up(struct smtp_relay *relay, void *data)
{
    tell(data, &(struct gw_relay_change){.of = data, .relay = smtp_relay_name(relay), .up = true});
}

enum gw_status gw_relays_open(struct gw_relays *r, uv_loop_t *loop, const struct cfg *cfg,
                              const struct gw_sandbox *sandbox, struct gw_relay_watch watch,
                              struct gw_err *err)
{
    *r = (struct gw_relays){.items = gw_calloc(cfg->n_relays, sizeof(struct smtp_relay *)),
                            .lanes = gw_calloc(cfg->n_relays, sizeof(struct gw_lane)),
                            .secrets = gw_calloc(cfg->n_relays, sizeof(struct gw_relay_secret)),
                            .counted = gw_calloc(cfg->n_relays, sizeof(struct gw_relay_counted)),
                            .watch = watch};
    if (wants_http(cfg)) {
        r->http = gw_http_new(loop);
        r->n_open++;
    }
    for (; r->n < cfg->n_relays; r->n++) {
        struct smtp_relay_config config = gw_relay_config(&cfg->relays[r->n], sandbox);
        struct gw_relay_secret *secret = &r->secrets[r->n];
        gw_relay_secret_open(secret, r->http, &cfg->relays[r->n]);
        config.secrets = gw_relay_secret_source(secret);
        config.on_down = on_down;
        config.on_up = on_up;
        config.on_change_data = r;
        enum gw_status st = smtp_relay_new(loop, &config, &r->items[r->n], err);
        if (st != GW_OK) {
            gw_relay_secret_close(secret);
            return st;
        }
        secret->relay = r->items[r->n];
        r->n_open++;
    }
    return GW_OK;
}

/* One of the things that are open. */
struct closing {
    struct gw_relays *relays;
    struct gw_relay_secret *secret; /* NULL: the HTTP client */
    void (*on_closed)(void *);
    void *data;
};

static void on_part_closed(void *data)
{
    struct closing c = *(struct closing *)data;
    gw_free(data);
    if (c.secret != NULL)
        gw_relay_secret_close(c.secret);
    c.relays->n_open--;
    c.on_closed(c.data);
}

static struct closing *closing_new(struct gw_relays *r, struct gw_relay_secret *secret,
                                   void (*on_closed)(void *), void *data)
{
    struct closing *c = gw_malloc(sizeof(*c));
    *c = (struct closing){.relays = r, .secret = secret, .on_closed = on_closed, .data = data};
    return c;
}

void gw_relays_close(struct gw_relays *r, int64_t grace_ms, void (*on_closed)(void *), void *data)
{
    for (size_t i = 0; i < r->n; i++) {
        gw_relay_secret_stop(&r->secrets[i]);
        smtp_relay_close(r->items[i], grace_ms, on_part_closed,
                         closing_new(r, &r->secrets[i], on_closed, data));
    }
    if (r->http != NULL)
        gw_http_close(r->http, on_part_closed, closing_new(r, NULL, on_closed, data));
    r->http = NULL;
}

void gw_relays_deinit(struct gw_relays *r)
{
    gw_free(r->items);
    gw_free(r->lanes);
    gw_free(r->secrets);
    gw_free(r->counted);
    *r = (struct gw_relays){.items = NULL};
}
