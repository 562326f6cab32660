/* SPDX-License-Identifier: MIT */
/* What a relay gets and when: breaker, concurrency, rates, caps per domain, pause. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_mem.h"
#include "tests/lib/loop_util.h"
#include "tests/lib/relay_fixture.h"

#define ONE_MAIL \
    "C: MAIL\nC: RCPT\nC: RCPT\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\nBODY\n"

/* A loopback port nobody listens on, held until closed; may listen later. */
static int closed_port(uint16_t *port_out)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *port_out = ntohs(a.sin_port);
    return fd;
}

/* --- Breaker --- */

static void a_dead_relay_is_left_alone_and_probed_once_when_due(void **state)
{
    (void)state;
    struct test_relay t;
    struct smtp_relay_config config = test_relay_config();
    int fd = closed_port(&config.port);
    test_stop_clocks();
    test_relay_begin(&t, NULL, config);
    for (int i = 0; i < SMTP_BREAKER_FAILURES; i++) {
        struct test_mail m = {.done = false};
        assert_int_equal(test_relay_stats(&t).breaker, SMTP_BREAKER_CLOSED);
        test_mail_send(&t, &m);
        test_mail_assert_failed(&m, SMTP_REASON_CONN_REFUSED, SMTP_STAGE_CONNECT, false);
        assert_false(m.txn.not_tried);
    }
    struct smtp_relay_stats s = test_relay_stats(&t);
    assert_int_equal(s.breaker, SMTP_BREAKER_OPEN);
    assert_int_equal(s.breaker_retry_in_ms, SMTP_BREAKER_OPEN_MS);
    assert_int_equal(s.failed_connections, SMTP_BREAKER_FAILURES);
    for (int i = 0; i < 3; i++) {
        struct test_mail m = {.done = false};
        test_mail_send(&t, &m);
        test_mail_assert_failed(&m, SMTP_REASON_CONN_REFUSED, SMTP_STAGE_CONNECT, false);
        assert_true(m.txn.not_tried);
    }
    assert_int_equal(test_relay_stats(&t).failed_connections, SMTP_BREAKER_FAILURES);
    gw_clock_fake_advance(SMTP_BREAKER_OPEN_MS);
    struct test_mail m[2] = {{.done = false}, {.done = false}};
    m[1].txn.has_alternative = true;
    test_mail_submit(&t, &m[0]); /* is the probe, and waits for it: it has nowhere else to go */
    test_mail_submit(&t, &m[1]); /* goes there at once */
    assert_int_equal(test_relay_stats(&t).breaker, SMTP_BREAKER_HALF_OPEN);
    test_mail_wait(&t, &m[0]);
    test_mail_wait(&t, &m[1]);
    assert_true(m[1].txn.not_tried);
    s = test_relay_stats(&t);
    assert_int_equal(s.failed_connections, SMTP_BREAKER_FAILURES + 1);
    assert_int_equal(s.breaker_retry_in_ms, 2 * SMTP_BREAKER_OPEN_MS);
    gw_clock_fake_end();
    test_relay_end(&t, 0);
    (void)close(fd);
}

static bool is_closed_again(void *data)
{
    return test_relay_stats(data).breaker == SMTP_BREAKER_CLOSED;
}

/* No message is put at risk for it: the probe is a connection of its own. */
static void probe_of_its_own_brings_a_relay_back(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m = {.done = false};
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server = {.scripts = {"S: 421 no\nFIN", "S: 421 no\nFIN",
                                                          "S: 421 no\nFIN",
                                                          TEST_PLAIN_HELLO "SERVE"}};
    test_stop_clocks();
    test_relay_begin(&t, &server, config);
    for (int i = 0; i < SMTP_BREAKER_FAILURES; i++) {
        struct test_mail lost = {.done = false};
        test_mail_send(&t, &lost);
        test_mail_assert_failed(&lost, SMTP_REASON_RELAY_421, SMTP_STAGE_GREETING, false);
    }
    struct test_mail refused = {.done = false};
    refused.txn.has_alternative = true;
    test_mail_send(&t, &refused);
    assert_true(refused.txn.not_tried);
    gw_clock_fake_advance(SMTP_BREAKER_OPEN_MS);
    struct test_mail still = {.done = false};
    still.txn.has_alternative = true;
    test_mail_send(&t, &still);
    assert_true(still.txn.not_tried);
    test_loop_until_true(&t.loop, is_closed_again, &t);
    assert_int_equal(test_server_messages(t.server), 0);
    test_mail_send(&t, &m);
    test_mail_assert_sent(&m);
    assert_int_equal(test_server_accepted(t.server), SMTP_BREAKER_FAILURES + 1);
    gw_clock_fake_end();
    test_relay_end(&t, 0);
}

