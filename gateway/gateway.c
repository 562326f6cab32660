/* SPDX-License-Identifier: MIT */
/* The gateway: wires its parts, answers look-ups, and closes in order.
 *
 * Closing: no new submissions → delivery stops, relays finish what is in hand, waits end → when
 * nothing is in hand any more: store, workers, sandbox and delivery close → on_closed. */
#include "gateway/gateway.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_failpoint.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"
#include "gateway/delivery_internal.h"
#include "gateway/gateway_internal.h"
#include "gateway/store/sqlite.h"
#include "gateway/webhooks_internal.h"

enum {
    MAX_PREPARE_QUEUE = 2048, /* submissions waiting for the pool; memory is bounded by admission */
    MEMORY_STORE_BYTES = 256 << 20,
    GW_MAX_TENANT = 64, /* characters of an API key id */
    LAST_WORDS_MS = 500 /* for the log's reader, before the process ends */
};

const char *gw_gateway_version(void)
{
    return MAILHATCH_VERSION;
}

static void on_recorded(const struct gw_message *m, void *data)
{
    struct gw_gateway *g = data;
    gw_waits_changed(&g->waits, m);
    gw_control_recorded(g, m->id);
}

static void on_relay_change(const struct gw_relay_change *change, void *data)
{
    struct gw_gateway *g = data;
    if (g->state != GW_RUNNING)
        return;
    if (gw_setup_has(g->setups.now, change->of)) /* those of an older one are nobody's news */
        gw_relay_news_add(&g->relay_news, change);
    if (change->up && g->delivery != NULL)
        gw_delivery_relay_up(g->delivery, change->of->name);
}

static bool wants_cancel(const char *id, void *data)
{
    return gw_control_wants_cancel(data, id);
}

/* The disk no longer keeps what it is given (a failed fsync is final). The process ends
 * at once: everything acknowledged is on disk, and the next start sees what that is. */
static void on_store_fatal(const char *detail, void *data)
{
    (void)data;
    gw_log(GW_LOG_ERROR, "store_fatal", GW_LOG_STR("detail", detail));
    gw_log_flush(LAST_WORDS_MS);
    _exit(EXIT_FAILURE);
}

static enum gw_status open_store(struct gw_gateway *g, const struct cfg_store *store,
                                 struct gw_err *err)
{
    switch (store->engine) {
    case CFG_STORE_MEMORY:
        return gw_store_memory_new(g->loop, MEMORY_STORE_BYTES, &g->store);
    case CFG_STORE_SQLITE:
        return gw_store_sqlite_new(
            g->loop,
            &(struct gw_store_sqlite_config){.dir = store->path,
                                             .retention_bodies_ms = store->retention_bodies_ms,
                                             .retention_history_ms = store->retention_history_ms,
                                             .on_fatal = on_store_fatal},
            &g->store, err);
    case CFG_STORE_POSTGRES:
        break;
    }
    return gw_err_set(err, GW_UNSUPPORTED,
                      "store: this release has no PostgreSQL engine; set `store: sqlite`");
}

static bool wants_sandbox(const struct cfg *cfg)
{
    for (size_t i = 0; i < cfg->n_relays; i++)
        if (cfg->relays[i].sandbox)
            return true;
    return false;
}

/* What waits for a relay that is another one now (a mended URL or password) waits no more. */
static void hasten(struct gw_gateway *g)
{
    const struct gw_setup *now = g->setups.now;
    for (size_t i = 0; i < now->cfg->n_relays && g->state == GW_RUNNING && g->delivery != NULL; i++)
        if (now->relays[i]->anew)
            gw_delivery_relay_up(g->delivery, now->relays[i]->name);
}

enum gw_status gw_gateway_load(struct gw_gateway *g, struct gw_setup_parts *parts,
                               struct gw_err *err)
{
    const struct cfg *cfg = parts->cfg;
    enum gw_status st = GW_OK;
    if (wants_sandbox(cfg) && g->sandbox == NULL)
        st = gw_sandbox_new(&(struct gw_sandbox_env){.loop = g->loop,
                                                     .workers = g->workers,
                                                     .cfg = &cfg->sandbox,
                                                     .on_progress = gw_gateway_progress,
                                                     .data = g},
                            &g->sandbox, err);
    g->setups.relays.sandbox = g->sandbox;
    if (st == GW_OK)
        st = gw_setups_load(&g->setups, parts, err);
    if (st != GW_OK)
        return st;
    g->cfg = g->setups.now->cfg;
    gw_relay_news_load(&g->relay_news, g->setups.now);
    atomic_store(&g->store->suppresses_unknown,
                 g->cfg->suppressions.automatic == CFG_SUPPRESS_UNKNOWN_MAILBOX);
    gw_webhooks_load(g);
    hasten(g);
    return GW_OK;
}

