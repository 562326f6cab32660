/* SPDX-License-Identifier: MIT */
/* Turns of requests. */
#include "api/turns.h"

#include "api/connection.h"
#include "api/request.h"
#include "api/routes.h"
#include "gateway/base/gw_clock.h"

static bool time_is_left(const struct api_turns *t)
{
    return t->spent_us < API_TURN_US;
}

static void on_end(uv_check_t *end)
{
    ((struct api_turns *)end->data)->spent_us = 0;
}

static void dispatch(struct api_turns *t, struct api_request *r)
{
    int64_t began_us = gw_clock_mono_us();
    api_dispatch(r);
    t->spent_us += gw_clock_mono_us() - began_us;
}

static void leave(struct api_request *r)
{
    struct api_connection *c = api_connection_of(r->h2o);
    gw_list_remove(&r->turn);
    if (gw_list_empty(&c->waiting))
        gw_list_remove(&c->turn);
}

static void on_gone(void *data)
{
    leave(data);
}

static void on_turn(uv_idle_t *idle)
{
    struct api_turns *t = idle->data;
    while (!gw_list_empty(&t->connections) && time_is_left(t)) {
        struct api_connection *c = gw_list_entry(t->connections.next, struct api_connection, turn);
        struct api_request *r = gw_list_entry(c->waiting.next, struct api_request, turn);
        gw_list_remove(&c->turn);
        gw_list_push_back(&t->connections, &c->turn);
        leave(r);
        api_request_release(r);
        dispatch(t, r);
    }
    if (gw_list_empty(&t->connections))
        (void)uv_idle_stop(&t->next);
}

void api_turns_init(struct api_turns *t, uv_loop_t *loop)
{
    gw_list_init(&t->connections);
    (void)uv_idle_init(loop, &t->next);
    (void)uv_check_init(loop, &t->end);
    (void)uv_check_start(&t->end, on_end);
    uv_unref((uv_handle_t *)&t->end);
    t->next.data = t;
    t->end.data = t;
}

void api_turns_take(struct api_turns *t, struct api_request *r)
{
    struct api_connection *c = api_connection_of(r->h2o);
    if (gw_list_empty(&t->connections) && time_is_left(t)) {
        dispatch(t, r);
        return;
    }
    if (gw_list_empty(&c->waiting))
        gw_list_push_back(&t->connections, &c->turn);
    gw_list_push_back(&c->waiting, &r->turn);
    api_request_hold(r, on_gone, r);
    (void)uv_idle_start(&t->next, on_turn);
}
