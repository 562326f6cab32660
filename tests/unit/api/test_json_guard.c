/* SPDX-License-Identifier: MIT */
/* The guard before the JSON parser: each limit on both sides; and the writer on the way out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/json_guard.h"
#include "api/json_write.h"
#include "gateway/base/gw_buf.h"

enum {
    BUFFER_MAX = 32 << 20
};

static enum gw_status guard(struct gw_slice body, struct gw_err *err)
{
    struct gw_arena *arena = gw_arena_new(0);
    struct api_guarded_json doc;
    enum gw_status status = api_json_guard(arena, body, &doc, err);
    gw_arena_free(&arena);
    return status;
}

static struct gw_buf repeat(const char *before, const char *text, size_t n, const char *after)
{
    struct gw_buf b;
    gw_buf_init(&b, BUFFER_MAX);
    (void)gw_buf_add_str(&b, before);
    for (size_t i = 0; i < n; i++)
        (void)gw_buf_add_str(&b, text);
    (void)gw_buf_add_str(&b, after);
    assert_false(b.overflowed);
    return b;
}

static enum gw_status guard_repeated(const char *before, const char *text, size_t n,
                                     const char *after)
{
    struct gw_err err;
    struct gw_buf b = repeat(before, text, n, after);
    enum gw_status status = guard(gw_buf_view(&b), &err);
    gw_buf_deinit(&b);
    return status;
}

static void sixteen_levels_pass_and_seventeen_do_not(void **state)
{
    (void)state;
    assert_int_equal(guard_repeated("", "[", API_JSON_MAX_DEPTH, ""), GW_OK);
    assert_int_equal(guard_repeated("", "[", API_JSON_MAX_DEPTH + 1, ""), GW_PROTO);
    assert_int_equal(guard_repeated("", "{\"a\":", API_JSON_MAX_DEPTH, ""), GW_OK);
    assert_int_equal(guard_repeated("", "{\"a\":", API_JSON_MAX_DEPTH + 1, ""), GW_PROTO);
    assert_int_equal(guard_repeated("", "[", 2048, ""), GW_PROTO);
    assert_int_equal(guard_repeated("", "[", 2049, ""), GW_PROTO);
    assert_int_equal(guard_repeated("[", "[]", 1000, "]"), GW_OK);
}

static void twenty_thousand_tokens_pass_and_one_more_does_not(void **state)
{
    (void)state;
    assert_int_equal(guard_repeated("[", "1,", API_JSON_MAX_TOKENS - 2, "1]"), GW_OK);
    assert_int_equal(guard_repeated("[", "1,", API_JSON_MAX_TOKENS - 1, "1]"), GW_PROTO);
    assert_int_equal(guard_repeated("[", "{},", (1 << 20) / 3, "{}]"), GW_PROTO);
    assert_int_equal(guard_repeated("{", "\"k\":1,", 150000, "\"k\":1}"), GW_PROTO);
    assert_int_equal(guard_repeated("[", "\"[{\\\"\",", 10000, "1]"), GW_OK);
}

static void refusals_tell_line_and_column_in_characters(void **state)
{
    (void)state;
    struct gw_err err;
    assert_int_equal(guard(GW_SLICE_LIT("[\n\"\xc3\xa4\xc3\xa4\",[[[[[[[[[[[[[[[[["), &err),
                     GW_PROTO);
    assert_non_null(strstr(err.text, "line 2, column 21: "));
}

static void octets_come_out_only_behind_a_data_key(void **state)
{
    (void)state;
    static const char array[] = "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]";
    static const struct {
        const char *before;
        size_t n;
    } cases[] = {
        {"{\"data\":", 1}, {"{\"data\" \n : ", 1}, {"{\"dat\":", 0},    {"{\"to\":", 0},
        {"[\"data\",", 0}, {"{\"data\":[", 0},     {"{\"data\":1,", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct gw_arena *arena = gw_arena_new(0);
        struct api_guarded_json doc;
        struct gw_err err;
        struct gw_buf b = repeat(cases[i].before, array, 1, "}");
        assert_int_equal(api_json_guard(arena, gw_buf_view(&b), &doc, &err), GW_OK);
        assert_int_equal(doc.n_taken, cases[i].n);
        if (cases[i].n > 0)
            assert_true(doc.taken[0].octets && doc.taken[0].bytes.len == 16);
        else
            assert_ptr_equal(doc.text.data, b.data);
        gw_buf_deinit(&b);
        gw_arena_free(&arena);
    }
}

static void arrays_that_are_not_octets_stay(void **state)
{
    (void)state;
    static const char *const bad[] = {"256", "-1", "1.5", "01", "1e1", "\"1\"", "null", "0001", ""};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct gw_arena *arena = gw_arena_new(0);
        struct api_guarded_json doc;
        struct gw_err err;
        struct gw_buf b = repeat("{\"data\":[", "7,", 20, bad[i]);
        (void)gw_buf_add_str(&b, "]}");
        assert_int_equal(api_json_guard(arena, gw_buf_view(&b), &doc, &err), GW_OK);
        assert_int_equal(doc.n_taken, 0);
        gw_buf_deinit(&b);
        gw_arena_free(&arena);
    }
}

static void a_document_over_the_budget_is_refused(void **state)
{
    (void)state;
    /* Within the token limit no document needs it; so the parser is asked without the guard. */
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_err err;
    json_t *root;
    const char *pointer;
    struct gw_buf small = repeat("[", "{},", 1000, "{}]");
    struct gw_buf big = repeat("[", "{},", 600000, "{}]");
    struct api_guarded_json doc = {.text = gw_buf_view(&small)};
    assert_int_equal(api_json_parse(arena, &doc, &root, &pointer, &err), GW_OK);
    json_decref(root);
    doc.text = gw_buf_view(&big);
    assert_int_equal(api_json_parse(arena, &doc, &root, &pointer, &err), GW_PROTO);
    assert_non_null(strstr(err.text, "memory"));
    doc.text = gw_buf_view(&small);
    assert_int_equal(api_json_parse(arena, &doc, &root, &pointer, &err), GW_OK);
    json_decref(root);
    gw_buf_deinit(&small);
    gw_buf_deinit(&big);
    gw_arena_free(&arena);
}

