/* SPDX-License-Identifier: MIT */
/* Lanes fill, empty, and send those away who find them full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/lane.h"

static void a_lane_is_full_at_its_limit_and_open_below(void **state)
{
    (void)state;
    struct gw_lane l = {0};
    for (int i = 0; i < GW_LANE_MAX; i++) {
        assert_false(gw_lane_is_full(&l));
        gw_lane_enter(&l);
    }
    assert_true(gw_lane_is_full(&l));
    gw_lane_leave(&l, 1000);
    assert_false(gw_lane_is_full(&l));
}

/* One leaves every @ms. */
static struct gw_lane with_pace(int64_t ms, int64_t *now)
{
    struct gw_lane l = {0};
    for (int i = 0; i < GW_LANE_MAX; i++)
        gw_lane_enter(&l);
    for (int i = 0; i < 100; i++) {
        gw_lane_leave(&l, *now += ms);
        gw_lane_enter(&l);
    }
    return l;
}

static void those_who_wait_come_back_at_the_pace_of_those_who_leave(void **state)
{
    (void)state;
    int64_t now = 1000000;
    struct gw_lane l = with_pace(40, &now);
    int64_t first = gw_lane_wait_ms(&l, now, 0);
    assert_in_range(first, GW_LANE_MIN_WAIT_MS, GW_LANE_MIN_WAIT_MS + 40);
    for (int64_t i = 1; i <= 100; i++)
        assert_in_range(gw_lane_wait_ms(&l, now, 0), first + i * 38, first + i * 41);
}

static void nobody_waits_for_less_or_longer_than_the_limits(void **state)
{
    (void)state;
    int64_t now = 1000000;
    struct gw_lane l = with_pace(5000, &now);
    int64_t shortest = INT64_MAX;
    int64_t longest = 0;
    for (int i = 0; i < 1000; i++) {
        int64_t ms = gw_lane_wait_ms(&l, now, (double)(i % 10) / 10);
        shortest = ms < shortest ? ms : shortest;
        longest = ms > longest ? ms : longest;
        assert_in_range(ms, GW_LANE_MIN_WAIT_MS, GW_LANE_MAX_WAIT_MS);
    }
    assert_true(shortest < 10000 && longest == GW_LANE_MAX_WAIT_MS);
    /* and they are not all sent to the same moment */
    assert_int_not_equal(gw_lane_wait_ms(&l, now, 0.1), gw_lane_wait_ms(&l, now, 0.9));
}

static void a_lane_that_was_empty_forgets_the_pause(void **state)
{
    (void)state;
    int64_t now = 1000000;
    struct gw_lane l = with_pace(10, &now);
    while (l.in_hand > 0)
        gw_lane_leave(&l, now += 10);
    gw_lane_enter(&l);
    gw_lane_leave(&l, now + 3600000);
    assert_true(l.interval_ms < 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lane_is_full_at_its_limit_and_open_below),
        cmocka_unit_test(those_who_wait_come_back_at_the_pace_of_those_who_leave),
        cmocka_unit_test(nobody_waits_for_less_or_longer_than_the_limits),
        cmocka_unit_test(a_lane_that_was_empty_forgets_the_pause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
