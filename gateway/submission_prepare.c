/* SPDX-License-Identifier: MIT */
/* Submissions in the pool: fingerprint; decode → is there a template to be read from the store? →
 * prepare. What is wrong with them is answered from here. */
#include <openssl/sha.h>

#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_failpoint.h"
#include "gateway/base/gw_turns.h"
#include "gateway/metrics.h"
#include "gateway/prepare.h"
#include "gateway/prepare_template.h"
#include "gateway/submission_internal.h"

enum {
    ARENA_SIZE = 8192 /* of a small message; what is large gets a block of its own */
};

static void queue_work(struct gw_submission *s, void (*run)(struct gw_work *),
                       void (*done)(struct gw_work *))
{
    const struct cfg_api_key *key = s->options.api_key;
    size_t size = s->item != NULL ? gw_batch_item_size(s->item) : s->body.len;
    s->is_long = s->is_long || size >= GW_WORK_LONG_BYTES; /* the body may be gone by now */
    s->work = (struct gw_work){.run = run,
                               .done = done,
                               .flow = gw_turns_flow(key != NULL ? key->id : ""),
                               .is_long = s->is_long};
    enum gw_status st = gw_workers_submit(s->gateway->workers, &s->work);
    if (st == GW_OK)
        return;
    gw_submission_stop_leading(s, NULL);
    gw_submission_fail(s, st);
}

/* ---- in the pool ---- */

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
                                     .traceparent = s->options.traceparent,
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
    s->options.rehearse = s->options.rehearse || s->draft->rehearse;
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
        gw_submission_stop_leading(s, NULL);
        gw_submission_fail(s, status);
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
    if (s->wants_template) {
        find_template(s);
        return;
    }
    GW_FAILPOINT("submission.prepared");
    if (s->status == GW_OK && s->gateway->state != GW_RUNNING)
        s->status = GW_CLOSED;
    if (s->status == GW_OK && s->options.rehearse) {
        gw_submission_stop_leading(s, NULL);
        gw_submission_answer(
            s, &(struct gw_submission_result){.status = GW_OK, .message = s->m, .rehearsed = true});
        gw_submission_free(s);
        return;
    }
    if (s->status == GW_OK && s->options.only_validate) {
        gw_submission_answer(s, &(struct gw_submission_result){.status = GW_OK, .message = s->m});
        gw_submission_free(s);
        return;
    }
    if (s->status == GW_OK) {
        gw_submission_store(s);
        return;
    }
    gw_submission_stop_leading(s, NULL);
    if (s->status != GW_INVALID && s->status != GW_PROTO) {
        gw_submission_fail(s, s->status);
        return;
    }
    gw_submission_answer(
        s, &(struct gw_submission_result){.status = s->status, .problems = &s->problems});
    gw_submission_free(s);
}

void gw_submission_prepare(struct gw_submission *s)
{
    queue_work(s, run_prepare, on_prepared);
}

void gw_submission_fingerprint(struct gw_submission *s, void (*done)(struct gw_work *w))
{
    queue_work(s, run_fingerprint, done);
}
