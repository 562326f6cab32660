/* SPDX-License-Identifier: MIT */
/* Dot-stuffing in pieces of every size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/gw_mem.h"
#include "gateway/base/gw_random.h"
#include "smtp/dot_stuff.h"

enum {
    MIN_PIECE = 16,
    MAX_TEXT = 1 << 16
};

static enum gw_status stuff(struct gw_slice content, size_t piece, struct gw_buf *out)
{
    struct smtp_dot_stuff d = smtp_dot_stuff_start(content);
    enum gw_status status = GW_OK;
    while (!d.finished && status == GW_OK) {
        size_t before = out->len;
        status = smtp_dot_stuff_next(&d, out, piece);
        assert_true(out->len - before <= piece);
        assert_true(status != GW_OK || out->len > before);
    }
    return status;
}

static void assert_stuffed(const char *in, const char *want)
{
    for (size_t piece = MIN_PIECE; piece < 64; piece++) {
        struct gw_buf out;
        char *copy = gw_memdup0(in, strlen(in));
        gw_buf_init(&out, MAX_TEXT);
        assert_int_equal(stuff(gw_slice_of(copy, strlen(in)), piece, &out), GW_OK);
        assert_true(gw_slice_is(gw_buf_view(&out), want));
        gw_buf_deinit(&out);
        gw_free(copy);
    }
}

static void dots_at_line_starts_are_doubled(void **state)
{
    (void)state;
    assert_stuffed("", ".\r\n");
    assert_stuffed("a", "a\r\n.\r\n");
    assert_stuffed("a\r\n", "a\r\n.\r\n");
    assert_stuffed(".", "..\r\n.\r\n");
    assert_stuffed(".\r\n", "..\r\n.\r\n");
    assert_stuffed("..\r\n.\r\n", "...\r\n..\r\n.\r\n");
    assert_stuffed("a.\r\n.b.\r\n", "a.\r\n..b.\r\n.\r\n");
    assert_stuffed("\r\n\r\n.", "\r\n\r\n..\r\n.\r\n");
    assert_stuffed("0123456789012345678901234567890123456789\r\n.x\r\n",
                   "0123456789012345678901234567890123456789\r\n..x\r\n.\r\n");
}

static void bare_line_ends_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"\n",
                                      "\r",
                                      "a\nb",
                                      "a\rb",
                                      "a\r\n\nb",
                                      "a\r\r\nb",
                                      "\r\n.\n",
                                      "\n.\r\n",
                                      "a\r\n.\rb",
                                      "a\r",
                                      "\r\r",
                                      "x\r\n\r",
                                      "0123456789012345\r\n67890123456789\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        for (size_t piece = MIN_PIECE; piece < 64; piece++) {
            struct gw_buf out;
            gw_buf_init(&out, MAX_TEXT);
            assert_int_equal(stuff(gw_slice_str(bad[i]), piece, &out), GW_INVALID);
            gw_buf_deinit(&out);
        }
    }
}

/* By the definition, an octet at a time. */
static size_t bare_line_end(const char *p, size_t len, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        bool cr = p[i] == '\r' && (i + 1 == len || p[i + 1] != '\n');
        bool lf = p[i] == '\n' && (i == 0 || p[i - 1] != '\r');
        if (cr || lf)
            return i;
    }
    return len;
}

/* Wherever it stands to the blocks that are looked at together, and whatever part is asked for. */
static void a_bare_line_end_is_found_at_every_place(void **state)
{
    (void)state;
    enum {
        LEN = 200
    };
    static const size_t edges[] = {0, 1, 63, 64, 65, 127, 128, 129, LEN - 1, LEN};
    char text[LEN];
    for (size_t at = 0; at < LEN; at++)
        for (int kind = 0; kind < 3; kind++) {
            for (size_t i = 0; i < LEN; i++)
                text[i] = i % 20 == 18 ? '\r' : i % 20 == 19 ? '\n' : 'x';
            text[at] = "\r\nx"[kind];
            for (size_t f = 0; f < sizeof(edges) / sizeof(edges[0]); f++)
                for (size_t t = f; t < sizeof(edges) / sizeof(edges[0]); t++)
                    assert_int_equal(
                        smtp_find_bare_line_end(gw_slice_of(text, LEN), edges[f], edges[t]),
                        bare_line_end(text, LEN, edges[f], edges[t]));
        }
}

/* What a relay does on receipt, RFC 5321 sec. 4.5.2. */
static void unstuff(struct gw_slice in, struct gw_buf *out)
{
    assert_true(in.len >= 3 && memcmp(in.data + in.len - 3, ".\r\n", 3) == 0);
    bool at_line = true;
    for (size_t i = 0; i + 3 < in.len; i++) {
        if (at_line && in.data[i] == '.') {
            i++;
            assert_memory_not_equal(in.data + i, "\r\n", 2);
        }
        (void)gw_buf_add_char(out, in.data[i]);
        at_line = in.data[i] == '\n';
    }
    assert_true(at_line);
}

static void random_lines_come_back_as_they_were(void **state)
{
    (void)state;
    static const char *const parts[] = {".",    "..",    "a",          "\r\n",
                                        "\r\n", "\r\n.", "0123456789", ".\r\n"};
    gw_random_seed(11);
    for (int round = 0; round < 2000; round++) {
        struct gw_buf in;
        struct gw_buf wire;
        struct gw_buf back;
        gw_buf_init(&in, MAX_TEXT);
        gw_buf_init(&wire, MAX_TEXT);
        gw_buf_init(&back, MAX_TEXT);
        for (uint32_t n = gw_random_below(40); n > 0; n--)
            (void)gw_buf_add_str(&in, parts[gw_random_below(sizeof(parts) / sizeof(parts[0]))]);
        (void)gw_buf_add_str(&in, "\r\n");
        assert_int_equal(stuff(gw_buf_view(&in), MIN_PIECE + gw_random_below(40), &wire), GW_OK);
        unstuff(gw_buf_view(&wire), &back);
        assert_true(gw_slice_eq(gw_buf_view(&in), gw_buf_view(&back)));
        gw_buf_deinit(&in);
        gw_buf_deinit(&wire);
        gw_buf_deinit(&back);
    }
    gw_random_seed(0);
}

static void full_output_is_reported(void **state)
{
    (void)state;
    struct gw_buf out;
    gw_buf_init(&out, 20);
    assert_int_equal(stuff(GW_SLICE_LIT("0123456789\r\n0123456789\r\n"), 64, &out), GW_TOOBIG);
    gw_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dots_at_line_starts_are_doubled),
        cmocka_unit_test(bare_line_ends_are_refused),
        cmocka_unit_test(a_bare_line_end_is_found_at_every_place),
        cmocka_unit_test(random_lines_come_back_as_they_were),
        cmocka_unit_test(full_output_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
