/* SPDX-License-Identifier: MIT */
/* Delivering events to webhooks: one batch at a time for each. */
#include "gateway/webhooks.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_failpoint.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"
#include "gateway/base/gw_random.h"
#include "gateway/gateway_internal.h"
#include "gateway/metrics.h"
#include "gateway/webhooks_internal.h"

enum {
    TICK_MS = 1000,
    ROUND_MS = 25,  /* from one look of a webhook for news to the next */
    HTTP_GONE = 410 /* Standard Webhooks: do not call again */
};

/* One event on its way to one webhook. */
struct delivery {
    struct gw_list link; /* in webhook.queued or .calling */
    struct gw_webhook *webhook;
    struct gw_http_call *call;
    int64_t seq;
    unsigned attempts; /* before this one */
    char id[GW_WEBHOOK_ID_SIZE];
    char *body; /* heap */
    size_t body_len;
};

/* ---- deliveries ---- */

static void start_calls(struct gw_webhook *w);
static void on_round(uv_timer_t *timer);

static void free_delivery(struct delivery *d)
{
    gw_list_remove(&d->link);
    gw_free(d->body);
    gw_free(d);
}

static void count(const char *result)
{
    gw_metric_add(GW_METRIC_WEBHOOKS, 1, GW_LABELS(result));
}

static void on_success(struct gw_webhook *w, const struct delivery *d)
{
    count("delivered");
    w->delivered++;
    w->error_at_ms = 0;
    gw_webhook_drop_retry(w, d->seq);
    if (w->state.failing_since_ms == 0)
        return;
    if (gw_webhook_left_alone(w)) {
        gw_log(GW_LOG_INFO, "webhook_works", GW_LOG_STR("webhook", w->name));
        gw_webhook_make_all_due(w);
        w->news = true;
    }
    w->n_failures = 0;
    w->state.failing_since_ms = 0;
    w->dirty = true;
}

/* Given up for good. */
static void drop(struct gw_webhook *w, const struct delivery *d, const char *detail)
{
    count("dropped");
    w->dropped++;
    gw_log(GW_LOG_ERROR, "webhook_event_dropped", GW_LOG_STR("webhook", w->name),
           GW_LOG_STR("event_id", d->id), GW_LOG_STR("detail", detail));
    gw_webhook_drop_retry(w, d->seq);
}

static void on_failure(struct gw_webhook *w, const struct delivery *d, const char *detail,
                       int64_t wait_ms)
{
    int64_t now = gw_clock_wall_ms();
    count("failed");
    w->failed++;
    w->n_failures++;
    w->error_at_ms = now;
    if (w->state.failing_since_ms == 0) {
        w->state.failing_since_ms = now;
        w->dirty = true;
    }
    if (w->n_failures == GW_WEBHOOK_TRIP)
        gw_log(GW_LOG_WARN, "webhook_fails", GW_LOG_STR("webhook", w->name),
               GW_LOG_STR("detail", detail));
    unsigned attempts = d->attempts + 1;
    if (attempts >= GW_WEBHOOK_MAX_ATTEMPTS) {
        drop(w, d, detail);
        return;
    }
    int64_t delay = gw_webhook_delay_ms(attempts, gw_random01());
    gw_webhook_put_retry(
        w, (struct gw_webhook_retry){.event = d->seq,
                                     .attempts = attempts,
                                     .next_ms = now + (delay > wait_ms ? delay : wait_ms)});
}

static void on_answer(const struct gw_http_result *r, void *data)
{
    struct delivery *d = data;
    struct gw_webhook *w = d->webhook;
    GW_FAILPOINT("webhook.answered");
    const char *wrong = gw_webhook_judge(r, w->error);
    int64_t wait_ms = (int64_t)r->retry_after_s * 1000;
    w->n_calling--;
    w->tried_at_ms = gw_clock_wall_ms();
    if (wrong == NULL)
        on_success(w, d);
    else
        on_failure(w, d, wrong,
                   wait_ms < GW_WEBHOOK_MAX_DELAY_MS ? wait_ms : GW_WEBHOOK_MAX_DELAY_MS);
    free_delivery(d);
    if (r->status == GW_OK && r->http_status == HTTP_GONE)
        gw_webhook_set_paused(w, true, "it answered 410 Gone");
    start_calls(w);
}