static enum gw_status open_parts(struct gw_gateway *g, const struct cfg *cfg, struct gw_err *err)
{
    struct gw_setup_parts *parts = NULL;
    enum gw_status st = gw_setup_parts_read(cfg, NULL, &parts, err);
    if (st == GW_OK)
        st = open_store(g, &cfg->store, err);
    if (st == GW_OK) {
        g->store->on_events = gw_events_written;
        g->store->on_events_data = g;
    }
    if (st == GW_OK)
        st = gw_workers_new(g->loop, 0, MAX_PREPARE_QUEUE, &g->workers, err);
    if (st == GW_OK)
        st = gw_gateway_load(g, parts, err);
    gw_setup_parts_free(&parts);
    return st;
}

enum gw_status gw_gateway_new(uv_loop_t *loop, const struct cfg *cfg, struct gw_gateway **out,
                              struct gw_err *err)
{
    struct gw_gateway *g = gw_calloc(1, sizeof(*g));
    g->loop = loop;
    gw_setups_init(&g->setups, loop, gw_gateway_progress, g);
    g->setups.relays.watch = (struct gw_relay_watch){.on_change = on_relay_change, .data = g};
    gw_waits_init(&g->waits, loop, gw_gateway_progress, g);
    gw_template_cache_init(&g->templates);
    gw_id_table_init(&g->flights);
    gw_id_table_init(&g->cancels);
    gw_list_init(&g->checks);
    gw_list_init(&g->domain_calls);
    gw_list_init(&g->event_listeners);
    gw_relay_news_init(&g->relay_news, g);
    gw_list_init(&g->arrivals);
    CHECK(uv_idle_init(loop, &g->idle) == 0);
    g->idle.data = g;
    *out = g;
    enum gw_status st = open_parts(g, cfg, err);
    if (st != GW_OK)
        return st;
    g->delivery = gw_delivery_new(&(struct gw_delivery_env){.loop = loop,
                                                            .setups = &g->setups,
                                                            .store = g->store,
                                                            .workers = g->workers,
                                                            .wants_cancel = wants_cancel,
                                                            .on_recorded = on_recorded,
                                                            .on_progress = gw_gateway_progress,
                                                            .data = g});
    gw_delivery_wake(g->delivery);
    gw_relay_news_start(&g->relay_news);
    return GW_OK;
}

/* ---- look-ups ---- */

struct gw_wait {
    struct gw_gateway *gateway;
    char tenant[GW_MAX_TENANT + 1];
    char id[GW_UUID_SIZE];
    struct gw_wait_entry *entry; /* NULL: not waiting, or the time is up */
    enum gw_wait_for what;
    int64_t until_ms;     /* wall */
    gw_wait_cb on_change; /* NULL: called or cancelled */
    void *data;
    bool looking; /* a store call is in hand */
};

static void free_wait_when_done(struct gw_wait *w)
{
    if (w->looking || w->entry != NULL)
        return;
    struct gw_gateway *g = w->gateway;
    gw_free(w);
    g->n_calls--;
    gw_gateway_progress(g);
}

/* @m NULL with call: there is no such message */
static void end_wait(struct gw_wait *w, const struct gw_message *m, bool call)
{
    gw_wait_cb cb = w->on_change;
    w->on_change = NULL;
    if (w->entry != NULL)
        gw_waits_cancel(w->entry);
    w->entry = NULL;
    if (call && cb != NULL)
        cb(m, w->data);
    free_wait_when_done(w);
}

static void on_found(enum gw_status status, struct gw_message *m, void *data)
{
    struct gw_wait *w = data;
    w->looking = false;
    bool over = status == GW_OK && (w->what == GW_WAIT_CHANGE ? gw_message_final(m)
                                                              : gw_message_at_rest(m, w->until_ms));
    bool go_on_waiting = status == GW_OK && w->entry != NULL && !over;
    if (!go_on_waiting) {
        /* an attempt in hand knows more than the store */
        const struct gw_message *live =
            status == GW_OK ? gw_delivery_find(w->gateway->delivery, w->id) : NULL;
        end_wait(w, live != NULL ? live : m, true);
    }
    gw_message_free(&m);
}

static void look_up(struct gw_wait *w)
{
    struct gw_store *store = w->gateway->store;
    w->looking = true;
    store->engine->get(store, w->tenant, w->id, on_found, w);
}

static void on_wait_entry(const struct gw_message *m, void *data)
{
    struct gw_wait *w = data;
    w->entry = NULL;
    if (m != NULL)
        end_wait(w, m, true);
    else if (!w->looking)
        look_up(w);
}

struct gw_wait *gw_gateway_wait(struct gw_gateway *g, const struct gw_wait_query *query,
                                gw_wait_cb on_change, void *data)
{
    PRE(strlen(query->tenant) <= GW_MAX_TENANT && strlen(query->id) < GW_UUID_SIZE);
    struct gw_wait *w = gw_calloc(1, sizeof(*w));
    w->gateway = g;
    memcpy(w->tenant, query->tenant, strlen(query->tenant) + 1);
    memcpy(w->id, query->id, strlen(query->id) + 1);
    w->what = query->what;
    w->until_ms = gw_clock_wall_ms() + query->timeout_ms;
    w->on_change = on_change;
    w->data = data;
    g->n_calls++;
    /* wait first, look then: a change between the two must not be missed */
    if (query->timeout_ms > 0 && g->state == GW_RUNNING)
        w->entry = gw_waits_add(&g->waits, w->id, w->what, query->timeout_ms, on_wait_entry, w);
    if (w->entry == NULL || !query->fresh)
        look_up(w);
    return w;
}

