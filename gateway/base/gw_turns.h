/* SPDX-License-Identifier: MIT */
/* Turns in a queue that many share: of those who wait, each has one after the other, however many
 * things somebody has in it. Who has nothing waiting is next after those whose turn it is now; who
 * is alone has every turn, in order.
 *
 * Each thing gets a number when it is queued and is taken in the order of numbers (start-time fair
 * queueing; Goyal, Vin, Cheng 1996, with all things of one size). */
#ifndef GW_TURNS_H
#define GW_TURNS_H

#include <stdint.h>

enum {
    GW_TURNS_FLOWS = 64 /* who shares; two of the same remainder share their turns, too */
};

/* All zero to begin with. */
struct gw_turns {
    uint64_t now; /* the number taken last */
    uint64_t last[GW_TURNS_FLOWS];
};

/* The flow of somebody, by name (FNV-1a). */
static inline uint32_t gw_turns_flow(const char *name)
{
    uint32_t h = 2166136261U;
    for (; *name != '\0'; name++)
        h = (h ^ (unsigned char)*name) * 16777619U;
    return h;
}

/* The number of one more thing of @flow. It goes behind all that have no higher one. */
static inline uint64_t gw_turns_next(struct gw_turns *t, uint32_t flow)
{
    uint64_t *last = &t->last[flow % GW_TURNS_FLOWS];
    *last = (*last > t->now ? *last : t->now) + 1;
    return *last;
}

/* A thing of that number leaves the queue. */
static inline void gw_turns_taken(struct gw_turns *t, uint64_t number)
{
    if (number > t->now)
        t->now = number;
}

#endif