/* Not tried now: it waits with the others. */
static void put_aside(struct gw_webhook *w, struct delivery *d)
{
    if (gw_webhook_find_retry(w, d->seq) == NULL)
        gw_webhook_put_retry(w, (struct gw_webhook_retry){.event = d->seq,
                                                          .attempts = d->attempts,
                                                          .next_ms = gw_clock_wall_ms() +
                                                                     GW_WEBHOOK_FIRST_DELAY_MS});
    free_delivery(d);
}

/* All of the batch is delivered, given up or among the retries. */
static void settle(struct gw_webhook *w)
{
    enum gw_webhook_batch batch = w->batch;
    w->batch = GW_BATCH_NONE;
    if (batch == GW_BATCH_LIVE && w->state.cursor != w->batch_next) {
        w->state.cursor = w->batch_next;
        w->dirty = true;
    } else if (batch == GW_BATCH_REPLAY && !w->stop_replay) {
        bool over = !w->batch_more || w->batch_next >= w->state.replay_end;
        w->state.replay_next = over ? w->state.replay_end : w->batch_next;
        w->dirty = true;
    }
    w->stop_replay = false;
    if (w->n_changes != 0)
        gw_webhook_save(w);
    gw_webhook_pump(w);
    gw_webhook_free_if_over(w);
}

static void start_calls(struct gw_webhook *w)
{
    struct gw_err err = {.text = ""};
    while (!gw_list_empty(&w->queued)) {
        struct delivery *d = gw_list_entry(w->queued.next, struct delivery, link);
        bool alone = gw_webhook_left_alone(w) && w->batch != GW_BATCH_RETRY;
        if (alone || w->state.paused || w->removed) {
            put_aside(w, d);
            continue;
        }
        if (w->n_calling >= GW_WEBHOOK_CONCURRENCY)
            return;
        GW_FAILPOINT("webhook.call");
        const struct gw_webhook_post post = {.id = d->id,
                                             .body = gw_slice_of(d->body, d->body_len),
                                             .on_done = on_answer,
                                             .data = d};
        enum gw_status st = gw_webhook_start(w, &post, &d->call, &err);
        if (st == GW_BUSY) { /* too many calls of others */
            put_aside(w, d);
            continue;
        }
        if (st != GW_OK) {
            on_failure(w, d, err.text, 0);
            free_delivery(d);
            continue;
        }
        gw_list_remove(&d->link);
        gw_list_push_back(&w->calling, &d->link);
        w->n_calling++;
    }
    if (w->n_calling == 0 && w->batch != GW_BATCH_NONE && w->call == NULL)
        settle(w);
}

/* ---- batches ---- */

static void add_delivery(struct gw_webhook *w, const struct gw_event *e, unsigned attempts)
{
    struct gw_buf body;
    gw_buf_init(&body, GW_WEBHOOK_MAX_BODY);
    w->owner->render(e, &body);
    struct delivery *d = gw_calloc(1, sizeof(*d));
    d->webhook = w;
    d->seq = e->seq;
    d->attempts = attempts;
    gw_webhook_id(e->seq, e->at_ms, d->id);
    if (body.overflowed) {
        drop(w, d, "the event is larger than a webhook's body may be");
        gw_buf_deinit(&body);
        gw_free(d);
        return;
    }
    d->body = gw_buf_take(&body, &d->body_len);
    gw_buf_deinit(&body);
    gw_list_push_back(&w->queued, &d->link);
}

