/* SPDX-License-Identifier: MIT */
/* Arena allocator: a chain of blocks, the newest first. */
#include "gateway/base/gw_arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"

enum {
    DEFAULT_BLOCK = 2048,
    MAX_GROWTH = 1 << 20
};

struct block {
    struct block *next;
    size_t size, used;
    alignas(max_align_t) char data[];
};

/* Heap memory that came from elsewhere; the record is in the arena. */
struct adopted {
    struct adopted *next;
    void *heap;
};

struct gw_arena {
    struct block *head;
    struct adopted *adopted;
    size_t total, next_size;
};

static struct block *add_block(struct gw_arena *arena, size_t need)
{
    size_t size = need > arena->next_size ? need : arena->next_size;
    struct block *b = gw_malloc(sizeof(*b) + size);
    b->size = size;
    b->used = 0;
    /* An oversized block goes behind the head, so that the head's free room stays in use. */
    if (arena->head != NULL && need > arena->next_size) {
        b->next = arena->head->next;
        arena->head->next = b;
    } else {
        b->next = arena->head;
        arena->head = b;
        if (arena->next_size < MAX_GROWTH)
            arena->next_size *= 2;
    }
    arena->total += size;
    return b;
}

struct gw_arena *gw_arena_new(size_t first_block_size)
{
    struct gw_arena *arena = gw_calloc(1, sizeof(*arena));
    arena->next_size = first_block_size != 0 ? first_block_size : DEFAULT_BLOCK;
    return arena;
}

void gw_arena_free(struct gw_arena **arena)
{
    if (*arena == NULL)
        return;
    for (struct adopted *a = (*arena)->adopted; a != NULL; a = a->next)
        gw_free(a->heap);
    struct block *b = (*arena)->head;
    while (b != NULL) {
        struct block *next = b->next;
        gw_free(b);
        b = next;
    }
    gw_free(*arena);
    *arena = NULL;
}

static char *take(struct gw_arena *arena, size_t size, size_t align)
{
    PRE(size < SIZE_MAX / 2);
    struct block *b = arena->head;
    size_t at = b != NULL ? (b->used + align - 1) & ~(align - 1) : 0;
    if (b == NULL || at > b->size || b->size - at < size) {
        b = add_block(arena, size);
        at = 0;
    }
    b->used = at + size;
    return b->data + at;
}

void *gw_arena_alloc(struct gw_arena *arena, size_t size)
{
    char *p = take(arena, size, alignof(max_align_t));
    memset(p, 0, size);
    return p;
}

void *gw_arena_calloc(struct gw_arena *arena, size_t count, size_t size)
{
    PRE(size == 0 || count <= SIZE_MAX / 2 / size);
    return gw_arena_alloc(arena, count * size);
}

char *gw_arena_bytes(struct gw_arena *arena, size_t size)
{
    return take(arena, size, 1);
}

char *gw_arena_strdup(struct gw_arena *arena, const char *s)
{
    return gw_arena_cstr(arena, gw_slice_str(s));
}

char *gw_arena_strdup_or_null(struct gw_arena *arena, const char *s)
{
    return s != NULL ? gw_arena_strdup(arena, s) : NULL;
}

struct gw_slice gw_arena_slice(struct gw_arena *arena, struct gw_slice s)
{
    return gw_slice_of(gw_arena_cstr(arena, s), s.len);
}

char *gw_arena_cstr(struct gw_arena *arena, struct gw_slice s)
{
    char *p = gw_arena_bytes(arena, s.len + 1);
    if (s.len != 0)
        memcpy(p, s.data, s.len);
    p[s.len] = '\0';
    return p;
}

char *gw_arena_printf(struct gw_arena *arena, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    CHECK(n >= 0);
    char *p = gw_arena_bytes(arena, (size_t)n + 1);
    va_start(ap, fmt);
    (void)vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return p;
}

void gw_arena_adopt(struct gw_arena *arena, void *heap, size_t size)
{
    struct adopted *a = gw_arena_alloc(arena, sizeof(*a));
    *a = (struct adopted){.next = arena->adopted, .heap = heap};
    arena->adopted = a;
    arena->total += size;
}

size_t gw_arena_size(const struct gw_arena *arena)
{
    return arena->total;
}