static void resume_forgets_what_the_breaker_knows(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m[2] = {{.done = false}, {.done = false}};
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server = {
        .scripts = {"S: 220 hi\nC: EHLO\nS: 250-me\nS: 250 AUTH PLAIN\nC: AUTH\nS: 535 no\nHANG",
                    "S: 220 hi\nC: EHLO\nS: 250-me\nS: 250 AUTH PLAIN\nC: AUTH\nS: 235 ok\nSERVE"}};
    config.username = "user";
    config.password = "hunter2";
    test_relay_begin(&t, &server, config);
    test_mail_send(&t, &m[0]);
    test_mail_assert_failed(&m[0], SMTP_REASON_AUTH_FAILED, SMTP_STAGE_AUTH, false);
    assert_int_equal(test_relay_stats(&t).breaker, SMTP_BREAKER_OPEN);
    smtp_relay_resume(t.relay);
    assert_int_equal(test_relay_stats(&t).breaker, SMTP_BREAKER_CLOSED);
    test_mail_send(&t, &m[1]);
    test_mail_assert_sent(&m[1]);
    test_relay_end(&t, 0);
}

#define AUTH_HELLO "S: 220 hi\nC: EHLO\nS: 250-me\nS: 250 AUTH PLAIN\nC: AUTH\n"

/* The password was changed while connections are up: those go on, and no success of theirs lets the
 * old password be tried again and again. */
static void mail_over_old_connections_does_not_close_the_breaker(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m[3] = {{.done = false}, {.done = false}, {.done = false}};
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server = {
        .scripts = {AUTH_HELLO "S: 235 ok\nSERVE", AUTH_HELLO "S: 535 no\nHANG"}};
    config.username = "user";
    config.password = "hunter2";
    config.max_connections = 2;
    test_stop_clocks();
    test_relay_begin(&t, &server, config);
    test_mail_send(&t, &m[0]);
    test_mail_submit(&t, &m[1]);
    test_mail_submit(&t, &m[2]); /* asks for a second connection */
    while (test_relay_stats(&t).breaker != SMTP_BREAKER_OPEN || !m[1].done || !m[2].done)
        (void)uv_run(&t.loop, UV_RUN_ONCE);
    for (int i = 0; i < 5; i++) {
        struct test_mail more[2] = {{.done = false}, {.done = false}};
        gw_clock_fake_advance(2L * SMTP_RELAY_HOLD_MS);
        test_mail_submit(&t, &more[0]);
        test_mail_submit(&t, &more[1]);
        test_mail_wait(&t, &more[0]);
        test_mail_wait(&t, &more[1]);
        test_mail_assert_sent(&more[0]);
        test_mail_assert_sent(&more[1]);
    }
    assert_int_equal(test_server_accepted(t.server), 2);
    assert_int_equal(test_relay_stats(&t).breaker, SMTP_BREAKER_OPEN);
    gw_clock_fake_end();
    test_relay_end(&t, 0);
}

/* A failing attempt frees those who can go elsewhere, also when they came behind it. */
static void who_has_another_relay_does_not_wait_for_a_second_attempt(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m[2] = {{.done = false}, {.done = false}};
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server = {.scripts = {"WAIT\nS: 421 no\nFIN", "HANG"}};
    config.max_connections = 1;
    m[1].txn.has_alternative = true;
    test_relay_begin(&t, &server, config);
    test_mail_submit(&t, &m[0]);
    test_mail_submit(&t, &m[1]);
    test_server_go(t.server);
    test_mail_wait(&t, &m[1]);
    test_mail_assert_failed(&m[1], SMTP_REASON_RELAY_421, SMTP_STAGE_GREETING, false);
    assert_true(m[0].done);
    assert_int_equal(test_server_accepted(t.server), 1);
    test_relay_end(&t, 0);
}

/* It accepts connections and says nothing: RFC 5321 gives it five minutes, but not with messages
 * that another relay would take. */
