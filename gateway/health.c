/* SPDX-License-Identifier: MIT */
/* How the gateway is: readiness for orchestrators, gauges for /metrics. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/gw_clock.h"
#include "gateway/gateway_internal.h"
#include "gateway/metrics.h"

enum {
    STORE_SICK_MS = 10 * 1000 /* after the store last refused to keep something */
};

static bool relay_usable(const struct smtp_relay_stats *s)
{
    return !s->paused && s->breaker != SMTP_BREAKER_OPEN;
}

void gw_gateway_store_said(struct gw_gateway *g, enum gw_status status)
{
    if (status == GW_OK)
        g->store_failed_at_ms = 0;
    else if (status != GW_NOTFOUND && status != GW_BUSY && status != GW_CLOSED)
        g->store_failed_at_ms = gw_clock_mono_ms();
}

/* @what and what follows it, as far as it is there. */
static void add_reason(struct gw_gateway *g, const char *what, const char *more, const char *detail)
{
    size_t at = strlen(g->why);
    (void)snprintf(g->why + at, sizeof(g->why) - at, "%s%s%s%s%s%s", at > 0 ? "; " : "", what,
                   more[0] != '\0' ? ": " : "", more, detail[0] != '\0' ? ": " : "", detail);
}

/* Nothing when one of them is usable. */
static void add_relays(struct gw_gateway *g)
{
    struct smtp_relay_stats s;
    for (size_t i = 0; i < g->cfg->n_relays; i++) {
        gw_relay_stats(g->setups.now->relays[i], &s);
        if (relay_usable(&s))
            return;
    }
    add_reason(g, "no relay is usable", "", "");
    for (size_t i = 0; i < g->cfg->n_relays; i++) {
        gw_relay_stats(g->setups.now->relays[i], &s);
        add_reason(g, g->cfg->relays[i].name, s.paused ? "paused" : smtp_reason_name(s.last_reason),
                   s.paused ? "" : s.last_detail);
    }
}

bool gw_gateway_ready(struct gw_gateway *g, const char **why_out)
{
    g->why[0] = '\0';
    if (g->state != GW_RUNNING)
        add_reason(g, "shutting down", "", "");
    if (g->store_failed_at_ms != 0 && gw_clock_mono_ms() - g->store_failed_at_ms <= STORE_SICK_MS)
        add_reason(g, "the store does not keep what it is given", "", "");
    add_relays(g);
    *why_out = g->why;
    return g->why[0] == '\0';
}

/* ---- gauges ---- */

static const int breaker_values[] = {
    [SMTP_BREAKER_CLOSED] = 0, [SMTP_BREAKER_HALF_OPEN] = 1, [SMTP_BREAKER_OPEN] = 2};

static void collect_relay(struct gw_relay *relay)
{
    struct smtp_relay_stats s;
    const char *name = relay->name;
    struct gw_relay_counted *counted = &relay->counted;
    gw_relay_stats(relay, &s);
    const struct {
        const char *state;
        size_t n;
    } states[] = {{"connecting", s.connecting}, {"busy", s.busy}, {"idle", s.idle}};
    for (size_t k = 0; k < sizeof(states) / sizeof(states[0]); k++)
        gw_metric_set(GW_METRIC_SMTP_CONNECTIONS, (int64_t)states[k].n,
                      GW_LABELS(name, states[k].state));
    gw_metric_set(GW_METRIC_SMTP_WAITING, (int64_t)s.waiting, GW_LABELS(name));
    gw_metric_set(GW_METRIC_RELAY_UP, relay_usable(&s) && s.last_error_at_ms == 0, GW_LABELS(name));
    gw_metric_set(GW_METRIC_RELAY_BREAKER, breaker_values[s.breaker], GW_LABELS(name));
    gw_metric_add(GW_METRIC_SMTP_OPENED, s.opened - counted->opened, GW_LABELS(name));
    gw_metric_add(GW_METRIC_SMTP_REUSES, s.reused - counted->reused, GW_LABELS(name));
    *counted = (struct gw_relay_counted){.opened = s.opened, .reused = s.reused};
}

static void collect_relays(struct gw_gateway *g)
{
    static const enum gw_metric gauges[] = {GW_METRIC_SMTP_CONNECTIONS, GW_METRIC_SMTP_WAITING,
                                            GW_METRIC_RELAY_UP, GW_METRIC_RELAY_BREAKER};
    for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++)
        gw_metric_clear(gauges[i]);
    for (size_t i = 0; i < g->cfg->n_relays; i++)
        collect_relay(g->setups.now->relays[i]);
}

static void on_store_stats(enum gw_status status, const struct gw_store_stats *stats, void *data)
{
    struct gw_gateway *g = data;
    g->asking_store = false;
    if (status == GW_OK) {
        for (size_t i = 0; i < GW_STORE_LIVE_STATES; i++)
            gw_metric_set(GW_METRIC_QUEUE_MESSAGES, stats->n_live[i],
                          GW_LABELS(gw_rcpt_status_name((enum gw_rcpt_status)i)));
        int64_t age_ms = stats->oldest_ms != 0 ? gw_clock_wall_ms() - stats->oldest_ms : 0;
        gw_metric_set(GW_METRIC_QUEUE_OLDEST, age_ms > 0 ? age_ms * 1000 : 0, NULL);
        gw_metric_set(GW_METRIC_STORE_BYTES, stats->file_bytes, GW_LABELS("database"));
        gw_metric_set(GW_METRIC_STORE_BYTES, stats->log_bytes, GW_LABELS("log"));
        gw_metric_set(GW_METRIC_STORE_BYTES, stats->body_file_bytes, GW_LABELS("bodies"));
    }
    void (*on_collected)(void *) = g->on_collected;
    g->on_collected = NULL;
    if (on_collected != NULL)
        on_collected(g->collected_data);
    g->n_calls--;
    gw_gateway_progress(g);
}

bool gw_gateway_collect(struct gw_gateway *g, void (*on_collected)(void *), void *data)
{
    collect_relays(g);
    gw_metric_set(GW_METRIC_BUILD_INFO, 1, GW_LABELS(gw_gateway_version()));
    if (g->asking_store || g->state != GW_RUNNING)
        return false; /* a store that hangs must not hide the other numbers */
    g->asking_store = true;
    g->on_collected = on_collected;
    g->collected_data = data;
    g->n_calls++;
    g->store->engine->stats(g->store, on_store_stats, g);
    return true;
}

void gw_gateway_collect_cancel(struct gw_gateway *g)
{
    g->on_collected = NULL;
}
