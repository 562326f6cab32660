/* SPDX-License-Identifier: MIT */
/* The reply parser and the form of a reply for people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/gw_mem.h"
#include "smtp/reply.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Feed in pieces that end at @cut; every piece is a heap block of its own. */
static enum smtp_reply_state feed_cut(struct smtp_reply_parser *p, struct gw_slice in, size_t cut,
                                      size_t *used_out)
{
    enum smtp_reply_state state = SMTP_REPLY_MORE;
    *used_out = 0;
    for (size_t from = 0; from < in.len && state == SMTP_REPLY_MORE;) {
        size_t to = from < cut ? cut : in.len;
        size_t used = 0;
        char *piece = gw_memdup0(in.data + from, to - from);
        state = smtp_reply_parse(p, gw_slice_of(piece, to - from), &used);
        gw_free(piece);
        if (state == SMTP_REPLY_MORE)
            assert_int_equal(used, to - from);
        *used_out += used;
        from = to;
    }
    return state;
}

/* Octet by octet. */
static enum smtp_reply_state feed_slowly(struct smtp_reply_parser *p, struct gw_slice in,
                                         size_t *used_out)
{
    enum smtp_reply_state state = SMTP_REPLY_MORE;
    *used_out = 0;
    for (size_t i = 0; i < in.len && state == SMTP_REPLY_MORE; i++) {
        size_t used = 0;
        state = smtp_reply_parse(p, gw_slice_of(in.data + i, 1), &used);
        assert_int_equal(used, 1);
        *used_out += used;
    }
    return state;
}

struct parsed {
    enum smtp_reply_state state;
    int code;
    size_t n_lines, used;
    bool bare_lf;
    struct smtp_reply_info info;
};

static struct parsed result_of(struct smtp_reply_parser *p, enum smtp_reply_state state,
                               size_t used)
{
    struct parsed r = {.state = state, .code = p->code, .n_lines = p->n_lines, .used = used};
    r.bare_lf = p->saw_bare_lf;
    if (state == SMTP_REPLY_DONE)
        smtp_reply_info_from(p, &r.info);
    smtp_reply_parser_reset(p);
    assert_false(smtp_reply_parser_dirty(p));
    return r;
}

static void assert_same(const struct parsed *a, const struct parsed *b, size_t cut)
{
    if (a->state != b->state)
        fail_msg("split at %zu gives state %d instead of %d", cut, b->state, a->state);
    if (a->state != SMTP_REPLY_DONE)
        return;
    assert_int_equal(a->used, b->used);
    assert_int_equal(a->code, b->code);
    assert_int_equal(a->n_lines, b->n_lines);
    assert_int_equal(a->bare_lf, b->bare_lf);
    assert_string_equal(a->info.enhanced, b->info.enhanced);
    assert_string_equal(a->info.text, b->info.text);
}

/* Parse whole, octet by octet and split at every octet (of long inputs: at some); all must agree.
 */
static struct parsed parse_all_ways(struct gw_slice in)
{
    struct smtp_reply_parser p;
    size_t used = 0;
    smtp_reply_parser_init(&p);
    enum smtp_reply_state state = feed_cut(&p, in, 0, &used);
    struct parsed whole = result_of(&p, state, used);
    state = feed_slowly(&p, in, &used);
    struct parsed other = result_of(&p, state, used);
    assert_same(&whole, &other, 0);
    size_t stride = in.len > 4096 ? in.len / 97 : 1;
    for (size_t cut = 1; cut < in.len; cut += stride) {
        state = feed_cut(&p, in, cut, &used);
        other = result_of(&p, state, used);
        assert_same(&whole, &other, cut);
    }
    smtp_reply_parser_deinit(&p);
    return whole;
}

static struct parsed parse(const char *text)
{
    return parse_all_ways(gw_slice_str(text));
}

