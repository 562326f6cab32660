/* SPDX-License-Identifier: MIT */
/* One submission: body → pool (decode, prepare) → store → answer now, or delivery → answer when
 * settled. With an idempotency key: pool (fingerprint) → is an equal request in hand or stored? →
 * its message is the answer; else this one leads and equal requests that come meanwhile follow.
 *
 * Failure: problems found in the pool answer at once; a full pool or store answers GW_BUSY; a
 * client that goes away (abandon) loses only its answer. When a leader fails, its followers start
 * anew. */
#include <openssl/sha.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_failpoint.h"
#include "gateway/base/gw_mem.h"
#include "gateway/batch_internal.h"
#include "gateway/gateway_internal.h"
#include "gateway/metrics.h"
#include "gateway/prepare.h"
#include "gateway/prepare_template.h"
#include "gateway/taken_body.h"

enum {
    ARENA_SIZE = 8192 /* of a small message; what is large gets a block of its own */
};

struct gw_submission {
    struct gw_work work;
    struct gw_arrival arrival;
    struct gw_gateway *gateway;
    struct gw_setup *setup;     /* the one it began with */
    struct gw_batch_item *item; /* that it is, or NULL */
    struct gw_submit_options options;
    gw_submission_cb on_done; /* NULL: abandoned or answered */
    void *data;
    struct gw_taken_body body; /* data NULL for an item of a batch */
    char *beside;
    /* with an idempotency key: */
    char *key;                         /* NULL without one */
    struct gw_idempotency idempotency; /* of the key */
    struct gw_id_node flight;          /* in gateway.flights while it leads */
    struct gw_list followers;          /* submissions with the same key and body */
    struct gw_list follower_link;
    bool leads, replays;
    /* results of the pool: */
    enum gw_status status;
    struct gw_arena *scratch; /* draft and problems */
    struct gw_draft *draft;
    struct gw_cached_template *template; /* that the draft names, once it was read */
    bool wants_template;
    int64_t worked_us; /* in the pool */
    struct gw_problems problems;
    struct gw_message *m;
    struct gw_attempt *attempt; /* planned before the commit of m, or NULL */
    /* while the answer is held: */
    char id[GW_UUID_SIZE];
    struct gw_wait *wait;
};

const char *gw_submission_detail(enum gw_status status)
{
    switch ((int)status) {
    case GW_BUSY:
        return "more messages than can be taken on now; try again later";
    case GW_FULL:
        return "the disk of the message store has no room";
    case GW_CLOSED:
        return "shutting down";
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
static void prepare(struct gw_submission *s);

static void free_submission(struct gw_submission *s)
{
    struct gw_gateway *g = s->gateway;
    CHECK(!s->leads);
    gw_list_remove(&s->follower_link);
    gw_message_free(&s->m);
    gw_cached_template_unref(&s->template);
    gw_arena_free(&s->scratch);
    gw_taken_body_free(&s->body);
    gw_free(s->beside);
    gw_free(s->key);
    gw_setup_unref(&s->setup);
    gw_free(s);
    g->n_calls--;
    gw_gateway_progress(g);
}

static void answer(struct gw_submission *s, const struct gw_submission_result *result)
{
    gw_submission_cb cb = s->on_done;
    s->on_done = NULL;
    if (cb != NULL)
        cb(result, s->data);
}

static void count_key(const char *result)
{
    gw_metric_add(GW_METRIC_IDEMPOTENCY, 1, GW_LABELS(result));
}

/* The last answer of a submission that failed. */
static void fail(struct gw_submission *s, enum gw_status status)
{
    if (status == GW_CONFLICT || status == GW_EXISTS)
        count_key(status == GW_CONFLICT ? "in_progress" : "reused");
    answer(s, &(struct gw_submission_result){.status = status,
                                             .detail = gw_submission_detail(status)});
    free_submission(s);
}

/* ---- answers that are held ---- */

static void on_wait_over(const struct gw_message *m, void *data)
{
    struct gw_submission *s = data;
    s->wait = NULL;
    if (m == NULL) {
        fail(s, GW_NOTFOUND);
        return;
    }
    answer(s, &(struct gw_submission_result){.status = GW_OK,
                                             .message = m,
                                             .settled = gw_message_settled(m),
                                             .replayed = s->replays});
    free_submission(s);
}

/* @fresh  as in struct gw_wait_query */
static void hold(struct gw_submission *s, const char *id, bool fresh)
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
    count_key("replayed");
    if (s->on_done == NULL)
        free_submission(s);
    else
        hold(s, id, false);
}

/* ---- leaders and followers ---- */

/* The key is stored under @id (NULL: the request failed): nobody needs to follow any more. */
static void stop_leading(struct gw_submission *s, const char *id)
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
        prepare(s);
        return;
    }
    bool equal = status == GW_OK &&
                 memcmp(fingerprint, s->idempotency.fingerprint, GW_FINGERPRINT_SIZE) == 0;
    stop_leading(s, equal ? id : NULL);
    if (equal)
        replay(s, id);
    else
        fail(s, status == GW_OK ? GW_EXISTS : status);
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
        fail(s, GW_EXISTS);
    else if (s->options.wait_ms == 0)
        fail(s, GW_CONFLICT);
    else
        gw_list_push_back(&leader->followers, &s->follower_link);
}

