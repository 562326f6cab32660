/* SPDX-License-Identifier: MIT */
/* Parts of webhooks that need no network: where they may not connect to, signatures, delays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "gateway/address_rules.h"
#include "gateway/history.h"
#include "gateway/webhook_request.h"

static bool is_public(const char *text)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
        return gw_address_is_public((const struct sockaddr *)&in);
    assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
    return gw_address_is_public((const struct sockaddr *)&in6);
}

static void special_addresses_are_not_public(void **state)
{
    (void)state;
    static const char *const special[] = {"0.0.0.0",
                                          "0.1.2.3",
                                          "10.0.0.1",
                                          "10.255.255.255",
                                          "100.64.0.1",
                                          "100.127.255.255",
                                          "127.0.0.1",
                                          "127.255.255.254",
                                          "169.254.169.254",
                                          "172.16.0.1",
                                          "172.31.255.255",
                                          "192.0.0.1",
                                          "192.0.2.1",
                                          "192.88.99.1",
                                          "192.168.1.1",
                                          "198.18.0.1",
                                          "198.19.255.255",
                                          "198.51.100.7",
                                          "203.0.113.1",
                                          "224.0.0.1",
                                          "239.1.1.1",
                                          "240.0.0.1",
                                          "255.255.255.255",
                                          "::",
                                          "::1",
                                          "::127.0.0.1",
                                          "::ffff:127.0.0.1",
                                          "::ffff:8.8.8.8",
                                          "64:ff9b::7f00:1",
                                          "64:ff9b:1::1",
                                          "100::1",
                                          "2001::1",
                                          "2001:db8::1",
                                          "2002:7f00:1::",
                                          "3fff::1",
                                          "fc00::1",
                                          "fd12:3456::1",
                                          "fe80::1",
                                          "fec0::1",
                                          "ff02::1"};
    static const char *const open[] = {
        "1.1.1.1",     "8.8.8.8",         "9.255.255.255", "11.0.0.0",     "100.63.255.255",
        "100.128.0.0", "126.255.255.255", "128.0.0.1",     "169.253.0.1",  "169.255.0.1",
        "172.15.0.1",  "172.32.0.1",      "192.0.1.1",     "192.167.0.1",  "192.169.0.1",
        "198.17.0.1",  "198.20.0.1",      "223.255.255.1", "2001:4860::1", "2606:4700::1111",
        "2a00:1450::1"};
    for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
        if (is_public(special[i]))
            fail_msg("%s passes", special[i]);
    for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++)
        if (!is_public(open[i]))
            fail_msg("%s does not pass", open[i]);
    struct sockaddr other = {.sa_family = AF_UNIX};
    assert_false(gw_address_is_public(&other));
}

/* The vector of the Standard Webhooks libraries' tests. */
static void a_signature_is_the_one_of_the_specification(void **state)
{
    (void)state;
    char out[GW_WEBHOOK_SIGNATURE_SIZE];
    gw_webhook_sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek",
                    1614265330, GW_SLICE_LIT("{\"test\": 2432232314}"), out);
    assert_string_equal(out, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

static void delays_double_up_to_a_day(void **state)
{
    (void)state;
    assert_int_equal(gw_webhook_delay_ms(1, 0.5), 5000);
    assert_int_equal(gw_webhook_delay_ms(2, 0.5), 10000);
    assert_int_equal(gw_webhook_delay_ms(5, 0.5), 80000);
    assert_int_equal(gw_webhook_delay_ms(1, 0.0), 4000);
    assert_true(gw_webhook_delay_ms(1, 0.999) < 6000);
    assert_true(gw_webhook_delay_ms(GW_WEBHOOK_MAX_ATTEMPTS - 1, 0.5) > INT64_C(22) * 3600 * 1000);
    assert_int_equal(gw_webhook_delay_ms(1000, 0.5), GW_WEBHOOK_MAX_DELAY_MS);
}

static void patterns_stand_for_types(void **state)
{
    (void)state;
    unsigned all = (1U << GW_N_EVENT_TYPES) - 1;
    assert_int_equal(gw_event_types_like(GW_SLICE_LIT("*")), all);
    assert_int_equal(gw_event_types_like(GW_SLICE_LIT("recipient.sent")), 1U << GW_EVENT_SENT);
    assert_int_equal(gw_event_types_like(GW_SLICE_LIT("message.*")),
                     1U << GW_EVENT_QUEUED | 1U << GW_EVENT_COMPLETED);
    static const char *const none[] = {"",     "sent", "recipient",    "recipient.",
                                       "rec*", ".*",   "recipient.*x", "recipient.sent.*",
                                       "**"};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        assert_int_equal(gw_event_types_like(gw_slice_str(none[i])), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(special_addresses_are_not_public),
        cmocka_unit_test(a_signature_is_the_one_of_the_specification),
        cmocka_unit_test(delays_double_up_to_a_day),
        cmocka_unit_test(patterns_stand_for_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
