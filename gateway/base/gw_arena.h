/* SPDX-License-Identifier: MIT */
/* An arena: many allocations, freed at once. One per message, request or snapshot. Not thread-safe;
 * may move between threads as a whole. */
#ifndef GW_ARENA_H
#define GW_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "gateway/base/gw_slice.h"
#include "gateway/base/gw_status.h"

struct gw_arena;

/* @first_block_size  bytes to reserve at once; a good guess saves blocks, 0 means a small default
 */
struct gw_arena *gw_arena_new(size_t first_block_size);
/* Frees all that was allocated from it and sets the pointer to NULL. NULL inside is fine. */
void gw_arena_free(struct gw_arena **arena);

/* Zeroed, aligned for any type. Never NULL (out of memory ends the process). */
void *gw_arena_alloc(struct gw_arena *arena, size_t size) __attribute__((malloc, alloc_size(2)));
void *gw_arena_calloc(struct gw_arena *arena, size_t count, size_t size)
    __attribute__((malloc, alloc_size(2, 3)));
/* Uninitialised, byte aligned; for text. */
char *gw_arena_bytes(struct gw_arena *arena, size_t size) __attribute__((malloc, alloc_size(2)));
char *gw_arena_strdup(struct gw_arena *arena, const char *s);
/* NULL of NULL. */
char *gw_arena_strdup_or_null(struct gw_arena *arena, const char *s);
/* Copies with a NUL behind that is not counted in len. */
struct gw_slice gw_arena_slice(struct gw_arena *arena, struct gw_slice s);
char *gw_arena_cstr(struct gw_arena *arena, struct gw_slice s);
char *gw_arena_printf(struct gw_arena *arena, const char *fmt, ...) GW_PRINTF(2, 3);
/* Takes over heap memory (gw_malloc, @size bytes) until the arena is freed. */
void gw_arena_adopt(struct gw_arena *arena, void *heap, size_t size);
/* Bytes reserved from the heap so far, adopted ones included. */
size_t gw_arena_size(const struct gw_arena *arena);

#define GW_ARENA_NEW(arena, type)          ((type *)gw_arena_alloc((arena), sizeof(type)))
#define GW_ARENA_ARRAY(arena, type, count) ((type *)gw_arena_calloc((arena), (count), sizeof(type)))

#endif
