/* SPDX-License-Identifier: MIT */
/* The prepare pool: threads for pure CPU work, results back on the loop.
 *
 * What takes long (a body of megabytes) has threads of its own, of lower priority: however many of
 * those are in hand, what is short finds a thread, and that thread a processor. */
#ifndef GW_WORKERS_H
#define GW_WORKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "gateway/base/gw_list.h"
#include "gateway/base/gw_status.h"

enum {
    /* Octets of a body from which on its work is long. A megabyte of JSON takes 2 to 5 ms, as long
     * as some signatures; ours. */
    GW_WORK_LONG_BYTES = 1 << 20,
    GW_WORK_LONG_NICE = 5 /* added to the niceness of those threads; ours */
};

struct gw_workers;

/* Embedded in the caller's job; the caller owns it from submit to done. */
struct gw_work {
    void (*run)(struct gw_work *w);  /* in a pool thread; touches only the job and immutable data */
    void (*done)(struct gw_work *w); /* on the loop, once, after run */
    uint32_t flow;                   /* whose it is (gw_turns.h): all who wait have their turns */
    bool is_long;
    /* the pool's own: */
    uint64_t turn;
    struct gw_list link;
};

/* @n_threads  0: one per processor; and for long work half as many more, at least one
 * @max_queue  jobs waiting or running; over it submit says GW_BUSY */
enum gw_status gw_workers_new(uv_loop_t *loop, size_t n_threads, size_t max_queue,
                              struct gw_workers **out, struct gw_err *err) GW_NODISCARD;
/* Loop thread. GW_OK: run and done will be called. GW_BUSY: neither. */
enum gw_status gw_workers_submit(struct gw_workers *p, struct gw_work *w) GW_NODISCARD;
/* Loop thread. A job without `done`, which nobody waits for and which may free itself: it is run
 * before the pool is gone, and counts for nothing. */
void gw_workers_post(struct gw_workers *p, struct gw_work *w);
/* Jobs submitted whose done was not called yet. */
size_t gw_workers_pending(const struct gw_workers *p);
/* Only when none is pending. Joins the threads; @on_closed from the loop, then the pool is gone. */
void gw_workers_close(struct gw_workers *p, void (*on_closed)(void *), void *data);

#endif
