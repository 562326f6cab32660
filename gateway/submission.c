/* SPDX-License-Identifier: MIT */
/* One submission: body → pool (decode, prepare) → store → answer now, or delivery → answer when
 * settled. With an idempotency key: pool (fingerprint) → is an equal request in hand or stored? →
 * its message is the answer; else this one leads and equal requests that come meanwhile follow.
 *
 * Failure: problems found in the pool answer at once; a full pool or store answers GW_BUSY; a
 * client that goes away (abandon) loses only its answer. When a leader fails, its followers start
 * anew. */
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_failpoint.h"
#include "gateway/base/gw_mem.h"
#include "gateway/discard.h"
#include "gateway/metrics.h"
#include "gateway/submission_internal.h"

const char *gw_submission_detail(enum gw_status status)
{
    switch ((int)status) {
    case GW_BUSY:
        return "more messages than can be taken on now; try again later";
    case GW_FULL:
        return "the disk of the message store has no room";
    case GW_CLOSED:
        return "shutting down";
    case GW_TOOBIG:
        return "the messages are too large together to be taken whole";
    case GW_CONFLICT:
        return "a request with this Idempotency-Key is still being prepared";
    case GW_EXISTS:
        return "this Idempotency-Key was used with another body";
    case GW_NOTFOUND:
        return "the message that this Idempotency-Key stands for is no longer kept";
    default:
        return "the message could not be stored";
    }
}

static void decide(struct gw_submission *s);

void gw_submission_free(struct gw_submission *s)
{
    struct gw_gateway *g = s->gateway;
    CHECK(!s->leads);
    gw_list_remove(&s->follower_link);
    gw_discard_message(g->workers, &s->m);
    gw_cached_template_unref(&s->template);
    gw_discard_arena(g->workers, &s->scratch);
    gw_discard_heap(g->workers, s->body.data, s->body.len);
    gw_free(s->beside);
    gw_free(s->key);
    gw_setup_unref(&s->setup);
    gw_free(s);
    g->n_calls--;
    gw_gateway_progress(g);
}

void gw_submission_answer(struct gw_submission *s, const struct gw_submission_result *result)
{
    gw_submission_cb cb = s->on_done;
    s->on_done = NULL;
    if (cb != NULL)
        cb(result, s->data);
}

void gw_submission_count_key(const char *result)
{
    gw_metric_add(GW_METRIC_IDEMPOTENCY, 1, GW_LABELS(result));
}

void gw_submission_fail(struct gw_submission *s, enum gw_status status)
{
    if (status == GW_CONFLICT || status == GW_EXISTS)
        gw_submission_count_key(status == GW_CONFLICT ? "in_progress" : "reused");
    gw_submission_answer(s, &(struct gw_submission_result){.status = status,
                                                           .detail = gw_submission_detail(status)});
    gw_submission_free(s);
}

/* ---- answers that are held ---- */

static void on_wait_over(const struct gw_message *m, void *data)
{
    struct gw_submission *s = data;
    s->wait = NULL;
    if (m == NULL) {
        gw_submission_fail(s, GW_NOTFOUND);
        return;
    }
    gw_submission_answer(s, &(struct gw_submission_result){.status = GW_OK,
                                                           .message = m,
                                                           .settled = gw_message_settled(m),
                                                           .replayed = s->replays});
    gw_submission_free(s);
}

void gw_submission_hold(struct gw_submission *s, const char *id, bool fresh)
{
    PRE(id != NULL);
    memcpy(s->id, id, GW_UUID_SIZE);
    struct gw_wait_query query = {.tenant = "",
                                  .id = s->id,
                                  .what = GW_WAIT_REST,
                                  .timeout_ms = s->options.wait_ms,
                                  .fresh = fresh};
    s->wait = gw_gateway_wait(s->gateway, &query, on_wait_over, s);
    if (s->item != NULL)
        gw_batch_item_stored(s->item);
}

/* The message of an earlier equal request is the answer. */
static void replay(struct gw_submission *s, const char *id)
{
    s->replays = true;
    gw_submission_count_key("replayed");
    if (s->on_done == NULL)
        gw_submission_free(s);
    else
        gw_submission_hold(s, id, false);
}

/* ---- leaders and followers ---- */

void gw_submission_stop_leading(struct gw_submission *s, const char *id)
{
    if (!s->leads)
        return;
    s->leads = false;
    gw_list_remove(&s->flight.link);
    while (!gw_list_empty(&s->followers)) {
        struct gw_submission *f =
            gw_list_entry(s->followers.next, struct gw_submission, follower_link);
        gw_list_remove(&f->follower_link);
        if (id != NULL)
            replay(f, id);
        else
            decide(f);
    }
}