/* Retries whose event should have been on the page, and is not kept any more. */
static void forget_lost(struct gw_webhook *w, const struct gw_event *events, size_t n)
{
    int64_t end = w->batch_more ? w->batch_next : INT64_MAX;
    for (size_t i = w->n_retries; i > 0 && w->n_changes < GW_WEBHOOK_BATCH; i--) {
        int64_t seq = w->retries[i - 1].event;
        bool found = seq <= w->batch_after || seq > end;
        for (size_t k = 0; k < n && !found; k++)
            found = events[k].seq == seq;
        if (!found)
            gw_webhook_drop_retry(w, seq);
    }
}

static void take_retries(struct gw_webhook *w, const struct gw_event *events, size_t n)
{
    int64_t now = gw_clock_wall_ms();
    forget_lost(w, events, n);
    for (size_t i = 0; i < n; i++) {
        const struct gw_webhook_retry *r = gw_webhook_find_retry(w, events[i].seq);
        bool due = r != NULL && r->next_ms <= now && !gw_webhook_left_alone(w);
        if (due || (r != NULL && r->event == w->picked))
            add_delivery(w, &events[i], r->attempts);
    }
}

static void on_page(enum gw_status status, const struct gw_event *events, size_t n, int64_t next,
                    bool more, void *data)
{
    struct gw_webhook *w = data;
    w->call = NULL;
    if (status != GW_OK) { /* the tick asks again */
        w->batch = GW_BATCH_NONE;
        w->news = true;
        gw_webhook_free_if_over(w);
        return;
    }
    w->batch_next = next;
    w->batch_more = more;
    w->news = w->news || (w->batch == GW_BATCH_LIVE && more);
    if (w->batch == GW_BATCH_RETRY) {
        take_retries(w, events, n);
    } else {
        for (size_t i = 0; i < n; i++)
            if (w->batch == GW_BATCH_LIVE || events[i].seq <= w->state.replay_end)
                add_delivery(w, &events[i], 0);
    }
    start_calls(w);
}

static const char *tenant_of(const struct gw_webhook *w)
{
    for (size_t i = 0; w->conf->api_key != NULL && i < w->cfg->n_api_keys; i++)
        if (strcmp(w->cfg->api_keys[i].name, w->conf->api_key) == 0)
            return w->cfg->api_keys[i].id;
    return "";
}

static unsigned types_of(const struct gw_webhook *w)
{
    unsigned types = 0;
    for (size_t i = 0; i < w->conf->n_events; i++)
        types |= gw_event_types_like(gw_slice_str(w->conf->events[i]));
    return types;
}

static void ask(struct gw_webhook *w, enum gw_webhook_batch batch, int64_t after)
{
    struct gw_event_query q = {
        .after = after, .tenant = tenant_of(w), .types = types_of(w), .max = GW_WEBHOOK_BATCH};
    if (batch == GW_BATCH_REPLAY) {
        q.since_ms = w->state.replay_since_ms;
        q.until_ms = w->state.replay_until_ms;
    }
    w->batch = batch;
    w->batch_after = after;
    w->call = gw_events_after(w->owner->gateway, &q, on_page, w);
}

static void pause_if_hopeless(struct gw_webhook *w, int64_t now_ms)
{
    char why[GW_WEBHOOK_DETAIL_SIZE + 64];
    int64_t since = w->state.failing_since_ms;
    if (since == 0 || now_ms - since < w->conf->pause_after_ms)
        return;
    (void)snprintf(why, sizeof(why), "it has failed for %lld s; last: %s",
                   (long long)((now_ms - since) / 1000), w->error);
    gw_webhook_set_paused(w, true, why);
}

