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
#include "gateway/gateway.h"
#include "gateway/relay_admin.h"

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
    bool settled, durable, not_ready;
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

struct gw_wait *gw_gateway_wait(struct gw_gateway *g, const char *tenant, const char *id,
                                int64_t timeout_ms, gw_wait_cb on_change, void *data)
{
    (void)tenant;
    struct gw_wait *w = gw_calloc(1, sizeof(*w));
    w->gateway = g;
    w->cb = on_change;
    w->data = data;
    memcpy(w->id, id, GW_UUID_SIZE);
    (void)uv_timer_init(g->loop, &w->timer);
    w->timer.data = w;
    (void)uv_timer_start(&w->timer, fake_on_wait, timeout_ms > 0 ? g->delay_ms : (uint64_t)0, 0);
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

void gw_gateway_collect(struct gw_gateway *g)
{
    g->n_collected++;
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

void gw_relay_resume(struct gw_gateway *g, size_t index)
{
    g->relays[index].state = "up";
}

struct gw_sandbox *gw_gateway_sandbox(struct gw_gateway *g)
{
    return g->sandbox;
}

#endif
