/* SPDX-License-Identifier: MIT */
/* Who watches a relay is told once that it is down, and once that it is back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/gw_clock.h"
#include "tests/lib/loop_util.h"
#include "tests/lib/relay_fixture.h"

static char told[256];

static void on_down(struct smtp_relay *r, enum smtp_reason reason, const char *detail, void *data)
{
    size_t at = strlen(told);
    (void)r;
    assert_ptr_equal(data, told);
    assert_true(detail[0] != '\0');
    (void)snprintf(told + at, sizeof(told) - at, "down(%s) ", smtp_reason_name(reason));
}

static void on_up(struct smtp_relay *r, void *data)
{
    size_t at = strlen(told);
    (void)r;
    assert_ptr_equal(data, told);
    (void)snprintf(told + at, sizeof(told) - at, "up ");
}

static void begin(struct test_relay *t, const struct test_server_config *server)
{
    struct smtp_relay_config config = test_relay_config();
    config.on_down = on_down;
    config.on_up = on_up;
    config.on_change_data = told;
    told[0] = '\0';
    test_stop_clocks();
    test_relay_begin(t, server, config);
}

static void end(struct test_relay *t)
{
    gw_clock_fake_end();
    test_relay_end(t, 0);
}

#define BACK TEST_PLAIN_HELLO "SERVE"

/* Three refusals open the breaker, one more is met by its probe. */
static const struct test_server_config sick = {
    .scripts = {"S: 421 no\nFIN", "S: 421 no\nFIN", "S: 421 no\nFIN", "S: 421 no\nFIN", BACK}};

static void send_in_vain(struct test_relay *t, int n)
{
    for (int i = 0; i < n; i++) {
        struct test_mail m = {.done = false};
        test_mail_send(t, &m);
        assert_true(m.outcomes[0].reason != SMTP_REASON_REPLY);
    }
}

static void a_breaker_is_told_when_it_opens_and_when_it_closes(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m = {.done = false};
    begin(&t, &sick);
    send_in_vain(&t, SMTP_BREAKER_FAILURES - 1);
    assert_string_equal(told, "");
    send_in_vain(&t, 1);
    assert_string_equal(told, "down(relay_421) ");
    send_in_vain(&t, 1); /* refused without a try */
    gw_clock_fake_advance(SMTP_BREAKER_OPEN_MS);
    send_in_vain(&t, 1); /* the probe: it opens again */
    assert_string_equal(told, "down(relay_421) ");
    gw_clock_fake_advance(2 * (int64_t)SMTP_BREAKER_OPEN_MS);
    test_mail_send(&t, &m);
    test_mail_assert_sent(&m);
    assert_string_equal(told, "down(relay_421) up ");
    end(&t);
}

static void a_pause_is_told_once_and_so_is_its_end(void **state)
{
    (void)state;
    struct test_relay t;
    begin(&t, NULL);
    smtp_relay_resume(t.relay);
    assert_string_equal(told, "");
    smtp_relay_pause(t.relay);
    smtp_relay_pause(t.relay);
    assert_string_equal(told, "down(relay_paused) ");
    smtp_relay_resume(t.relay);
    smtp_relay_resume(t.relay);
    assert_string_equal(told, "down(relay_paused) up ");
    end(&t);
}

static void what_is_down_already_is_not_told_to_be_paused(void **state)
{
    (void)state;
    struct test_relay t;
    begin(&t, &sick);
    send_in_vain(&t, SMTP_BREAKER_FAILURES);
    smtp_relay_pause(t.relay);
    assert_string_equal(told, "down(relay_421) ");
    smtp_relay_resume(t.relay); /* closes the breaker, too */
    assert_string_equal(told, "down(relay_421) up ");
    end(&t);
}

static void an_end_is_nobodys_news(void **state)
{
    (void)state;
    struct test_relay t;
    begin(&t, NULL);
    smtp_relay_pause(t.relay);
    end(&t);
    assert_string_equal(told, "down(relay_paused) ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_breaker_is_told_when_it_opens_and_when_it_closes),
        cmocka_unit_test(a_pause_is_told_once_and_so_is_its_end),
        cmocka_unit_test(what_is_down_already_is_not_told_to_be_paused),
        cmocka_unit_test(an_end_is_nobodys_news),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
