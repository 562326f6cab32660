/* SPDX-License-Identifier: MIT */
/* Templates in memory: as many as the tenants may have. */
#include "gateway/store/memory_templates.h"

#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"

/* Lives in an arena of its own. */
struct entry {
    struct gw_list age; /* in templates.ages */
    struct gw_arena *arena;
    const char *tenant;
    struct gw_template t;
};

void memory_templates_init(struct memory_templates *s)
{
    gw_list_init(&s->ages);
    s->last_seq = 0;
}

static void drop(struct entry *entry)
{
    gw_list_remove(&entry->age);
    struct gw_arena *arena = entry->arena;
    gw_arena_free(&arena);
}

void memory_templates_deinit(struct memory_templates *s)
{
    while (!gw_list_empty(&s->ages))
        drop(gw_list_entry(s->ages.next, struct entry, age));
}

static struct entry *find(const struct memory_templates *s, const char *tenant, const char *name)
{
    gw_list_foreach (it, &s->ages) {
        struct entry *entry = gw_list_entry(it, struct entry, age);
        if (strcmp(entry->tenant, tenant) == 0 && strcmp(entry->t.name, name) == 0)
            return entry;
    }
    return NULL;
}

/* Whether the tenant has room for @t in place of @old (NULL: there is none). */
static bool has_room(const struct memory_templates *s, const char *tenant, const struct entry *old,
                     const struct gw_template *t)
{
    size_t n = 1;
    size_t size = t->size_bytes;
    gw_list_foreach (it, &s->ages) {
        const struct entry *entry = gw_list_entry(it, struct entry, age);
        if (strcmp(entry->tenant, tenant) != 0 || entry == old)
            continue;
        n++;
        size += entry->t.size_bytes;
    }
    return n <= GW_MAX_TEMPLATES && size <= GW_MAX_TEMPLATES_SIZE;
}

/* Replaces @old (NULL: there is none), whose place and time stay. */
static struct entry *put(struct memory_templates *s, const char *tenant, struct entry *old,
                         const struct gw_template *given)
{
    int64_t now = gw_clock_wall_ms();
    struct gw_arena *arena = gw_arena_new(0);
    struct entry *entry = GW_ARENA_NEW(arena, struct entry);
    entry->arena = arena;
    entry->tenant = gw_arena_strdup(arena, tenant);
    entry->t = gw_template_copy(arena, given);
    entry->t.seq = old != NULL ? old->t.seq : ++s->last_seq;
    entry->t.created_at_ms = old != NULL ? old->t.created_at_ms : now;
    entry->t.updated_at_ms = now;
    if (old != NULL) {
        gw_list_push_back(&old->age, &entry->age); /* before it, for a moment */
        drop(old);
    } else {
        gw_list_push_front(&s->ages, &entry->age);
    }
    return entry;
}

/* @max_found  templates the answer may hold */
static struct memory_reply answer(size_t max_found, gw_store_templates_cb cb, void *data)
{
    PRE(max_found > 0 && max_found <= GW_TEMPLATES_MAX);
    struct memory_reply r = {.call = memory_reply_templates,
                             .status = GW_OK,
                             .arena = gw_arena_new(0),
                             .cb.templates = cb,
                             .data = data};
    r.templates = GW_ARENA_ARRAY(r.arena, struct gw_template, max_found);
    return r;
}

static void add_found(struct memory_reply *r, const struct gw_template *t, bool with_texts)
{
    struct gw_template shown = *t;
    if (!with_texts)
        shown.subject = shown.text = shown.html = NULL;
    r->templates[r->n++] = gw_template_copy(r->arena, &shown);
}

struct memory_reply memory_put_template(struct memory_templates *s, const char *tenant,
                                        const struct gw_template *t, gw_store_templates_cb cb,
                                        void *data)
{
    struct memory_reply r = answer(1, cb, data);
    struct entry *old = find(s, tenant, t->name);
    r.cursor = old == NULL;
    if (has_room(s, tenant, old, t))
        add_found(&r, &put(s, tenant, old, t)->t, false);
    else
        r.status = GW_TOOBIG;
    return r;
}

enum gw_status memory_delete_template(struct memory_templates *s, const char *tenant,
                                      const char *name)
{
    struct entry *entry = find(s, tenant, name);
    if (entry == NULL)
        return GW_NOTFOUND;
    drop(entry);
    return GW_OK;
}

struct memory_reply memory_list_templates(struct memory_templates *s,
                                          const struct gw_template_query *q,
                                          gw_store_templates_cb cb, void *data)
{
    struct memory_reply r = answer(q->limit, cb, data);
    if (q->name != NULL) {
        const struct entry *entry = find(s, q->tenant, q->name);
        if (entry != NULL)
            add_found(&r, &entry->t, true);
        return r;
    }
    gw_list_foreach (it, &s->ages) {
        const struct entry *entry = gw_list_entry(it, struct entry, age);
        if (strcmp(q->tenant, entry->tenant) != 0 || (q->cursor != 0 && entry->t.seq >= q->cursor))
            continue;
        if (r.n == q->limit) {
            r.cursor = r.templates[r.n - 1].seq;
            break;
        }
        add_found(&r, &entry->t, false);
    }
    return r;
}