/* ---- the pool ---- */

void gw_fingerprint_both(struct gw_slice a, struct gw_slice b,
                         unsigned char out[GW_FINGERPRINT_SIZE])
{
    unsigned char of_both[2][GW_FINGERPRINT_SIZE]; /* no octet can move from one to the other */
    (void)SHA256((const unsigned char *)a.data, a.len, of_both[0]);
    (void)SHA256((const unsigned char *)b.data, b.len, of_both[1]);
    (void)SHA256(of_both[0], sizeof(of_both), out);
}

static void run_fingerprint(struct gw_work *w)
{
    struct gw_submission *s = gw_list_entry(w, struct gw_submission, work);
    GW_FAILPOINT("submission.fingerprint");
    if (s->item != NULL)
        gw_batch_item_fingerprint(s->item, s->idempotency.fingerprint);
    else if (s->options.beside.len == 0)
        (void)SHA256((const unsigned char *)s->body.data, s->body.len, s->idempotency.fingerprint);
    else
        gw_fingerprint_both(s->options.beside, gw_slice_of(s->body.data, s->body.len),
                            s->idempotency.fingerprint);
}

static void on_fingerprint(struct gw_work *w)
{
    decide(gw_list_entry(w, struct gw_submission, work));
}

static void free_body(struct gw_submission *s)
{
    gw_taken_body_free(&s->body);
}

static enum gw_status decode(struct gw_submission *s, struct gw_draft *out)
{
    if (s->item != NULL)
        return gw_batch_item_decode(s->item, s->scratch, out, &s->problems);
    if (s->options.decode_beside != NULL)
        return s->options.decode_beside(s->scratch, gw_slice_of(s->body.data, s->body.len),
                                        s->options.beside, s->setup->cfg, out, &s->problems);
    return s->options.decode(s->scratch, gw_slice_of(s->body.data, s->body.len), s->setup->cfg, out,
                             &s->problems);
}

static void build(struct gw_submission *s)
{
    struct gw_prepare_context ctx = {.cfg = s->setup->cfg,
                                     .dkim = s->setup->dkim,
                                     .api_key = s->options.api_key,
                                     .now_ms = gw_clock_wall_ms()};
    struct gw_arena *arena = gw_arena_new(ARENA_SIZE);
    GW_FAILPOINT("prepare.build");
    s->status = gw_prepare(&ctx, s->draft, arena, &s->m, &s->problems);
    GW_FAILPOINT("prepare.built");
    if (s->status == GW_OK)
        gw_arena_free(&s->scratch); /* the decoded attachments */
    else
        gw_arena_free(&arena);
    free_body(s);
}

static void decode_and_prepare(struct gw_submission *s)
{
    s->scratch = gw_arena_new(ARENA_SIZE);
    gw_problems_init(&s->problems, s->scratch);
    s->draft = GW_ARENA_NEW(s->scratch, struct gw_draft);
    GW_FAILPOINT("prepare.decode");
    s->status = decode(s, s->draft);
    if (!s->draft->borrows_body)
        free_body(s); /* before the message is built: it may be large */
    bool judge = s->status == GW_OK || (s->status == GW_INVALID && !s->draft->unread);
    s->wants_template = judge && s->draft->template.name.value.data != NULL;
    if (judge && !s->wants_template)
        build(s);
}

static void run_prepare(struct gw_work *w)
{
    struct gw_submission *s = gw_list_entry(w, struct gw_submission, work);
    int64_t from_us = gw_clock_mono_us();
    decode_and_prepare(s);
    s->worked_us = gw_clock_mono_us() - from_us;
    if (!s->wants_template)
        gw_metric_observe(GW_METRIC_PREPARE, s->worked_us, NULL);
}

/* The template is here, or there is none. */
static void run_build(struct gw_work *w)
{
    struct gw_submission *s = gw_list_entry(w, struct gw_submission, work);
    int64_t from_us = gw_clock_mono_us();
    gw_draft_fill(s->draft, s->template != NULL ? gw_cached_template(s->template) : NULL,
                  &s->problems);
    build(s);
    gw_metric_observe(GW_METRIC_PREPARE, s->worked_us + gw_clock_mono_us() - from_us, NULL);
}

/* ---- the store ---- */

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

