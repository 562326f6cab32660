/* SPDX-License-Identifier: MIT */
/* What signing and verifying with libopendkim share; for gateway/dkim_lib.c and dkim_verify.c. */
#ifndef GW_DKIM_LIB_INTERNAL_H
#define GW_DKIM_LIB_INTERNAL_H

#include <string.h>

#include <dkim.h>

#include "gateway/base/gw_arena.h"
#include "gateway/dkim_lib.h"

/* For dkim_init(): everything one handle allocates comes from the arena given as its closure. */
static inline void *gw_dkim_lib_malloc(void *arena, size_t size)
{
    return gw_arena_alloc((struct gw_arena *)arena, size);
}

static inline void gw_dkim_lib_free(void *arena, void *p)
{
    (void)arena;
    (void)p;
}

/* libopendkim takes its input as unsigned char * without const, and only reads it. */
static inline unsigned char *gw_dkim_lib_bytes(const void *p)
{
    unsigned char *bytes = NULL;
    memcpy(&bytes, &p, sizeof(bytes));
    return bytes;
}

/* The message into @dkim, up to but not including dkim_eom(). */
static inline DKIM_STAT gw_dkim_lib_feed(DKIM *dkim, const struct gw_dkim_fields *fields)
{
    DKIM_STAT st = DKIM_STAT_OK;
    for (size_t i = 0; i < fields->n && st == DKIM_STAT_OK; i++)
        st = dkim_header(dkim, gw_dkim_lib_bytes(fields->items[i].data), fields->items[i].len);
    if (st == DKIM_STAT_OK)
        st = dkim_eoh(dkim);
    if (st == DKIM_STAT_OK && fields->body.len != 0)
        st = dkim_body(dkim, gw_dkim_lib_bytes(fields->body.data), fields->body.len);
    return st;
}

#endif
