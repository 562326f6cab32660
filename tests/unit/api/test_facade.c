/* SPDX-License-Identifier: MIT */
/* What facades say: whose path it is, every code in every provider's words, fields by their names;
 * and SendGrid's substitutions, Resend's times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "api/compat/resend.h"
#include "api/compat/sendgrid.h"
#include "api/facade.h"
#include "tests/unit/api/fake_gateway.h" /* for what the room links to */

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

enum {
    MAX_RENDERED = 64 * 1024
};

static const struct api_facade *const facades[] = {&api_resend_facade, &api_postmark_facade,
                                                   &api_sendgrid_facade};

static void a_path_below_a_facades_name_is_its_own(void **state)
{
    (void)state;
    static const struct {
        const char *path, *name, *rest; /* name NULL: nobody's */
    } cases[] = {
        {"/compat/resend/emails", "resend", "emails"},
        {"//compat/resend/emails", "resend", "emails"},
        {"/compat//resend///emails/x", "resend", "emails/x"},
        {"/compat/postmark/", "postmark", ""},
        {"/compat/sendgrid//v3/mail/send", "sendgrid", "v3/mail/send"},
        {"/compat/resend", "resend", ""},
        {"/compat/", NULL, NULL},
        {"/compat", NULL, NULL},
        {"/compat/resendx/emails", NULL, NULL},
        {"/compatx/resend/emails", NULL, NULL},
        {"/v1/compat/resend/emails", NULL, NULL},
        {"", NULL, NULL},
        {"/", NULL, NULL},
    };
    for (size_t i = 0; i < N_OF(cases); i++) {
        struct gw_slice rest = {.data = NULL};
        const struct api_facade *f = api_facade_find(gw_slice_str(cases[i].path), &rest);
        if ((f != NULL) != (cases[i].name != NULL))
            fail_msg("%s", cases[i].path);
        if (f == NULL)
            continue;
        assert_string_equal(f->name, cases[i].name);
        assert_true(gw_slice_is(rest, cases[i].rest));
    }
}

static void one_name_has_one_api_at_its_root_and_one_below(void **state)
{
    (void)state;
    static const char *const at_root[] = {"/compat/ses", "/compat/ses/", "//compat//ses//"};
    for (size_t i = 0; i < N_OF(at_root); i++)
        assert_ptr_equal(api_facade_find(gw_slice_str(at_root[i]), NULL), &api_ses_query_facade);
    assert_ptr_equal(api_facade_find(gw_slice_str("/compat/ses/v2/email/account"), NULL),
                     &api_ses_facade);
    assert_ptr_equal(api_facade_find(gw_slice_str("/compat/ses/x"), NULL), &api_ses_facade);
}

static json_t *rendered(const struct api_facade *f, const struct api_problem *p,
                        unsigned *status_out)
{
    char message[API_FACADE_MAX_MESSAGE];
    struct api_facade_refusal refusal;
    struct gw_buf out;
    gw_buf_init(&out, MAX_RENDERED);
    api_facade_say(f, p, "id", message, &refusal);
    *status_out = api_facade_status(&refusal);
    assert_true(message[0] != '\0');
    f->render(&refusal, &out);
    json_t *root = json_loadb(out.data, out.len, 0, NULL);
    assert_non_null(root);
    gw_buf_deinit(&out);
    return root;
}

static void every_code_is_said_by_every_facade(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(facades); i++) {
        for (enum api_code code = 0; code < API_N_CODES; code++) {
            const struct api_problem p = {.code = code, .detail = "because"};
            unsigned status;
            json_t *root = rendered(facades[i], &p, &status);
            /* what may be asked again stays what may be asked again */
            if (status < 400 || status > 599 || (status >= 500) != (api_code_status(code) >= 500) ||
                (status == 429) != (code == API_RATE_LIMITED))
                fail_msg("%s says %s with %u", facades[i]->name, api_code_name(code), status);
            json_decref(root);
        }
    }
}