static void silent_relay_keeps_only_who_has_nowhere_else_to_go(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m[3] = {{.done = false}, {.done = false}, {.done = false}};
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server = {.scripts = {"WAIT\n" TEST_PLAIN_HELLO "SERVE"}};
    config.max_connections = 1;
    config.timeouts.connect_ms = 80;
    m[1].txn.has_alternative = true;
    m[2].txn.has_alternative = true;
    test_relay_begin(&t, &server, config);
    test_mail_submit(&t, &m[0]);
    test_mail_submit(&t, &m[1]);
    test_mail_wait(&t, &m[1]);
    test_mail_assert_failed(&m[1], SMTP_REASON_TIMEOUT, SMTP_STAGE_CONNECT, false);
    test_mail_send(&t, &m[2]); /* at once: the relay is known to be slow */
    assert_true(m[2].txn.not_tried);
    assert_false(m[0].done);
    test_server_go(t.server);
    test_mail_wait(&t, &m[0]);
    test_mail_assert_sent(&m[0]);
    assert_int_equal(test_relay_stats(&t).failed_connections, 0);
    test_relay_end(&t, 0);
}

/* --- Concurrency --- */

static void throttling_halves_what_runs_at_once(void **state)
{
    (void)state;
    enum {
        N = 12
    };
    struct test_relay t;
    struct test_mail *m = gw_calloc(N, sizeof(*m));
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server = {
        .scripts = {TEST_PLAIN_HELLO
                    "C: MAIL\nC: RCPT\nC: RCPT\nC: DATA\n"
                    "S: 451 4.7.1 slow down\nS: 503 no\nS: 503 no\nS: 503 no\nSERVE",
                    TEST_PLAIN_HELLO "SERVE"}};
    config.max_connections = 4;
    test_relay_begin(&t, &server, config);
    assert_int_equal(test_relay_stats(&t).limit, 4);
    test_mail_send(&t, &m[0]);
    assert_int_equal(m[0].outcomes[0].reply.code, 451);
    assert_int_equal(test_relay_stats(&t).limit, 2);
    assert_int_equal(test_relay_stats(&t).throttled, 1);
    for (size_t i = 1; i < N; i++)
        test_mail_submit(&t, &m[i]);
    for (size_t i = 1; i < N; i++) {
        test_mail_wait(&t, &m[i]);
        test_mail_assert_sent(&m[i]);
        assert_true(test_relay_stats(&t).busy <= 4);
    }
    assert_int_equal(test_relay_stats(&t).limit, 4); /* 11 successes are enough to come back */
    test_relay_end(&t, 0);
    gw_free(m);
}

/* --- Rates --- */

static void rate_and_burst_hold_and_the_rest_waits_its_turn(void **state)
{
    (void)state;
    enum {
        N = 6
    };
    struct test_relay t;
    struct test_mail *m = gw_calloc(N, sizeof(*m));
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server = {.scripts = {TEST_PLAIN_HELLO "SERVE"}};
    config.rate_per_s = 20;
    config.burst = 2;
    test_relay_begin(&t, &server, config);
    int64_t start = gw_clock_mono_ms();
    for (size_t i = 0; i < N; i++)
        test_mail_submit(&t, &m[i]);
    for (size_t i = 0; i < N; i++) {
        test_mail_wait(&t, &m[i]);
        test_mail_assert_sent(&m[i]);
    }
    /* Four behind the burst, 50 ms apart; a slow machine only makes it longer. */
    assert_true(gw_clock_mono_ms() - start >= 4 * 50 - 5);
    assert_int_equal(test_server_messages(t.server), N);
    test_relay_end(&t, 0);
    gw_free(m);
}

/* --- Caps per recipient domain --- */

static void full_domain_does_not_hold_up_the_others(void **state)
{
    (void)state;
    static const char *const slow[] = {"a@Slow.test", "b@slow.TEST"};
    static const char *const quick[] = {"a@quick.test", "b@quick.test"};
    struct test_relay t;
    struct test_mail m[3] = {{.done = false}, {.done = false}, {.done = false}};
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server = {.scripts = {TEST_PLAIN_HELLO ONE_MAIL
                                                          "WAIT\nS: 250 queued\nSERVE",
                                                          TEST_PLAIN_HELLO "SERVE"}};
    config.domain_connections = 1;
    test_relay_begin(&t, &server, config);
    m[0].rcpts = slow;
    m[1].rcpts = slow;
    m[2].rcpts = quick;
    test_mail_submit(&t, &m[0]);
    while (test_relay_stats(&t).busy == 0)
        (void)uv_run(&t.loop, UV_RUN_ONCE);
    test_mail_submit(&t, &m[1]);
    test_mail_submit(&t, &m[2]);
    test_mail_wait(&t, &m[2]);
    test_mail_assert_sent(&m[2]);
    assert_false(m[0].done || m[1].done);
    assert_int_equal(test_relay_stats(&t).waiting, 1);
    test_server_go(t.server);
    test_mail_wait(&t, &m[0]);
    test_mail_wait(&t, &m[1]);
    test_mail_assert_sent(&m[0]);
    test_mail_assert_sent(&m[1]);
    test_relay_end(&t, 0);
}

