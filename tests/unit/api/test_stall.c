/* SPDX-License-Identifier: MIT */
/* The rules on slow peers, tick by tick. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/stall.h"

enum {
    TICK_MS = 1000
};

static const struct cfg_limits limits = {.header_timeout_ms = 10000,
                                         .idle_timeout_ms = 60000,
                                         .body_timeout_ms = 600000,
                                         .connection_age_ms = 3600000,
                                         .min_rate = 1000,
                                         .stall_window_ms = 10000};
static struct api_stall stall;
static struct api_stall_facts facts;

static int set_up(void **state)
{
    (void)state;
    facts = (struct api_stall_facts){.now_ms = 5000};
    api_stall_init(&stall, facts.now_ms);
    return 0;
}

/* The reason of the next tick; @in and @out octets move before it. */
static enum api_guard_reason tick(uint64_t in, uint64_t out)
{
    facts.now_ms += TICK_MS;
    facts.body_octets += in;
    facts.sent_octets += out;
    return api_stall_judge(&stall, &facts, &limits);
}

/* Ticks until one names a reason, at most @max; the number of ticks. */
static int ticks_until(enum api_guard_reason expected, int max, uint64_t in, uint64_t out)
{
    for (int n = 1; n <= max; n++) {
        enum api_guard_reason reason = tick(in, out);
        if (reason == API_GUARD_N_REASONS)
            continue;
        assert_int_equal(reason, expected);
        return n;
    }
    return max + 1;
}

static void each_state_has_its_own_time(void **state)
{
    (void)state;
    facts.hello = true;
    assert_int_equal(ticks_until(API_GUARD_HANDSHAKE_TIMEOUT, 100, 0, 0), 20);
    (void)set_up(NULL);
    facts.head = true;
    assert_int_equal(ticks_until(API_GUARD_HEADER_TIMEOUT, 100, 0, 0), 11);
    (void)set_up(NULL);
    assert_int_equal(ticks_until(API_GUARD_IDLE, 100, 0, 0), 61);
    (void)set_up(NULL);
    facts.closing = true;
    assert_int_equal(ticks_until(API_GUARD_STUCK, 100, 0, 0), 11);
    (void)set_up(NULL);
    facts.body = true;
    facts.oldest_body_ms = limits.body_timeout_ms;
    assert_int_equal(tick(0, 0), API_GUARD_BODY_TIMEOUT);
}

static void a_body_must_keep_its_rate_in_every_window(void **state)
{
    (void)state;
    facts.body = true;
    assert_int_equal(ticks_until(API_GUARD_BODY_RATE, 1000, 999, 0), 11);
    (void)set_up(NULL);
    facts.body = true;
    assert_int_equal(ticks_until(API_GUARD_BODY_RATE, 1000, 1000, 0), 1001);
    /* what came fast at first is no credit for later */
    assert_int_equal(tick(1000000, 0), API_GUARD_N_REASONS);
    assert_in_range(ticks_until(API_GUARD_BODY_RATE, 100, 0, 0), 10, 21);
}

static void a_peer_must_read_at_the_same_rate(void **state)
{
    (void)state;
    facts.send = true;
    assert_int_equal(ticks_until(API_GUARD_SEND_RATE, 1000, 0, 999), 11);
    (void)set_up(NULL);
    facts.send = true;
    assert_int_equal(ticks_until(API_GUARD_SEND_RATE, 1000, 0, 1000), 1001);
}

static void a_request_at_work_is_not_the_peers_fault(void **state)
{
    (void)state;
    facts.work = true;
    assert_int_equal(ticks_until(API_GUARD_N_REASONS, 10000, 0, 0), 10001);
}

static void activity_ends_idling(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(ticks_until(API_GUARD_IDLE, 50, 0, 0), 51);
        facts.work = true;
        assert_int_equal(tick(0, 0), API_GUARD_N_REASONS);
        facts.work = false;
    }
}

static void a_request_between_two_looks_counts(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        facts.requests++;
        facts.head = i % 2 == 0;
        assert_int_equal(tick(0, 0), API_GUARD_N_REASONS);
    }
    facts.head = false;
    assert_int_equal(ticks_until(API_GUARD_IDLE, 100, 0, 0), 60);
}

static void an_old_connection_ends_when_it_has_no_request(void **state)
{
    (void)state;
    facts.work = true;
    assert_int_equal(ticks_until(API_GUARD_N_REASONS, 3700, 0, 0), 3701);
    assert_true(api_stall_is_old(&stall, facts.now_ms, &limits));
    assert_false(api_stall_is_old(&stall, stall.opened_ms + limits.connection_age_ms - 1, &limits));
    facts.work = false;
    assert_int_equal(tick(0, 0), API_GUARD_AGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_state_has_its_own_time, set_up),
        cmocka_unit_test_setup(a_body_must_keep_its_rate_in_every_window, set_up),
        cmocka_unit_test_setup(a_peer_must_read_at_the_same_rate, set_up),
        cmocka_unit_test_setup(a_request_at_work_is_not_the_peers_fault, set_up),
        cmocka_unit_test_setup(activity_ends_idling, set_up),
        cmocka_unit_test_setup(a_request_between_two_looks_counts, set_up),
        cmocka_unit_test_setup(an_old_connection_ends_when_it_has_no_request, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
