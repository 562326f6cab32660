/* SPDX-License-Identifier: MIT */
/* Lanes: counting, and a line of those who wait. */
#include "gateway/lane.h"

#include "gateway/base/gw_check.h"

#define SMOOTHING  0.1 /* weight of the newest interval */
#define STANDSTILL 4.0 /* intervals without one that leaves */

void gw_lane_enter(struct gw_lane *l, uint32_t flow, int64_t now_ms)
{
    l->of_flow[flow % GW_TURNS_FLOWS]++;
    if (l->in_hand++ == 0)
        l->moved_at_ms = now_ms; /* an empty lane says nothing about the pace */
}

/* @seen_ms  since one left before it */
static void see_pace(struct gw_lane *l, double seen_ms)
{
    /* it moves again: nobody else goes behind those whom the standstill sent far away */
    if (seen_ms > STANDSTILL * l->interval_ms)
        l->tail_ms = 0;
    if (l->interval_ms <= 0)
        l->interval_ms = seen_ms;
    l->interval_ms += SMOOTHING * (seen_ms - l->interval_ms);
}

void gw_lane_leave(struct gw_lane *l, uint32_t flow, int64_t now_ms)
{
    PRE(l->in_hand > 0 && l->of_flow[flow % GW_TURNS_FLOWS] > 0);
    l->in_hand--;
    l->of_flow[flow % GW_TURNS_FLOWS]--;
    if (l->was_full)
        see_pace(l, (double)(now_ms - l->moved_at_ms));
    l->was_full = false;
    l->moved_at_ms = now_ms;
}

void gw_lane_took(struct gw_lane *l, int64_t ms)
{
    if (ms > GW_LANE_QUICK_MS)
        l->credit /= 2;
    else if (l->credit < GW_LANE_MAX)
        l->credit++;
}

enum gw_lane_room gw_lane_room(double taken)
{
    if (taken < GW_LANE_AMPLE_SHARE)
        return GW_LANE_AMPLE;
    return taken < GW_LANE_TIGHT_SHARE ? GW_LANE_TIGHT : GW_LANE_SCARCE;
}

bool gw_lane_is_full(const struct gw_lane *l, uint32_t flow, enum gw_lane_room room, int64_t now_ms)
{
    bool stuck = l->in_hand > 0 && now_ms - l->moved_at_ms > GW_LANE_QUICK_MS;
    size_t proved = stuck ? 0 : l->credit;
    switch (room) {
    case GW_LANE_AMPLE:
        break;
    case GW_LANE_TIGHT:
        return l->in_hand >= (proved > 1 ? proved : 1);
    case GW_LANE_SCARCE:
        return l->in_hand >= proved;
    }
    bool has_share = l->of_flow[flow % GW_TURNS_FLOWS] >= GW_LANE_SHARE;
    return l->in_hand >= GW_LANE_MAX + (has_share ? 0 : GW_LANE_RESERVE);
}

int64_t gw_lane_wait_ms(struct gw_lane *l, int64_t now_ms, double random01)
{
    double step = l->interval_ms > 0 ? l->interval_ms : GW_LANE_FIRST_INTERVAL_MS;
    double still = l->in_hand > 0 ? (double)(now_ms - l->moved_at_ms) : 0;
    step = still > STANDSTILL * step ? still : step;
    l->was_full = true;
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
