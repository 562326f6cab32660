/* SPDX-License-Identifier: MIT */
/* Views of relays, and what operators do to them. */
#include "gateway/relay_admin.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/gateway_internal.h"
#include "smtp/breaker.h"
#include "smtp/relay.h"

size_t gw_relays_count(const struct gw_gateway *g)
{
    return g->cfg->n_relays;
}

static const char *state_of(const struct smtp_relay_stats *s, size_t max_connections)
{
    bool works = s->busy > 0 || s->idle > 0;
    if (s->paused)
        return "paused";
    if (s->breaker != SMTP_BREAKER_CLOSED)
        return works ? "degraded" : "down";
    return s->n_failures > 0 || s->limit < max_connections ? "degraded" : "up";
}

static void write_url(const struct cfg_relay *c, char out[GW_RELAY_URL_SIZE])
{
    static const char *const query[] = {[CFG_TLS_STARTTLS] = "",
                                        [CFG_TLS_IMPLICIT] = "",
                                        [CFG_TLS_OPPORTUNISTIC] = "?tls=opportunistic",
                                        [CFG_TLS_NONE] = "?tls=none"};
    if (c->sandbox) {
        (void)snprintf(out, GW_RELAY_URL_SIZE, "sandbox:");
        return;
    }
    bool v6 = strchr(c->host, ':') != NULL;
    (void)snprintf(out, GW_RELAY_URL_SIZE, "%s://%s%s%s:%u%s",
                   c->tls_mode == CFG_TLS_IMPLICIT ? "smtps" : "smtp", v6 ? "[" : "", c->host,
                   v6 ? "]" : "", (unsigned)c->port, query[c->tls_mode]);
}

void gw_relay_view(const struct gw_gateway *g, size_t index, struct gw_relay_view *out)
{
    PRE(index < g->cfg->n_relays);
    const struct cfg_relay *c = &g->cfg->relays[index];
    struct smtp_relay_stats s;
    gw_relay_stats(g->setups.now->relays[index], &s);
    *out = (struct gw_relay_view){
        .name = c->name,
        .state = state_of(&s, c->pool_connections),
        .breaker = smtp_breaker_state_name(s.breaker),
        .n_failures = s.n_failures,
        .retry_in_ms = s.breaker_retry_in_ms,
        .max_connections = c->pool_connections,
        .limit = s.limit,
        .connecting = s.connecting,
        .busy = s.busy,
        .idle = s.idle,
        .waiting = s.waiting,
        .opened = s.opened,
        .reused = s.reused,
        .failed = s.failed_connections,
        .transactions = s.transactions,
        .refused = s.refused,
        .throttled = s.throttled,
        .rate_per_s = c->rate_per_s,
        .burst = c->burst > 0 ? (double)c->burst : c->rate_per_s,
        .domain_connections = c->domain_connections,
        .domain_rate_per_s = c->domain_rate_per_s,
        .error_at_ms = s.last_error_at_ms,
        .error_reason = smtp_reason_name(s.last_reason),
        .error_stage = smtp_stage_name(s.last_stage),
    };
    write_url(c, out->url);
    (void)snprintf(out->error_detail, sizeof(out->error_detail), "%s", s.last_detail);
}

void gw_relay_pause(struct gw_gateway *g, size_t index)
{
    PRE(index < g->cfg->n_relays);
    const struct gw_relay *r = g->setups.now->relays[index];
    if (!r->closing)
        smtp_relay_pause(r->smtp);
}

void gw_relay_resume(struct gw_gateway *g, size_t index)
{
    PRE(index < g->cfg->n_relays);
    const struct gw_relay *r = g->setups.now->relays[index];
    if (!r->closing)
        smtp_relay_resume(r->smtp);
}
