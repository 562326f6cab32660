/* SPDX-License-Identifier: MIT */
/* Connections that were idle for long are asked by NOOP whether they still work. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/gw_clock.h"
#include "tests/lib/loop_util.h"
#include "tests/lib/relay_fixture.h"

static void long_idle_connection_is_asked_before_it_is_used(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m[3] = {{.done = false}, {.done = false}, {.done = false}};
    const struct test_server_config server = {
        .scripts = {TEST_PLAIN_HELLO "SERVE 2\nC: NOOP\nS: 250 ok\nSERVE"}};
    test_stop_clocks();
    test_relay_begin(&t, &server, test_relay_config());
    test_mail_send(&t, &m[0]);
    gw_clock_fake_advance(SMTP_RELAY_NOOP_MS - 1);
    test_mail_send(&t, &m[1]); /* no NOOP: the script would not go on */
    test_mail_assert_sent(&m[1]);
    gw_clock_fake_advance(SMTP_RELAY_NOOP_MS);
    test_mail_send(&t, &m[2]);
    test_mail_assert_sent(&m[2]);
    assert_true(m[2].txn.reused_connection);
    assert_int_equal(test_server_accepted(t.server), 1);
    gw_clock_fake_end();
    test_relay_end(&t, 0);
}

static bool one_is_idle(void *data)
{
    return test_relay_stats(data).idle == 1;
}

static bool was_asked(void *data)
{
    char *log = test_server_log(((struct test_relay *)data)->server);
    bool asked = strstr(log, "NOOP") != NULL;
    free(log);
    return asked;
}

/* A box between us and the relay has forgotten the connection: nothing comes back. */
static void idle_connection_that_went_silent_costs_seconds_not_the_message(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m[2] = {{.done = false}, {.done = false}};
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server = {
        .scripts = {TEST_PLAIN_HELLO "SERVE 1\nC: NOOP\nHANG", TEST_PLAIN_HELLO "SERVE"}};
    test_stop_clocks();
    config.max_connections = 1;
    test_relay_begin(&t, &server, config);
    test_mail_send(&t, &m[0]);
    gw_clock_fake_advance(SMTP_RELAY_NOOP_MS);
    test_mail_submit(&t, &m[1]);
    test_loop_until_true(&t.loop, was_asked, &t);
    assert_false(m[1].done);
    gw_clock_fake_advance(smtp_timeouts_default().noop_ms);
    test_mail_wait(&t, &m[1]);
    test_mail_assert_sent(&m[1]);
    assert_int_equal(test_server_accepted(t.server), 2);
    assert_int_equal(test_relay_stats(&t).n_failures, 0);
    gw_clock_fake_end();
    test_relay_end(&t, 0);
}

static bool three_wait(void *data)
{
    return test_server_waiting(((struct test_relay *)data)->server) == 3;
}

/* It has forgotten all of them: one deadline is enough to know. */
static void silent_connections_are_not_asked_one_by_one(void **state)
{
    (void)state;
    static const char silent[] =
        TEST_PLAIN_HELLO "C: MAIL\nC: RCPT\nC: RCPT\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 250 ok\n"
                         "S: 354 go\nBODY\nWAIT\nS: 250 ok\nC: NOOP\nHANG";
    struct test_relay t;
    struct test_mail m[4] = {{.done = false}, {.done = false}, {.done = false}, {.done = false}};
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server = {
        .scripts = {silent, silent, silent, TEST_PLAIN_HELLO "SERVE"}};
    test_stop_clocks();
    config.timeouts.noop_ms = 200;
    test_relay_begin(&t, &server, config);
    for (size_t i = 0; i < 3; i++)
        test_mail_submit(&t, &m[i]);
    test_loop_until_true(&t.loop, three_wait, &t);
    test_server_go(t.server);
    for (size_t i = 0; i < 3; i++) {
        test_mail_wait(&t, &m[i]);
        test_mail_assert_sent(&m[i]);
    }
    gw_clock_fake_advance(SMTP_RELAY_NOOP_MS);
    test_mail_submit(&t, &m[3]);
    test_loop_until_true(&t.loop, was_asked, &t);
    gw_clock_fake_advance(config.timeouts.noop_ms);
    test_mail_wait(&t, &m[3]);
    test_mail_assert_sent(&m[3]);
    assert_int_equal(test_server_accepted(t.server), 4);
    gw_clock_fake_end();
    test_relay_end(&t, 0);
}

/* The question is no attempt at a connection that takes too long. */
static void mail_that_has_another_relay_waits_for_the_answer(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m[3] = {{.done = false}, {.done = false}, {.done = false}};
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server = {
        .scripts = {TEST_PLAIN_HELLO "SERVE 1\nC: NOOP\nWAIT\nS: 250 ok\nSERVE"}};
    test_stop_clocks();
    config.max_connections = 1;
    test_relay_begin(&t, &server, config);
    test_mail_send(&t, &m[0]);
    gw_clock_fake_advance(config.timeouts.connect_ms);
    m[1].txn.has_alternative = m[2].txn.has_alternative = true;
    test_mail_submit(&t, &m[1]);
    test_loop_until_true(&t.loop, was_asked, &t);
    test_mail_submit(&t, &m[2]);
    test_server_go(t.server);
    for (size_t i = 1; i < 3; i++) {
        test_mail_wait(&t, &m[i]);
        test_mail_assert_sent(&m[i]);
    }
    assert_int_equal(test_server_accepted(t.server), 1);
    gw_clock_fake_end();
    test_relay_end(&t, 0);
}

/* One that was opened and never used may be forgotten as well. */
static void long_idle_connection_is_asked_before_its_first_message(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m[2] = {{.done = false}, {.done = false}};
    const struct test_server_config server = {
        .scripts = {TEST_PLAIN_HELLO "C: NOOP\nS: 250 ok\nSERVE"}};
    test_stop_clocks();
    test_relay_begin(&t, &server, test_relay_config());
    test_mail_submit(&t, &m[0]);
    test_mail_cancel(&t, &m[0]);
    test_loop_until_true(&t.loop, one_is_idle, &t);
    gw_clock_fake_advance(SMTP_RELAY_NOOP_MS);
    test_mail_send(&t, &m[1]);
    test_mail_assert_sent(&m[1]);
    gw_clock_fake_end();
    test_relay_end(&t, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_idle_connection_is_asked_before_it_is_used),
        cmocka_unit_test(idle_connection_that_went_silent_costs_seconds_not_the_message),
        cmocka_unit_test(silent_connections_are_not_asked_one_by_one),
        cmocka_unit_test(mail_that_has_another_relay_waits_for_the_answer),
        cmocka_unit_test(long_idle_connection_is_asked_before_its_first_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
