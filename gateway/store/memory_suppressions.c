/* SPDX-License-Identifier: MIT */
/* Suppression lists in memory. */
#include "gateway/store/memory_suppressions.h"

#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"

enum {
    MAX_STEPS = 20000, /* entries looked at per page */
    ENTRY_ARENA = 256
};

/* Lives in an arena of its own. */
struct entry {
    struct gw_id_node node; /* in suppressions.table, by tenant and address */
    struct gw_list age;     /* in suppressions.ages */
    struct gw_arena *arena;
    const char *tenant;
    struct gw_suppression e;
};

void memory_suppressions_init(struct memory_suppressions *s, const atomic_bool *automatic)
{
    gw_id_table_init(&s->table);
    gw_list_init(&s->ages);
    s->n = 0;
    s->last_seq = 0;
    s->automatic = automatic;
}

static void drop(struct memory_suppressions *s, struct entry *entry)
{
    gw_list_remove(&entry->node.link);
    gw_list_remove(&entry->age);
    struct gw_arena *arena = entry->arena;
    gw_arena_free(&arena);
    s->n--;
}

void memory_suppressions_deinit(struct memory_suppressions *s)
{
    while (!gw_list_empty(&s->ages))
        drop(s, gw_list_entry(s->ages.next, struct entry, age));
}

static char *key_of(struct gw_arena *arena, const char *tenant, const char *email)
{
    return gw_arena_printf(arena, "%s\n%s", tenant, email);
}

static struct entry *find(struct memory_suppressions *s, const char *tenant, const char *email)
{
    struct gw_arena *arena = gw_arena_new(ENTRY_ARENA);
    struct gw_id_node *n = gw_id_table_find(&s->table, key_of(arena, tenant, email));
    gw_arena_free(&arena);
    return n != NULL ? gw_list_entry(n, struct entry, node) : NULL;
}

/* Replaces @old (NULL: there is none), whose place and time stay. */
static struct entry *put(struct memory_suppressions *s, const char *tenant, struct entry *old,
                         const struct gw_suppression *given)
{
    struct gw_arena *arena = gw_arena_new(ENTRY_ARENA);
    struct entry *entry = GW_ARENA_NEW(arena, struct entry);
    entry->arena = arena;
    entry->tenant = gw_arena_strdup(arena, tenant);
    entry->e = gw_suppression_copy(arena, given);
    if (old != NULL) {
        entry->e.seq = old->e.seq;
        entry->e.created_at_ms = old->e.created_at_ms;
        gw_list_push_back(&old->age, &entry->age); /* before it, for a moment */
        drop(s, old);
    } else {
        entry->e.seq = ++s->last_seq;
        if (entry->e.created_at_ms == 0)
            entry->e.created_at_ms = gw_clock_wall_ms();
        gw_list_push_front(&s->ages, &entry->age);
    }
    gw_id_table_add(&s->table, &entry->node, key_of(arena, tenant, given->email));
    s->n++;
    return entry;
}

void memory_suppress_recipients(struct memory_suppressions *s, struct gw_message *m)
{
    if (s->n == 0)
        return;
    struct gw_arena *arena = gw_arena_new(ENTRY_ARENA);
    for (size_t i = 0; i < m->n_rcpts; i++) {
        struct gw_recipient *r = &m->rcpts[i];
        if (!gw_rcpt_status_final(r->status) &&
            find(s, m->tenant, gw_suppression_email(arena, r->email)) != NULL)
            gw_recipient_suppress(r, gw_clock_wall_ms());
    }
    gw_arena_free(&arena);
}

void memory_suppress_after(struct memory_suppressions *s, const struct gw_event *e)
{
    if (!atomic_load(s->automatic))
        return;
    struct gw_arena *arena = gw_arena_new(ENTRY_ARENA);
    struct gw_suppression entry;
    if (s->n < GW_STORE_MEMORY_MAX_SUPPRESSIONS && gw_suppression_of_event(arena, e, &entry) &&
        find(s, e->tenant, entry.email) == NULL)
        (void)put(s, e->tenant, NULL, &entry);
    gw_arena_free(&arena);
}

/* @max_found  entries the answer may hold */
static struct memory_reply answer(size_t max_found, gw_store_suppressions_cb cb, void *data)
{
    PRE(max_found > 0 && max_found <= GW_SUPPRESSIONS_MAX);
    struct memory_reply r = {.call = memory_reply_suppressions,
                             .status = GW_OK,
                             .arena = gw_arena_new(0),
                             .cb.suppressions = cb,
                             .data = data};
    r.suppressions = GW_ARENA_ARRAY(r.arena, struct gw_suppression, max_found);
    return r;
}

static void add_found(struct memory_reply *r, const struct entry *entry)
{
    r->suppressions[r->n++] = gw_suppression_copy(r->arena, &entry->e);
}

struct memory_reply memory_suppress(struct memory_suppressions *s, const char *tenant,
                                    const struct gw_suppression *entries, size_t n,
                                    gw_store_suppressions_cb cb, void *data)
{
    struct memory_reply r = answer(n, cb, data);
    for (size_t i = 0; i < n; i++)
        r.cursor += find(s, tenant, entries[i].email) == NULL;
    if (s->n + (size_t)r.cursor > GW_STORE_MEMORY_MAX_SUPPRESSIONS)
        r.status = GW_BUSY;
    for (size_t i = 0; i < n && r.status == GW_OK; i++)
        add_found(&r, put(s, tenant, find(s, tenant, entries[i].email), &entries[i]));
    return r;
}

struct memory_reply memory_unsuppress(struct memory_suppressions *s, const char *tenant,
                                      const char *const *emails, size_t n,
                                      gw_store_suppressions_cb cb, void *data)
{
    struct memory_reply r = answer(n, cb, data);
    for (size_t i = 0; i < n; i++) {
        struct entry *entry = find(s, tenant, emails[i]);
        if (entry == NULL)
            continue;
        add_found(&r, entry);
        drop(s, entry);
    }
    r.status = r.n != 0 ? GW_OK : GW_NOTFOUND;
    return r;
}

/* Whether it is on the page, the number of entries there aside. */
static bool is_on_page(const struct gw_suppression_query *q, const struct entry *entry)
{
    return strcmp(q->tenant, entry->tenant) == 0 &&
           (q->reason < 0 || q->reason == (int)entry->e.reason) &&
           (q->cursor == 0 || entry->e.seq < q->cursor);
}

struct memory_reply memory_list_suppressions(struct memory_suppressions *s,
                                             const struct gw_suppression_query *q,
                                             gw_store_suppressions_cb cb, void *data)
{
    struct memory_reply r = answer(q->limit, cb, data);
    if (q->email != NULL) {
        const struct entry *entry = find(s, q->tenant, q->email);
        if (entry != NULL && is_on_page(q, entry))
            add_found(&r, entry);
        return r;
    }
    size_t steps = 0;
    int64_t last = 0;
    gw_list_foreach (it, &s->ages) {
        const struct entry *entry = gw_list_entry(it, struct entry, age);
        if (q->cursor != 0 && entry->e.seq >= q->cursor)
            continue;
        if (r.n == q->limit || steps++ == MAX_STEPS) {
            r.cursor = last;
            break;
        }
        last = entry->e.seq;
        if (is_on_page(q, entry))
            add_found(&r, entry);
    }
    return r;
}
