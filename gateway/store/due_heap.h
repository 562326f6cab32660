/* SPDX-License-Identifier: MIT */
/* A binary min-heap of things that fall due, ordered by time. Entries know their place, so that any
 * of them can be removed. */
#ifndef GW_STORE_DUE_HEAP_H
#define GW_STORE_DUE_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct due_entry {
    int64_t due_ms;
    size_t place; /* 1 + index in the heap; 0: not in it */
};

struct due_heap {
    struct due_entry **items;
    size_t n, cap;
};

void due_heap_deinit(struct due_heap *h);
/* @e  not in the heap; borrowed until removed */
void due_heap_add(struct due_heap *h, struct due_entry *e, int64_t due_ms);
/* Idempotent. */
void due_heap_remove(struct due_heap *h, struct due_entry *e);
/* The earliest, or NULL. */
struct due_entry *due_heap_first(const struct due_heap *h);

#endif
