/* SPDX-License-Identifier: MIT */
/* Running a uv loop in a test. */
#include "tests/lib/loop_util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/base/gw_clock.h"

enum {
    PATIENCE_MS = 20000,
    LOOK_AGAIN_MS = 5 /* conditions may change in another thread */
};

struct patience {
    int64_t until_ms;
    bool late;
};

static void on_timeout(uv_timer_t *timer)
{
    struct patience *p = timer->data;
    p->late = (int64_t)uv_now(timer->loop) >= p->until_ms;
}

static void on_closed(uv_handle_t *handle)
{
    *(bool *)handle->data = true;
}

static bool is_set(void *data)
{
    return *(const bool *)data;
}

void test_loop_until(uv_loop_t *loop, bool *flag)
{
    test_loop_until_true(loop, is_set, flag);
}

void test_loop_until_true(uv_loop_t *loop, bool (*condition)(void *data), void *data)
{
    uv_timer_t timer;
    uv_update_time(loop);
    struct patience p = {.until_ms = (int64_t)uv_now(loop) + PATIENCE_MS};
    bool closed = false;
    assert_int_equal(uv_timer_init(loop, &timer), 0);
    timer.data = &p;
    assert_int_equal(uv_timer_start(&timer, on_timeout, LOOK_AGAIN_MS, LOOK_AGAIN_MS), 0);
    while (!condition(data) && !p.late)
        (void)uv_run(loop, UV_RUN_ONCE);
    timer.data = &closed;
    uv_close((uv_handle_t *)&timer, on_closed);
    while (!closed)
        (void)uv_run(loop, UV_RUN_NOWAIT);
    if (p.late)
        fail_msg("waited %d ms in vain", PATIENCE_MS);
}

static bool is_idle(void *data)
{
    uv_loop_t *loop = data;
    return uv_loop_alive(loop) == 0;
}

static void count_handle(uv_handle_t *handle, void *arg)
{
    (void)handle;
    (*(size_t *)arg)++;
}

/* The one handle is that of test_loop_until_true. */
static bool only_the_timer_is_left(void *data)
{
    size_t n = 0;
    uv_walk(data, count_handle, &n);
    return n <= 1;
}

void test_loop_end(uv_loop_t *loop)
{
    if (!is_idle(loop))
        test_loop_until_true(loop, only_the_timer_is_left, loop);
    (void)uv_run(loop, UV_RUN_NOWAIT);
    assert_int_equal(uv_loop_close(loop), 0);
}

void test_loop_once(uv_loop_t *loop)
{
    (void)uv_run(loop, UV_RUN_NOWAIT);
}

void test_stop_clocks(void)
{
    gw_clock_fake(gw_clock_wall_ms(), gw_clock_mono_ms());
}