void gw_webhook_pump(struct gw_webhook *w)
{
    int64_t now = gw_clock_wall_ms();
    if (w->removed || !w->loaded || w->owner->stopping || w->batch != GW_BATCH_NONE ||
        w->state.paused)
        return;
    pause_if_hopeless(w, now);
    if (w->n_retries == 0 && gw_webhook_left_alone(w) &&
        now - w->tried_at_ms >= GW_WEBHOOK_PROBE_MS)
        w->n_failures = GW_WEBHOOK_TRIP - 1; /* nothing else is there to try it with */
    if (w->state.paused || w->n_changes + GW_WEBHOOK_ROOM > GW_WEBHOOK_CHANGES)
        return;
    const struct gw_webhook_retry *due = gw_webhook_due_retry(w, now);
    bool has_room = w->n_retries + GW_WEBHOOK_BATCH <= GW_WEBHOOK_MAX_RETRIES;
    if (due != NULL) {
        w->picked = due->event;
        ask(w, GW_BATCH_RETRY, due->event - 1);
    } else if (gw_webhook_left_alone(w) || !has_room) {
        return;
    } else if (w->news && gw_clock_mono_ms() - w->asked_ms < ROUND_MS) {
        if (!uv_is_active((uv_handle_t *)&w->owner->round))
            (void)uv_timer_start(&w->owner->round, on_round, ROUND_MS, 0);
    } else if (w->news) {
        w->news = false;
        w->asked_ms = gw_clock_mono_ms();
        ask(w, GW_BATCH_LIVE, w->state.cursor);
    } else if (w->state.replay_next < w->state.replay_end) {
        ask(w, GW_BATCH_REPLAY, w->state.replay_next);
    }
}

/* ---- which there are ---- */

static void on_loaded(enum gw_status status, const struct gw_webhook_state *state,
                      const struct gw_webhook_retry *retries, size_t n, void *data)
{
    struct gw_webhook *w = data;
    struct gw_gateway *g = w->owner->gateway;
    if (status == GW_OK) {
        w->state = *state;
        w->n_retries = n < GW_WEBHOOK_MAX_RETRIES ? n : GW_WEBHOOK_MAX_RETRIES;
        if (n != 0)
            memcpy(w->retries, retries, w->n_retries * sizeof(*retries));
        w->loaded = true;
        w->batch = GW_BATCH_NONE;
        w->news = true;
        gw_metric_set(GW_METRIC_WEBHOOK_PAUSED, w->state.paused, GW_LABELS(w->name));
        gw_webhook_carry_out(w);
        gw_webhook_pump(w);
    } else { /* the tick asks again */
        w->batch = GW_BATCH_NONE;
    }
    g->n_calls--;
    gw_gateway_progress(g);
}

static struct gw_webhook *find(struct gw_webhooks *all, const char *name)
{
    gw_list_foreach (it, &all->all) {
        struct gw_webhook *w = gw_list_entry(it, struct gw_webhook, link);
        if (strcmp(w->name, name) == 0)
            return w;
    }
    return NULL;
}

static void load(struct gw_webhook *w)
{
    struct gw_gateway *g = w->owner->gateway;
    w->batch = GW_BATCH_RETRY; /* something is in hand */
    g->n_calls++;
    g->store->engine->webhook_load(g->store, w->name, on_loaded, w);
}

static void add(struct gw_webhooks *all, const char *name)
{
    struct gw_webhook *w = gw_calloc(1, sizeof(*w));
    w->owner = all;
    (void)snprintf(w->name, sizeof(w->name), "%s", name);
    gw_list_init(&w->queued);
    gw_list_init(&w->calling);
    gw_list_push_back(&all->all, &w->link);
    gw_metric_set(GW_METRIC_WEBHOOK_PAUSED, 0, GW_LABELS(w->name));
    load(w);
}

void gw_webhooks_load(struct gw_gateway *g)
{
    struct gw_webhooks *all = g->webhooks;
    const struct cfg *cfg = g->cfg;
    if (all == NULL || all->stopping)
        return;
    gw_list_foreach (it, &all->all)
        gw_list_entry(it, struct gw_webhook, link)->removed = true;
    for (size_t i = 0; i < cfg->n_webhooks; i++) {
        if (find(all, cfg->webhooks[i].name) == NULL)
            add(all, cfg->webhooks[i].name);
        struct gw_webhook *w = find(all, cfg->webhooks[i].name);
        w->removed = false;
        cfg_unref(&w->cfg);
        w->cfg = cfg_ref(cfg);
        w->conf = &w->cfg->webhooks[i];
        gw_list_remove(&w->link); /* in the configuration's order, removed ones first */
        gw_list_push_back(&all->all, &w->link);
        gw_webhook_pump(w);
    }
    gw_list_foreach_safe (it, &all->all)
        gw_webhook_free_if_over(gw_list_entry(it, struct gw_webhook, link));
}

