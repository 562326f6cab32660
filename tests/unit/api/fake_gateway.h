/* SPDX-License-Identifier: MIT */
/* A gateway without mail behind gateway/gateway.h, for tests of the HTTP face: submissions are held
 * until the test (or a timer) answers them. Defines the gw_gateway_* functions, so include it once
 * per test executable. */
#ifndef TESTS_UNIT_API_FAKE_GATEWAY_H
#define TESTS_UNIT_API_FAKE_GATEWAY_H

#include <string.h>
#include <uv.h>

#include "gateway/base/gw_arena.h"
#include "gateway/base/gw_mem.h"
#include "gateway/batch.h"
#include "gateway/domain_admin.h"
#include "gateway/events.h"
#include "gateway/gateway.h"
#include "gateway/records.h"
#include "gateway/relay_admin.h"
#include "gateway/suppressions.h"
#include "gateway/templates.h"
#include "gateway/webhooks.h"

struct gw_submission {
    uv_timer_t timer;
    struct gw_gateway *gateway;
    struct gw_draft draft;
    struct gw_problems problems;
    struct gw_arena *arena;
    enum gw_status status;
    gw_submission_cb cb;
    void *data;
};

struct gw_wait {
    uv_timer_t timer;
    struct gw_gateway *gateway;
    char id[GW_UUID_SIZE];
    gw_wait_cb cb;
    void *data;
};

/* The test sets these. */
struct gw_gateway {
    uv_loop_t *loop;
    const struct cfg *cfg;
    uint64_t delay_ms;   /* from submit to the answer */
    enum gw_status fail; /* not GW_OK: the answer's status */
    struct gw_message message;
    bool settled, durable, not_ready, load_fails;
    size_t n_submitted, n_abandoned, n_answered;
    size_t last_body_len, n_collected;
    struct gw_relay_view relays[2];
    size_t n_relays;
    struct gw_sandbox *sandbox; /* a real one, or NULL */
};

static inline void fake_free_submission(uv_handle_t *handle)
{
    struct gw_submission *s = handle->data;
    gw_arena_free(&s->arena);
    gw_free(s);
}

static inline void fake_on_submission(uv_timer_t *timer)
{
    struct gw_submission *s = timer->data;
    struct gw_gateway *g = s->gateway;
    struct gw_submission_result result = {.status = s->status,
                                          .message = &g->message,
                                          .settled = g->settled,
                                          .problems = &s->problems,
                                          .detail = "fake"};
    if (s->status == GW_OK && g->fail != GW_OK)
        result.status = g->fail;
    gw_submission_cb cb = s->cb;
    s->cb = NULL;
    g->n_answered++;
    if (cb != NULL)
        cb(&result, s->data);
    uv_close((uv_handle_t *)timer, fake_free_submission);
}

struct gw_submission *gw_gateway_submit(struct gw_gateway *g, struct gw_slice body,
                                        const struct gw_submit_options *options,
                                        gw_submission_cb on_done, void *data)
{
    struct gw_submission *s = gw_calloc(1, sizeof(*s));
    s->gateway = g;
    s->cb = on_done;
    s->data = data;
    s->arena = gw_arena_new(0);
    gw_problems_init(&s->problems, s->arena);
    if (options->decode_beside != NULL)
        s->status = options->decode_beside(s->arena, body, options->beside, g->cfg, &s->draft,
                                           &s->problems);
    else
        s->status = options->decode(s->arena, body, g->cfg, &s->draft, &s->problems);
    g->n_submitted++;
    g->last_body_len = body.len;
    (void)uv_timer_init(g->loop, &s->timer);
    s->timer.data = s;
    (void)uv_timer_start(&s->timer, fake_on_submission, g->delay_ms, 0);
    return s;
}

void gw_submission_abandon(struct gw_submission *s)
{
    s->gateway->n_abandoned++;
    s->cb = NULL;
    uv_close((uv_handle_t *)&s->timer, fake_free_submission);
}

/* Batches: as if there were too much work in hand. */
struct gw_batch {
    uv_timer_t timer;
    gw_batch_done_cb cb;
    void *data;
};

static inline void fake_free_batch(uv_handle_t *handle)
{
    gw_free(handle->data);
}

static inline void fake_on_batch(uv_timer_t *timer)
{
    struct gw_batch *b = timer->data;
    b->cb(&(struct gw_batch_result){.status = GW_BUSY}, b->data);
    uv_close((uv_handle_t *)timer, fake_free_batch);
}

struct gw_batch *gw_gateway_submit_batch(struct gw_gateway *g, struct gw_slice body,
                                         const struct gw_batch_options *options)
{
    (void)body;
    struct gw_batch *b = gw_calloc(1, sizeof(*b));
    b->cb = options->on_done;
    b->data = options->data;
    (void)uv_timer_init(g->loop, &b->timer);
    b->timer.data = b;
    (void)uv_timer_start(&b->timer, fake_on_batch, g->delay_ms, 0);
    return b;
}

