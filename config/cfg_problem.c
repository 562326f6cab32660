/* SPDX-License-Identifier: MIT */
/* Problems: collected in any order, kept and given out in file order. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "config/cfg_loader.h"
#include "gateway/base/gw_mem.h"

enum {
    TEXT_SIZE = 1024,
    MAX_SHOWN = 60 /* bytes of a wrong value */
};

static bool comes_before(const struct cfg_problem_entry *a, const struct cfg_problem_entry *b)
{
    return a->line != b->line ? a->line < b->line : a->column < b->column;
}

/* Sorted insertion; equal places stay in the order of reporting, the last ones drop out. */
static void insert(struct cfg_loader *l, struct cfg_problem_entry entry)
{
    size_t at = l->n_problems;
    while (at > 0 && comes_before(&entry, &l->problems[at - 1]))
        at--;
    if (l->n_problems == CFG_MAX_PROBLEMS) {
        l->n_dropped++;
        if (at == CFG_MAX_PROBLEMS) {
            gw_free(entry.text);
            return;
        }
        gw_free(l->problems[--l->n_problems].text);
    }
    memmove(&l->problems[at + 1], &l->problems[at], (l->n_problems - at) * sizeof(l->problems[0]));
    l->problems[at] = entry;
    l->n_problems++;
}

void cfg_problem_at(struct cfg_loader *l, const char *source, unsigned line, unsigned column,
                    const char *text)
{
    char full[TEXT_SIZE];
    if (line == 0)
        (void)snprintf(full, sizeof(full), "%s: %s", source, text);
    else
        (void)snprintf(full, sizeof(full), "%s:%u:%u: %s", source, line, column, text);
    insert(l, (struct cfg_problem_entry){
                  .line = line != 0 ? line : UINT_MAX, .column = column, .text = gw_strdup(full)});
}

void cfg_problem(struct cfg_loader *l, const struct cfg_node *at, const char *fmt, ...)
{
    char text[TEXT_SIZE];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    cfg_problem_at(l, at->source, at->line, at->column, text);
}

void cfg_problem_key(struct cfg_loader *l, const struct cfg_node *at, const char *fmt, ...)
{
    char text[TEXT_SIZE];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    cfg_problem_at(l, at->source, at->key_line, at->key_column, text);
}

void cfg_describe(const struct cfg_node *node, char *out, size_t size)
{
    if (node->line == 0)
        (void)snprintf(out, size, "it");
    else if (node->key != NULL)
        (void)snprintf(out, size, "\"%s\"", node->key);
    else if (node->parent != NULL && node->parent->key != NULL)
        (void)snprintf(out, size, "an item of \"%s\"", node->parent->key);
    else
        (void)snprintf(out, size, "this");
}

void cfg_problem_value(struct cfg_loader *l, const struct cfg_node *at, bool quiet,
                       const char *want)
{
    char what[CFG_DESCRIPTION_SIZE];
    cfg_describe(at, what, sizeof(what));
    if (at->kind != CFG_NODE_SCALAR)
        cfg_problem(l, at, "%s must be %s, not a %s", what, want,
                    at->kind == CFG_NODE_MAP ? "map" : "list");
    else if (at->null)
        cfg_problem(l, at, "%s must be %s; it is empty", what, want);
    else if (quiet || strstr(at->shown, "://") != NULL || strlen(at->shown) > MAX_SHOWN)
        cfg_problem(l, at, "%s must be %s", what, want);
    else
        cfg_problem(l, at, "%s must be %s, not \"%s\"", what, want, at->shown);
}

void cfg_problems_take(struct cfg_loader *l, struct cfg_problems *out)
{
    *out = (struct cfg_problems){.n = l->n_problems, .n_dropped = l->n_dropped};
    for (size_t i = 0; i < l->n_problems; i++)
        out->text[i] = l->problems[i].text;
    l->n_problems = 0;
}

void cfg_problems_deinit(struct cfg_problems *p)
{
    for (size_t i = 0; i < p->n; i++)
        gw_free(p->text[i]);
    *p = (struct cfg_problems){0};
}
