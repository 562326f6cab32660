/* SPDX-License-Identifier: MIT */
/* Simulator recipients: what each address makes the sandbox do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "smtp/sandbox.h"
#include "smtp/sandbox_recipient.h"

static void addresses_do_what_they_say(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        enum smtp_sandbox_effect effect;
        int code;
        const char *enhanced;
        unsigned times;
        int64_t delay_ms;
    } cases[] = {
        {"ann@example.org", SMTP_SANDBOX_ACCEPT, 0, "", 0, 0},
        {"reject@example.org", SMTP_SANDBOX_ACCEPT, 0, "", 0, 0},
        {"reject+me@example.org", SMTP_SANDBOX_ACCEPT, 0, "", 0, 0},
        {"rejected+550@example.org", SMTP_SANDBOX_ACCEPT, 0, "", 0, 0},
        {"ann+reject+550@example.org", SMTP_SANDBOX_ACCEPT, 0, "", 0, 0},
        {"ann@reject+550.example", SMTP_SANDBOX_ACCEPT, 0, "", 0, 0},
        {"\"reject+550\"@example.org", SMTP_SANDBOX_ACCEPT, 0, "", 0, 0},
        {"postmaster", SMTP_SANDBOX_ACCEPT, 0, "", 0, 0},
        {"", SMTP_SANDBOX_ACCEPT, 0, "", 0, 0},
        {"reject+550@example.org", SMTP_SANDBOX_REFUSE, 550, "5.1.1", 0, 0},
        {"REJECT+552@example.org", SMTP_SANDBOX_REFUSE, 552, "5.2.2", 0, 0},
        {"reject+599@x", SMTP_SANDBOX_REFUSE, 599, "5.0.0", 0, 0},
        {"reject+500@x", SMTP_SANDBOX_REFUSE, 500, "5.0.0", 0, 0},
        {"reject+554-5.7.26@x", SMTP_SANDBOX_REFUSE, 554, "5.7.26", 0, 0},
        {"reject+550-5.999.999@x", SMTP_SANDBOX_REFUSE, 550, "5.999.999", 0, 0},
        {"defer+451@x", SMTP_SANDBOX_REFUSE, 451, "4.3.0", 0, 0},
        {"defer+400@x", SMTP_SANDBOX_REFUSE, 400, "4.0.0", 0, 0},
        {"defer+450-4.7.1@x", SMTP_SANDBOX_REFUSE, 450, "4.7.1", 0, 0},
        {"defer+451x2@x", SMTP_SANDBOX_REFUSE, 451, "4.3.0", 2, 0},
        {"defer+451-4.7.1x99@x", SMTP_SANDBOX_REFUSE, 451, "4.7.1", 99, 0},
        {"busy+421@x", SMTP_SANDBOX_REFUSE, 421, "4.3.2", 0, 0},
        {"busy+421-4.7.0@x", SMTP_SANDBOX_REFUSE, 421, "4.7.0", 0, 0},
        {"slow+2s@x", SMTP_SANDBOX_SLOW, 0, "", 0, 2000},
        {"slow+500ms@x", SMTP_SANDBOX_SLOW, 0, "", 0, 500},
        {"Slow+0S@x", SMTP_SANDBOX_SLOW, 0, "", 0, 0},
        {"slow+60s@x", SMTP_SANDBOX_SLOW, 0, "", 0, SMTP_SANDBOX_MAX_SLOW_MS},
        {"slow+60000ms@x", SMTP_SANDBOX_SLOW, 0, "", 0, SMTP_SANDBOX_MAX_SLOW_MS},
        {"drop-after-dot@x", SMTP_SANDBOX_HANG_UP, 0, "", 0, 0},
        {"Drop-After-Dot@x", SMTP_SANDBOX_HANG_UP, 0, "", 0, 0},
        {"drop-after-dots@x", SMTP_SANDBOX_ACCEPT, 0, "", 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct smtp_sandbox_behaviour b = smtp_sandbox_behaviour_of(gw_slice_str(cases[i].address));
        if (b.effect != cases[i].effect || b.mistaken != NULL)
            fail_msg("%s: effect %d, %s", cases[i].address, b.effect, b.mistaken);
        assert_int_equal(b.code, cases[i].code);
        assert_string_equal(b.enhanced, cases[i].enhanced);
        assert_int_equal(b.times, cases[i].times);
        assert_int_equal(b.delay_ms, cases[i].delay_ms);
        assert_int_equal(b.text != NULL, b.effect == SMTP_SANDBOX_REFUSE);
    }
}

static void mistaken_simulators_are_refused_and_explained(void **state)
{
    (void)state;
    static const char *const addresses[] = {
        "reject+450@x",
        "reject+600@x",
        "reject+55@x",
        "reject+5500@x",
        "reject+550x2@x",
        "reject+550-4.1.1@x",
        "reject+550-5.1@x",
        "reject+550-5.1.1.1@x",
        "reject+550-5.1000.1@x",
        "reject+550-@x",
        "reject+550 @x",
        "defer+550@x",
        "defer+451x@x",
        "defer+451x0@x",
        "defer+451x100@x",
        "defer+451x2-4.1.1@x",
        "busy+451@x",
        "busy+421x2@x",
        "slow+2@x",
        "slow+61s@x",
        "slow+60001ms@x",
        "slow+2m@x",
        "slow+2sx@x",
        "slow+999999999999s@x",
        "slow+00000002s@x",
    };
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        struct smtp_sandbox_behaviour b = smtp_sandbox_behaviour_of(gw_slice_str(addresses[i]));
        if (b.effect != SMTP_SANDBOX_REFUSE || b.mistaken == NULL)
            fail_msg("%s is taken for good", addresses[i]);
        assert_int_equal(b.code, 553);
        assert_string_equal(b.enhanced, "5.1.3");
    }
}

static void tries_count_per_sender_and_recipient_without_case(void **state)
{
    (void)state;
    struct smtp_sandbox_tries *t = smtp_sandbox_tries_new();
    struct gw_slice ann = gw_slice_str("Ann@example.org");
    assert_int_equal(smtp_sandbox_tries_count(t, "a@x", ann), 0);
    assert_int_equal(smtp_sandbox_tries_count(t, "A@X", gw_slice_str("ann@EXAMPLE.org")), 1);
    assert_int_equal(smtp_sandbox_tries_count(t, "b@x", ann), 0);
    assert_int_equal(smtp_sandbox_tries_count(t, "a@x", gw_slice_str("bob@example.org")), 0);
    assert_int_equal(smtp_sandbox_tries_count(t, "a@x", ann), 2);
    smtp_sandbox_tries_clear(t);
    assert_int_equal(smtp_sandbox_tries_count(t, "a@x", ann), 0);
    smtp_sandbox_tries_free(&t);
    assert_null(t);
}

static void tries_forget_the_oldest_pair(void **state)
{
    (void)state;
    struct smtp_sandbox_tries *t = smtp_sandbox_tries_new();
    char address[64];
    for (int i = 0; i < SMTP_SANDBOX_MAX_TRIES; i++) {
        (void)snprintf(address, sizeof(address), "r%d@x", i);
        assert_int_equal(smtp_sandbox_tries_count(t, "", gw_slice_str(address)), 0);
    }
    assert_int_equal(smtp_sandbox_tries_count(t, "", gw_slice_str("r0@x")), 1);
    assert_int_equal(smtp_sandbox_tries_count(t, "", gw_slice_str("new@x")), 0);
    assert_int_equal(smtp_sandbox_tries_count(t, "", gw_slice_str("r1@x")), 1);
    assert_int_equal(smtp_sandbox_tries_count(t, "", gw_slice_str("r0@x")), 0);
    smtp_sandbox_tries_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_do_what_they_say),
        cmocka_unit_test(mistaken_simulators_are_refused_and_explained),
        cmocka_unit_test(tries_count_per_sender_and_recipient_without_case),
        cmocka_unit_test(tries_forget_the_oldest_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