void gw_batch_abandon(struct gw_batch *b)
{
    uv_close((uv_handle_t *)&b->timer, fake_free_batch);
}

size_t gw_gateway_route(const struct gw_gateway *g, const struct gw_message *m,
                        const struct gw_recipient *r, const char **names_out, size_t max)
{
    (void)g;
    (void)m;
    (void)r;
    names_out[0] = "fake";
    return max > 0 ? 1 : 0;
}

static inline void fake_free_wait(uv_handle_t *handle)
{
    gw_free(handle->data);
}

static inline void fake_on_wait(uv_timer_t *timer)
{
    struct gw_wait *w = timer->data;
    struct gw_gateway *g = w->gateway;
    gw_wait_cb cb = w->cb;
    cb(strcmp(w->id, g->message.id) == 0 ? &g->message : NULL, w->data);
    uv_close((uv_handle_t *)timer, fake_free_wait);
}

struct gw_wait *gw_gateway_wait(struct gw_gateway *g, const struct gw_wait_query *query,
                                gw_wait_cb on_change, void *data)
{
    struct gw_wait *w = gw_calloc(1, sizeof(*w));
    w->gateway = g;
    w->cb = on_change;
    w->data = data;
    memcpy(w->id, query->id, GW_UUID_SIZE);
    (void)uv_timer_init(g->loop, &w->timer);
    w->timer.data = w;
    (void)uv_timer_start(&w->timer, fake_on_wait, query->timeout_ms > 0 ? g->delay_ms : (uint64_t)0,
                         0);
    return w;
}

void gw_wait_cancel(struct gw_wait *w)
{
    w->gateway->n_abandoned++;
    uv_close((uv_handle_t *)&w->timer, fake_free_wait);
}

const struct cfg *gw_gateway_cfg(const struct gw_gateway *g)
{
    return g->cfg;
}

const char *gw_gateway_version(void)
{
    return "0.0.0-test";
}

bool gw_gateway_ready(struct gw_gateway *g, const char **why_out)
{
    *why_out = "The fake says no.";
    return !g->not_ready;
}

struct gw_setup_parts {
    const struct cfg *cfg;
};

enum gw_status gw_setup_parts_read(const struct cfg *cfg, const struct gw_setup_before *before,
                                   struct gw_setup_parts **out, struct gw_err *err)
{
    (void)before;
    (void)err;
    *out = gw_calloc(1, sizeof(**out));
    (*out)->cfg = cfg;
    return GW_OK;
}

void gw_setup_parts_free(struct gw_setup_parts **parts)
{
    gw_free(*parts);
    *parts = NULL;
}

const struct cfg *gw_setup_parts_cfg(const struct gw_setup_parts *parts)
{
    return parts->cfg;
}

enum gw_status gw_gateway_load(struct gw_gateway *g, struct gw_setup_parts *parts,
                               struct gw_err *err)
{
    if (g->load_fails)
        return gw_err_set(err, GW_INVALID, "the fake says no");
    g->cfg = parts->cfg;
    return GW_OK;
}

bool gw_gateway_collect(struct gw_gateway *g, void (*on_collected)(void *), void *data)
{
    (void)on_collected;
    (void)data;
    g->n_collected++;
    return false;
}

void gw_gateway_collect_cancel(struct gw_gateway *g)
{
    (void)g;
}

bool gw_gateway_durable(const struct gw_gateway *g)
{
    return g->durable;
}

size_t gw_relays_count(const struct gw_gateway *g)
{
    return g->n_relays;
}

void gw_relay_view(const struct gw_gateway *g, size_t index, struct gw_relay_view *out)
{
    *out = g->relays[index];
}

void gw_relay_pause(struct gw_gateway *g, size_t index)
{
    g->relays[index].state = "paused";
}

struct gw_domain_call *gw_domain_call_start(struct gw_gateway *g,
                                            const struct gw_domain_request *request,
                                            gw_domain_check_cb on_done, void *data)
{
    (void)g;
    (void)request;
    (void)on_done;
    (void)data;
    return NULL;
}

void gw_domain_call_abandon(struct gw_domain_call *call)
{
    (void)call;
}

struct gw_relay_check *gw_relay_check_start(struct gw_gateway *g, size_t index,
                                            gw_relay_check_cb on_done, void *data)
{
    (void)g;
    (void)index;
    (void)on_done;
    (void)data;
    return NULL; /* as if too many were running */
}

void gw_relay_check_abandon(struct gw_relay_check *c)
{
    (void)c;
}

void gw_relay_resume(struct gw_gateway *g, size_t index)
{
    g->relays[index].state = "up";
}

