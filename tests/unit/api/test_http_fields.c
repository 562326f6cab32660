/* SPDX-License-Identifier: MIT */
/* Content-Type, Accept, Prefer, X-Request-Id, traceparent, queries and path patterns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/http_fields.h"
#include "api/query.h"
#include "api/request.h"
#include "api/routes.h"
#include "tests/unit/api/fake_gateway.h" /* for what the room links to */

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static void json_in_utf8_is_the_only_content_type(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool good;
    } cases[] = {
        {"application/json", true},
        {"Application/JSON", true},
        {"application/json; charset=utf-8", true},
        {"application/json;charset=\"UTF-8\"", true},
        {"application/json ; charset=utf8 ; v=\"a;b\"", true},
        {"application/json;", true},
        {"application/json; charset=utf-16", false},
        {"application/json; charset=\"utf-16\"", false},
        {"application/json; charset", false},
        {"application/json; charset=", false},
        {"application/json; charset=\"utf-8", false},
        {"application/json, text/plain", false},
        {"application/jsonx", false},
        {"application/problem+json", false},
        {"text/plain", false},
        {"multipart/form-data; boundary=x", false},
        {"application", false},
        {"application/", false},
        {"/json", false},
        {"", false},
    };
    for (size_t i = 0; i < N_OF(cases); i++) {
        bool good = api_content_type_is_json(gw_slice_str(cases[i].value));
        if (good != cases[i].good)
            fail_msg("%s", cases[i].value);
    }
    assert_false(api_content_type_is_json(gw_slice_of("application/json\0", 17)));
}

static void accept_that_excludes_json_is_seen(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool good;
    } cases[] = {
        {"*/*", true},
        {"application/*", true},
        {"application/json", true},
        {"application/problem+json", true},
        {"text/html, application/json;q=0.5", true},
        {"text/html, */*;q=0.1", true},
        {"", true},
        {"application/json;q=0.001", true},
        {"text/html", false},
        {"text/html;q=1, image/png", false},
        {"application/json;q=0", false},
        {"application/json;q=0.000, */*", false},
        {"application/*;q=0, */*;q=1", false},
        {"*/*;q=0", false},
        {"application/xml", false},
    };
    for (size_t i = 0; i < N_OF(cases); i++) {
        struct gw_slice one = gw_slice_str(cases[i].value);
        if (api_accepts_json(&one, 1) != cases[i].good)
            fail_msg("%s", cases[i].value);
    }
    assert_true(api_accepts_json(NULL, 0));
    const struct gw_slice two[] = {GW_SLICE_LIT("text/html"), GW_SLICE_LIT("application/json")};
    assert_true(api_accepts_json(two, 2));
}

static void preferences_are_read_as_the_rfc_says(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool has_wait, strict;
        int64_t wait_ms;
    } cases[] = {
        {"wait=5", true, false, 5000},
        {"WAIT = 5", true, false, 5000},
        {"wait=\"7\"", true, false, 7000},
        {"wait=0", true, false, 0},
        {"wait=60", true, false, 60000},
        {"wait=61", true, false, 60000},
        {"wait=99999999999999999999999", true, false, 60000},
        {"wait=5, wait=6", true, false, 5000},
        {"wait=x, wait=6", false, false, 0},
        {"wait=-1", false, false, 0},
        {"wait=1.5", false, false, 0},
        {"wait", false, false, 0},
        {"wait=", false, false, 0},
        {"wait=5 6", false, false, 0},
        {"handling=strict", false, true, 0},
        {"handling=\"strict\"", false, true, 0},
        {"handling=lenient, handling=strict", false, false, 0},
        {"respond-async, wait=10; foo=\"a,b\", handling=strict", true, true, 10000},
        {"foo=\"wait=3, \\\" \", wait=4", true, false, 4000},
        {",,;;=,\"", false, false, 0},
        {"", false, false, 0},
        {"foo=\"unfinished, wait=3", false, false, 0},
    };
    for (size_t i = 0; i < N_OF(cases); i++) {
        struct api_prefer p;
        struct gw_slice one = gw_slice_str(cases[i].value);
        api_prefer_parse(&one, 1, &p);
        if (p.has_wait != cases[i].has_wait || p.strict != cases[i].strict ||
            p.wait_ms != cases[i].wait_ms)
            fail_msg("%s", cases[i].value);
    }
}

