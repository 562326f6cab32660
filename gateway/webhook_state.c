/* SPDX-License-Identifier: MIT */
/* Where a webhook stands: its retries, whether it is paused, and storing all that. */
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_failpoint.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"
#include "gateway/gateway_internal.h"
#include "gateway/metrics.h"
#include "gateway/webhooks_internal.h"

bool gw_webhook_left_alone(const struct gw_webhook *w)
{
    return w->n_failures >= GW_WEBHOOK_TRIP;
}

/* ---- what waits to be tried again ---- */

struct gw_webhook_retry *gw_webhook_find_retry(struct gw_webhook *w, int64_t seq)
{
    for (size_t i = 0; i < w->n_retries; i++)
        if (w->retries[i].event == seq)
            return &w->retries[i];
    return NULL;
}

static void note_change(struct gw_webhook *w, struct gw_webhook_retry r)
{
    CHECK(w->n_changes < GW_WEBHOOK_CHANGES);
    w->changes[w->n_changes++] = r;
    w->dirty = true;
}

void gw_webhook_put_retry(struct gw_webhook *w, struct gw_webhook_retry r)
{
    struct gw_webhook_retry *there = gw_webhook_find_retry(w, r.event);
    if (there == NULL) {
        CHECK(w->n_retries < GW_WEBHOOK_MAX_RETRIES);
        there = &w->retries[w->n_retries++];
    }
    *there = r;
    note_change(w, r);
}

void gw_webhook_drop_retry(struct gw_webhook *w, int64_t seq)
{
    struct gw_webhook_retry *there = gw_webhook_find_retry(w, seq);
    if (there == NULL)
        return;
    *there = w->retries[--w->n_retries];
    note_change(w, (struct gw_webhook_retry){.event = seq});
}

/* The one that is due first, or NULL. */
const struct gw_webhook_retry *gw_webhook_due_retry(const struct gw_webhook *w, int64_t now_ms)
{
    const struct gw_webhook_retry *first = NULL;
    for (size_t i = 0; i < w->n_retries; i++)
        if (first == NULL || w->retries[i].next_ms < first->next_ms)
            first = &w->retries[i];
    bool probe = gw_webhook_left_alone(w) && now_ms - w->tried_at_ms >= GW_WEBHOOK_PROBE_MS;
    return first != NULL && (first->next_ms <= now_ms || probe) ? first : NULL;
}

/* It works: what waited for that does not wait any longer. Kept in memory only: after a restart
 * the delays count again. */
void gw_webhook_make_all_due(struct gw_webhook *w)
{
    int64_t now = gw_clock_wall_ms();
    for (size_t i = 0; i < w->n_retries; i++)
        if (w->retries[i].next_ms > now)
            w->retries[i].next_ms = now;
}

/* ---- storing ---- */

static void on_saved(enum gw_status status, void *data)
{
    struct gw_webhook *w = data;
    struct gw_gateway *g = w->owner->gateway;
    w->saving = false;
    if (status != GW_OK) { /* a later state must bring what this one did not */
        w->save_all = true;
        w->dirty = true;
    }
    if (!w->owner->stopping)
        gw_webhook_pump(w);
    gw_webhook_free_if_over(w);
    g->n_calls--;
    gw_gateway_progress(g);
}

void gw_webhook_save(struct gw_webhook *w)
{
    struct gw_store *store = w->owner->gateway->store;
    size_t n = w->n_changes;
    if (w->saving || !w->dirty || !w->loaded)
        return;
    size_t room = n + (w->save_all ? w->n_retries : 0);
    struct gw_webhook_retry *all = gw_calloc(room + 1, sizeof(*all));
    memcpy(all, w->changes, n * sizeof(*all));
    if (w->save_all)
        memcpy(all + n, w->retries, w->n_retries * sizeof(*all));
    w->n_changes = 0;
    w->dirty = false;
    w->save_all = false;
    w->saving = true;
    w->owner->gateway->n_calls++;
    GW_FAILPOINT("webhook.save");
    const struct gw_webhook_progress progress = {
        .name = w->name, .state = w->state, .changes = all, .n_changes = room};
    store->engine->webhook_save(store, &progress, on_saved, w);
    gw_free(all);
}

/* ---- pausing ---- */

void gw_webhook_set_paused(struct gw_webhook *w, bool paused, const char *why)
{
    if (w->state.paused == paused)
        return;
    w->state.paused = paused;
    w->dirty = true;
    gw_metric_set(GW_METRIC_WEBHOOK_PAUSED, paused, GW_LABELS(w->name));
    gw_log(paused ? GW_LOG_ERROR : GW_LOG_INFO, paused ? "webhook_paused" : "webhook_resumed",
           GW_LOG_STR("webhook", w->name), GW_LOG_STR("detail", why));
    gw_event_note(w->owner->gateway, paused ? GW_EVENT_WEBHOOK_PAUSED : GW_EVENT_WEBHOOK_RESUMED,
                  w->name, NULL, why);
    gw_webhook_save(w);
}

void gw_webhook_free(struct gw_webhook *w)
{
    gw_list_remove(&w->link);
    cfg_unref(&w->cfg);
    gw_free(w);
}

void gw_webhook_free_if_over(struct gw_webhook *w)
{
    if (w->removed && w->batch == GW_BATCH_NONE && !w->saving && w->loaded)
        gw_webhook_free(w);
}
