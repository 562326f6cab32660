/* SPDX-License-Identifier: MIT */
/* One submission: body → pool (decode, prepare) → store → answer now, or delivery → answer when
 * settled.
 *
 * Failure: problems found in the pool answer at once; a full pool or store answers GW_BUSY; a
 * client that goes away (abandon) loses only its answer. */
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_mem.h"
#include "gateway/gateway_internal.h"
#include "gateway/prepare.h"

struct gw_submission {
    struct gw_work work;
    struct gw_gateway *gateway;
    struct gw_submit_options options;
    gw_submission_cb on_done; /* NULL: abandoned or answered */
    void *data;
    char *body;
    size_t body_len;
    /* results of the pool: */
    enum gw_status status;
    struct gw_arena *scratch; /* draft and problems */
    struct gw_problems problems;
    struct gw_message *m;
    /* while the answer is held: */
    char id[GW_UUID_SIZE];
    struct gw_wait *wait;
    uv_timer_t *refusal; /* answers a submission that never got into the pool */
};

static void free_submission(struct gw_submission *s)
{
    struct gw_gateway *g = s->gateway;
    gw_message_free(&s->m);
    gw_arena_free(&s->scratch);
    gw_free(s->body);
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

static void run(struct gw_work *w)
{
    struct gw_submission *s = gw_list_entry(w, struct gw_submission, work);
    const struct gw_gateway *g = s->gateway;
    s->scratch = gw_arena_new(s->body_len < 65536 ? 8192 : s->body_len);
    gw_problems_init(&s->problems, s->scratch);
    struct gw_draft draft = {.has_from = false};
    s->status = s->options.decode(s->scratch, gw_slice_of(s->body, s->body_len), g->cfg, &draft,
                                  &s->problems);
    if (s->status != GW_OK)
        return;
    struct gw_prepare_context ctx = {.cfg = g->cfg,
                                     .dkim = g->dkim,
                                     .api_key = s->options.api_key,
                                     .now_ms = gw_clock_wall_ms()};
    struct gw_arena *arena = gw_arena_new(s->body_len < 65536 ? 8192 : s->body_len);
    s->status = gw_prepare(&ctx, &draft, arena, &s->m, &s->problems);
    if (s->status != GW_OK)
        gw_arena_free(&arena);
}

static void on_wait_over(const struct gw_message *m, void *data)
{
    struct gw_submission *s = data;
    s->wait = NULL;
    if (m != NULL)
        answer(s, &(struct gw_submission_result){
                      .status = GW_OK, .message = m, .settled = gw_message_settled(m)});
    else
        answer(s, &(struct gw_submission_result){.status = GW_INTERNAL,
                                                 .detail = "the message was forgotten"});
    free_submission(s);
}

static void start_delivery(struct gw_gateway *g, struct gw_message *m)
{
    if (m->scheduled_at_ms != 0) {
        gw_message_free(&m);
        gw_delivery_wake(g->delivery);
    } else {
        gw_delivery_start(g->delivery, m);
    }
}

static void on_committed(enum gw_status status, void *data)
{
    struct gw_submission *s = data;
    struct gw_gateway *g = s->gateway;
    if (status != GW_OK) {
        answer(s, &(struct gw_submission_result){
                      .status = status,
                      .detail = status == GW_BUSY ? "the store is full; try again later"
                                                  : "the message could not be stored"});
        free_submission(s);
        return;
    }
    struct gw_message *m = s->m;
    s->m = NULL;
    if (s->options.wait_ms == 0 || s->on_done == NULL) {
        answer(s, &(struct gw_submission_result){.status = GW_OK, .message = m});
        start_delivery(g, m);
        free_submission(s);
        return;
    }
    memcpy(s->id, m->id, sizeof(s->id));
    s->wait = gw_gateway_wait(g, "", s->id, s->options.wait_ms, on_wait_over, s);
    start_delivery(g, m);
}

static void on_prepared(struct gw_work *w)
{
    struct gw_submission *s = gw_list_entry(w, struct gw_submission, work);
    struct gw_gateway *g = s->gateway;
    gw_free(s->body);
    s->body = NULL;
    if (s->status == GW_OK && g->state != GW_RUNNING)
        s->status = GW_CLOSED;
    if (s->status == GW_OK) {
        if (s->options.wait_ms > 0 && !g->store->engine->durable)
            s->m->retry_until_ms = s->m->created_at_ms + s->options.wait_ms;
        g->store->engine->commit(g->store, s->m, on_committed, s);
        return;
    }
    bool has_problems = s->status == GW_INVALID || s->status == GW_PROTO;
    answer(s, &(struct gw_submission_result){
                  .status = s->status,
                  .problems = has_problems ? &s->problems : NULL,
                  .detail = s->status == GW_CLOSED ? "shutting down" : gw_status_text(s->status)});
    free_submission(s);
}

static void on_refusal_closed(uv_handle_t *handle)
{
    struct gw_submission *s = handle->data;
    gw_free(handle);
    answer(s, &(struct gw_submission_result){
                  .status = s->status,
                  .detail = s->status == GW_CLOSED ? "shutting down"
                                                   : "too many messages are being prepared"});
    free_submission(s);
}

/* Answer from the loop, not from inside submit. */
static void refuse(struct gw_submission *s, enum gw_status status)
{
    s->status = status;
    s->refusal = gw_calloc(1, sizeof(*s->refusal));
    CHECK(uv_timer_init(s->gateway->loop, s->refusal) == 0);
    s->refusal->data = s;
    uv_close((uv_handle_t *)s->refusal, on_refusal_closed);
}

struct gw_submission *gw_gateway_submit(struct gw_gateway *g, struct gw_slice body,
                                        const struct gw_submit_options *options,
                                        gw_submission_cb on_done, void *data)
{
    struct gw_submission *s = gw_calloc(1, sizeof(*s));
    s->gateway = g;
    s->options = *options;
    s->on_done = on_done;
    s->data = data;
    s->work = (struct gw_work){.run = run, .done = on_prepared};
    g->n_calls++;
    if (g->state != GW_RUNNING) {
        refuse(s, GW_CLOSED);
        return s;
    }
    s->body = gw_memdup0(body.data, body.len);
    s->body_len = body.len;
    enum gw_status st = gw_workers_submit(g->workers, &s->work);
    if (st != GW_OK)
        refuse(s, st);
    return s;
}

void gw_submission_abandon(struct gw_submission *s)
{
    s->on_done = NULL;
    if (s->wait == NULL)
        return;
    gw_wait_cancel(s->wait);
    free_submission(s);
}