static void several_prefer_headers_count_as_one_list(void **state)
{
    (void)state;
    const struct gw_slice values[] = {GW_SLICE_LIT("handling=strict"), GW_SLICE_LIT("wait=3"),
                                      GW_SLICE_LIT("wait=9")};
    struct api_prefer p;
    char applied[64];
    api_prefer_parse(values, 3, &p);
    assert_true(p.strict);
    assert_int_equal(p.wait_ms, 3000);
    api_prefer_applied(&p, applied, sizeof(applied));
    assert_string_equal(applied, "wait=3, handling=strict");
    p.has_wait = false;
    api_prefer_applied(&p, applied, sizeof(applied));
    assert_string_equal(applied, "handling=strict");
    p.strict = false;
    api_prefer_applied(&p, applied, sizeof(applied));
    assert_string_equal(applied, "");
}

static void a_sane_request_id_is_kept_any_other_is_replaced(void **state)
{
    (void)state;
    char id[API_MAX_REQUEST_ID + 1];
    char longest[API_MAX_REQUEST_ID + 1];
    memset(longest, 'a', sizeof(longest));
    api_request_id_choose(GW_SLICE_LIT("a.B_9-"), id);
    assert_string_equal(id, "a.B_9-");
    api_request_id_choose(gw_slice_of(longest, API_MAX_REQUEST_ID), id);
    assert_int_equal(strlen(id), API_MAX_REQUEST_ID);
    static const char *const bad[] = {"", "a b", "a\r\nX: y", "\xc3\xa4", "a/b", "<script>"};
    for (size_t i = 0; i < N_OF(bad); i++) {
        api_request_id_choose(gw_slice_str(bad[i]), id);
        assert_int_equal(strlen(id), 36);
    }
    api_request_id_choose(gw_slice_of(longest, API_MAX_REQUEST_ID + 1), id);
    assert_int_equal(strlen(id), 36);
}

static void only_a_well_formed_traceparent_is_echoed(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool good;
    } cases[] = {
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true},
        {"01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", true},
        {"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false},
        {"00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false},
        {"00-00000000000000000000000000000000-b7ad6b7169203331-01", false},
        {"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false},
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x", false},
        {"00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01", false},
        {"", false},
    };
    for (size_t i = 0; i < N_OF(cases); i++) {
        if (api_traceparent_valid(gw_slice_str(cases[i].value)) != cases[i].good)
            fail_msg("%s", cases[i].value);
    }
}

static void a_pattern_matches_whole_paths_and_takes_one_segment(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *path, *param; /* param NULL: no match */
    } cases[] = {
        {"/", "/", ""},
        {"/livez", "/livez", ""},
        {"/livez", "/livez/", NULL},
        {"/livez", "/live", NULL},
        {"/livez", "/livezz", NULL},
        {"/v1/m/{id}", "/v1/m/abc", "abc"},
        {"/v1/m/{id}", "/v1/m/", NULL},
        {"/v1/m/{id}", "/v1/m/a/b", NULL},
        {"/v1/m/{id}/raw", "/v1/m/a/raw", "a"},
        {"/v1/m/{id}/raw", "/v1/m/a", NULL},
        {"/v1/m/{id}/raw", "/v1/m//raw", NULL},
        {"/v1/m/{id}", "", NULL},
    };
    for (size_t i = 0; i < N_OF(cases); i++) {
        struct gw_slice params[API_MAX_PARAMS];
        bool match = api_pattern_match(cases[i].pattern, gw_slice_str(cases[i].path), params);
        if (match != (cases[i].param != NULL))
            fail_msg("%s %s", cases[i].pattern, cases[i].path);
        if (match)
            assert_true(gw_slice_is(params[0], cases[i].param));
    }
    struct gw_slice params[API_MAX_PARAMS];
    assert_false(api_pattern_match("/{id}", gw_slice_str("/a%00b"), params));
    assert_false(api_pattern_match("/a/{id}", gw_slice_str("/a%2Fb"), params));
    assert_true(api_pattern_match("/a/{id}", gw_slice_str("/%61/..%2f..%"), params));
    char param[] = "..%2f..%25%4g%";
    assert_true(gw_slice_is(params[0], "..%2f..%"));
    api_path_decode(param);
    assert_string_equal(param, "../..%%4g%");
    assert_false(api_pattern_match("/{id}", gw_slice_of("/a\0b", 4), params));
}

