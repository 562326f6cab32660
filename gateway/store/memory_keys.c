/* SPDX-License-Identifier: MIT */
/* Idempotency keys in memory. */
#include "gateway/store/memory_keys.h"

#include <string.h>

#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_mem.h"

/* The key a message was sent with. */
struct key_row {
    struct gw_id_node node; /* in keys.table, by key */
    struct gw_list age;     /* in keys.ages */
    char *key;
    unsigned char fingerprint[GW_FINGERPRINT_SIZE];
    char id[GW_UUID_SIZE];
    int64_t created_ms;
};

void memory_keys_init(struct memory_keys *keys)
{
    gw_id_table_init(&keys->table);
    gw_list_init(&keys->ages);
    keys->n = 0;
}

static void drop(struct memory_keys *keys, struct key_row *k)
{
    gw_list_remove(&k->node.link);
    gw_list_remove(&k->age);
    gw_free(k->key);
    gw_free(k);
    keys->n--;
}

void memory_keys_deinit(struct memory_keys *keys)
{
    while (!gw_list_empty(&keys->ages))
        drop(keys, gw_list_entry(keys->ages.next, struct key_row, age));
}

static void forget_old(struct memory_keys *keys)
{
    int64_t before = gw_clock_wall_ms() - GW_IDEMPOTENCY_KEPT_MS;
    while (!gw_list_empty(&keys->ages)) {
        struct key_row *oldest = gw_list_entry(keys->ages.next, struct key_row, age);
        if (oldest->created_ms >= before && keys->n < GW_STORE_MEMORY_MAX_MESSAGES)
            return;
        drop(keys, oldest);
    }
}

void memory_keys_add(struct memory_keys *keys, const struct gw_idempotency *i,
                     const struct gw_message *m)
{
    forget_old(keys);
    struct key_row *k = gw_calloc(1, sizeof(*k));
    k->key = gw_strdup(i->key);
    memcpy(k->fingerprint, i->fingerprint, sizeof(k->fingerprint));
    memcpy(k->id, m->id, sizeof(k->id));
    k->created_ms = m->created_at_ms;
    gw_id_table_add(&keys->table, &k->node, k->key);
    gw_list_push_back(&keys->ages, &k->age);
    keys->n++;
}

enum gw_status memory_keys_find(struct memory_keys *keys, const char *key,
                                char id_out[GW_UUID_SIZE],
                                unsigned char fingerprint_out[GW_FINGERPRINT_SIZE])
{
    forget_old(keys);
    struct gw_id_node *n = gw_id_table_find(&keys->table, key);
    if (n == NULL)
        return GW_NOTFOUND;
    const struct key_row *k = gw_list_entry(n, struct key_row, node);
    memcpy(id_out, k->id, sizeof(k->id));
    memcpy(fingerprint_out, k->fingerprint, sizeof(k->fingerprint));
    return GW_OK;
}