/* Records: the one message, which is sent already. */
struct gw_call {
    uv_timer_t timer;
    struct gw_gateway *gateway;
    bool abandoned;
    enum gw_status status;
    gw_page_cb on_page;
    gw_record_cb on_record;
    gw_store_attempts_cb on_attempts;
    gw_history_cb on_history;
    gw_store_suppressions_cb on_suppressions;
    gw_store_events_cb on_events;
    gw_store_templates_cb on_templates;
    gw_template_put_cb on_template_put;
    gw_store_done_cb on_done;
    void *data;
};

static inline void fake_on_call(uv_timer_t *timer)
{
    struct gw_call *c = timer->data;
    struct gw_message *m = &c->gateway->message;
    const struct gw_message *found = c->status == GW_NOTFOUND ? NULL : m;
    if (!c->abandoned && c->on_page != NULL)
        c->on_page(GW_OK, &m, 1, 0, c->data);
    if (!c->abandoned && c->on_record != NULL)
        c->on_record(c->status, found, c->data);
    if (!c->abandoned && c->on_attempts != NULL)
        c->on_attempts(c->status, found, NULL, 0, c->data);
    if (!c->abandoned && c->on_history != NULL)
        c->on_history(c->status, NULL, 0, 0, c->data);
    if (!c->abandoned && c->on_events != NULL)
        c->on_events(c->status, NULL, 0, 0, false, c->data);
    if (!c->abandoned && c->on_suppressions != NULL)
        c->on_suppressions(c->status, NULL, 0, 0, c->data);
    if (!c->abandoned && c->on_templates != NULL)
        c->on_templates(c->status, NULL, 0, 0, c->data);
    if (!c->abandoned && c->on_template_put != NULL)
        c->on_template_put(&(struct gw_template_put_result){.status = c->status}, c->data);
    if (!c->abandoned && c->on_done != NULL)
        c->on_done(c->status, c->data);
    uv_close((uv_handle_t *)timer, fake_free_wait);
}

static inline struct gw_call *fake_call(struct gw_gateway *g, const char *id, enum gw_status status,
                                        void *data)
{
    struct gw_call *c = gw_calloc(1, sizeof(*c));
    c->gateway = g;
    c->status = id == NULL || strcmp(id, g->message.id) == 0 ? status : GW_NOTFOUND;
    c->data = data;
    (void)uv_timer_init(g->loop, &c->timer);
    c->timer.data = c;
    (void)uv_timer_start(&c->timer, fake_on_call, 0, 0);
    return c;
}

void gw_call_abandon(struct gw_call *c)
{
    c->gateway->n_abandoned++;
    c->abandoned = true;
}

struct gw_call *gw_list_messages(struct gw_gateway *g, const struct gw_list_query *query,
                                 gw_page_cb cb, void *data)
{
    (void)query;
    struct gw_call *c = fake_call(g, NULL, GW_OK, data);
    c->on_page = cb;
    return c;
}

struct gw_call *gw_suppress(struct gw_gateway *g, const char *tenant,
                            const struct gw_suppression *entries, size_t n,
                            gw_store_suppressions_cb cb, void *data)
{
    (void)tenant;
    (void)entries;
    (void)n;
    struct gw_call *c = fake_call(g, NULL, GW_OK, data);
    c->on_suppressions = cb;
    return c;
}

struct gw_call *gw_unsuppress(struct gw_gateway *g, const char *tenant, const char *const *emails,
                              size_t n, gw_store_suppressions_cb cb, void *data)
{
    (void)tenant;
    (void)emails;
    (void)n;
    struct gw_call *c = fake_call(g, NULL, GW_NOTFOUND, data);
    c->on_suppressions = cb;
    return c;
}

struct gw_call *gw_list_suppressions(struct gw_gateway *g, const struct gw_suppression_query *query,
                                     gw_store_suppressions_cb cb, void *data)
{
    (void)query;
    struct gw_call *c = fake_call(g, NULL, GW_OK, data);
    c->on_suppressions = cb;
    return c;
}

struct gw_call *gw_put_template(struct gw_gateway *g, const struct gw_template_given *given,
                                gw_template_put_cb cb, void *data)
{
    (void)given;
    struct gw_call *c = fake_call(g, NULL, GW_BUSY, data);
    c->on_template_put = cb;
    return c;
}

struct gw_call *gw_delete_template(struct gw_gateway *g, const char *tenant, const char *name,
                                   gw_store_done_cb cb, void *data)
{
    (void)tenant;
    (void)name;
    struct gw_call *c = fake_call(g, NULL, GW_NOTFOUND, data);
    c->on_done = cb;
    return c;
}

