/* SPDX-License-Identifier: MIT */
/* Checks that stay on in every build. */
#ifndef GW_CHECK_H
#define GW_CHECK_H

#include <stdbool.h>

/* Log file:line and the failed expression, then abort: our own bug, the state cannot be trusted. */
_Noreturn void gw_check_failed(const char *file, int line, const char *expr);

/* Log once per call site and carry on; for conditions that a bad peer might reach. */
void gw_check_soft_failed(const char *file, int line, const char *expr);

/* Precondition of a function, and invariant inside one. Always on, also under NDEBUG. */
#define PRE(expr)   ((expr) ? (void)0 : gw_check_failed(__FILE__, __LINE__, #expr))
#define CHECK(expr) ((expr) ? (void)0 : gw_check_failed(__FILE__, __LINE__, #expr))

static inline bool gw_check_report(bool failed, const char *file, int line, const char *expr)
{
    if (failed)
        gw_check_soft_failed(file, line, expr);
    return failed;
}

/* `if (gw_fails_check(x < n)) return close_this_session(s);`: true (and logged) when @expr is
 * false. */
#define gw_fails_check(expr) gw_check_report(!(expr), __FILE__, __LINE__, #expr)

#endif
