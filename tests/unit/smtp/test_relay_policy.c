/* SPDX-License-Identifier: MIT */
/* What decides about a relay, in time of our own: breaker, concurrency, throttling outcomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "smtp/aimd.h"
#include "smtp/breaker.h"

/* --- Breaker --- */

static void breaker_opens_after_failures_in_a_row(void **state)
{
    (void)state;
    struct smtp_breaker b = {.n_failures = 0};
    for (int i = 1; i < SMTP_BREAKER_FAILURES; i++) {
        assert_false(smtp_breaker_failure(&b, false, 1000));
        assert_true(smtp_breaker_admits(&b, 1000));
    }
    assert_false(smtp_breaker_success(&b)); /* starts the count again */
    for (int i = 1; i < SMTP_BREAKER_FAILURES; i++)
        assert_false(smtp_breaker_failure(&b, false, 1000));
    assert_true(smtp_breaker_failure(&b, false, 1000));
    assert_int_equal(b.state, SMTP_BREAKER_OPEN);
    assert_false(smtp_breaker_admits(&b, 1000 + SMTP_BREAKER_OPEN_MS - 1));
    assert_int_equal(smtp_breaker_wait_ms(&b, 1000), SMTP_BREAKER_OPEN_MS);
}

static void refused_credentials_open_it_at_once_for_a_minute(void **state)
{
    (void)state;
    struct smtp_breaker b = {.n_failures = 0};
    assert_true(smtp_breaker_failure(&b, true, 0));
    assert_false(smtp_breaker_admits(&b, SMTP_BREAKER_CREDENTIALS_MS - 1));
    assert_true(smtp_breaker_admits(&b, SMTP_BREAKER_CREDENTIALS_MS));
}

/* F5: a relay that flaps gets one connection at a time. */
static void half_open_lets_one_probe_through(void **state)
{
    (void)state;
    struct smtp_breaker b = {.n_failures = 0};
    int64_t now = 0;
    (void)smtp_breaker_failure(&b, true, now);
    now += SMTP_BREAKER_CREDENTIALS_MS;
    assert_true(smtp_breaker_admits(&b, now));
    assert_int_equal(b.state, SMTP_BREAKER_HALF_OPEN);
    for (int64_t i = 0; i < 5; i++)
        assert_false(smtp_breaker_admits(&b, now + i * 100000));
    smtp_breaker_probe_dropped(&b, now + 5);
    assert_false(smtp_breaker_admits(&b, now + 4));
    now += 5;
    assert_true(smtp_breaker_admits(&b, now));
    assert_true(smtp_breaker_success(&b));
    assert_int_equal(b.state, SMTP_BREAKER_CLOSED);
    assert_true(smtp_breaker_admits(&b, now));
}

static void every_failed_probe_doubles_the_time_up_to_a_minute(void **state)
{
    (void)state;
    static const int64_t want[] = {5000, 10000, 20000, 40000, 60000, 60000};
    struct smtp_breaker b = {.n_failures = SMTP_BREAKER_FAILURES - 1};
    int64_t now = 7;
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        assert_int_equal(smtp_breaker_failure(&b, false, now), i == 0);
        assert_int_equal(smtp_breaker_wait_ms(&b, now), want[i]);
        assert_false(smtp_breaker_admits(&b, now + want[i] - 1));
        now += want[i];
        assert_true(smtp_breaker_admits(&b, now));
    }
    assert_true(smtp_breaker_success(&b));
    b.n_failures = SMTP_BREAKER_FAILURES - 1;
    assert_true(smtp_breaker_failure(&b, false, now));
    assert_int_equal(smtp_breaker_wait_ms(&b, now), want[0]);
}

/* --- Concurrency --- */