static void on_key_looked_up(enum gw_status status, const char *id,
                             const unsigned char *fingerprint, void *data)
{
    struct gw_submission *s = data;
    GW_FAILPOINT("submission.key_looked_up");
    if (status == GW_NOTFOUND) {
        gw_submission_prepare(s);
        return;
    }
    bool equal = status == GW_OK &&
                 memcmp(fingerprint, s->idempotency.fingerprint, GW_FINGERPRINT_SIZE) == 0;
    gw_submission_stop_leading(s, equal ? id : NULL);
    if (equal)
        replay(s, id);
    else
        gw_submission_fail(s, status == GW_OK ? GW_EXISTS : status);
}

/* An equal request is in hand: follow it. A different one: refuse. None: lead. */
static void decide(struct gw_submission *s)
{
    struct gw_gateway *g = s->gateway;
    struct gw_id_node *n = gw_id_table_find(&g->flights, s->idempotency.key);
    if (n == NULL) {
        s->leads = true;
        GW_FAILPOINT("submission.leads");
        gw_id_table_add(&g->flights, &s->flight, s->idempotency.key);
        g->store->engine->idempotency_find(g->store, s->idempotency.key, on_key_looked_up, s);
        return;
    }
    struct gw_submission *leader = gw_list_entry(n, struct gw_submission, flight);
    if (memcmp(leader->idempotency.fingerprint, s->idempotency.fingerprint, GW_FINGERPRINT_SIZE) !=
        0)
        gw_submission_fail(s, GW_EXISTS);
    else if (s->options.wait_ms == 0)
        gw_submission_fail(s, GW_CONFLICT);
    else
        gw_list_push_back(&leader->followers, &s->follower_link);
}

/* ---- the way in ---- */

static void on_fingerprint(struct gw_work *w)
{
    decide(gw_list_entry(w, struct gw_submission, work));
}

void gw_submission_begin(struct gw_submission *s)
{
    if (s->gateway->state != GW_RUNNING)
        gw_submission_fail(s, GW_CLOSED);
    else if (s->idempotency.key != NULL)
        gw_submission_fingerprint(s, on_fingerprint);
    else
        gw_submission_prepare(s);
}

static void begin(struct gw_arrival *a)
{
    struct gw_submission *s = gw_list_entry(a, struct gw_submission, arrival);
    if (gw_taken_body_go_on(&s->body))
        gw_submission_begin(s);
    else
        gw_gateway_arrive(s->gateway, a, begin);
}

/* @item  NULL: of no batch */
static char *scope_key(const struct gw_submit_options *o, const struct gw_batch_item *item)
{
    struct gw_buf b;
    gw_buf_init(&b, 4096);
    const char *tenant = o->api_key != NULL ? o->api_key->id : "";
    CHECK(gw_buf_printf(&b, "%s\n%s\n%s", tenant, o->route, o->idempotency_key) == GW_OK);
    if (item != NULL)
        CHECK(gw_buf_printf(&b, "\n%zu", item->index) == GW_OK);
    return gw_buf_take(&b, NULL);
}

struct gw_submission *gw_submission_of_item(struct gw_gateway *g, struct gw_setup *setup,
                                            struct gw_batch_item *item,
                                            const struct gw_submit_options *options,
                                            gw_submission_cb on_done, void *data)
{
    struct gw_submission *s = gw_calloc(1, sizeof(*s));
    s->gateway = g;
    s->setup = gw_setup_ref(setup);
    s->item = item;
    s->options = *options;
    s->on_done = on_done;
    s->data = data;
    gw_list_init(&s->followers);
    gw_list_init(&s->follower_link);
    if (options->idempotency_key != NULL && !options->rehearse)
        s->idempotency.key = s->key = scope_key(options, item);
    g->n_calls++;
    return s;
}

struct gw_submission *gw_gateway_submit(struct gw_gateway *g, struct gw_slice body,
                                        const struct gw_submit_options *options,
                                        gw_submission_cb on_done, void *data)
{
    struct gw_submission *s = gw_submission_of_item(g, g->setups.now, NULL, options, on_done, data);
    gw_taken_body_start(&s->body, body);
    if (options->beside.len > 0) {
        s->beside = gw_memdup0(options->beside.data, options->beside.len);
        s->options.beside.data = s->beside;
    }
    gw_gateway_arrive(g, &s->arrival, begin);
    return s;
}

void gw_submission_hurry(struct gw_submission *s)
{
    s->options.wait_ms = 0;
}

void gw_submission_abandon(struct gw_submission *s)
{
    s->on_done = NULL;
    if (s->body.left.len > 0) /* it was never given to us whole */
        gw_list_remove(&s->arrival.link);
    else if (s->wait != NULL)
        gw_wait_cancel(s->wait);
    else
        return;
    gw_submission_free(s);
}
