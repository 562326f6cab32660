/* SPDX-License-Identifier: MIT */
/* Templates that were sent with lately: each is in memory once, however many messages wait to be
 * made of it. The store is the truth: what is read from it is added, what is changed there is
 * dropped. Loop thread only; the template that a reference stands for may be read in any thread. */
#ifndef GW_TEMPLATE_CACHE_H
#define GW_TEMPLATE_CACHE_H

#include "gateway/id_table.h"
#include "gateway/template.h"

enum {
    /* Octets of memory of those that no message is being made of; those in use, which are as many
     * as the tenants have at most, come on top. Ours. */
    GW_TEMPLATE_CACHE_MAX = 8 << 20
};

struct gw_template_cache {
    struct gw_id_table table; /* by tenant and name */
    struct gw_list by_use;    /* of nobody: the one used last comes first */
    size_t unused_bytes;      /* of these */
};

struct gw_cached_template;

void gw_template_cache_init(struct gw_template_cache *c);
/* Nobody has a reference any more. */
void gw_template_cache_deinit(struct gw_template_cache *c);

/* A reference, or NULL: it has to be read from the store. */
struct gw_cached_template *gw_template_cache_find(struct gw_template_cache *c, const char *tenant,
                                                  const char *name);
/* A reference to @t (copied), which was just read; when another reader was first, to that one. */
struct gw_cached_template *gw_template_cache_add(struct gw_template_cache *c, const char *tenant,
                                                 const struct gw_template *t);
/* It was changed or deleted: who finds it from now on has to read it. */
void gw_template_cache_drop(struct gw_template_cache *c, const char *tenant, const char *name);

const struct gw_template *gw_cached_template(const struct gw_cached_template *t);
/* NULL is fine; sets *t to NULL. */
void gw_cached_template_unref(struct gw_cached_template **t);

#endif
