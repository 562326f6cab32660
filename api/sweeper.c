/* SPDX-License-Identifier: MIT */
/* The sweeper. */
#include "api/sweeper.h"

#include "api/h2_guard.h"
#include "gateway/base/gw_clock.h"

enum {
    IDLE_INPUT_BYTES = 64 * 1024 /* an empty input buffer larger than this is given back */
};

/* The library keeps the buffer of the largest body a connection ever sent. */
static void shrink_input(struct api_connection *c)
{
    h2o_buffer_t **input = &c->sock->input;
    if ((*input)->size > 0 || (*input)->capacity <= IDLE_INPUT_BYTES)
        return;
    h2o_buffer_dispose(input);
    h2o_buffer_init(input, &h2o_socket_buffer_prototype);
}

static void sweep(struct api_connection *c, int64_t now_ms)
{
    const struct cfg_limits *limits = &c->acceptor->context->cfg->limits;
    struct api_stall_facts facts;
    if (c->sock == NULL)
        return; /* lingers; that has its own timer */
    api_connection_look(c, now_ms, &facts);
    enum api_guard_reason reason = api_stall_judge(&c->stall, &facts, limits);
    bool held_http2 = c->protocol == API_PROTOCOL_HTTP2 && !c->library_let_go;
    if (held_http2 && !c->ending && api_stall_is_old(&c->stall, now_ms, limits)) {
        if (api_h2_guard_retire(c))
            api_guard_note(c, API_GUARD_AGE);
        if (reason == API_GUARD_AGE)
            return; /* the library closes it when it has said so */
    }
    if (reason == API_GUARD_N_REASONS)
        shrink_input(c);
    else if (reason == API_GUARD_STUCK || !c->ending)
        api_connection_end(c, reason);
}

static void on_tick(uv_timer_t *timer)
{
    struct api_acceptor *a = timer->data;
    int64_t now_ms = gw_clock_mono_ms();
    gw_list_foreach_safe (it, &a->connections)
        sweep(gw_list_entry(it, struct api_connection, link), now_ms);
    api_peers_prune(&a->peers, now_ms);
}

void api_sweeper_start(struct api_acceptor *a, uv_loop_t *loop)
{
    a->sweeper.data = a;
    (void)uv_timer_init(loop, &a->sweeper);
    (void)uv_timer_start(&a->sweeper, on_tick, API_SWEEP_MS, API_SWEEP_MS);
    uv_unref((uv_handle_t *)&a->sweeper);
}
