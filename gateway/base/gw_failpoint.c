/* SPDX-License-Identifier: MIT */
/* Failpoints: read from the environment once, counted atomically. */
#include "gateway/base/gw_failpoint.h"

#include "gateway/base/gw_slice.h"

#ifdef GW_FAILPOINTS

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/gw_check.h"

enum {
    MAX_POINTS = 16
};

enum action {
    ACTION_CRASH,
    ACTION_ERROR,
    ACTION_PAUSE,
    N_ACTIONS
};

struct point {
    struct gw_slice name; /* in the environment */
    enum action action;
    long at;
    atomic_long n_passed;
};

static struct point points[MAX_POINTS];
static size_t n_points;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static enum action action_of(struct gw_slice word)
{
    static const char *const names[N_ACTIONS] = {
        [ACTION_CRASH] = "crash", [ACTION_ERROR] = "error", [ACTION_PAUSE] = "pause"};
    for (int i = 0; i < N_ACTIONS; i++)
        if (gw_slice_is(word, names[i]))
            return (enum action)i;
    CHECK(false); /* an action is crash, error or pause */
    return N_ACTIONS;
}

/* @item  "point:action:count"; the point may hold colons no more than the rest */
static void add(struct gw_slice item)
{
    const char *first = memchr(item.data, ':', item.len);
    const char *end = item.data + item.len;
    CHECK(first != NULL && n_points < MAX_POINTS);
    const char *second = memchr(first + 1, ':', (size_t)(end - first - 1));
    CHECK(second != NULL);
    struct point *p = &points[n_points++];
    p->name = gw_slice_of(item.data, (size_t)(first - item.data));
    p->action = action_of(gw_slice_of(first + 1, (size_t)(second - first - 1)));
    char *rest;
    p->at = strtol(second + 1, &rest, 10);
    CHECK(rest == end && p->at > 0);
}

static void read_environment(void)
{
    const char *at = getenv("MAILHATCH_FAILPOINTS");
    while (at != NULL && *at != '\0') {
        size_t len = strcspn(at, ",");
        add(gw_slice_of(at, len));
        at += len + (at[len] == ',');
    }
}

static bool is_named(const struct point *p, const char *group, const char *name)
{
    if (name == NULL)
        return gw_slice_is(p->name, group);
    size_t n = strlen(group);
    return p->name.len > n && memcmp(p->name.data, group, n) == 0 && p->name.data[n] == '.' &&
           gw_slice_is(gw_slice_of(p->name.data + n + 1, p->name.len - n - 1), name);
}

bool gw_failpoint_passed(const char *group, const char *name)
{
    bool fails = false;
    CHECK(pthread_once(&once, read_environment) == 0);
    for (size_t i = 0; i < n_points; i++) {
        struct point *p = &points[i];
        if (!is_named(p, group, name) || atomic_fetch_add(&p->n_passed, 1) + 1 != p->at)
            continue;
        if (p->action == ACTION_ERROR)
            fails = true;
        else
            (void)raise(p->action == ACTION_CRASH ? SIGKILL : SIGSTOP);
    }
    return fails;
}

#endif
