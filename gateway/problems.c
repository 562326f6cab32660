/* SPDX-License-Identifier: MIT */
/* List of a request's problems. */
#include "gateway/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    DETAIL_SIZE = 512
};

#define GW_PROBLEM_DEFINE(name, text) const char(name)[] = text;
GW_PROBLEM_TABLE(GW_PROBLEM_DEFINE)
#undef GW_PROBLEM_DEFINE

void gw_problems_init(struct gw_problems *p, struct gw_arena *arena)
{
    *p = (struct gw_problems){.arena = arena, .base = ""};
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
    p->items[p->n++] = (struct gw_problem){
        .pointer = pointer[0] == '#' ? gw_arena_strdup(p->arena, pointer + 1)
                                     : gw_arena_printf(p->arena, "%s%s", p->base, pointer),
        .code = code,
        .detail = gw_arena_strdup(p->arena, detail)};
}

bool gw_problems_has(const struct gw_problems *p, const char *pointer)
{
    bool whole = pointer[0] == '#';
    const char *base = whole ? "" : p->base;
    const char *rest = whole ? pointer + 1 : pointer;
    size_t base_len = strlen(base);
    size_t rest_len = strlen(rest);
    for (size_t i = 0; i < p->n; i++) {
        const char *at = p->items[i].pointer;
        if (strncmp(at, base, base_len) != 0 || strncmp(at + base_len, rest, rest_len) != 0)
            continue;
        char next = at[base_len + rest_len];
        if (next == '\0' || next == '/')
            return true;
    }
    return p->n_dropped > 0;
}