static void postmark_has_no_400_and_413(void **state)
{
    (void)state;
    for (enum api_code code = 0; code < API_N_CODES; code++) {
        const struct api_problem p = {.code = code};
        unsigned status;
        json_t *root = rendered(&api_postmark_facade, &p, &status);
        assert_true(status != 400 && status != 413);
        assert_true(json_integer_value(json_object_get(root, "ErrorCode")) > 0);
        json_decref(root);
    }
}

static void say(const struct api_facade *f, const char *pointer, const char *code,
                const char *wanted_path, const char *wanted)
{
    const struct gw_problem field = {.pointer = pointer, .code = code, .detail = "Not {path}."};
    char message[API_FACADE_MAX_MESSAGE];
    char path[API_FACADE_MAX_MESSAGE];
    (void)api_facade_say_field(f, &field, message, path);
    assert_string_equal(path, wanted_path);
    assert_string_equal(message, wanted);
}

static void fields_are_called_as_the_provider_calls_them(void **state)
{
    (void)state;
    say(&api_resend_facade, "/to", GW_PROBLEM_REQUIRED, "to", "Missing `to` field.");
    say(&api_resend_facade, "/headers/X-A", GW_PROBLEM_VALUE, "headers.X-A",
        "headers.X-A: Not {path}.");
    say(&api_postmark_facade, "/from", GW_PROBLEM_VALUE, "From", "From: Not {path}.");
    say(&api_postmark_facade, "/to/3", GW_PROBLEM_ADDRESS, "To.3",
        "Invalid 'To' address: Not {path}.");
    say(&api_postmark_facade, "", GW_PROBLEM_VALUE, "", "Not {path}.");
    say(&api_sendgrid_facade, "/personalizations/0/to/1/email", GW_PROBLEM_ADDRESS,
        "personalizations.0.to.1.email", "Does not contain a valid address.");
}

static void long_texts_are_cut(void **state)
{
    (void)state;
    char pointer[3 * API_FACADE_MAX_MESSAGE];
    memset(pointer, 'x', sizeof(pointer) - 1);
    pointer[0] = '/';
    pointer[sizeof(pointer) - 1] = '\0';
    const struct gw_problem field = {
        .pointer = pointer, .code = GW_PROBLEM_VALUE, .detail = pointer};
    for (size_t i = 0; i < N_OF(facades); i++) {
        char message[API_FACADE_MAX_MESSAGE];
        char path[API_FACADE_MAX_MESSAGE];
        (void)api_facade_say_field(facades[i], &field, message, path);
        assert_int_equal(strlen(path), API_FACADE_MAX_MESSAGE - 1);
        assert_true(strlen(message) < API_FACADE_MAX_MESSAGE);
    }
}

/* ---- substitutions ---- */

static struct gw_draft_pair pair(const char *name, const char *value)
{
    return (struct gw_draft_pair){.name = {.value = gw_slice_str(name), .pointer = "/x"},
                                  .value = {.value = gw_slice_str(value), .pointer = "/x"}};
}

static void texts_are_replaced_in_one_pass(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"", ""},         {"none", "none"},           {"{{a}}", "{{b}}"}, {"{{b}}{{a}}", "2{{b}}"},
        {"{{a}", "{{a}"}, {"x{{a}}x{{", "x{{b}}x{{"}, {"-gone-!", "!"},
    };
    struct gw_draft_pair pairs[] = {pair("{{a}}", "{{b}}"), pair("{{b}}", "2"), pair("-gone-", "")};
    for (size_t i = 0; i < N_OF(cases); i++) {
        struct gw_arena *arena = gw_arena_new(0);
        struct gw_problems problems;
        struct gw_draft draft = {.html = {.value = gw_slice_str(cases[i].text), .pointer = "/h"}};
        gw_problems_init(&problems, arena);
        api_sendgrid_substitute(arena, pairs, N_OF(pairs), &draft, &problems);
        assert_int_equal(problems.n, 0);
        assert_true(gw_slice_is(draft.html.value, cases[i].wanted));
        assert_null(draft.text.value.data);
        gw_arena_free(&arena);
    }
}