static void well_formed_replies_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        int code;
        size_t n_lines, used;
        const char *enhanced, *text;
    } cases[] = {
        {"250 ok\r\n", 250, 1, 8, "", "ok"},
        {"250\r\n", 250, 1, 5, "", ""},
        {"250 \r\n", 250, 1, 6, "", ""},
        {"250 ok\n", 250, 1, 7, "", "ok"},
        {"250-a\r\n250-b\r\n250 c\r\n", 250, 3, 21, "", "a\nb\nc"},
        {"250-\r\n250\r\n", 250, 2, 11, "", "\n"},
        {"250 a\r\n250 b\r\n", 250, 1, 7, "", "a"},
        {"250  two\r\n", 250, 1, 10, "", " two"},
        {"354 go\r\nrest", 354, 1, 8, "", "go"},
        {"599 x\r\n", 599, 1, 7, "", "x"},
        {"550 5.1.1 no such user\r\n", 550, 1, 24, "5.1.1", "no such user"},
        {"550-5.1.1 no\r\n550 5.1.1 such user\r\n", 550, 2, 35, "5.1.1", "no\nsuch user"},
        {"550-5.1.1 no\r\n550 5.1.2 other\r\n", 550, 2, 31, "5.1.1", "no\n5.1.2 other"},
        {"250 2.0.0\r\n", 250, 1, 11, "2.0.0", ""},
        {"451 4.7.999 later\r\n", 451, 1, 19, "4.7.999", "later"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct parsed r = parse(cases[i].in);
        assert_int_equal(r.state, SMTP_REPLY_DONE);
        assert_int_equal(r.code, cases[i].code);
        assert_int_equal(r.info.code, cases[i].code);
        assert_int_equal(r.n_lines, cases[i].n_lines);
        assert_int_equal(r.used, cases[i].used);
        assert_string_equal(r.info.enhanced, cases[i].enhanced);
        assert_string_equal(r.info.text, cases[i].text);
    }
}

static void enhanced_codes_that_are_none_stay_text(void **state)
{
    (void)state;
    static const char *const none[] = {
        "550 2.1.1 x",  "250 5.1.1 x",      "550 9.9.9 x",   "550 5.1 x",      "550 5.1.1.1 x",
        "550 5..1 x",   "550 5.01.1 x",     "550 5.1.01 x",  "550 5.1000.1 x", "550 5.1.1000 x",
        "550 5.1.1x x", "250 2.999999.1 x", "550 5.1.1-x x", "354 3.0.0 x",    "550 5.1.",
        "550 5",        "550 5.",           "550 5.1",       "550  5.1.1 x",   "550 55.1.1 x",
    };
    for (size_t i = 0; i < COUNT(none); i++) {
        char line[64];
        (void)snprintf(line, sizeof(line), "%s\r\n", none[i]);
        struct parsed r = parse(line);
        assert_int_equal(r.state, SMTP_REPLY_DONE);
        assert_string_equal(r.info.enhanced, "");
        assert_string_equal(r.info.text, none[i] + 4);
    }
}

static void what_is_no_reply_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "hello\r\n",
        "HTTP/1.1 400\r\n",
        "+OK\r\n",
        "2 5 0\r\n",
        "\r\n",
        "\n",
        "25\r\n",
        "2\n",
        "150 x\r\n",
        "600 x\r\n",
        "000\r\n",
        "2500\r\n",
        "250x\r\n",
        "250\tx\r\n",
        "250\rx\r\n",
        "250\r\r\n",
        "-50 x\r\n",
        "2a0 x\r\n",
        " 250 x\r\n",
        "250-a\r\n550 b\r\n",
        "250-a\r\nb\r\n",
        "250-a\r\n\r\n",
        "250-a\r\n25\r\n",
        "250-a\r\n250-b\r\n251-c\r\n250 d\r\n",
        "\x16\x03\x01",
        "25O ok\r\n",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct parsed r = parse(bad[i]);
        if (r.state != SMTP_REPLY_BAD)
            fail_msg("case %zu: state %d", i, r.state);
    }
}

