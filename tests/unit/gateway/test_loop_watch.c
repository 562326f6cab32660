/* SPDX-License-Identifier: MIT */
/* Loop lag and the watchdog. What the watchdog does to a process shows in a child process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/base/gw_clock.h"
#include "gateway/loop_watch.h"
#include "gateway/metrics.h"

enum {
    STALLED = 41, /* exit codes of the child */
    OVERRUN = 42,
    SURVIVED = 43,
    ROUND_MS = 20,
    FEW_ROUNDS = 5,
    MANY_ROUNDS = 100, /* longer than a loaded machine lets a loop wait */
    BUSY_MS = 60
};

static void on_fatal(const char *event)
{
    _exit(strcmp(event, "loop_stalled") == 0 ? STALLED : OVERRUN);
}

static void on_round(void *data)
{
    (*(int *)data)++;
}

static struct gw_loop_watch *new_watch(uv_loop_t *loop, int stall_rounds, int *n_rounds)
{
    assert_int_equal(uv_loop_init(loop), 0);
    return gw_loop_watch_new(loop, &(struct gw_loop_watch_config){.round_ms = ROUND_MS,
                                                                  .stall_rounds = stall_rounds,
                                                                  .on_round = on_round,
                                                                  .data = n_rounds,
                                                                  .on_fatal = on_fatal});
}

static void busy(void)
{
    int64_t until = gw_clock_mono_ms() + BUSY_MS;
    while (gw_clock_mono_ms() < until) {
    }
}

static void on_busy_timer(uv_timer_t *timer)
{
    busy();
    uv_close((uv_handle_t *)timer, NULL);
}

static void stop(uv_loop_t *loop, struct gw_loop_watch *w)
{
    gw_loop_watch_free(&w);
    assert_null(w);
    (void)uv_run(loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(loop), 0);
}

static void keep_loop_alive(uv_timer_t *timer)
{
    (void)timer;
}

/* Some turns: one is measured from its first waiting to its next, so that the very first is not,
 * and the last one only by its successor. */
static void run_rounds(uv_loop_t *loop, const int *n_rounds)
{
    for (int until = *n_rounds + 2; *n_rounds < until;)
        (void)uv_run(loop, UV_RUN_ONCE);
}

static long long lag_count(const char *le)
{
    struct gw_buf page;
    char name[64];
    gw_buf_init(&page, GW_METRICS_MAX_TEXT);
    gw_metrics_render(&page);
    assert_int_equal(gw_buf_add_char(&page, '\0'), GW_OK);
    (void)snprintf(name, sizeof(name), "loop_lag_seconds_bucket{le=\"%s\"} ", le);
    const char *line = strstr(page.data, name);
    assert_non_null(line);
    long long n = strtoll(line + strlen(name), NULL, 10);
    gw_buf_deinit(&page);
    return n;
}

static void a_busy_callback_shows_as_lag(void **state)
{
    (void)state;
    uv_loop_t loop;
    uv_timer_t timer;
    uv_timer_t alive;
    int n_rounds = 0;
    gw_metrics_reset();
    struct gw_loop_watch *w = new_watch(&loop, MANY_ROUNDS, &n_rounds);
    assert_int_equal(uv_timer_init(&loop, &timer), 0);
    assert_int_equal(uv_timer_init(&loop, &alive), 0);
    assert_int_equal(uv_timer_start(&alive, keep_loop_alive, 1, 1), 0);
    run_rounds(&loop, &n_rounds);
    assert_int_equal(uv_timer_start(&timer, on_busy_timer, ROUND_MS, 0), 0);
    while (!uv_is_closing((uv_handle_t *)&timer))
        (void)uv_run(&loop, UV_RUN_ONCE);
    run_rounds(&loop, &n_rounds);
    assert_true(lag_count("+Inf") > lag_count("0.050000"));
    assert_true(lag_count("0.005000") > 0);
    uv_close((uv_handle_t *)&alive, NULL);
    stop(&loop, w);
}

static void on_busy_wakeup(uv_async_t *async)
{
    busy();
    uv_close((uv_handle_t *)async, NULL);
}

