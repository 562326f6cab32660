/* SPDX-License-Identifier: MIT */
/* The share of one relay in the messages that are in memory. A relay that is slow or silent fills
 * its own lane only; what comes for it then waits in the store, and comes back at about the pace at
 * which the lane empties. Pure; tested in tests/unit/gateway/test_lane.c. */
#ifndef GW_LANE_H
#define GW_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    GW_LANE_MAX = 256,               /* transactions of one relay in hand; ours */
    GW_LANE_MIN_WAIT_MS = 500,       /* of what finds its lane full; ours */
    GW_LANE_MAX_WAIT_MS = 60 * 1000, /* a relay that got faster is not left idle for longer; ours */
    GW_LANE_FIRST_INTERVAL_MS = 20   /* between two that leave, until it was seen; ours */
};

/* All zero to begin with. */
struct gw_lane {
    size_t in_hand;
    double interval_ms; /* between two that leave, smoothed; 0: not seen yet */
    int64_t left_at_ms; /* when the last one left, monotonic */
    int64_t tail_ms;    /* when the last one that was told to wait comes back, monotonic */
};

void gw_lane_enter(struct gw_lane *l);
void gw_lane_leave(struct gw_lane *l, int64_t now_ms);
bool gw_lane_is_full(const struct gw_lane *l);

/* How long the next one that finds the lane full waits, GW_LANE_MIN_WAIT_MS to GW_LANE_MAX_WAIT_MS.
 * @random01  in [0, 1): spreads those that would all wait the longest */
int64_t gw_lane_wait_ms(struct gw_lane *l, int64_t now_ms, double random01);

#endif
