/* SPDX-License-Identifier: MIT */
/* Binary min-heap with known places. */
#include "gateway/store/due_heap.h"

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"

void due_heap_deinit(struct due_heap *h)
{
    gw_free(h->items);
    *h = (struct due_heap){.items = NULL};
}

static void put(struct due_heap *h, size_t i, struct due_entry *e)
{
    h->items[i] = e;
    e->place = i + 1;
}

static void sift_up(struct due_heap *h, size_t i)
{
    struct due_entry *e = h->items[i];
    while (i > 0 && h->items[(i - 1) / 2]->due_ms > e->due_ms) {
        put(h, i, h->items[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    put(h, i, e);
}

static void sift_down(struct due_heap *h, size_t i)
{
    struct due_entry *e = h->items[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= h->n)
            break;
        if (child + 1 < h->n && h->items[child + 1]->due_ms < h->items[child]->due_ms)
            child++;
        if (h->items[child]->due_ms >= e->due_ms)
            break;
        put(h, i, h->items[child]);
        i = child;
    }
    put(h, i, e);
}

void due_heap_add(struct due_heap *h, struct due_entry *e, int64_t due_ms)
{
    PRE(e->place == 0);
    if (h->n == h->cap) {
        h->cap = h->cap != 0 ? h->cap * 2 : 64;
        h->items = gw_realloc(h->items, h->cap * sizeof(struct due_entry *));
    }
    e->due_ms = due_ms;
    put(h, h->n++, e);
    sift_up(h, h->n - 1);
}

void due_heap_remove(struct due_heap *h, struct due_entry *e)
{
    if (e->place == 0)
        return;
    size_t i = e->place - 1;
    e->place = 0;
    struct due_entry *last = h->items[--h->n];
    if (last == e)
        return;
    put(h, i, last);
    sift_up(h, i);
    sift_down(h, last->place - 1);
}

struct due_entry *due_heap_first(const struct due_heap *h)
{
    return h->n != 0 ? h->items[0] : NULL;
}
