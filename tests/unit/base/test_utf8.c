/* SPDX-License-Identifier: MIT */
/* UTF-8: what decodes, and what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/base/gw_utf8.h"

static void every_scalar_value_survives_the_round_trip(void **state)
{
    (void)state;
    for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
        if (cp >= 0xd800 && cp <= 0xdfff)
            continue;
        char text[GW_UTF8_MAX];
        size_t n = gw_utf8_encode(cp, text);
        uint32_t back = 0;
        assert_int_equal(gw_utf8_decode(gw_slice_of(text, n), &back), n);
        assert_int_equal(back, cp);
        for (size_t cut = 0; cut < n; cut++)
            assert_int_equal(gw_utf8_decode(gw_slice_of(text, cut), &back), 0);
    }
}

static void what_is_no_scalar_value_becomes_the_replacement(void **state)
{
    (void)state;
    static const uint32_t bad[] = {0xd800, 0xdfff, 0x110000, UINT32_MAX};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[GW_UTF8_MAX];
        assert_int_equal(gw_utf8_encode(bad[i], text), 3);
        assert_memory_equal(text, "\xef\xbf\xbd", 3);
    }
}

static void malformed_sequences_are_not_valid(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",
        "\xbf",
        "\xc0\xaf",
        "\xc1\xbf",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
        "\xc3",
        "\xc3(",
        "\xe2\x82",
        "\xe2(\xa1",
        "\xf0\x90\x8d",
        "\xfe",
        "\xf0\x28\x8c\xbc",
        "\xf0\x90\x28\xbc",
        "\xf0\x90\x8c\x28",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(gw_utf8_valid(gw_slice_str(bad[i])));
        char padded[40] = "0123456789abcdef"; /* behind and across the eight-byte steps */
        for (size_t at = 0; at <= 16; at++) {
            size_t n = 0;
            for (; bad[i][n] != '\0'; n++)
                padded[at + n] = bad[i][n];
            assert_false(gw_utf8_valid(gw_slice_of(padded, at + n)));
            padded[at] = 'x';
        }
    }
    assert_true(gw_utf8_valid(GW_SLICE_LIT("")));
    assert_true(gw_utf8_valid(GW_SLICE_LIT("0123456789\u00e4\u20ac\U0001f600 and some more text")));
}

static void classes_have_exact_borders(void **state)
{
    (void)state;
    assert_true(gw_cp_is_control(0x1f) && gw_cp_is_control(0x7f) && gw_cp_is_control(0x9f));
    assert_false(gw_cp_is_control(0x20) || gw_cp_is_control(0x7e) || gw_cp_is_control(0xa0));
    assert_true(gw_cp_is_line_break('\n') && gw_cp_is_line_break('\r'));
    assert_true(gw_cp_is_line_break(0x85) && gw_cp_is_line_break(0x2028));
    assert_false(gw_cp_is_line_break('\t') || gw_cp_is_line_break(0x202a));
    assert_true(gw_cp_is_bidi_override(0x202a) && gw_cp_is_bidi_override(0x2069));
    assert_false(gw_cp_is_bidi_override(0x200f) || gw_cp_is_bidi_override(0x206a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_scalar_value_survives_the_round_trip),
        cmocka_unit_test(what_is_no_scalar_value_becomes_the_replacement),
        cmocka_unit_test(malformed_sequences_are_not_valid),
        cmocka_unit_test(classes_have_exact_borders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