/* Messages to two domains wait for both; whatever the order of endings, all get their turn. */
static void crossing_domains_all_get_their_turn(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"x@a.test", "x@b.test"},
                                           {"x@b.test", "x@c.test"},
                                           {"x@c.test", "x@a.test"},
                                           {"x@a.test", "y@a.test"},
                                           {"x@b.test", "x@d.test"}};
    enum {
        N = 60
    };
    struct test_relay t;
    struct test_mail *m = gw_calloc(N, sizeof(*m));
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server = {.scripts = {TEST_PLAIN_HELLO "SERVE"}};
    config.domain_connections = 1;
    config.domain_rate_per_s = 2000;
    test_relay_begin(&t, &server, config);
    for (size_t i = 0; i < N; i++) {
        m[i].rcpts = pairs[(i * 7) % 5];
        test_mail_submit(&t, &m[i]);
    }
    for (size_t i = 0; i < N; i += 6)
        test_mail_cancel(&t, &m[i]);
    for (size_t i = 0; i < N; i++) {
        test_mail_wait(&t, &m[i]);
        if (i % 6 != 0)
            test_mail_assert_sent(&m[i]);
    }
    assert_int_equal(test_relay_stats(&t).waiting, 0);
    test_relay_end(&t, 0);
    gw_free(m);
}

/* An idle relay that does not answer QUIT, its peer gone or stopped, does not hold the end up. */
static void closing_does_not_wait_for_an_answer_to_quit(void **state)
{
    (void)state;
    static const char *const scripts[] = {TEST_PLAIN_HELLO "SERVE 1\nSTALL\n",
                                          TEST_TLS_HELLO "SERVE 1\nSTALL\n",
                                          TEST_TLS_HELLO "SERVE 1\nTLSEND\nSTALL\n"};
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        struct test_relay t;
        struct test_mail m = {.done = false};
        struct smtp_relay_config config = test_relay_config();
        const struct test_server_config server = {.scripts = {scripts[i]}};
        config.timeouts.quit_ms = 600000;
        config.tls_mode = i > 0 ? SMTP_TLS_IMPLICIT : SMTP_TLS_NONE;
        test_relay_begin(&t, &server, config);
        test_mail_send(&t, &m);
        test_mail_assert_sent(&m);
        test_relay_end(&t, 600000); /* has a deadline of its own, far below these */
    }
}

static void closing_ends_those_that_wait_for_their_domain(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m[4];
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server = {.scripts = {TEST_PLAIN_HELLO "HANG"}};
    memset(m, 0, sizeof(m));
    config.domain_connections = 1;
    config.domain_rate_per_s = 1;
    test_relay_begin(&t, &server, config);
    for (size_t i = 0; i < 4; i++)
        test_mail_submit(&t, &m[i]);
    while (test_relay_stats(&t).busy == 0)
        (void)uv_run(&t.loop, UV_RUN_ONCE);
    test_relay_end(&t, 0);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(m[i].n_done, 1);
        assert_int_equal(m[i].outcomes[0].reason, SMTP_REASON_SHUTDOWN);
    }
}

static void domain_rate_delays_only_that_domain(void **state)
{
    (void)state;
    static const char *const slow[] = {"a@slow.test", "b@slow.test"};
    static const char *const quick[] = {"a@quick.test", "b@quick.test"};
    struct test_relay t;
    struct test_mail m[4];
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server = {.scripts = {TEST_PLAIN_HELLO "SERVE"}};
    memset(m, 0, sizeof(m));
    config.domain_rate_per_s = 1; /* one at once, the next a second later */
    test_relay_begin(&t, &server, config);
    int64_t start = gw_clock_mono_ms();
    m[0].rcpts = m[1].rcpts = slow;
    m[2].rcpts = quick;
    for (size_t i = 0; i < 3; i++)
        test_mail_submit(&t, &m[i]);
    test_mail_wait(&t, &m[2]);
    test_mail_wait(&t, &m[0]);
    assert_false(m[1].done);
    test_mail_wait(&t, &m[1]);
    assert_true(gw_clock_mono_ms() - start >= 995);
    test_relay_end(&t, 0);
}