static void concurrency_is_halved_once_per_wave_and_grows_by_one_per_round(void **state)
{
    (void)state;
    struct smtp_aimd a;
    smtp_aimd_init(&a, 8);
    assert_int_equal(smtp_aimd_limit(&a), 8);
    assert_true(smtp_aimd_throttled(&a, 90, 100));
    for (int i = 0; i < 7; i++) /* the rest of the wave began before the cut */
        assert_false(smtp_aimd_throttled(&a, 95, 101));
    assert_int_equal(smtp_aimd_limit(&a), 4);
    for (int i = 0; i < 5; i++)
        smtp_aimd_success(&a);
    assert_int_equal(smtp_aimd_limit(&a), 5);
    for (int i = 0; i < 1000; i++)
        smtp_aimd_success(&a);
    assert_int_equal(smtp_aimd_limit(&a), 8);
}

static void concurrency_stays_between_one_and_the_maximum(void **state)
{
    (void)state;
    struct smtp_aimd a;
    smtp_aimd_init(&a, 5);
    for (int64_t i = 1; i < 20; i++)
        (void)smtp_aimd_throttled(&a, i * 10, i * 10);
    assert_int_equal(smtp_aimd_limit(&a), 1);
    assert_false(smtp_aimd_throttled(&a, 1000, 1000));
    smtp_aimd_init(&a, 1);
    smtp_aimd_success(&a);
    assert_int_equal(smtp_aimd_limit(&a), 1);
}

static void only_outcomes_about_load_are_throttling(void **state)
{
    (void)state;
    static const struct {
        enum smtp_reason reason;
        enum smtp_stage stage;
        int code;
        const char *enhanced;
        bool throttle;
    } rows[] = {
        {SMTP_REASON_RELAY_421, SMTP_STAGE_DOT, 421, "4.7.0", true},
        {SMTP_REASON_TIMEOUT, SMTP_STAGE_MAIL, 0, "", true},
        {SMTP_REASON_REPLY, SMTP_STAGE_MAIL, 451, "4.7.1", true},
        {SMTP_REASON_REPLY, SMTP_STAGE_MAIL, 450, "", true},
        {SMTP_REASON_REPLY, SMTP_STAGE_DOT, 454, "", true},
        {SMTP_REASON_REPLY, SMTP_STAGE_DOT, 450, "4.7.28", true},
        {SMTP_REASON_REPLY, SMTP_STAGE_DATA, 451, "4.3.2", true},
        {SMTP_REASON_REPLY, SMTP_STAGE_DOT, 451, "4.6.0", false},
        {SMTP_REASON_REPLY, SMTP_STAGE_DOT, 451, "", false},
        {SMTP_REASON_REPLY, SMTP_STAGE_RCPT, 450, "4.7.1", false},
        {SMTP_REASON_REPLY, SMTP_STAGE_RCPT, 452, "4.2.2", false},
        {SMTP_REASON_REPLY, SMTP_STAGE_MAIL, 550, "5.7.1", false},
        {SMTP_REASON_CONN_RESET, SMTP_STAGE_MAIL, 0, "", false},
        {SMTP_REASON_CANCELED, SMTP_STAGE_MAIL, 0, "", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct smtp_outcome o = {.final = true, .reason = rows[i].reason, .stage = rows[i].stage};
        o.reply.code = rows[i].code;
        (void)snprintf(o.reply.enhanced, sizeof(o.reply.enhanced), "%s", rows[i].enhanced);
        if (smtp_outcome_is_throttle(&o) != rows[i].throttle)
            fail_msg("row %zu: %d %s at %s", i, rows[i].code, rows[i].enhanced,
                     smtp_stage_name(rows[i].stage));
        o.accepted = true;
        assert_false(smtp_outcome_is_throttle(&o));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(breaker_opens_after_failures_in_a_row),
        cmocka_unit_test(refused_credentials_open_it_at_once_for_a_minute),
        cmocka_unit_test(half_open_lets_one_probe_through),
        cmocka_unit_test(every_failed_probe_doubles_the_time_up_to_a_minute),
        cmocka_unit_test(concurrency_is_halved_once_per_wave_and_grows_by_one_per_round),
        cmocka_unit_test(concurrency_stays_between_one_and_the_maximum),
        cmocka_unit_test(only_outcomes_about_load_are_throttling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
