/* SPDX-License-Identifier: MIT */
/* Named points at which a test makes the process die, fail or stand still. They exist only in
 * builds with -DGW_FAILPOINTS=ON (the dev presets); elsewhere both macros are nothing.
 *
 * MAILHATCH_FAILPOINTS holds `point:action:count` items, separated by commas: @action happens when
 * the point is passed for the @count-th time, counted from 1 over all threads.
 *   crash   the process is killed at once (SIGKILL): nothing is flushed, no handler runs
 *   error   GW_FAILPOINT_FAILS() is true; no meaning at a plain point
 *   pause   the process stops (SIGSTOP) until it is continued */
#ifndef GW_FAILPOINT_H
#define GW_FAILPOINT_H

#include <stdbool.h>

#ifdef GW_FAILPOINTS

/* True when `error` is due at this point; returns false for all others. Thread-safe.
 * @group @name  joined by a dot when @name is not NULL */
bool gw_failpoint_passed(const char *group, const char *name);

#define GW_FAILPOINT(point)          ((void)gw_failpoint_passed(point, NULL))
#define GW_FAILPOINT_OF(group, name) ((void)gw_failpoint_passed(group, name))
#define GW_FAILPOINT_FAILS(point)    gw_failpoint_passed(point, NULL)

#else

#define GW_FAILPOINT(point)          ((void)0)
#define GW_FAILPOINT_OF(group, name) ((void)0)
#define GW_FAILPOINT_FAILS(point)    false

#endif
#endif