struct gw_call *gw_list_templates(struct gw_gateway *g, const struct gw_template_query *query,
                                  gw_store_templates_cb cb, void *data)
{
    (void)query;
    struct gw_call *c = fake_call(g, NULL, GW_OK, data);
    c->on_templates = cb;
    return c;
}

bool gw_suppression_address(struct gw_arena *arena, const char *in, const char **out)
{
    (void)arena;
    *out = in;
    return true;
}

void gw_events_listen(struct gw_gateway *g, struct gw_event_listener *l)
{
    (void)g;
    (void)l;
}

struct gw_call *gw_events_after(struct gw_gateway *g, const struct gw_event_query *query,
                                gw_store_events_cb cb, void *data)
{
    (void)query;
    struct gw_call *c = fake_call(g, NULL, GW_OK, data);
    c->on_events = cb;
    return c;
}

void gw_webhooks_start(struct gw_gateway *g, gw_event_render_fn render)
{
    (void)g;
    (void)render;
}

size_t gw_webhooks_count(const struct gw_gateway *g)
{
    (void)g;
    return 0;
}

void gw_webhook_view(const struct gw_gateway *g, size_t index, struct gw_webhook_view *out)
{
    (void)g;
    (void)index;
    (void)out;
}

void gw_webhook_pause(struct gw_gateway *g, size_t index)
{
    (void)g;
    (void)index;
}

void gw_webhook_resume(struct gw_gateway *g, size_t index)
{
    (void)g;
    (void)index;
}

bool gw_webhook_replay(struct gw_gateway *g, size_t index, int64_t since_ms, int64_t until_ms)
{
    (void)g;
    (void)index;
    (void)since_ms;
    return until_ms == 0;
}

struct gw_webhook_test *gw_webhook_test(struct gw_gateway *g, size_t index,
                                        gw_webhook_test_cb on_done, void *data)
{
    (void)g;
    (void)index;
    (void)on_done;
    (void)data;
    return NULL;
}

void gw_webhook_test_abandon(struct gw_webhook_test *t)
{
    (void)t;
}

struct gw_call *gw_message_raw(struct gw_gateway *g, const char *tenant, const char *id,
                               gw_record_cb cb, void *data)
{
    (void)tenant;
    struct gw_call *c = fake_call(g, id, GW_OK, data);
    c->on_record = cb;
    return c;
}

struct gw_call *gw_message_attempts(struct gw_gateway *g, const char *tenant, const char *id,
                                    gw_store_attempts_cb cb, void *data)
{
    (void)tenant;
    struct gw_call *c = fake_call(g, id, GW_OK, data);
    c->on_attempts = cb;
    return c;
}

struct gw_call *gw_message_history(struct gw_gateway *g, const struct gw_history_query *query,
                                   gw_history_cb cb, void *data)
{
    struct gw_call *c = fake_call(g, query->id, GW_OK, data);
    c->on_history = cb;
    return c;
}

struct gw_call *gw_message_cancel(struct gw_gateway *g, const char *tenant, const char *id,
                                  gw_record_cb cb, void *data)
{
    (void)tenant;
    struct gw_call *c = fake_call(g, id, GW_INVALID, data);
    c->on_record = cb;
    return c;
}

struct gw_call *gw_message_retry(struct gw_gateway *g, const char *tenant, const char *id,
                                 gw_record_cb cb, void *data)
{
    (void)tenant;
    struct gw_call *c = fake_call(g, id, GW_CONFLICT, data);
    c->on_record = cb;
    return c;
}

struct gw_call *gw_message_schedule(struct gw_gateway *g, const char *tenant, const char *id,
                                    int64_t at_ms, gw_record_cb cb, void *data)
{
    (void)tenant;
    (void)at_ms;
    struct gw_call *c = fake_call(g, id, GW_BUSY, data);
    c->on_record = cb;
    return c;
}

struct gw_call *gw_message_pause(struct gw_gateway *g, const char *tenant, const char *id,
                                 gw_record_cb cb, void *data)
{
    return gw_message_schedule(g, tenant, id, 0, cb, data);
}

struct gw_call *gw_message_unpause(struct gw_gateway *g, const char *tenant, const char *id,
                                   gw_record_cb cb, void *data)
{
    return gw_message_schedule(g, tenant, id, 0, cb, data);
}

bool gw_filter_address(struct gw_arena *arena, const char *in, const char **out)
{
    (void)arena;
    *out = in;
    return strchr(in, '@') != NULL;
}

bool gw_filter_time(const char *in, int64_t *wall_ms_out)
{
    *wall_ms_out = 1;
    return in[0] == '2';
}

bool gw_filter_status(const char *word)
{
    return strcmp(word, "sent") == 0;
}

struct gw_sandbox *gw_gateway_sandbox(struct gw_gateway *g)
{
    return g->sandbox;
}

#endif
