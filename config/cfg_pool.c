/* SPDX-License-Identifier: MIT */
/* An arena that knows which of its bytes are secret. */
#include "config/cfg_pool.h"

#include <string.h>

#include "gateway/base/gw_mem.h"

struct cfg_secret_bytes {
    struct cfg_secret_bytes *next;
    size_t size;
    char *data;
};

void cfg_pool_init(struct cfg_pool *p)
{
    *p = (struct cfg_pool){.arena = gw_arena_new(0)};
}

void cfg_pool_deinit(struct cfg_pool *p)
{
    for (struct cfg_secret_bytes *s = p->secrets; s != NULL; s = s->next)
        gw_wipe(s->data, s->size);
    p->secrets = NULL;
    gw_arena_free(&p->arena);
}

char *cfg_pool_secret(struct cfg_pool *p, size_t size)
{
    struct cfg_secret_bytes *s = GW_ARENA_NEW(p->arena, struct cfg_secret_bytes);
    s->data = gw_arena_bytes(p->arena, size);
    memset(s->data, 0, size);
    s->size = size;
    s->next = p->secrets;
    p->secrets = s;
    return s->data;
}

char *cfg_pool_secret_text(struct cfg_pool *p, struct gw_slice text)
{
    char *copy = cfg_pool_secret(p, text.len + 1);
    if (text.len != 0)
        memcpy(copy, text.data, text.len);
    return copy;
}
