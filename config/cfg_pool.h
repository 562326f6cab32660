/* SPDX-License-Identifier: MIT */
/* An arena that knows which of its bytes are secret, and wipes them before it goes. */
#ifndef CFG_POOL_H
#define CFG_POOL_H

#include <stddef.h>

#include "gateway/base/gw_arena.h"

struct cfg_pool {
    struct gw_arena *arena;
    struct cfg_secret_bytes *secrets;
};

void cfg_pool_init(struct cfg_pool *p);
/* Wipes the secrets and frees everything. */
void cfg_pool_deinit(struct cfg_pool *p);
/* @size bytes, zeroed, wiped at deinit. */
char *cfg_pool_secret(struct cfg_pool *p, size_t size);
/* NUL-terminated copy, wiped at deinit. */
char *cfg_pool_secret_text(struct cfg_pool *p, struct gw_slice text);

#endif
