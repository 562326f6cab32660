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
        assert_false(gw_lane_is_full(&l, 0, GW_LANE_AMPLE, 0));
        gw_lane_enter(&l, 0, 0);
    }
    assert_true(gw_lane_is_full(&l, 0, GW_LANE_AMPLE, 0));
    gw_lane_leave(&l, 0, 1000);
    assert_false(gw_lane_is_full(&l, 0, GW_LANE_AMPLE, 1000));
}

static void one_tenant_leaves_the_others_their_share(void **state)
{
    (void)state;
    struct gw_lane l = {0};
    for (int i = 0; i < GW_LANE_MAX; i++)
        gw_lane_enter(&l, 1, 0);
    assert_true(gw_lane_is_full(&l, 1, GW_LANE_AMPLE, 0));
    for (int i = 0; i < GW_LANE_SHARE; i++) {
        assert_false(gw_lane_is_full(&l, 2, GW_LANE_AMPLE, 0));
        gw_lane_enter(&l, 2, 0);
    }
    assert_true(gw_lane_is_full(&l, 2, GW_LANE_AMPLE, 0));
    gw_lane_leave(&l, 2, 0);
    assert_false(gw_lane_is_full(&l, 2, GW_LANE_AMPLE, 0));
    assert_true(gw_lane_is_full(&l, 2, GW_LANE_TIGHT, 0)); /* memory is nobody's share */
    for (uint32_t flow = 3; l.in_hand < GW_LANE_MAX + GW_LANE_RESERVE; flow++)
        gw_lane_enter(&l, flow, 0);
    assert_true(gw_lane_is_full(&l, 2, GW_LANE_AMPLE, 0));
}

/* How many a lane that has @in_hand takes in addition, at @now_ms. */
static size_t room_for(struct gw_lane l, enum gw_lane_room room, int64_t now_ms)
{
    size_t n = 0;
    for (; !gw_lane_is_full(&l, 0, room, now_ms); n++)
        gw_lane_enter(&l, 0, now_ms);
    return n;
}

static void when_it_is_tight_a_lane_holds_what_was_quick(void **state)
{
    (void)state;
    struct gw_lane l = {0};
    assert_int_equal(room_for(l, GW_LANE_AMPLE, 0), GW_LANE_MAX);
    assert_int_equal(room_for(l, GW_LANE_TIGHT, 0), 1);
    assert_int_equal(room_for(l, GW_LANE_SCARCE, 0), 0);
    for (int i = 0; i < 10; i++)
        gw_lane_took(&l, GW_LANE_QUICK_MS);
    assert_int_equal(room_for(l, GW_LANE_TIGHT, 0), 10);
    assert_int_equal(room_for(l, GW_LANE_SCARCE, 0), 10);
    gw_lane_took(&l, GW_LANE_QUICK_MS + 1);
    assert_int_equal(room_for(l, GW_LANE_SCARCE, 0), 5);
    for (int i = 0; i < 2 * GW_LANE_MAX; i++)
        gw_lane_took(&l, 0);
    assert_int_equal(room_for(l, GW_LANE_SCARCE, 0), GW_LANE_MAX);
    for (int i = 0; i < 9; i++) /* as many as hang in one relay are soon forgiven nothing */
        gw_lane_took(&l, 60000);
    assert_int_equal(room_for(l, GW_LANE_SCARCE, 0), 0);
}

static void a_lane_that_does_not_move_has_no_credit(void **state)
{
    (void)state;
    struct gw_lane l = {0};
    for (int i = 0; i < 10; i++)
        gw_lane_took(&l, 0);
    int64_t long_after = 3600000;
    assert_int_equal(room_for(l, GW_LANE_SCARCE, long_after), 10);
    gw_lane_enter(&l, 0, long_after);
    gw_lane_enter(&l, 0, long_after);
    assert_int_equal(room_for(l, GW_LANE_SCARCE, long_after + GW_LANE_QUICK_MS), 8);
    assert_int_equal(room_for(l, GW_LANE_SCARCE, long_after + GW_LANE_QUICK_MS + 1), 0);
    gw_lane_leave(&l, 0, long_after + 5000);
    assert_int_equal(room_for(l, GW_LANE_SCARCE, long_after + 5000), 9);
}

static void room_gets_tight_at_a_quarter_and_scarce_at_three(void **state)
{
    (void)state;
    assert_int_equal(gw_lane_room(0.24), GW_LANE_AMPLE);
    assert_int_equal(gw_lane_room(0.25), GW_LANE_TIGHT);
    assert_int_equal(gw_lane_room(0.74), GW_LANE_TIGHT);
    assert_int_equal(gw_lane_room(0.75), GW_LANE_SCARCE);
    assert_int_equal(gw_lane_room(1.5), GW_LANE_SCARCE);
}

