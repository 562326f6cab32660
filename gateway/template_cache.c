/* SPDX-License-Identifier: MIT */
/* Templates in memory, counted by who uses them; of the others the ones used last. */
#include "gateway/template_cache.h"

#include "gateway/base/gw_check.h"

/* Lives in an arena of its own. */
struct gw_cached_template {
    struct gw_id_node node;          /* in the table; alone when it was dropped */
    struct gw_list use;              /* in by_use while nobody has a reference */
    struct gw_template_cache *cache; /* NULL when it was dropped */
    struct gw_arena *arena;
    size_t n_refs;
    struct gw_template t;
};

void gw_template_cache_init(struct gw_template_cache *c)
{
    gw_id_table_init(&c->table);
    gw_list_init(&c->by_use);
    c->unused_bytes = 0;
}

/* What it takes in memory. */
static size_t size_of(const struct gw_cached_template *t)
{
    return gw_arena_size(t->arena);
}

static void free_template(struct gw_cached_template *t)
{
    struct gw_arena *arena = t->arena;
    gw_arena_free(&arena);
}

/* It cannot be found any more; it is freed when nobody uses it. */
static void drop(struct gw_cached_template *t)
{
    struct gw_template_cache *c = t->cache;
    gw_list_remove(&t->node.link);
    gw_list_remove(&t->use);
    t->cache = NULL;
    if (t->n_refs != 0)
        return;
    c->unused_bytes -= size_of(t);
    free_template(t);
}

static void shrink(struct gw_template_cache *c, size_t max)
{
    while (c->unused_bytes > max)
        drop(gw_list_entry(c->by_use.prev, struct gw_cached_template, use));
}

void gw_template_cache_deinit(struct gw_template_cache *c)
{
    shrink(c, 0);
    CHECK(c->unused_bytes == 0);
}

static char *key_of(struct gw_arena *arena, const char *tenant, const char *name)
{
    return gw_arena_printf(arena, "%s\n%s", tenant, name);
}

static struct gw_cached_template *look_up(struct gw_template_cache *c, const char *tenant,
                                          const char *name)
{
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_id_node *n = gw_id_table_find(&c->table, key_of(arena, tenant, name));
    gw_arena_free(&arena);
    return n != NULL ? gw_list_entry(n, struct gw_cached_template, node) : NULL;
}

static struct gw_cached_template *ref(struct gw_cached_template *t)
{
    if (t->n_refs++ == 0) {
        gw_list_remove(&t->use);
        t->cache->unused_bytes -= size_of(t);
    }
    return t;
}

struct gw_cached_template *gw_template_cache_find(struct gw_template_cache *c, const char *tenant,
                                                  const char *name)
{
    struct gw_cached_template *t = look_up(c, tenant, name);
    return t != NULL ? ref(t) : NULL;
}

struct gw_cached_template *gw_template_cache_add(struct gw_template_cache *c, const char *tenant,
                                                 const struct gw_template *t)
{
    struct gw_cached_template *there = look_up(c, tenant, t->name);
    if (there != NULL)
        return ref(there);
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_cached_template *made = GW_ARENA_NEW(arena, struct gw_cached_template);
    made->arena = arena;
    made->cache = c;
    made->n_refs = 1;
    made->t = gw_template_copy(arena, t);
    gw_list_init(&made->use);
    gw_id_table_add(&c->table, &made->node, key_of(arena, tenant, t->name));
    return made;
}

void gw_template_cache_drop(struct gw_template_cache *c, const char *tenant, const char *name)
{
    struct gw_cached_template *t = look_up(c, tenant, name);
    if (t != NULL)
        drop(t);
}

const struct gw_template *gw_cached_template(const struct gw_cached_template *t)
{
    return &t->t;
}

void gw_cached_template_unref(struct gw_cached_template **t)
{
    struct gw_cached_template *mine = *t;
    *t = NULL;
    if (mine == NULL || --mine->n_refs != 0)
        return;
    if (mine->cache == NULL) {
        free_template(mine);
        return;
    }
    gw_list_push_front(&mine->cache->by_use, &mine->use);
    mine->cache->unused_bytes += size_of(mine);
    shrink(mine->cache, GW_TEMPLATE_CACHE_MAX);
}
