/* SPDX-License-Identifier: MIT */
/* Submissions and the store: the commit, and what becomes of the message behind it. */
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_failpoint.h"
#include "gateway/metrics.h"
#include "gateway/submission_internal.h"

/* As the store sees it (gw_store_engine.commit). */
static bool is_left_to_store(const struct gw_message *m)
{
    for (size_t i = 0; i < m->n_rcpts; i++)
        if (m->rcpts[i].next_attempt_ms != 0)
            return true;
    return false;
}

/* Too much is in hand already: the message waits on the disk, not in memory. */
static void leave_to_store(struct gw_gateway *g, struct gw_message *m)
{
    if (is_left_to_store(m) || m->retry_until_ms != 0)
        return;
    int64_t wait = gw_delivery_wait_ms(g->delivery, m);
    for (size_t i = 0; wait != 0 && i < m->n_rcpts; i++)
        if (m->rcpts[i].status == GW_RCPT_QUEUED)
            m->rcpts[i].next_attempt_ms = m->created_at_ms + wait;
}

/* A caller who waits for the outcome should not wait for the disk twice before anything is sent.
 * Another one is told that the message is queued, as it is. */
static struct gw_attempt *plan_attempt(const struct gw_submission *s)
{
    return s->options.wait_ms > 0 && !is_left_to_store(s->m)
               ? gw_delivery_plan(s->gateway->delivery, s->m)
               : NULL;
}

/* @a  planned before the commit, or NULL */
static void start_delivery(struct gw_gateway *g, struct gw_message *m, struct gw_attempt *a)
{
    if (a != NULL) {
        gw_delivery_go(a);
    } else if (gw_message_settled(m)) { /* all are suppressed */
        gw_message_free(&m);
    } else if (is_left_to_store(m)) {
        gw_message_free(&m);
        gw_delivery_wake(g->delivery);
    } else {
        gw_delivery_start(g->delivery, m);
    }
}

static void count_suppressed(const struct gw_message *m)
{
    for (size_t i = 0; i < m->n_rcpts; i++) {
        const struct gw_recipient *r = &m->rcpts[i];
        if (r->status == GW_RCPT_SUPPRESSED)
            gw_metric_add(
                GW_METRIC_RECIPIENTS, 1,
                GW_LABELS(gw_rcpt_status_name(r->status), NULL, gw_category_name(r->category)));
    }
}

/* It is not given to the store after all. */
static void take_back(struct gw_submission *s)
{
    if (s->attempt != NULL)
        gw_delivery_unplan(s->attempt);
    s->attempt = NULL;
    gw_submission_stop_leading(s, NULL);
}

void gw_submission_stored(struct gw_submission *s, enum gw_status status)
{
    struct gw_gateway *g = s->gateway;
    GW_FAILPOINT("submission.committed");
    gw_gateway_store_said(g, status);
    if (status != GW_OK) {
        take_back(s);
        gw_submission_fail(s, status);
        return;
    }
    struct gw_attempt *a = s->attempt;
    struct gw_message *m = s->m;
    s->m = NULL;
    g->n_calls++; /* until its delivery has begun: the submission may be the last one of a drain */
    gw_metric_add(GW_METRIC_ACCEPTED, 1, NULL);
    count_suppressed(m);
    if (s->idempotency.key != NULL)
        gw_submission_count_key("new");
    gw_submission_stop_leading(s, m->id);
    if (s->options.wait_ms == 0 || s->on_done == NULL) {
        gw_submission_answer(s, &(struct gw_submission_result){.status = GW_OK, .message = m});
        gw_submission_free(s);
    } else {
        gw_submission_hold(s, m->id,
                           !gw_message_at_rest(m, gw_clock_wall_ms() + s->options.wait_ms));
    }
    GW_FAILPOINT("submission.answered");
    start_delivery(g, m, a);
    g->n_calls--;
    gw_gateway_progress(g);
}

static void on_committed(enum gw_status status, void *data)
{
    gw_submission_stored(data, status);
}

/* What the store is given of it. */
static struct gw_store_new give(struct gw_submission *s)
{
    struct gw_gateway *g = s->gateway;
    if (s->options.wait_ms > 0 && !g->store->engine->durable)
        s->m->retry_until_ms = s->m->created_at_ms + s->options.wait_ms;
    leave_to_store(g, s->m);
    s->attempt = plan_attempt(s);
    GW_FAILPOINT("submission.commit");
    return (struct gw_store_new){.m = s->m, .idempotency = s->leads ? &s->idempotency : NULL};
}

void gw_submission_discard(struct gw_submission *s)
{
    take_back(s);
    gw_submission_answer(
        s, &(struct gw_submission_result){.status = GW_OK, .message = s->m, .rehearsed = true});
    gw_submission_free(s);
}

/* Together with the others of its batch, or not at all. */
static void gather(struct gw_submission *s)
{
    const struct gw_store_new given = give(s);
    enum gw_status status = gw_batch_item_gather(s->item, &given);
    if (status == GW_CANCELED) {
        gw_submission_discard(s);
    } else if (status != GW_OK) {
        take_back(s);
        gw_submission_fail(s, status);
    }
}

void gw_submission_store(struct gw_submission *s)
{
    struct gw_store *store = s->gateway->store;
    if (s->item != NULL && gw_batch_item_is_of_whole(s->item)) {
        gather(s);
        return;
    }
    const struct gw_store_new given = give(s);
    store->engine->commit(store, given.m, given.idempotency, on_committed, s);
    if (s->item != NULL)
        gw_batch_item_prepared(s->item);
}
