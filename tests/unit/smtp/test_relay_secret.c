/* SPDX-License-Identifier: MIT */
/* Relays whose secret changes: tokens that come late, are refused, are renewed once; passwords that
 * are replaced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/gw_mem.h"
#include "tests/lib/loop_util.h"
#include "tests/lib/relay_fixture.h"

/* "user=me^Aauth=Bearer one^A^A" in base64, and with "two" */
#define XOAUTH2_ONE "AUTH XOAUTH2 dXNlcj1tZQFhdXRoPUJlYXJlciBvbmUBAQ=="
#define XOAUTH2_TWO "AUTH XOAUTH2 dXNlcj1tZQFhdXRoPUJlYXJlciB0d28BAQ=="
#define HELLO       "S: 220 hi\nC: EHLO\nS: 250-me\nS: 250 AUTH XOAUTH2\n"
/* A refusal as Microsoft and Google write it: a challenge with JSON, then 535. */
#define REFUSED \
    "S: 334 eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIn0=\nC: \n" \
    "S: 535 5.7.8 Username and Password not accepted\nHANG"

/* A source the test holds in its hands. */
struct source {
    enum smtp_secret_status status;
    const char *token, *next; /* what it has; what it will have after a refusal */
    const char *detail;
    enum smtp_reason reason;
    int n_asked, n_refused;
};

static enum smtp_secret_status get(void *data, struct smtp_secret *out)
{
    struct source *s = data;
    s->n_asked++;
    *out = (struct smtp_secret){.token = s->token, .reason = s->reason, .detail = s->detail};
    return s->status;
}

static bool refused(void *data)
{
    struct source *s = data;
    s->n_refused++;
    s->token = s->next;
    s->status = SMTP_SECRET_PENDING;
    return s->next != NULL;
}

static struct smtp_relay_config config_with(struct source *s)
{
    struct smtp_relay_config c = test_relay_config();
    c.username = "me";
    c.secrets = (struct smtp_secret_source){.get = get, .refused = refused, .data = s};
    c.mechs[0] = SMTP_AUTH_XOAUTH2;
    c.n_mechs = 1;
    return c;
}

static void connections_wait_for_the_token_and_then_show_it(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m[3];
    struct source source = {.status = SMTP_SECRET_PENDING};
    const struct test_server_config server = {
        .scripts = {HELLO "C: " XOAUTH2_ONE "\nS: 235 2.7.0 ok\nSERVE"}};
    memset(m, 0, sizeof(m));
    test_relay_begin(&t, &server, config_with(&source));
    for (size_t i = 0; i < 3; i++)
        test_mail_submit(&t, &m[i]);
    for (int i = 0; i < 20; i++)
        (void)uv_run(&t.loop, UV_RUN_NOWAIT);
    assert_int_equal(test_relay_stats(&t).waiting, 3);
    assert_int_equal(test_server_accepted(t.server), 0);
    source.status = SMTP_SECRET_READY;
    source.token = "one";
    smtp_relay_secret_changed(t.relay);
    for (size_t i = 0; i < 3; i++) {
        test_mail_wait(&t, &m[i]);
        test_mail_assert_sent(&m[i]);
    }
    test_relay_end(&t, 0);
}

static void refused_token_is_renewed_once_without_losing_the_message(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m = {.done = false};
    struct source source = {.status = SMTP_SECRET_READY, .token = "one", .next = "two"};
    const struct test_server_config server = {.scripts = {HELLO "C: " XOAUTH2_ONE "\n" REFUSED,
                                                          HELLO "C: " XOAUTH2_TWO
                                                                "\nS: 235 2.7.0 ok\nSERVE"}};
    test_relay_begin(&t, &server, config_with(&source));
    test_mail_submit(&t, &m);
    while (source.n_refused == 0)
        (void)uv_run(&t.loop, UV_RUN_ONCE);
    assert_int_equal(test_relay_stats(&t).breaker, SMTP_BREAKER_CLOSED);
    source.status = SMTP_SECRET_READY;
    smtp_relay_secret_changed(t.relay);
    test_mail_wait(&t, &m);
    test_mail_assert_sent(&m);
    assert_int_equal(source.n_refused, 1);
    assert_int_equal(test_server_accepted(t.server), 2);
    test_relay_end(&t, 0);
}

