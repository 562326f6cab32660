/* SPDX-License-Identifier: MIT */
/* Discarding: the job is in the arena that it frees. */
#include "gateway/discard.h"

#include "gateway/base/gw_mem.h"

struct discard {
    struct gw_work work;
    struct gw_arena *arena;
};

static void run(struct gw_work *w)
{
    struct gw_arena *arena = gw_list_entry(w, struct discard, work)->arena;
    gw_arena_free(&arena);
}

void gw_discard_arena(struct gw_workers *p, struct gw_arena **arena)
{
    if (p == NULL || *arena == NULL || gw_arena_size(*arena) < GW_WORK_LONG_BYTES) {
        gw_arena_free(arena);
        return;
    }
    struct discard *d = GW_ARENA_NEW(*arena, struct discard);
    *d = (struct discard){.work = {.run = run, .is_long = true}, .arena = *arena};
    gw_workers_post(p, &d->work);
    *arena = NULL;
}

void gw_discard_message(struct gw_workers *p, struct gw_message **m)
{
    if (*m == NULL)
        return;
    struct gw_arena *arena = (*m)->arena; /* holds the struct itself */
    *m = NULL;
    gw_discard_arena(p, &arena);
}

void gw_discard_heap(struct gw_workers *p, void *data, size_t size)
{
    if (data == NULL || size < GW_WORK_LONG_BYTES) {
        gw_free(data);
        return;
    }
    struct gw_arena *arena = gw_arena_new(0);
    gw_arena_adopt(arena, data, size);
    gw_discard_arena(p, &arena);
}
