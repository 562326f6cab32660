/* SPDX-License-Identifier: MIT */
/* Things found by message id: an intrusive hash table of fixed width. Several nodes may share an
 * id. */
#ifndef GW_ID_TABLE_H
#define GW_ID_TABLE_H

#include <stdint.h>
#include <string.h>

#include "gateway/base/gw_list.h"

enum {
    GW_ID_TABLE_BUCKETS = 1024
};

struct gw_id_node {
    struct gw_list link;
    const char *id; /* lives as long as the node is in the table */
};

struct gw_id_table {
    struct gw_list buckets[GW_ID_TABLE_BUCKETS];
};

static inline void gw_id_table_init(struct gw_id_table *t)
{
    for (size_t i = 0; i < GW_ID_TABLE_BUCKETS; i++)
        gw_list_init(&t->buckets[i]);
}

/* The bucket of @id, to walk with gw_list_foreach_safe; compare ids yourself. */
static inline struct gw_list *gw_id_table_bucket(struct gw_id_table *t, const char *id)
{
    uint32_t h = 2166136261U; /* FNV-1a: ids are our own random UUIDs */
    for (; *id != '\0'; id++)
        h = (h ^ (unsigned char)*id) * 16777619U;
    return &t->buckets[h % GW_ID_TABLE_BUCKETS];
}

static inline void gw_id_table_add(struct gw_id_table *t, struct gw_id_node *n, const char *id)
{
    n->id = id;
    gw_list_push_back(gw_id_table_bucket(t, id), &n->link);
}

/* First node with @id, or NULL. */
static inline struct gw_id_node *gw_id_table_find(struct gw_id_table *t, const char *id)
{
    struct gw_list *bucket = gw_id_table_bucket(t, id);
    gw_list_foreach (it, bucket) {
        struct gw_id_node *n = gw_list_entry(it, struct gw_id_node, link);
        if (strcmp(n->id, id) == 0)
            return n;
    }
    return NULL;
}

#endif