static void on_committed(enum gw_status status, void *data)
{
    struct gw_submission *s = data;
    struct gw_gateway *g = s->gateway;
    GW_FAILPOINT("submission.committed");
    gw_gateway_store_said(g, status);
    struct gw_attempt *a = s->attempt;
    if (status != GW_OK) {
        if (a != NULL)
            gw_delivery_unplan(a);
        stop_leading(s, NULL);
        fail(s, status);
        return;
    }
    struct gw_message *m = s->m;
    s->m = NULL;
    gw_metric_add(GW_METRIC_ACCEPTED, 1, NULL);
    count_suppressed(m);
    if (s->idempotency.key != NULL)
        count_key("new");
    stop_leading(s, m->id);
    if (s->options.wait_ms == 0 || s->on_done == NULL) {
        answer(s, &(struct gw_submission_result){.status = GW_OK, .message = m});
        free_submission(s);
    } else {
        hold(s, m->id, !gw_message_at_rest(m, gw_clock_wall_ms() + s->options.wait_ms));
    }
    GW_FAILPOINT("submission.answered");
    start_delivery(g, m, a);
}

static void queue_work(struct gw_submission *s, void (*run)(struct gw_work *),
                       void (*done)(struct gw_work *))
{
    s->work = (struct gw_work){.run = run, .done = done};
    enum gw_status st = gw_workers_submit(s->gateway->workers, &s->work);
    if (st == GW_OK)
        return;
    stop_leading(s, NULL);
    fail(s, st);
}

/* ---- the template that the draft names ---- */

static void on_prepared(struct gw_work *w);

static const char *tenant_of(const struct gw_submission *s)
{
    return s->options.api_key != NULL ? s->options.api_key->id : "";
}

static void on_template(enum gw_status status, const struct gw_template *templates, size_t n,
                        int64_t cursor, void *data)
{
    struct gw_submission *s = data;
    (void)cursor;
    if (status != GW_OK) {
        stop_leading(s, NULL);
        fail(s, status);
        return;
    }
    if (n != 0)
        s->template = gw_template_cache_add(&s->gateway->templates, tenant_of(s), &templates[0]);
    queue_work(s, run_build, on_prepared);
}

static void find_template(struct gw_submission *s)
{
    struct gw_gateway *g = s->gateway;
    const struct gw_field *name = &s->draft->template.name;
    struct gw_template_query query = {.tenant = tenant_of(s), .name = name->value.data, .limit = 1};
    s->wants_template = false;
    if (gw_template_name_valid(name->value)) {
        s->template = gw_template_cache_find(&g->templates, query.tenant, query.name);
        if (s->template == NULL) {
            g->store->engine->templates(g->store, &query, on_template, s);
            return;
        }
    }
    queue_work(s, run_build, on_prepared);
}

/* ---- the end of preparing ---- */

static void on_prepared(struct gw_work *w)
{
    struct gw_submission *s = gw_list_entry(w, struct gw_submission, work);
    struct gw_gateway *g = s->gateway;
    if (s->wants_template) {
        find_template(s);
        return;
    }
    GW_FAILPOINT("submission.prepared");
    if (s->status == GW_OK && g->state != GW_RUNNING)
        s->status = GW_CLOSED;
    if (s->status == GW_OK && s->options.rehearse) {
        answer(s,
               &(struct gw_submission_result){.status = GW_OK, .message = s->m, .rehearsed = true});
        free_submission(s);
        return;
    }
    if (s->status == GW_OK && s->options.only_validate) {
        answer(s, &(struct gw_submission_result){.status = GW_OK, .message = s->m});
        free_submission(s);
        return;
    }
    if (s->status == GW_OK) {
        if (s->options.wait_ms > 0 && !g->store->engine->durable)
            s->m->retry_until_ms = s->m->created_at_ms + s->options.wait_ms;
        leave_to_store(g, s->m);
        s->attempt = plan_attempt(s);
        GW_FAILPOINT("submission.commit");
        const struct gw_idempotency *key = s->leads ? &s->idempotency : NULL;
        g->store->engine->commit(g->store, s->m, key, on_committed, s);
        if (s->item != NULL)
            gw_batch_item_prepared(s->item);
        return;
    }
    stop_leading(s, NULL);
    if (s->status != GW_INVALID && s->status != GW_PROTO) {
        fail(s, s->status);
        return;
    }
    answer(s, &(struct gw_submission_result){.status = s->status, .problems = &s->problems});
    free_submission(s);
}

/* ---- the way in ---- */

static void prepare(struct gw_submission *s)
{
    queue_work(s, run_prepare, on_prepared);
}

void gw_submission_begin(struct gw_submission *s)
{
    if (s->gateway->state != GW_RUNNING)
        fail(s, GW_CLOSED);
    else if (s->idempotency.key != NULL)
        queue_work(s, run_fingerprint, on_fingerprint);
    else
        prepare(s);
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
    free_submission(s);
}