static void a_pattern_may_take_two_segments(void **state)
{
    (void)state;
    struct gw_slice params[API_MAX_PARAMS];
    assert_true(api_pattern_match("/{a}/x/{b}", gw_slice_str("/one/x/two"), params));
    assert_true(gw_slice_is(params[0], "one") && gw_slice_is(params[1], "two"));
    assert_false(api_pattern_match("/{a}/x/{b}", gw_slice_str("/one/x/"), params));
    assert_false(api_pattern_match("/{a}/x/{b}", gw_slice_str("/one/y/two"), params));
    assert_true(api_pattern_match("/{a}/x", gw_slice_str("/one/x"), params));
    assert_true(gw_slice_is(params[0], "one") && params[1].len == 0);
}

static void query_values_are_decoded(void **state)
{
    (void)state;
    static const struct {
        const char *query, *name, *value; /* value NULL: not found */
    } cases[] = {
        {"to=a%40b&x=1", "to", "a@b"},
        {"x=1&to=a+b%2B", "to", "a b+"},
        {"&&to=1", "to", "1"},
        {"to", "to", ""},
        {"to=", "to", ""},
        {"too=1", "to", NULL},
        {"to=%4", "to", NULL},
        {"to=%zz", "to", NULL},
        {"to=%00", "to", NULL},
        {"to=0123456789abcdef", "to", NULL},
        {"", "to", NULL},
    };
    for (size_t i = 0; i < N_OF(cases); i++) {
        char out[16];
        size_t len;
        bool found =
            api_query_find(gw_slice_str(cases[i].query), cases[i].name, out, sizeof(out), &len);
        if (found != (cases[i].value != NULL))
            fail_msg("%s", cases[i].query);
        if (found)
            assert_string_equal(out, cases[i].value);
    }
}

static void unknown_repeated_and_malformed_parameters_are_refused(void **state)
{
    (void)state;
    struct gw_slice bad;
    assert_true(api_query_check(GW_SLICE_LIT(""), NULL, 10, &bad));
    assert_true(api_query_check(GW_SLICE_LIT("to=1&subject=2"), "to subject timeout", 10, &bad));
    assert_false(api_query_check(GW_SLICE_LIT("api_key=1"), NULL, 10, &bad));
    assert_false(api_query_check(GW_SLICE_LIT("to=1&api_key=2"), "to subject", 10, &bad));
    assert_true(gw_slice_is(bad, "api_key"));
    assert_false(api_query_check(GW_SLICE_LIT("to=1&to=2"), "to", 10, &bad));
    assert_false(api_query_check(GW_SLICE_LIT("t=1"), "to", 10, &bad));
    assert_false(api_query_check(GW_SLICE_LIT("to=%0"), "to", 10, &bad));
    assert_true(api_query_check(GW_SLICE_LIT("to=0123456789"), "to", 10, &bad));
    assert_false(api_query_check(GW_SLICE_LIT("to=0123456789a"), "to", 10, &bad));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_in_utf8_is_the_only_content_type),
        cmocka_unit_test(accept_that_excludes_json_is_seen),
        cmocka_unit_test(preferences_are_read_as_the_rfc_says),
        cmocka_unit_test(several_prefer_headers_count_as_one_list),
        cmocka_unit_test(a_sane_request_id_is_kept_any_other_is_replaced),
        cmocka_unit_test(only_a_well_formed_traceparent_is_echoed),
        cmocka_unit_test(a_pattern_matches_whole_paths_and_takes_one_segment),
        cmocka_unit_test(a_pattern_may_take_two_segments),
        cmocka_unit_test(query_values_are_decoded),
        cmocka_unit_test(unknown_repeated_and_malformed_parameters_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
