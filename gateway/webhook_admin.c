/* SPDX-License-Identifier: MIT */
/* Webhooks as operators see them, and what they can do about them. */
#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_mem.h"
#include "gateway/gateway_internal.h"
#include "gateway/metrics.h"
#include "gateway/webhooks_internal.h"

static struct gw_webhook *at(const struct gw_gateway *g, size_t index)
{
    gw_list_foreach (it, &g->webhooks->all) {
        struct gw_webhook *w = gw_list_entry(it, struct gw_webhook, link);
        if (!w->removed && index-- == 0)
            return w;
    }
    PRE(false);
    return NULL;
}

size_t gw_webhooks_count(const struct gw_gateway *g)
{
    return g->webhooks != NULL ? g->cfg->n_webhooks : 0;
}

static bool is_paused(const struct gw_webhook *w)
{
    return w->order == GW_ORDER_NONE ? w->state.paused : w->order == GW_ORDER_PAUSE;
}

void gw_webhook_view(const struct gw_gateway *g, size_t index, struct gw_webhook_view *out)
{
    const struct gw_webhook *w = at(g, index);
    const char *host = strstr(w->conf->url, "://") + 3;
    *out = (struct gw_webhook_view){.name = w->name,
                                    .state = is_paused(w)                     ? "paused"
                                             : w->state.failing_since_ms != 0 ? "failing"
                                                                              : "up",
                                    .failing_since_ms = w->state.failing_since_ms,
                                    .n_retries = w->n_retries,
                                    .n_in_flight = w->n_calling,
                                    .cursor = w->state.cursor,
                                    .replaying = w->state.replay_next < w->state.replay_end,
                                    .delivered = w->delivered,
                                    .failed = w->failed,
                                    .dropped = w->dropped,
                                    .error_at_ms = w->error_at_ms,
                                    .error = w->error};
    (void)snprintf(out->url, sizeof(out->url), "%.*s",
                   (int)((size_t)(host - w->conf->url) + strcspn(host, "/?")), w->conf->url);
}

static void resume(struct gw_webhook *w)
{
    w->n_failures = 0;
    w->state.failing_since_ms = 0;
    w->dirty = true;
    gw_webhook_make_all_due(w);
    w->news = true;
    gw_webhook_set_paused(w, false, "somebody resumed it");
    gw_webhook_pump(w);
}

void gw_webhook_carry_out(struct gw_webhook *w)
{
    enum gw_webhook_order order = w->order;
    if (!w->loaded)
        return;
    w->order = GW_ORDER_NONE;
    if (order == GW_ORDER_PAUSE)
        gw_webhook_set_paused(w, true, "somebody paused it");
    else if (order == GW_ORDER_RESUME)
        resume(w);
}

void gw_webhook_pause(struct gw_gateway *g, size_t index)
{
    struct gw_webhook *w = at(g, index);
    w->order = GW_ORDER_PAUSE;
    gw_webhook_carry_out(w);
}

void gw_webhook_resume(struct gw_gateway *g, size_t index)
{
    struct gw_webhook *w = at(g, index);
    w->order = GW_ORDER_RESUME;
    gw_webhook_carry_out(w);
}

bool gw_webhook_replay(struct gw_gateway *g, size_t index, int64_t since_ms, int64_t until_ms)
{
    struct gw_webhook *w = at(g, index);
    if (!w->loaded)
        return false;
    w->state.replay_next = 0;
    w->state.replay_end = w->state.cursor; /* what is behind it comes anyway */
    w->state.replay_since_ms = since_ms;
    w->state.replay_until_ms = until_ms;
    w->stop_replay = w->batch == GW_BATCH_REPLAY;
    w->dirty = true;
    gw_webhook_save(w);
    gw_webhook_pump(w);
    return true;
}

/* ---- tests ---- */

struct gw_webhook_test {
    struct gw_list link; /* in webhooks.tests */
    struct gw_http_call *call;
    int64_t started_ms;
    gw_webhook_test_cb on_done;
    void *data;
};

static void end_test(struct gw_webhook_test *t, const struct gw_webhook_test_result *result)
{
    gw_list_remove(&t->link);
    t->on_done(result, t->data);
    gw_free(t);
}

static void on_answer(const struct gw_http_result *r, void *data)
{
    struct gw_webhook_test *t = data;
    char buf[GW_WEBHOOK_DETAIL_SIZE];
    const char *wrong = gw_webhook_judge(r, buf);
    gw_metric_add(GW_METRIC_WEBHOOKS, 1, GW_LABELS("test"));
    end_test(t, &(struct gw_webhook_test_result){.ok = wrong == NULL,
                                                 .http_status = r->http_status,
                                                 .duration_ms = gw_clock_mono_ms() - t->started_ms,
                                                 .detail = wrong});
}

struct gw_webhook_test *gw_webhook_test(struct gw_gateway *g, size_t index,
                                        gw_webhook_test_cb on_done, void *data)
{
    struct gw_webhook *w = at(g, index);
    struct gw_webhook_test *t = gw_calloc(1, sizeof(*t));
    struct gw_event e = {.type = GW_EVENT_WEBHOOK_TEST,
                         .at_ms = gw_clock_wall_ms(),
                         .subject = w->name,
                         .enhanced = "",
                         .text = ""};
    char id[GW_WEBHOOK_ID_SIZE];
    struct gw_buf body;
    struct gw_err err = {.text = ""};
    *t = (struct gw_webhook_test){
        .started_ms = gw_clock_mono_ms(), .on_done = on_done, .data = data};
    gw_buf_init(&body, GW_WEBHOOK_MAX_BODY);
    g->webhooks->render(&e, &body);
    gw_webhook_id(0, e.at_ms, id);
    const struct gw_webhook_post post = {
        .id = id, .body = gw_buf_view(&body), .on_done = on_answer, .data = t};
    enum gw_status st = gw_webhook_start(w, &post, &t->call, &err);
    gw_buf_deinit(&body);
    if (st != GW_OK) {
        gw_free(t);
        return NULL;
    }
    gw_list_push_back(&g->webhooks->tests, &t->link);
    return t;
}

void gw_webhook_test_abandon(struct gw_webhook_test *t)
{
    gw_http_cancel(t->call);
    gw_list_remove(&t->link);
    gw_free(t);
}

void gw_webhook_tests_end(struct gw_webhooks *all)
{
    while (!gw_list_empty(&all->tests)) {
        struct gw_webhook_test *t = gw_list_entry(all->tests.next, struct gw_webhook_test, link);
        gw_http_cancel(t->call);
        end_test(t, &(struct gw_webhook_test_result){.detail = "the server is shutting down"});
    }
}
