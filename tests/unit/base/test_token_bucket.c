/* SPDX-License-Identifier: MIT */
/* Rates with a burst, in time of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/base/gw_token_bucket.h"

static unsigned take_all(struct gw_token_bucket *b, int64_t now_ms)
{
    unsigned n = 0;
    while (n < 1000 && gw_token_bucket_take(b, now_ms))
        n++;
    return n;
}

static void burst_goes_at_once_and_then_the_rate_holds(void **state)
{
    (void)state;
    struct gw_token_bucket b;
    gw_token_bucket_init(&b, 10, 4, 1000);
    assert_true(gw_token_bucket_full(&b, 1000));
    assert_int_equal(take_all(&b, 1000), 4);
    assert_false(gw_token_bucket_full(&b, 1399));
    assert_true(gw_token_bucket_full(&b, 1400));
    assert_int_equal(gw_token_bucket_wait_ms(&b, 1000), 101);
    assert_int_equal(take_all(&b, 1099), 0);
    assert_int_equal(take_all(&b, 1100), 1);
    assert_int_equal(take_all(&b, 100000), 4);
}

static void over_a_long_time_the_rate_is_kept_exactly(void **state)
{
    (void)state;
    static const double rates[] = {0.5, 3, 14, 333, 900};
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        struct gw_token_bucket b;
        gw_token_bucket_init(&b, rates[i], 1 + rates[i] / 100, 0);
        unsigned n = 0;
        for (int64_t now = 0; now < 100000; now++)
            n += take_all(&b, now);
        assert_in_range(n, (unsigned)(rates[i] * 100 * 0.99),
                        (unsigned)(rates[i] * 100 * 1.01) + 11);
    }
}

static void waiting_as_told_is_enough(void **state)
{
    (void)state;
    static const double rates[] = {0.1, 1, 7, 14, 100, 999};
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        struct gw_token_bucket b;
        int64_t now = 5;
        gw_token_bucket_init(&b, rates[i], 1, now);
        for (int k = 0; k < 50; k++) {
            now += gw_token_bucket_wait_ms(&b, now);
            assert_true(gw_token_bucket_take(&b, now));
        }
    }
}

static void no_rate_is_no_limit_and_time_that_stands_still_gives_nothing(void **state)
{
    (void)state;
    struct gw_token_bucket b;
    gw_token_bucket_init(&b, 0, 0, 0);
    assert_int_equal(take_all(&b, 0), 1000);
    assert_int_equal(gw_token_bucket_wait_ms(&b, 0), 0);
    gw_token_bucket_init(&b, 5, 0, 1000);
    assert_int_equal(take_all(&b, 1000), 1);
    assert_int_equal(take_all(&b, 500), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(burst_goes_at_once_and_then_the_rate_holds),
        cmocka_unit_test(over_a_long_time_the_rate_is_kept_exactly),
        cmocka_unit_test(waiting_as_told_is_enough),
        cmocka_unit_test(no_rate_is_no_limit_and_time_that_stands_still_gives_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