/* --- Pause --- */

static void paused_relay_finishes_what_runs_and_refuses_the_rest(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m[4];
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server = {
        .scripts = {TEST_PLAIN_HELLO ONE_MAIL "WAIT\nS: 250 queued\nC: QUIT\nS: 221 bye",
                    TEST_PLAIN_HELLO "SERVE"}};
    memset(m, 0, sizeof(m));
    config.max_connections = 1;
    test_relay_begin(&t, &server, config);
    test_mail_submit(&t, &m[0]);
    while (test_relay_stats(&t).busy == 0)
        (void)uv_run(&t.loop, UV_RUN_ONCE);
    test_mail_submit(&t, &m[1]);
    smtp_relay_pause(t.relay);
    assert_true(test_relay_stats(&t).paused);
    test_mail_wait(&t, &m[1]);
    test_mail_send(&t, &m[2]);
    for (size_t i = 1; i < 3; i++) {
        test_mail_assert_failed(&m[i], SMTP_REASON_RELAY_PAUSED, SMTP_STAGE_CONNECT, false);
        assert_true(m[i].txn.not_tried);
    }
    assert_false(m[0].done);
    test_server_go(t.server);
    test_mail_wait(&t, &m[0]);
    test_mail_assert_sent(&m[0]);
    test_server_wait_closed(t.server, 1);
    smtp_relay_resume(t.relay);
    test_mail_send(&t, &m[3]);
    test_mail_assert_sent(&m[3]);
    assert_int_equal(test_server_accepted(t.server), 2);
    test_relay_end(&t, 0);
}

static void pause_calls_connections_off_that_are_being_made(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m = {.done = false};
    const struct test_server_config server = {.scripts = {"HANG"}};
    test_relay_begin(&t, &server, test_relay_config());
    test_mail_submit(&t, &m);
    smtp_relay_pause(t.relay);
    test_mail_wait(&t, &m);
    test_mail_assert_failed(&m, SMTP_REASON_RELAY_PAUSED, SMTP_STAGE_CONNECT, false);
    assert_int_equal(test_relay_stats(&t).n_failures, 0);
    test_relay_end(&t, 0);
}

/* Each connection refuses a parameter that each new session tries again. */
static void connection_that_judges_nobody_is_not_followed_by_more_of_them(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m = {.done = false};
    const struct test_server_config server = {
        .scripts = {"S: 220 hi\nC: EHLO\nS: 250-me\nS: 250-SIZE 1000000\nS: 250 LIMITS MAILMAX=1\n"
                    "C: MAIL\nS: 501 5.5.4 what is SIZE\nC: RSET\nS: 250 ok\nC: QUIT\nS: 221 bye"}};
    test_relay_begin(&t, &server, test_relay_config());
    test_mail_send(&t, &m);
    test_mail_assert_failed(&m, SMTP_REASON_PROTOCOL_ERROR, SMTP_STAGE_MAIL, false);
    assert_int_equal(test_server_accepted(t.server), 1);
    test_relay_end(&t, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dead_relay_is_left_alone_and_probed_once_when_due),
        cmocka_unit_test(probe_of_its_own_brings_a_relay_back),
        cmocka_unit_test(resume_forgets_what_the_breaker_knows),
        cmocka_unit_test(mail_over_old_connections_does_not_close_the_breaker),
        cmocka_unit_test(who_has_another_relay_does_not_wait_for_a_second_attempt),
        cmocka_unit_test(silent_relay_keeps_only_who_has_nowhere_else_to_go),
        cmocka_unit_test(throttling_halves_what_runs_at_once),
        cmocka_unit_test(rate_and_burst_hold_and_the_rest_waits_its_turn),
        cmocka_unit_test(full_domain_does_not_hold_up_the_others),
        cmocka_unit_test(crossing_domains_all_get_their_turn),
        cmocka_unit_test(closing_does_not_wait_for_an_answer_to_quit),
        cmocka_unit_test(closing_ends_those_that_wait_for_their_domain),
        cmocka_unit_test(domain_rate_delays_only_that_domain),
        cmocka_unit_test(connection_that_judges_nobody_is_not_followed_by_more_of_them),
        cmocka_unit_test(paused_relay_finishes_what_runs_and_refuses_the_rest),
        cmocka_unit_test(pause_calls_connections_off_that_are_being_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
