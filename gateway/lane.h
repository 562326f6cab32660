/* SPDX-License-Identifier: MIT */
/* The share of one relay in the messages that are in memory. A relay that is slow or silent fills
 * its own lane only; what comes for it then waits in the store, and comes back at about the pace at
 * which the lane empties. Nor does one tenant fill a lane for the others: each has its share.
 *
 * Many slow relays must not fill the memory either: when it gets tight, a lane may hold as many as
 * have left it quickly of late. A relay that nothing is known of begins with one; the last quarter
 * is for those that have proved themselves. Pure; tested in tests/unit/gateway/test_lane.c. */
#ifndef GW_LANE_H
#define GW_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/gw_turns.h"

enum {
    GW_LANE_MAX = 256,               /* transactions of one relay in hand; ours */
    GW_LANE_SHARE = 8,               /* of one tenant, whoever else fills the lane; ours */
    GW_LANE_RESERVE = 64,            /* over GW_LANE_MAX, for those; ours */
    GW_LANE_QUICK_MS = 5000,         /* one that takes longer is no recommendation; ours */
    GW_LANE_MIN_WAIT_MS = 500,       /* of what finds its lane full; ours */
    GW_LANE_MAX_WAIT_MS = 60 * 1000, /* a relay that got faster is not left idle for longer; ours */
    GW_LANE_FIRST_INTERVAL_MS = 20   /* between two that leave, until it was seen; ours */
};

/* How full the memory is that all lanes share. */
enum gw_lane_room {
    GW_LANE_AMPLE,
    GW_LANE_TIGHT, /* over GW_LANE_AMPLE_SHARE of it is taken */
    GW_LANE_SCARCE /* over GW_LANE_TIGHT_SHARE */
};
#define GW_LANE_AMPLE_SHARE 0.25
#define GW_LANE_TIGHT_SHARE 0.75

/* All zero to begin with. */
struct gw_lane {
    size_t in_hand;
    size_t of_flow[GW_TURNS_FLOWS]; /* of those; a flow is a tenant (gw_turns.h) */
    size_t credit;       /* how many were quick, up to GW_LANE_MAX; a slow one halves it */
    int64_t moved_at_ms; /* when one left last, or came to the empty lane, monotonic */
    bool was_full;       /* since then */
    double interval_ms;  /* between two that leave the full lane, smoothed; 0: not seen yet */
    int64_t tail_ms;     /* when the last one that was told to wait comes back, monotonic */
};

void gw_lane_enter(struct gw_lane *l, uint32_t flow, int64_t now_ms);
void gw_lane_leave(struct gw_lane *l, uint32_t flow, int64_t now_ms);
/* The relay had one of its transactions for so long. */
void gw_lane_took(struct gw_lane *l, int64_t ms);
/* For one more of @flow. Who has less than its share in an ample lane finds the reserve. */
bool gw_lane_is_full(const struct gw_lane *l, uint32_t flow, enum gw_lane_room room,
                     int64_t now_ms);
/* @taken  share of the memory that is taken, 0 to 1 */
enum gw_lane_room gw_lane_room(double taken);

/* How long the next one that finds the lane full waits, GW_LANE_MIN_WAIT_MS to GW_LANE_MAX_WAIT_MS:
 * behind all who wait already, at the lane's pace; where it stands still, in steps as long as it
 * has done so.
 * @random01  in [0, 1): spreads those that would all wait the longest */
int64_t gw_lane_wait_ms(struct gw_lane *l, int64_t now_ms, double random01);

#endif