static void pointers_are_escaped_and_bounded(void **state)
{
    (void)state;
    struct gw_arena *arena = gw_arena_new(0);
    char key[400];
    memset(key, 'a', sizeof(key));
    assert_string_equal(api_json_pointer_key(arena, "/x", GW_SLICE_LIT("~/")), "/x/~0~1");
    assert_string_equal(api_json_pointer_index(arena, "", 12), "/12");
    assert_int_equal(strlen(api_json_pointer_key(arena, "", gw_slice_of(key, sizeof(key)))),
                     1 + API_JSON_MAX_KEY_SHOWN);
    key[API_JSON_MAX_KEY_SHOWN - 1] = '\xc3';
    key[API_JSON_MAX_KEY_SHOWN] = '\xa4';
    assert_int_equal(strlen(api_json_pointer_key(arena, "", gw_slice_of(key, sizeof(key)))),
                     API_JSON_MAX_KEY_SHOWN);
    gw_arena_free(&arena);
}

static void written_text_is_valid_whatever_the_bytes(void **state)
{
    (void)state;
    static const struct {
        struct gw_slice in;
        const char *out;
    } cases[] = {
        {{"plain", 5}, "\"plain\""},
        {{"\"\\/\b\n\r\t", 7}, "\"\\\"\\\\/\\u0008\\n\\r\\t\""},
        {{"a\0b", 3}, "\"a\\u0000b\""},
        {{"\x1b[31m\x7f", 6}, "\"\\u001b[31m\\u007f\""},
        {{"\xc3\xa4\xf0\x9f\x98\x80", 6}, "\"\xc3\xa4\xf0\x9f\x98\x80\""},
        {{"\xc2\x85\xe2\x80\xa8", 5}, "\"\\u0085\\u2028\""},
        {{"a\xff\xc3", 3}, "\"a\\ufffd\\ufffd\""},
        {{"\xed\xa0\x80", 3}, "\"\\ufffd\\ufffd\\ufffd\""},
        {{NULL, 0}, "\"\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct gw_buf b;
        gw_buf_init(&b, 1000);
        struct api_json j = {.out = &b};
        api_json_slice(&j, NULL, cases[i].in);
        assert_true(gw_slice_is(gw_buf_view(&b), cases[i].out));
        gw_buf_deinit(&b);
    }
}

static void the_writer_places_commas(void **state)
{
    (void)state;
    struct gw_buf b;
    gw_buf_init(&b, 1000);
    struct api_json j = {.out = &b};
    api_json_begin_object(&j, NULL);
    api_json_begin_array(&j, "a");
    api_json_num(&j, NULL, -1);
    api_json_begin_object(&j, NULL);
    api_json_end_object(&j);
    api_json_str(&j, NULL, NULL);
    api_json_end_array(&j);
    api_json_bool(&j, "b", true);
    api_json_time(&j, "t", 0);
    api_json_end_object(&j);
    assert_true(gw_slice_is(gw_buf_view(&b),
                            "{\"a\":[-1,{},null],\"b\":true,\"t\":\"1970-01-01T00:00:00.000Z\"}"));
    gw_buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sixteen_levels_pass_and_seventeen_do_not),
        cmocka_unit_test(twenty_thousand_tokens_pass_and_one_more_does_not),
        cmocka_unit_test(refusals_tell_line_and_column_in_characters),
        cmocka_unit_test(octets_come_out_only_behind_a_data_key),
        cmocka_unit_test(arrays_that_are_not_octets_stay),
        cmocka_unit_test(a_document_over_the_budget_is_refused),
        cmocka_unit_test(pointers_are_escaped_and_bounded),
        cmocka_unit_test(written_text_is_valid_whatever_the_bytes),
        cmocka_unit_test(the_writer_places_commas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
