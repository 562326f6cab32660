/* SPDX-License-Identifier: MIT */
/* Watches an event loop: measures how long it is busy (metric loop_lag_seconds), and ends the
 * process when it hangs or when a drain takes too long, whatever the loop does meanwhile.
 *
 * The process is safe to end at any instant: what was acknowledged is in the store. */
#ifndef GW_LOOP_WATCH_H
#define GW_LOOP_WATCH_H

#include <stdint.h>
#include <uv.h>

enum {
    GW_LOOP_WATCH_ROUND_MS = 1000,
    GW_LOOP_WATCH_STALL_ROUNDS = 30
};

struct gw_loop_watch_config {
    int64_t round_ms;             /* how often the loop shows that it lives, and is looked at */
    int stall_rounds;             /* without a sign of life: the process ends */
    void (*on_round)(void *data); /* on the loop, once per round; may be NULL */
    void *data;
    /* In the watching thread, with the event to log ("loop_stalled", "drain_overrun"): must end the
     * process without help of the loop. */
    void (*on_fatal)(const char *event);
};

struct gw_loop_watch;

/* Before @loop runs for the first time. */
struct gw_loop_watch *gw_loop_watch_new(uv_loop_t *loop, const struct gw_loop_watch_config *config);
/* The process must have ended @ms from now; an earlier deadline stays. */
void gw_loop_watch_deadline(struct gw_loop_watch *w, int64_t ms);
/* Stops watching; freed when the loop has run its close callbacks. */
void gw_loop_watch_free(struct gw_loop_watch **watch);

#endif