static void on_news(void *data)
{
    struct gw_webhooks *all = data;
    gw_list_foreach (it, &all->all) {
        struct gw_webhook *w = gw_list_entry(it, struct gw_webhook, link);
        w->news = true;
        gw_webhook_pump(w);
    }
}

static void on_round(uv_timer_t *timer)
{
    struct gw_webhooks *all = timer->data;
    gw_list_foreach (it, &all->all)
        gw_webhook_pump(gw_list_entry(it, struct gw_webhook, link));
}

static void on_tick(uv_timer_t *timer)
{
    struct gw_webhooks *all = timer->data;
    gw_list_foreach_safe (it, &all->all) {
        struct gw_webhook *w = gw_list_entry(it, struct gw_webhook, link);
        if (!w->loaded && w->batch == GW_BATCH_NONE && !all->stopping)
            load(w);
        gw_webhook_save(w);
        gw_webhook_pump(w);
        gw_webhook_free_if_over(w);
    }
}

void gw_webhooks_start(struct gw_gateway *g, gw_event_render_fn render)
{
    struct gw_webhooks *all = gw_calloc(1, sizeof(*all));
    PRE(g->webhooks == NULL);
    all->gateway = g;
    all->render = render;
    all->http = gw_http_new(g->loop);
    all->private_http = gw_http_new(g->loop);
    gw_list_init(&all->all);
    gw_list_init(&all->tests);
    all->listener = (struct gw_event_listener){.on_news = on_news, .data = all};
    gw_events_listen(g, &all->listener);
    all->tick.data = all;
    all->round.data = all;
    CHECK(uv_timer_init(g->loop, &all->tick) == 0 && uv_timer_init(g->loop, &all->round) == 0);
    CHECK(uv_timer_start(&all->tick, on_tick, TICK_MS, TICK_MS) == 0);
    g->webhooks = all;
    gw_webhooks_load(g);
}

/* ---- the end ---- */

static void drop_deliveries(struct gw_list *list)
{
    while (!gw_list_empty(list)) {
        struct delivery *d = gw_list_entry(list->next, struct delivery, link);
        if (d->call != NULL)
            gw_http_cancel(d->call);
        free_delivery(d);
    }
}

void gw_webhooks_stop(struct gw_webhooks *all)
{
    all->stopping = true;
    gw_events_unlisten(&all->listener);
    gw_webhook_tests_end(all);
    gw_list_foreach (it, &all->all) {
        struct gw_webhook *w = gw_list_entry(it, struct gw_webhook, link);
        drop_deliveries(&w->queued);
        drop_deliveries(&w->calling);
        if (w->call != NULL)
            gw_call_abandon(w->call);
        w->call = NULL;
        gw_webhook_save(w);
    }
}

static void part_closed(void *data)
{
    struct gw_webhooks *all = data;
    if (--all->n_open != 0)
        return;
    while (!gw_list_empty(&all->all))
        gw_webhook_free(gw_list_entry(all->all.next, struct gw_webhook, link));
    void (*on_closed)(void *) = all->on_closed;
    void *data_closed = all->closed_data;
    gw_free(all);
    on_closed(data_closed);
}

static void timer_closed(uv_handle_t *handle)
{
    part_closed(handle->data);
}

void gw_webhooks_close(struct gw_webhooks *all, void (*on_closed)(void *data), void *data)
{
    PRE(all->stopping);
    all->on_closed = on_closed;
    all->closed_data = data;
    all->n_open = 4;
    uv_close((uv_handle_t *)&all->tick, timer_closed);
    uv_close((uv_handle_t *)&all->round, timer_closed);
    gw_http_close(all->http, part_closed, all);
    gw_http_close(all->private_http, part_closed, all);
}