void gw_wait_cancel(struct gw_wait *w)
{
    end_wait(w, NULL, false);
}

size_t gw_gateway_route(const struct gw_gateway *g, const struct gw_message *m,
                        const struct gw_recipient *r, const char **names_out, size_t max)
{
    struct gw_route_plan plan;
    gw_recipient_route(g->cfg, m, r, gw_random01(), &plan);
    size_t n = plan.n < max ? plan.n : max;
    for (size_t i = 0; i < n; i++)
        names_out[i] = g->cfg->relays[plan.relays[i]].name;
    return n;
}

/* ---- arrivals ---- */

static void begin_arrivals(uv_idle_t *idle)
{
    struct gw_gateway *g = idle->data;
    struct gw_list now;
    (void)uv_idle_stop(idle);
    gw_list_init(&now);
    gw_list_splice(&now, &g->arrivals); /* who arrives again has the next turn */
    while (!gw_list_empty(&now)) {
        struct gw_arrival *a = gw_list_entry(now.next, struct gw_arrival, link);
        gw_list_remove(&a->link);
        a->begin(a);
    }
}

void gw_gateway_arrive(struct gw_gateway *g, struct gw_arrival *a,
                       void (*begin)(struct gw_arrival *a))
{
    a->begin = begin;
    gw_list_push_back(&g->arrivals, &a->link);
    (void)uv_idle_start(&g->idle, begin_arrivals);
}

/* ---- health ---- */

const struct cfg *gw_gateway_cfg(const struct gw_gateway *g)
{
    return g->cfg;
}

bool gw_gateway_durable(const struct gw_gateway *g)
{
    return g->store->engine->durable;
}

struct gw_sandbox *gw_gateway_sandbox(struct gw_gateway *g)
{
    return g->sandbox;
}

/* ---- closing ---- */

static void part_closed(void *data)
{
    struct gw_gateway *g = data;
    if (--g->n_parts_open != 0)
        return;
    void (*on_closed)(void *) = g->on_closed;
    void *closed_data = g->closed_data;
    gw_template_cache_deinit(&g->templates);
    gw_free(g);
    on_closed(closed_data);
}

static void store_closed(enum gw_status status, void *data)
{
    if (status != GW_OK)
        gw_log(GW_LOG_ERROR, "store_close_failed", GW_LOG_STR("error", gw_status_text(status)));
    GW_FAILPOINT("drain.store_closed");
    part_closed(data);
}

static void idle_closed(uv_handle_t *handle)
{
    part_closed(handle->data);
}

static void close_parts(struct gw_gateway *g)
{
    g->state = GW_CLOSING_PARTS;
    GW_FAILPOINT("drain.parts");
    gw_setups_deinit(&g->setups);
    gw_relay_news_deinit(&g->relay_news);
    g->n_parts_open = 2; /* the idle handle, and this function until all have been asked */
    uv_close((uv_handle_t *)&g->idle, idle_closed);
    if (g->delivery != NULL) {
        g->n_parts_open++;
        gw_delivery_close(g->delivery, part_closed, g);
    }
    if (g->webhooks != NULL) {
        g->n_parts_open++;
        gw_webhooks_close(g->webhooks, part_closed, g);
    }
    if (g->workers != NULL) {
        g->n_parts_open++;
        gw_workers_close(g->workers, part_closed, g);
    }
    if (g->sandbox != NULL) {
        g->n_parts_open++;
        gw_sandbox_close(g->sandbox, part_closed, g);
    }
    if (g->store != NULL) {
        g->n_parts_open++;
        g->store->engine->close(g->store, store_closed, g);
    }
    part_closed(g);
}

void gw_gateway_progress(void *gateway)
{
    struct gw_gateway *g = gateway;
    if (g->state != GW_DRAINING || g->n_calls != 0 || g->waits.n != 0 ||
        !gw_setups_closed(&g->setups))
        return;
    if (g->delivery != NULL && gw_delivery_active(g->delivery) != 0)
        return;
    if (g->workers != NULL && gw_workers_pending(g->workers) != 0)
        return;
    close_parts(g);
}

void gw_gateway_close(struct gw_gateway *g, int64_t grace_ms, void (*on_closed)(void *), void *data)
{
    PRE(g->state == GW_RUNNING);
    GW_FAILPOINT("drain.begin");
    g->on_closed = on_closed;
    g->closed_data = data;
    g->n_calls++; /* held while the parts are being told */
    g->state = GW_DRAINING;
    if (g->delivery != NULL)
        gw_delivery_stop(g->delivery);
    gw_setups_close(&g->setups, grace_ms);
    gw_waits_expire_all(&g->waits);
    gw_relay_checks_end(g);
    gw_domain_calls_hurry(g);
    if (g->sandbox != NULL)
        gw_sandbox_expire_waits(g->sandbox);
    gw_control_end_all(g);
    if (g->webhooks != NULL)
        gw_webhooks_stop(g->webhooks);
    g->n_calls--;
    gw_gateway_progress(g);
}
