/* SPDX-License-Identifier: MIT */
/* The prepare pool: threads for pure CPU work, results back on the loop. */
#ifndef GW_WORKERS_H
#define GW_WORKERS_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "gateway/base/gw_list.h"
#include "gateway/base/gw_status.h"

struct gw_workers;

/* Embedded in the caller's job; the caller owns it from submit to done. */
struct gw_work {
    void (*run)(struct gw_work *w);  /* in a pool thread; touches only the job and immutable data */
    void (*done)(struct gw_work *w); /* on the loop, once, after run */
    uint32_t flow;                   /* whose it is (gw_turns.h): all who wait have their turns */
    /* the pool's own: */
    uint64_t turn;
    struct gw_list link;
};

/* @n_threads  0: one per processor
 * @max_queue  jobs waiting or running; over it submit says GW_BUSY */
enum gw_status gw_workers_new(uv_loop_t *loop, size_t n_threads, size_t max_queue,
                              struct gw_workers **out, struct gw_err *err) GW_NODISCARD;
/* Loop thread. GW_OK: run and done will be called. GW_BUSY: neither. */
enum gw_status gw_workers_submit(struct gw_workers *p, struct gw_work *w) GW_NODISCARD;
/* Jobs submitted whose done was not called yet. */
size_t gw_workers_pending(const struct gw_workers *p);
/* Only when none is pending. Joins the threads; @on_closed from the loop, then the pool is gone. */
void gw_workers_close(struct gw_workers *p, void (*on_closed)(void *), void *data);

#endif