/* libuv calls back for sockets and wake-ups from inside its poll: that is no waiting. */
static void a_busy_callback_of_the_poll_shows_as_lag(void **state)
{
    (void)state;
    uv_loop_t loop;
    uv_async_t async;
    int n_rounds = 0;
    gw_metrics_reset();
    struct gw_loop_watch *w = new_watch(&loop, MANY_ROUNDS, &n_rounds);
    assert_int_equal(uv_async_init(&loop, &async, on_busy_wakeup), 0);
    uv_timer_t alive;
    assert_int_equal(uv_timer_init(&loop, &alive), 0);
    assert_int_equal(uv_timer_start(&alive, keep_loop_alive, 1, 1), 0);
    run_rounds(&loop, &n_rounds);
    assert_int_equal(uv_async_send(&async), 0);
    while (!uv_is_closing((uv_handle_t *)&async))
        (void)uv_run(&loop, UV_RUN_ONCE);
    run_rounds(&loop, &n_rounds);
    assert_true(lag_count("+Inf") > lag_count("0.050000"));
    uv_close((uv_handle_t *)&alive, NULL);
    stop(&loop, w);
}

/* Rounds of 20 ms are waited for, not worked through. */
static void waiting_does_not_show_as_lag(void **state)
{
    (void)state;
    uv_loop_t loop;
    uv_timer_t alive;
    int n_rounds = 0;
    gw_metrics_reset();
    struct gw_loop_watch *w = new_watch(&loop, MANY_ROUNDS, &n_rounds);
    assert_int_equal(uv_timer_init(&loop, &alive), 0);
    assert_int_equal(uv_timer_start(&alive, keep_loop_alive, ROUND_MS, ROUND_MS), 0);
    while (n_rounds < FEW_ROUNDS)
        (void)uv_run(&loop, UV_RUN_ONCE);
    assert_true(lag_count("0.010000") > 0);
    uv_close((uv_handle_t *)&alive, NULL);
    stop(&loop, w);
}

static int status_of_child(void (*run)(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        run();
        _exit(SURVIVED);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void hang(void)
{
    uv_loop_t loop;
    int n_rounds = 0;
    (void)new_watch(&loop, FEW_ROUNDS, &n_rounds);
    (void)uv_run(&loop, UV_RUN_NOWAIT);
    for (;;)
        (void)pause();
}

static void a_loop_that_hangs_ends_the_process(void **state)
{
    (void)state;
    assert_int_equal(status_of_child(hang), STALLED);
}

static void overrun(void)
{
    uv_loop_t loop;
    uv_timer_t alive;
    int n_rounds = 0;
    struct gw_loop_watch *w = new_watch(&loop, MANY_ROUNDS, &n_rounds);
    (void)uv_timer_init(&loop, &alive);
    (void)uv_timer_start(&alive, keep_loop_alive, 1, 1);
    gw_loop_watch_deadline(w, (int64_t)ROUND_MS * 3);
    gw_loop_watch_deadline(w, (int64_t)ROUND_MS * 100000); /* does not move the earlier one */
    (void)uv_run(&loop, UV_RUN_DEFAULT);
}

static void a_drain_that_overruns_ends_the_process_though_the_loop_lives(void **state)
{
    (void)state;
    assert_int_equal(status_of_child(overrun), OVERRUN);
}

static void live_on(void)
{
    uv_loop_t loop;
    uv_timer_t alive;
    int n_rounds = 0;
    struct gw_loop_watch *w = new_watch(&loop, MANY_ROUNDS, &n_rounds);
    (void)uv_timer_init(&loop, &alive);
    (void)uv_timer_start(&alive, keep_loop_alive, 1, 1);
    while (n_rounds < MANY_ROUNDS + FEW_ROUNDS)
        (void)uv_run(&loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&alive, NULL);
    stop(&loop, w);
}

static void a_loop_that_lives_is_left_alone(void **state)
{
    (void)state;
    assert_int_equal(status_of_child(live_on), SURVIVED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_busy_callback_shows_as_lag),
        cmocka_unit_test(a_busy_callback_of_the_poll_shows_as_lag),
        cmocka_unit_test(waiting_does_not_show_as_lag),
        cmocka_unit_test(a_loop_that_hangs_ends_the_process),
        cmocka_unit_test(a_drain_that_overruns_ends_the_process_though_the_loop_lives),
        cmocka_unit_test(a_loop_that_lives_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
