/* SPDX-License-Identifier: MIT */
/* Events and attempts in memory. */
#include "gateway/store/memory_history.h"

#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"

enum {
    MAX_STEPS = 20000, /* events looked at per query */
    EVENT_ARENA = 512
};

/* Both live in an arena of their own. */
struct memory_event {
    struct gw_list link;       /* in history.events */
    struct gw_list trail_link; /* in trail.events, or unlinked */
    struct gw_arena *arena;
    const struct memory_trail *trail; /* NULL: about a relay or a webhook */
    struct gw_event e;
};

struct memory_attempt {
    struct gw_list link;
    struct gw_arena *arena;
    struct gw_attempt_log a;
};

void memory_history_init(struct memory_history *h, struct memory_suppressions *suppressions)
{
    *h = (struct memory_history){.suppressions = suppressions};
    gw_list_init(&h->events);
}

void memory_trail_init(struct memory_trail *t)
{
    *t = (struct memory_trail){.n_attempts = 0};
    gw_list_init(&t->events);
    gw_list_init(&t->attempts);
}

static void forget_event(struct memory_history *h, struct memory_event *e)
{
    gw_list_remove(&e->link);
    gw_list_remove(&e->trail_link);
    h->n_events--;
    struct gw_arena *arena = e->arena;
    gw_arena_free(&arena);
}

static void forget_attempt(struct memory_trail *t, struct memory_attempt *a)
{
    gw_list_remove(&a->link);
    t->n_attempts--;
    struct gw_arena *arena = a->arena;
    gw_arena_free(&arena);
}

void memory_trail_deinit(struct memory_history *h, struct memory_trail *t)
{
    while (!gw_list_empty(&t->events))
        forget_event(h, gw_list_entry(t->events.next, struct memory_event, trail_link));
    while (!gw_list_empty(&t->attempts))
        forget_attempt(t, gw_list_entry(t->attempts.next, struct memory_attempt, link));
}

struct note {
    struct memory_history *history;
    struct memory_trail *trail;
    bool any;
};

/* @t  of the message that it is about, or NULL */
static void keep_event(struct memory_history *h, struct memory_trail *t,
                       const struct gw_event *event)
{
    struct gw_arena *arena = gw_arena_new(EVENT_ARENA);
    struct memory_event *e = GW_ARENA_NEW(arena, struct memory_event);
    e->arena = arena;
    e->trail = t;
    e->e = gw_event_copy(arena, event);
    e->e.seq = ++h->last_seq;
    gw_list_push_back(&h->events, &e->link);
    if (t != NULL)
        gw_list_push_back(&t->events, &e->trail_link);
    if (++h->n_events > GW_STORE_MEMORY_MAX_EVENTS)
        forget_event(h, gw_list_entry(h->events.next, struct memory_event, link));
}

void memory_history_add(struct memory_history *h, const struct gw_event *event)
{
    keep_event(h, NULL, event);
}

void memory_history_deinit(struct memory_history *h)
{
    while (!gw_list_empty(&h->events))
        forget_event(h, gw_list_entry(h->events.next, struct memory_event, link));
}

static void add_event(const struct gw_event *event, size_t rcpt, void *data)
{
    struct note *note = data;
    (void)rcpt;
    keep_event(note->history, note->trail, event);
    note->any = true;
    memory_suppress_after(note->history->suppressions, event);
}

bool memory_history_note(struct memory_history *h, struct memory_trail *t,
                         const struct gw_recipient *before, const struct gw_message *after)
{
    struct note note = {.history = h, .trail = t};
    t->tags = after->tags;
    t->n_tags = after->n_tags;
    gw_history_events(before, after, gw_clock_wall_ms(), add_event, &note);
    return note.any;
}

void memory_trail_add_attempts(struct memory_trail *t, const struct gw_attempt_log *attempts,
                               size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct gw_arena *arena = gw_arena_new(EVENT_ARENA);
        struct memory_attempt *a = GW_ARENA_NEW(arena, struct memory_attempt);
        a->arena = arena;
        a->a = gw_attempt_log_copy(arena, &attempts[i]);
        gw_list_push_back(&t->attempts, &a->link);
        if (++t->n_attempts > GW_STORE_MEMORY_MAX_ATTEMPTS)
            forget_attempt(t, gw_list_entry(t->attempts.next, struct memory_attempt, link));
    }
}

const struct gw_attempt_log *memory_trail_attempts(const struct memory_trail *t,
                                                   struct gw_arena *arena)
{
    struct gw_attempt_log *all = GW_ARENA_ARRAY(arena, struct gw_attempt_log, t->n_attempts);
    size_t n = 0;
    gw_list_foreach (it, &t->attempts)
        all[n++] = gw_attempt_log_copy(arena, &gw_list_entry(it, struct memory_attempt, link)->a);
    return all;
}

static bool has_tag(const struct memory_trail *t, const char *tag)
{
    for (size_t i = 0; t != NULL && i < t->n_tags; i++)
        if (gw_slice_is(t->tags[i], tag))
            return true;
    return false;
}

static bool matches(const struct memory_event *e, const struct gw_event_query *q)
{
    bool tenant = (q->operations && e->trail == NULL) || q->tenant == NULL ||
                  q->tenant[0] == '\0' || strcmp(q->tenant, e->e.tenant) == 0;
    bool type = q->types == 0 || (q->types & (1U << e->e.type)) != 0;
    bool then = e->e.at_ms >= q->since_ms && (q->until_ms == 0 || e->e.at_ms < q->until_ms);
    return tenant && type && then && (q->tag == NULL || has_tag(e->trail, q->tag));
}

struct gw_event_page memory_history_find(const struct memory_history *h,
                                         const struct memory_trail *trail,
                                         const struct gw_event_query *query, struct gw_arena *arena)
{
    struct gw_event_page page = {.events = GW_ARENA_ARRAY(arena, struct gw_event, query->max),
                                 .next =
                                     query->after != GW_EVENTS_LATEST ? query->after : h->last_seq};
    size_t steps = 0;
    const struct gw_list *head = trail != NULL ? &trail->events : &h->events;
    for (struct gw_list *it = head->next; it != head; it = it->next) {
        const struct memory_event *e = trail != NULL
                                           ? gw_list_entry(it, struct memory_event, trail_link)
                                           : gw_list_entry(it, struct memory_event, link);
        if (e->e.seq <= page.next)
            continue;
        if (page.n == query->max || steps++ == MAX_STEPS) {
            page.more = true;
            break;
        }
        if (matches(e, query))
            page.events[page.n++] = gw_event_copy(arena, &e->e);
        page.next = e->e.seq;
    }
    return page;
}