static size_t problems_of(size_t text_len, size_t n_pairs, size_t value_len)
{
    struct gw_arena *arena = gw_arena_new(0);
    char *text = gw_arena_bytes(arena, text_len + 1);
    char *value = gw_arena_bytes(arena, value_len + 1);
    memset(text, 'x', text_len);
    memset(value, 'y', value_len);
    struct gw_draft_pair *pairs = GW_ARENA_ARRAY(arena, struct gw_draft_pair, n_pairs);
    for (size_t i = 0; i < n_pairs; i++) {
        pairs[i] = pair(i == 0 ? "x" : "zz", "");
        pairs[i].value.value = gw_slice_of(value, value_len);
    }
    struct gw_draft draft = {.text = {.value = gw_slice_of(text, text_len), .pointer = "/t"}};
    struct gw_problems problems;
    gw_problems_init(&problems, arena);
    api_sendgrid_substitute(arena, pairs, n_pairs, &draft, &problems);
    size_t n = problems.n;
    if (n == 0)
        assert_int_equal(draft.text.value.len, text_len * value_len);
    gw_arena_free(&arena);
    return n;
}

static void what_is_replaced_is_bounded(void **state)
{
    (void)state;
    enum {
        K = 1024
    };
    assert_int_equal(problems_of(K, 1, API_SENDGRID_MAX_REPLACED / K), 0);
    assert_int_equal(problems_of(K, 1, API_SENDGRID_MAX_REPLACED / K + 1), 1);
    assert_int_equal(problems_of(API_SENDGRID_MAX_LOOKED_AT / K, K, 1), 0);
    assert_int_equal(problems_of(API_SENDGRID_MAX_LOOKED_AT / K + 1, K, 1), 1);
}

/* ---- times ---- */

static void resends_times_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t wanted; /* -1: it is none */
    } cases[] = {
        {"in 1 min", 60000},
        {"in 90 seconds", 90000},
        {"In 2 Hours", 7200000},
        {"in 3d", -1},
        {"in 3 days", INT64_C(3) * 86400000},
        {"in 1 week", INT64_C(7) * 86400000},
        {"in 5minutes", 300000},
        {"in 999999 s", -1},
        {"in 999999 secs", INT64_C(999999000)},
        {"in 1000000 secs", -1},
        {"in min", -1},
        {"in  1 min", -1},
        {"in 1 min ", -1},
        {"in -1 min", -1},
        {"tomorrow", -1},
        {"", -1},
    };
    for (size_t i = 0; i < N_OF(cases); i++) {
        int64_t at = 0;
        bool is = api_resend_time(gw_slice_str(cases[i].text), 1000, &at);
        if (is != (cases[i].wanted >= 0) || (is && at != 1000 + cases[i].wanted))
            fail_msg("%s: %d, %lld", cases[i].text, is, (long long)at);
    }
}

/* An SDK tries these again by itself, and gives up with this error. */
static void both_apis_of_ses_have_one_name_for_what_passes(void **state)
{
    (void)state;
    static const struct api_facade *const apis[] = {&api_ses_facade, &api_ses_query_facade};
    static const enum api_code codes[] = {API_STORAGE_FULL, API_OVERLOADED, API_DRAINING,
                                          API_UNAVAILABLE};
    static const char name[] = "ServiceUnavailable";
    for (size_t i = 0; i < N_OF(apis) * N_OF(codes); i++) {
        char message[API_FACADE_MAX_MESSAGE];
        struct api_facade_refusal refusal;
        const struct api_problem p = {.code = codes[i / N_OF(apis)]};
        api_facade_say(apis[i % N_OF(apis)], &p, "id", message, &refusal);
        assert_int_equal(api_facade_status(&refusal), 503);
        assert_memory_equal(api_facade_name(&refusal), name, sizeof(name) - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_below_a_facades_name_is_its_own),
        cmocka_unit_test(one_name_has_one_api_at_its_root_and_one_below),
        cmocka_unit_test(both_apis_of_ses_have_one_name_for_what_passes),
        cmocka_unit_test(every_code_is_said_by_every_facade),
        cmocka_unit_test(postmark_has_no_400_and_413),
        cmocka_unit_test(fields_are_called_as_the_provider_calls_them),
        cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(texts_are_replaced_in_one_pass),
        cmocka_unit_test(what_is_replaced_is_bounded),
        cmocka_unit_test(resends_times_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