/* One leaves every @ms, and somebody finds it full in between. */
static void keep_pace(struct gw_lane *l, int64_t ms, int64_t *now)
{
    for (int i = 0; i < 100; i++) {
        (void)gw_lane_wait_ms(l, *now, 0);
        gw_lane_leave(l, 0, *now += ms);
        gw_lane_enter(l, 0, *now);
    }
    l->tail_ms = 0;
}

static struct gw_lane with_pace(int64_t ms, int64_t *now)
{
    struct gw_lane l = {0};
    for (int i = 0; i < GW_LANE_MAX; i++)
        gw_lane_enter(&l, 0, *now);
    keep_pace(&l, ms, now);
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

static void a_lane_of_one_has_a_pace_too(void **state)
{
    (void)state;
    int64_t now = 1000000;
    struct gw_lane l = {0};
    for (int i = 0; i < 3; i++) {
        gw_lane_enter(&l, 0, now);
        (void)gw_lane_wait_ms(&l, now, 0);
        gw_lane_leave(&l, 0, now += 12000); /* empty for a moment */
        now += 100;
    }
    gw_lane_enter(&l, 0, now);
    l.tail_ms = 0;
    assert_int_equal(gw_lane_wait_ms(&l, now, 0), GW_LANE_MIN_WAIT_MS + 12000);
    assert_int_equal(gw_lane_wait_ms(&l, now, 0), GW_LANE_MIN_WAIT_MS + 24000);
}

static void a_pace_is_seen_where_somebody_waits_only(void **state)
{
    (void)state;
    int64_t now = 1000000;
    struct gw_lane l = with_pace(10, &now);
    while (l.in_hand > 1)
        gw_lane_leave(&l, 0, now += 10000);
    assert_true(l.interval_ms < 11);
}

static void where_nothing_moves_those_who_wait_ask_ever_less_often(void **state)
{
    (void)state;
    enum {
        WAITING = 23,
        SECONDS = 12
    };
    struct gw_lane l = {0};
    int64_t begin = 1000000;
    int64_t due[WAITING];
    int asked[SECONDS] = {0};
    gw_lane_enter(&l, 0, begin);
    for (int i = 0; i < WAITING; i++)
        due[i] = begin;
    for (int64_t now = begin; now < begin + SECONDS * 1000; now++)
        for (int i = 0; i < WAITING; i++)
            if (due[i] <= now) {
                due[i] = now + gw_lane_wait_ms(&l, now, 0.5);
                asked[(now - begin) / 1000]++;
            }
    assert_in_range(asked[0], WAITING, 2 * WAITING + 1);
    for (int i = 1; i < SECONDS; i++)
        assert_in_range(asked[i], 0, 2);
}

static void after_a_standstill_nobody_waits_behind_it(void **state)
{
    (void)state;
    int64_t now = 1000000;
    struct gw_lane l = with_pace(10, &now);
    now += 3000;
    assert_in_range(gw_lane_wait_ms(&l, now, 0), GW_LANE_MIN_WAIT_MS + 3000,
                    GW_LANE_MIN_WAIT_MS + 3001);
    assert_true(gw_lane_wait_ms(&l, now, 0) > 6000);
    gw_lane_leave(&l, 0, now);
    gw_lane_enter(&l, 0, now);
    keep_pace(&l, 10, &now);
    assert_in_range(gw_lane_wait_ms(&l, now, 0), GW_LANE_MIN_WAIT_MS, GW_LANE_MIN_WAIT_MS + 11);
    now += 3000;
    for (int i = 0; i < 100; i++)
        (void)gw_lane_wait_ms(&l, now, 0); /* the line is a minute long */
    gw_lane_leave(&l, 0, now);
    assert_true(gw_lane_wait_ms(&l, now, 0) < 1000);
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
        gw_lane_leave(&l, 0, now += 10);
    gw_lane_enter(&l, 0, now += 3600000);
    (void)gw_lane_wait_ms(&l, now, 0);
    gw_lane_leave(&l, 0, now + 10);
    assert_true(l.interval_ms < 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lane_is_full_at_its_limit_and_open_below),
        cmocka_unit_test(one_tenant_leaves_the_others_their_share),
        cmocka_unit_test(when_it_is_tight_a_lane_holds_what_was_quick),
        cmocka_unit_test(a_lane_that_does_not_move_has_no_credit),
        cmocka_unit_test(room_gets_tight_at_a_quarter_and_scarce_at_three),
        cmocka_unit_test(those_who_wait_come_back_at_the_pace_of_those_who_leave),
        cmocka_unit_test(a_lane_of_one_has_a_pace_too),
        cmocka_unit_test(a_pace_is_seen_where_somebody_waits_only),
        cmocka_unit_test(where_nothing_moves_those_who_wait_ask_ever_less_often),
        cmocka_unit_test(after_a_standstill_nobody_waits_behind_it),
        cmocka_unit_test(nobody_waits_for_less_or_longer_than_the_limits),
        cmocka_unit_test(a_lane_that_was_empty_forgets_the_pause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
