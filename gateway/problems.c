/* SPDX-License-Identifier: MIT */
/* List of a request's problems. */
#include "gateway/problems.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    DETAIL_SIZE = 512
};

#define GW_PROBLEM_DEFINE(name, text) const char(name)[] = text;
GW_PROBLEM_TABLE(GW_PROBLEM_DEFINE)
#undef GW_PROBLEM_DEFINE

void gw_problems_init(struct gw_problems *p, struct gw_arena *arena)
{
    *p = (struct gw_problems){.arena = arena};
}

void gw_problems_add(struct gw_problems *p, const char *pointer, const char *code, const char *fmt,
                     ...)
{
    if (p->n == GW_MAX_PROBLEMS) {
        p->n_dropped++;
        return;
    }
    char detail[DETAIL_SIZE];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(detail, sizeof(detail), fmt, ap);
    va_end(ap);
    p->items[p->n++] = (struct gw_problem){.pointer = gw_arena_strdup(p->arena, pointer),
                                           .code = code,
                                           .detail = gw_arena_strdup(p->arena, detail)};
}
