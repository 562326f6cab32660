/* SPDX-License-Identifier: MIT */
/* Lanes: counting, and a line of those who wait. */
#include "gateway/lane.h"

#include "gateway/base/gw_check.h"

#define SMOOTHING 0.1 /* weight of the newest interval */

void gw_lane_enter(struct gw_lane *l)
{
    /* an empty lane says nothing about the pace */
    if (l->in_hand++ == 0)
        l->left_at_ms = 0;
}

void gw_lane_leave(struct gw_lane *l, int64_t now_ms)
{
    PRE(l->in_hand > 0);
    l->in_hand--;
    if (l->left_at_ms != 0) {
        double seen = (double)(now_ms - l->left_at_ms);
        if (l->interval_ms <= 0)
            l->interval_ms = seen;
        l->interval_ms += SMOOTHING * (seen - l->interval_ms);
    }
    l->left_at_ms = now_ms;
}

bool gw_lane_is_full(const struct gw_lane *l)
{
    return l->in_hand >= GW_LANE_MAX;
}

int64_t gw_lane_wait_ms(struct gw_lane *l, int64_t now_ms, double random01)
{
    double step = l->interval_ms > 0 ? l->interval_ms : GW_LANE_FIRST_INTERVAL_MS;
    int64_t earliest = now_ms + GW_LANE_MIN_WAIT_MS;
    int64_t latest = now_ms + GW_LANE_MAX_WAIT_MS;
    int64_t at = (l->tail_ms > earliest ? l->tail_ms : earliest) + (int64_t)(step + random01);
    if (at <= latest) {
        l->tail_ms = at;
        return at - now_ms;
    }
    l->tail_ms = latest;
    return GW_LANE_MAX_WAIT_MS - (int64_t)(random01 * GW_LANE_MAX_WAIT_MS / 2);
}