static void half_a_reply_is_waited_for(void **state)
{
    (void)state;
    static const char *const half[] = {
        "",      "2",        "25",        "250",          "250 ok",
        "250\r", "250 ok\r", "250-a\r\n", "250-a\r\n250", "250-a\r\n250 b\r"};
    for (size_t i = 0; i < COUNT(half); i++) {
        assert_int_equal(parse(half[i]).state, SMTP_REPLY_MORE);
        struct smtp_reply_parser p;
        size_t used = 0;
        smtp_reply_parser_init(&p);
        (void)smtp_reply_parse(&p, gw_slice_str(half[i]), &used);
        assert_int_equal(smtp_reply_parser_dirty(&p), half[i][0] != '\0');
        smtp_reply_parser_deinit(&p);
    }
}

static void bare_lf_is_seen(void **state)
{
    (void)state;
    assert_false(parse("250-a\r\n250 b\r\n").bare_lf);
    assert_true(parse("250-a\n250 b\r\n").bare_lf);
    assert_true(parse("250-a\r\n250 b\n").bare_lf);
}

/* "250 xxx…" with @len octets in the line, then @end. */
static struct parsed parse_line_of(size_t len, const char *end)
{
    struct gw_buf line;
    gw_buf_init(&line, 1 << 20);
    (void)gw_buf_add_str(&line, "250 ");
    while (line.len < len)
        (void)gw_buf_add_char(&line, 'x');
    (void)gw_buf_add_str(&line, end);
    struct parsed r = parse_all_ways(gw_buf_view(&line));
    gw_buf_deinit(&line);
    return r;
}

static void lines_have_a_limit(void **state)
{
    (void)state;
    assert_int_equal(parse_line_of(SMTP_MAX_REPLY_LINE, "\r\n").state, SMTP_REPLY_DONE);
    assert_int_equal(parse_line_of(SMTP_MAX_REPLY_LINE, "\n").state, SMTP_REPLY_DONE);
    assert_int_equal(parse_line_of(SMTP_MAX_REPLY_LINE, "\r").state, SMTP_REPLY_MORE);
    assert_int_equal(parse_line_of(SMTP_MAX_REPLY_LINE, "").state, SMTP_REPLY_MORE);
    static const char *const ends[] = {"", "\n", "\r", "\r\n", "\rx"};
    for (size_t i = 0; i < COUNT(ends); i++)
        assert_int_equal(parse_line_of(SMTP_MAX_REPLY_LINE + 1, ends[i]).state,
                         SMTP_REPLY_LINE_TOO_LONG);
    assert_int_equal(parse_line_of(SMTP_MAX_REPLY_LINE, "\rx").state, SMTP_REPLY_LINE_TOO_LONG);
    assert_int_equal(parse_line_of(100000, "\r\n").state, SMTP_REPLY_LINE_TOO_LONG);
}

static struct parsed parse_lines(size_t n, size_t len)
{
    struct gw_buf text;
    gw_buf_init(&text, 1 << 20);
    for (size_t i = 0; i < n; i++) {
        (void)gw_buf_add_str(&text, i + 1 < n ? "250-" : "250 ");
        for (size_t j = 4; j < len; j++)
            (void)gw_buf_add_char(&text, 'x');
        (void)gw_buf_add_str(&text, "\r\n");
    }
    struct parsed r = parse_all_ways(gw_buf_view(&text));
    gw_buf_deinit(&text);
    return r;
}

static void replies_have_a_limit(void **state)
{
    (void)state;
    struct parsed r = parse_lines(SMTP_MAX_REPLY_LINES, 10);
    assert_int_equal(r.state, SMTP_REPLY_DONE);
    assert_int_equal(r.n_lines, SMTP_MAX_REPLY_LINES);
    assert_int_equal(parse_lines(SMTP_MAX_REPLY_LINES + 1, 10).state, SMTP_REPLY_TOO_LONG);
    /* 64 lines of 1,023 octets and their LF are 64 KiB. */
    assert_int_equal(parse_lines(64, 1023).state, SMTP_REPLY_DONE);
    assert_int_equal(parse_lines(64, 1024).state, SMTP_REPLY_TOO_LONG);
    assert_int_equal(parse_lines(65, 1023).state, SMTP_REPLY_TOO_LONG);
}

