/* SPDX-License-Identifier: MIT */
/* A small process in front of the server process: restarts it when it dies.
 *
 * Happy path: fork → the child says READY=1 (gateway/notify.h) → signals are passed on → the child
 * ends on purpose → the supervisor ends with its exit code.
 * Failure: a child that dies of a signal or ends by itself with an error is started again: at once,
 * then after GW_SUPERVISOR_FIRST_DELAY_MS doubling to GW_SUPERVISOR_MAX_DELAY_MS, until it lives
 * for GW_SUPERVISOR_STEADY_MS. A child that ends before the first READY=1 is not started again:
 * what is wrong then is for the operator to see. When the supervisor dies, the kernel kills the
 * child. */
#ifndef GW_SUPERVISOR_H
#define GW_SUPERVISOR_H

#include <stdint.h>

enum {
    GW_SUPERVISOR_FIRST_DELAY_MS = 100,
    GW_SUPERVISOR_MAX_DELAY_MS = 5000,
    GW_SUPERVISOR_STEADY_MS = 60 * 1000 /* a child that lived so long is restarted at once again */
};

/* Call before any thread is started. In the child: calls @run and ends with what it returns. In the
 * parent: returns the exit code for the process, once there is no child any more. A child killed by
 * a signal counts as 128 + its number. */
int gw_supervise(int (*run)(void *data), void *data);

/* How long to wait before the next start: 0, then doubling from FIRST to MAX.
 * @n_early  children in a row that died before GW_SUPERVISOR_STEADY_MS */
int64_t gw_supervisor_delay_ms(unsigned n_early);

#endif
