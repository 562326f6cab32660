/* SPDX-License-Identifier: MIT */
/* Durations, sizes, rates, numbers: read, refused, written back. */
#include "config/cfg_text.h"
#include "tests/unit/config/cfg_helper.h"

struct whole {
    const char *text;
    int64_t value; /* -1: refused */
};

static void check(const struct whole *w, bool (*parse)(const char *, int64_t *))
{
    for (; w->text != NULL; w++) {
        int64_t value = -1;
        bool ok = parse(w->text, &value);
        if (ok != (w->value >= 0) || (ok && value != w->value))
            fail_msg("\"%s\" gave %s %lld", w->text, ok ? "yes" : "no", (long long)value);
    }
}

static void durations_need_a_unit(void **state)
{
    (void)state;
    static const struct whole cases[] = {
        {"500ms", 500},
        {"10s", 10000},
        {"5m", 300000},
        {"4h", 14400000},
        {"5d", 432000000},
        {"0s", 0},
        {"0ms", 0},
        {"0", -1},
        {"10", -1},
        {"", -1},
        {"s", -1},
        {"-1s", -1},
        {"+1s", -1},
        {"1.5h", -1},
        {"1h30m", -1},
        {"1 s", -1},
        {" 1s", -1},
        {"1s ", -1},
        {"1S", -1},
        {"01s", -1},
        {"1sec", -1},
        {"1e3s", -1},
        {"0x1s", -1},
        {"1w", -1},
        {"999999999999999d", -1},
        {"1us", -1},
        {"9999999999999999999999s", -1},
        {NULL, 0},
    };
    check(cases, cfg_parse_duration);
}

static void sizes_count_in_1024(void **state)
{
    (void)state;
    static const struct whole cases[] = {
        {"0", 0},
        {"1", 1},
        {"1KB", 1024},
        {"64KB", 65536},
        {"25MB", 26214400},
        {"2GB", 2147483648},
        {"64kb", -1},
        {"64K", -1},
        {"64KiB", -1},
        {"64B", -1},
        {"1.5MB", -1},
        {"-1", -1},
        {"1 KB", -1},
        {"", -1},
        {"KB", -1},
        {"999999999999999GB", -1},
        {"999999999999999", 999999999999999},
        {"1000000000000000", -1},
        {NULL, 0},
    };
    check(cases, cfg_parse_size);
}

static void counts_are_plain_digits(void **state)
{
    (void)state;
    static const struct whole cases[] = {
        {"0", 0},    {"7", 7},    {"1000", 1000}, {"010", -1}, {"1_000", -1}, {"1,000", -1},
        {"1.0", -1}, {"1e3", -1}, {"-0", -1},     {"+1", -1},  {"", -1},      {NULL, 0},
    };
    check(cases, cfg_parse_count);
}

static bool near(double a, double b)
{
    return a - b < 1e-12 && b - a < 1e-12;
}

static void rates_are_per_second_minute_or_hour(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double per_s; /* negative: refused */
    } cases[] = {
        {"14/s", 14},   {"600/m", 10},     {"3600/h", 1},
        {"0.5/s", 0.5}, {"1/m", 1.0 / 60}, {"0/s", 0},
        {"14", -1},     {"/s", -1},        {"14/d", -1},
        {"14 /s", -1},  {".5/s", -1},      {"5./s", -1},
        {"-1/s", -1},   {"1e3/s", -1},     {"inf/s", -1},
        {"nan/s", -1},  {"0x1/s", -1},     {"01/s", -1},
        {"", -1},       {"1/ss", -1},      {"99999999999999999999999999/s", -1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double rate = -1;
        bool ok = cfg_parse_rate(cases[i].text, &rate);
        if (ok != (cases[i].per_s >= 0) || (ok && !near(rate, cases[i].per_s)))
            fail_msg("\"%s\" gave %s %f", cases[i].text, ok ? "yes" : "no", rate);
    }
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    static const int64_t values[] = {0,         1,       999,     1000,    1024,
                                     1536,      60000,   90000,   3600000, 86400000,
                                     432000000, 1 << 20, 1 << 30, 123456,  26214400};
    char text[CFG_UNIT_SIZE];
    int64_t back;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        cfg_format_duration(values[i], text);
        assert_true(cfg_parse_duration(text, &back));
        assert_true(back == values[i]);
        cfg_format_size(values[i], text);
        assert_true(cfg_parse_size(text, &back));
        assert_true(back == values[i]);
    }
    static const double rates[] = {14, 10, 0.5, 1.0 / 60, 1.0 / 3600, 1.0 / 7, 1e6, 2.0 / 3, 0.1};
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        double rate = -1;
        cfg_format_rate(rates[i], text);
        if (!cfg_parse_rate(text, &rate) || rate < rates[i] || rate > rates[i])
            fail_msg("%.17g became \"%s\"", rates[i], text);
    }
    static const double numbers[] = {0, 1, 0.2, 0.123456789, 1.0 / 3};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        double n = -1;
        cfg_format_number(numbers[i], text);
        if (!cfg_parse_number(text, &n) || n < numbers[i] || n > numbers[i])
            fail_msg("%.17g became \"%s\"", numbers[i], text);
    }
}

static void the_largest_unit_that_fits_is_written(void **state)
{
    (void)state;
    char text[CFG_UNIT_SIZE];
    cfg_format_duration(INT64_C(5) * 86400000, text);
    assert_string_equal(text, "5d");
    cfg_format_duration(90000, text);
    assert_string_equal(text, "90s");
    cfg_format_size(30 << 20, text);
    assert_string_equal(text, "30MB");
    cfg_format_rate(14, text);
    assert_string_equal(text, "14/s");
    cfg_format_rate(1.0 / 60, text);
    assert_string_equal(text, "1/m");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_need_a_unit),
        cmocka_unit_test(sizes_count_in_1024),
        cmocka_unit_test(counts_are_plain_digits),
        cmocka_unit_test(rates_are_per_second_minute_or_hour),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(the_largest_unit_that_fits_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