static void text_is_made_harmless(void **state)
{
    (void)state;
    static const char override[] = {(char)0xe2, (char)0x80, (char)0xae, 0}; /* U+202E */
    static const struct {
        const char *in, *out;
        size_t len;
    } cases[] = {
        {"a\0b", "a\\x00b", 3},
        {"\x1b[31m", "\\x1B[31m", 5},
        {"\x7f\t", "\\x7F\\x09", 2},
        {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
         14},
        {"\xc3", "\\xC3", 1},
        {"\xc3(", "\\xC3(", 2},
        {"\xc0\xaf", "\\xC0\\xAF", 2},
        {"\xed\xa0\x80", "\\xED\\xA0\\x80", 3},
        {"\xf4\x90\x80\x80", "\\xF4\\x90\\x80\\x80", 4},
        {"\xc2\x9b", "\\xC2\\x9B", 2},
        {"\xe2\x80\xa8", "\\xE2\\x80\\xA8", 3},
        {override, "\\xE2\\x80\\xAE", 3},
        {"\xef\xbb\xbf", "\\xEF\\xBB\\xBF", 3},
        {"a\rb", "a\\x0Db", 3},
        {"</script>{{7*7}}%n%s\\", "</script>{{7*7}}%n%s\\", 21},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[64];
        smtp_text_escape(gw_slice_of(cases[i].in, cases[i].len), out, sizeof(out));
        assert_string_equal(out, cases[i].out);
    }
}

static void text_is_cut_at_whole_characters(void **state)
{
    (void)state;
    char out[6];
    smtp_text_escape(gw_slice_str("abcd\xc3\xa9"), out, sizeof(out));
    assert_string_equal(out, "abcd");
    smtp_text_escape(gw_slice_str("abc\xc3\xa9"), out, sizeof(out));
    assert_string_equal(out, "abc\xc3\xa9");
    smtp_text_escape(gw_slice_str("ab\x01"), out, sizeof(out));
    assert_string_equal(out, "ab");
    smtp_text_escape(gw_slice_str("abcdefgh"), out, 1);
    assert_string_equal(out, "");
}

static void at_most_eight_lines_are_kept(void **state)
{
    (void)state;
    struct parsed r =
        parse("250-1\r\n250-2\r\n250-3\r\n250-4\r\n250-5\r\n250-6\r\n250-7\r\n250-8\r\n"
              "250-9\r\n250 10\r\n");
    assert_string_equal(r.info.text, "1\n2\n3\n4\n5\n6\n7\n8");
    r = parse_lines(4, 300);
    assert_int_equal(strlen(r.info.text), SMTP_REPLY_TEXT_SIZE - 1);
}

static void lines_are_found_by_number(void **state)
{
    (void)state;
    struct smtp_reply_parser p;
    size_t used = 0;
    smtp_reply_parser_init(&p);
    assert_int_equal(smtp_reply_parse(&p, GW_SLICE_LIT("250-a b\r\n250-\r\n250"), &used),
                     SMTP_REPLY_MORE);
    assert_int_equal(smtp_reply_parse(&p, GW_SLICE_LIT("\r\n250 next\r\n"), &used),
                     SMTP_REPLY_DONE);
    assert_int_equal(used, 2);
    assert_true(gw_slice_is(smtp_reply_line(&p, 0), "a b"));
    assert_int_equal(smtp_reply_line(&p, 1).len, 0);
    assert_int_equal(smtp_reply_line(&p, 2).len, 0);
    smtp_reply_parser_deinit(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_formed_replies_are_read),
        cmocka_unit_test(enhanced_codes_that_are_none_stay_text),
        cmocka_unit_test(what_is_no_reply_is_refused),
        cmocka_unit_test(half_a_reply_is_waited_for),
        cmocka_unit_test(bare_lf_is_seen),
        cmocka_unit_test(lines_have_a_limit),
        cmocka_unit_test(replies_have_a_limit),
        cmocka_unit_test(text_is_made_harmless),
        cmocka_unit_test(text_is_cut_at_whole_characters),
        cmocka_unit_test(at_most_eight_lines_are_kept),
        cmocka_unit_test(lines_are_found_by_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