static void second_refusal_opens_the_breaker(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m[2] = {{.done = false}, {.done = false}};
    struct source source = {.status = SMTP_SECRET_READY, .token = "one", .next = "two"};
    const struct test_server_config server = {
        .scripts = {HELLO "C: " XOAUTH2_ONE "\n" REFUSED, HELLO "C: " XOAUTH2_TWO "\n" REFUSED}};
    test_relay_begin(&t, &server, config_with(&source));
    test_mail_submit(&t, &m[0]);
    while (source.n_refused == 0)
        (void)uv_run(&t.loop, UV_RUN_ONCE);
    source.status = SMTP_SECRET_READY;
    smtp_relay_secret_changed(t.relay);
    test_mail_wait(&t, &m[0]);
    test_mail_assert_failed(&m[0], SMTP_REASON_AUTH_FAILED, SMTP_STAGE_AUTH, false);
    assert_int_equal(m[0].outcomes[0].reply.code, 535);
    assert_null(strstr(m[0].outcomes[0].detail, "two"));
    assert_int_equal(test_relay_stats(&t).breaker, SMTP_BREAKER_OPEN);
    test_mail_send(&t, &m[1]);
    assert_true(m[1].txn.not_tried);
    assert_int_equal(test_server_accepted(t.server), 2);
    test_relay_end(&t, 0);
}

static void no_token_defers_with_its_reason_and_no_connection_is_made(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m = {.done = false};
    struct source source = {.status = SMTP_SECRET_FAILED,
                            .reason = SMTP_REASON_AUTH_TEMPORARY,
                            .detail = "no access token from https://login.test/: refused"};
    const struct test_server_config server = {.scripts = {"HANG"}};
    test_relay_begin(&t, &server, config_with(&source));
    test_mail_send(&t, &m);
    test_mail_assert_failed(&m, SMTP_REASON_AUTH_TEMPORARY, SMTP_STAGE_AUTH, false);
    assert_string_equal(m.outcomes[0].detail, source.detail);
    assert_string_equal(test_relay_stats(&t).last_detail, source.detail);
    assert_int_equal(test_server_accepted(t.server), 0);
    test_relay_end(&t, 0);
}

/* --- Passwords --- */

struct password {
    const char *value;
};

static enum smtp_secret_status get_password(void *data, struct smtp_secret *out)
{
    const struct password *p = data;
    *out = (struct smtp_secret){.password = p->value};
    return SMTP_SECRET_READY;
}

#define PLAIN_HELLO "S: 220 hi\nC: EHLO\nS: 250-me\nS: 250 AUTH PLAIN\n"

/* Nobody waits for the minute when the operator has put the right password in place. */
static void replaced_password_is_tried_at_once(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m[3] = {{.done = false}, {.done = false}, {.done = false}};
    struct password password = {.value = "wrong"};
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server = {
        .scripts = {PLAIN_HELLO "C: AUTH PLAIN AG1lAHdyb25n\nS: 535 no\nHANG",
                    PLAIN_HELLO "C: AUTH PLAIN AG1lAHJpZ2h0\nS: 235 ok\nSERVE"}};
    config.username = "me";
    config.secrets = (struct smtp_secret_source){.get = get_password, .data = &password};
    test_relay_begin(&t, &server, config);
    test_mail_send(&t, &m[0]);
    test_mail_assert_failed(&m[0], SMTP_REASON_AUTH_FAILED, SMTP_STAGE_AUTH, false);
    test_mail_send(&t, &m[1]);
    assert_true(m[1].txn.not_tried);
    password.value = "right";
    test_mail_send(&t, &m[2]);
    test_mail_assert_sent(&m[2]);
    assert_int_equal(test_server_accepted(t.server), 2);
    test_relay_end(&t, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_wait_for_the_token_and_then_show_it),
        cmocka_unit_test(refused_token_is_renewed_once_without_losing_the_message),
        cmocka_unit_test(second_refusal_opens_the_breaker),
        cmocka_unit_test(no_token_defers_with_its_reason_and_no_connection_is_made),
        cmocka_unit_test(replaced_password_is_tried_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
