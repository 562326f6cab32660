/* SPDX-License-Identifier: MIT */
/* Idempotency keys of the memory engine: a day each, a bounded number, oldest forgotten first. */
#ifndef GW_STORE_MEMORY_KEYS_H
#define GW_STORE_MEMORY_KEYS_H

#include "gateway/id_table.h"
#include "gateway/store.h"

struct memory_keys {
    struct gw_id_table table;
    struct gw_list ages; /* oldest first */
    size_t n;
};

void memory_keys_init(struct memory_keys *keys);
void memory_keys_deinit(struct memory_keys *keys);
void memory_keys_add(struct memory_keys *keys, const struct gw_idempotency *i,
                     const struct gw_message *m);
/* GW_OK or GW_NOTFOUND. */
enum gw_status memory_keys_find(struct memory_keys *keys, const char *key,
                                char id_out[GW_UUID_SIZE],
                                unsigned char fingerprint_out[GW_FINGERPRINT_SIZE]);

#endif
