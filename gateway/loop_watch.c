/* SPDX-License-Identifier: MIT */
/* Loop lag and the watchdog thread.
 *
 * Lag: a prepare handle runs once in every turn, right before the loop waits for events. What of a
 * turn was not spent waiting was work, and whatever arrived meanwhile had to wait. libuv counts the
 * waiting: it calls back for sockets before it leaves its poll, so that a check handle comes too
 * late to see where waiting ends.
 * Watchdog: a timer of the loop counts up; a thread looks every round whether it did. Rounds are
 * counted, not time: a process that was stopped (SIGSTOP, a suspended host) is not ended for it. */
#include "gateway/loop_watch.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_mem.h"
#include "gateway/metrics.h"

struct gw_loop_watch {
    uv_timer_t timer;
    uv_prepare_t prepare;
    int n_handles;
    int64_t turn_us, turn_idle_us; /* when the present turn began, and all waiting before it */
    struct gw_loop_watch_config config;
    atomic_uint_least64_t ticks;
    uv_thread_t thread;
    uv_mutex_t lock; /* guards what follows */
    uv_cond_t wake;
    int64_t deadline_ms; /* monotonic; 0: none */
    bool stop;
};

static void on_timer(uv_timer_t *timer)
{
    struct gw_loop_watch *w = timer->data;
    atomic_fetch_add_explicit(&w->ticks, 1, memory_order_relaxed);
    if (w->config.on_round != NULL)
        w->config.on_round(w->config.data);
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct gw_loop_watch *w = prepare->data;
    int64_t now_us = gw_clock_mono_us();
    int64_t idle_us = (int64_t)(uv_metrics_idle_time(prepare->loop) / 1000);
    int64_t busy_us = now_us - w->turn_us - (idle_us - w->turn_idle_us);
    if (w->turn_us != 0)
        gw_metric_observe(GW_METRIC_LOOP_LAG, busy_us > 0 ? busy_us : 0, NULL);
    w->turn_us = now_us;
    w->turn_idle_us = idle_us;
}

/* Under the lock: sleeps until woken, the round is over, or the deadline. True after a whole round.
 */
static bool sleep_round(struct gw_loop_watch *w)
{
    int64_t ms = w->config.round_ms;
    if (w->deadline_ms != 0 && w->deadline_ms - gw_clock_mono_ms() < ms)
        ms = w->deadline_ms - gw_clock_mono_ms();
    bool timed_out = ms > 0 && uv_cond_timedwait(&w->wake, &w->lock, (uint64_t)ms * 1000000) != 0;
    return timed_out && ms == w->config.round_ms;
}

static void thread_main(void *arg)
{
    struct gw_loop_watch *w = arg;
    uint64_t seen = 0;
    int n_still = 0; /* rounds without a tick */
    const char *fatal = NULL;
    uv_mutex_lock(&w->lock);
    while (!w->stop && fatal == NULL) {
        bool whole_round = sleep_round(w);
        uint64_t ticks = atomic_load_explicit(&w->ticks, memory_order_relaxed);
        if (ticks != seen)
            n_still = 0;
        else if (whole_round)
            n_still++;
        seen = ticks;
        if (w->deadline_ms != 0 && gw_clock_mono_ms() >= w->deadline_ms)
            fatal = "drain_overrun";
        else if (n_still >= w->config.stall_rounds)
            fatal = "loop_stalled";
    }
    bool stopped = w->stop;
    uv_mutex_unlock(&w->lock);
    if (!stopped)
        w->config.on_fatal(fatal);
}

struct gw_loop_watch *gw_loop_watch_new(uv_loop_t *loop, const struct gw_loop_watch_config *config)
{
    PRE(config->round_ms > 0 && config->stall_rounds > 0 && config->on_fatal != NULL);
    uint64_t round_ms = (uint64_t)config->round_ms;
    struct gw_loop_watch *w = gw_calloc(1, sizeof(*w));
    w->config = *config;
    w->n_handles = 2;
    CHECK(uv_loop_configure(loop, UV_METRICS_IDLE_TIME) == 0);
    CHECK(uv_timer_init(loop, &w->timer) == 0 && uv_prepare_init(loop, &w->prepare) == 0);
    w->timer.data = w;
    w->prepare.data = w;
    CHECK(uv_timer_start(&w->timer, on_timer, round_ms, round_ms) == 0 &&
          uv_prepare_start(&w->prepare, on_prepare) == 0);
    /* Watching keeps nothing alive. */
    uv_unref((uv_handle_t *)&w->timer);
    uv_unref((uv_handle_t *)&w->prepare);
    CHECK(uv_mutex_init(&w->lock) == 0 && uv_cond_init(&w->wake) == 0);
    CHECK(uv_thread_create(&w->thread, thread_main, w) == 0);
    return w;
}

void gw_loop_watch_deadline(struct gw_loop_watch *w, int64_t ms)
{
    int64_t deadline = gw_clock_mono_ms() + ms;
    uv_mutex_lock(&w->lock);
    if (w->deadline_ms == 0 || deadline < w->deadline_ms)
        w->deadline_ms = deadline;
    uv_cond_signal(&w->wake);
    uv_mutex_unlock(&w->lock);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct gw_loop_watch *w = handle->data;
    if (--w->n_handles != 0)
        return;
    uv_cond_destroy(&w->wake);
    uv_mutex_destroy(&w->lock);
    gw_free(w);
}

void gw_loop_watch_free(struct gw_loop_watch **watch)
{
    struct gw_loop_watch *w = *watch;
    if (w == NULL)
        return;
    *watch = NULL;
    uv_mutex_lock(&w->lock);
    w->stop = true;
    uv_cond_signal(&w->wake);
    uv_mutex_unlock(&w->lock);
    CHECK(uv_thread_join(&w->thread) == 0);
    uv_close((uv_handle_t *)&w->timer, on_handle_closed);
    uv_close((uv_handle_t *)&w->prepare, on_handle_closed);
}
