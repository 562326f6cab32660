/* SPDX-License-Identifier: MIT */
/* A batch, from its JSON to drafts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/batch_json.h"
#include "api/json_split.h"
#include "gateway/base/gw_buf.h"
#include "tests/unit/api/fake_gateway.h" /* for what the room links to */

struct reading {
    struct gw_arena *arena;
    char *body;
    struct gw_batch_items items;
    struct gw_draft draft;
    struct gw_problems problems;
    enum gw_status status;
};

static struct reading split(struct gw_slice body)
{
    static const struct cfg cfg;
    struct reading r = {.arena = gw_arena_new(0), .body = malloc(body.len > 0 ? body.len : 1)};
    assert_non_null(r.body);
    if (body.len > 0)
        memcpy(r.body, body.data, body.len); /* of the exact size: reading past it is seen */
    gw_problems_init(&r.problems, r.arena);
    r.status =
        api_batch_json_split(r.arena, gw_slice_of(r.body, body.len), &cfg, &r.items, &r.problems);
    assert_true((r.status == GW_OK) == (r.problems.n == 0));
    return r;
}

static void decode(struct reading *r, size_t index)
{
    static const struct cfg cfg;
    gw_problems_init(&r->problems, r->arena);
    r->status = api_batch_json_decode(r->arena, &r->items, index, &cfg, &r->draft, &r->problems);
}

static void free_reading(struct reading *r)
{
    gw_arena_free(&r->arena);
    free(r->body);
}

static void assert_text(struct gw_slice got, const char *want)
{
    assert_non_null(got.data);
    assert_int_equal(got.len, strlen(want));
    assert_memory_equal(got.data, want, got.len);
}

static void a_message_has_the_defaults_that_it_does_not_give(void **state)
{
    (void)state;
    struct reading r = split(gw_slice_str(
        "{\"messages\":[{\"to\":\"a@b\"}, {\"subject\":null,\"replyTo\":[],\"headers\":{}}],"
        " \"defaults\":{\"to\":\"c@d\",\"subject\":\"s\",\"reply_to\":[\"r@s\"],"
        "\"headers\":{\"X-A\":[\"1\",\"2\"]}}}"));
    assert_int_equal(r.status, GW_OK);
    assert_int_equal(r.items.n, 2);
    assert_text(r.items.items[0], "{\"to\":\"a@b\"}");
    decode(&r, 0);
    assert_int_equal(r.status, GW_OK);
    assert_text(r.draft.to.items[0].text.value, "a@b");
    assert_string_equal(r.draft.to.items[0].text.pointer, "/to");
    assert_text(r.draft.subject.value, "s");
    assert_string_equal(r.draft.subject.pointer, "#/defaults/subject");
    assert_int_equal(r.draft.n_headers, 2);
    assert_int_equal(r.draft.reply_to.n, 1);
    decode(&r, 1);
    assert_int_equal(r.status, GW_OK);
    assert_text(r.draft.to.items[0].text.value, "c@d");
    assert_null(r.draft.subject.value.data);
    assert_int_equal(r.draft.n_headers, 0);
    assert_int_equal(r.draft.reply_to.n, 0);
    free_reading(&r);
}

static void problems_point_into_the_whole_document(void **state)
{
    (void)state;
    struct reading r = split(gw_slice_str("{\"defaults\":{\"text\":\"x\"},\"messages\":[{},7,"
                                          "{\"x/y\":{\"a\":1,\"a\":2}},{\"x/y\":1}]}"));
    static const char *const pointers[] = {NULL, "/messages/1", "/messages/2/x~1y/a",
                                           "/messages/3/x~1y"};
    assert_int_equal(r.status, GW_OK);
    assert_int_equal(r.items.n, sizeof(pointers) / sizeof(pointers[0]));
    for (size_t i = 1; i < sizeof(pointers) / sizeof(pointers[0]); i++) {
        decode(&r, i);
        assert_int_equal(r.status, GW_INVALID);
        assert_int_equal(r.problems.n, 1);
        assert_string_equal(r.problems.items[0].pointer, pointers[i]);
        assert_true(r.draft.unread == (i < 3));
    }
    gw_problems_add(&r.problems, "#/defaults/text", GW_PROBLEM_VALUE, "x");
    gw_problems_add(&r.problems, "/to", GW_PROBLEM_VALUE, "x");
    assert_string_equal(r.problems.items[1].pointer, "/defaults/text");
    assert_string_equal(r.problems.items[2].pointer, "/messages/3/to");
    assert_true(gw_problems_has(&r.problems, "/to"));
    assert_true(gw_problems_has(&r.problems, "#/messages/3/to"));
    assert_true(gw_problems_has(&r.problems, "#/defaults"));
    assert_false(gw_problems_has(&r.problems, "/t"));
    assert_false(gw_problems_has(&r.problems, "/defaults"));
    free_reading(&r);
}

/* Whatever is cut off, something is missing; and reading stops at the end. */
static void every_beginning_of_a_batch_is_refused(void **state)
{
    (void)state;
    static const char whole[] = " {\"defaults\": {\"text\": \"a\\\"\\\\\"}, \"messages\" : "
                                "[{\"to\": [\"a@b\", 1.5e3, true]}, {}]}";
    for (size_t n = 0; n < sizeof(whole) - 1; n++) {
        struct reading r = split(gw_slice_of(whole, n));
        assert_int_equal(r.status, GW_PROTO);
        free_reading(&r);
    }
    struct reading r = split(gw_slice_str(whole));
    assert_int_equal(r.status, GW_OK);
    free_reading(&r);
}

static struct reading of_n_messages(size_t n, size_t default_len)
{
    struct gw_buf b;
    gw_buf_init(&b, (size_t)128 << 20);
    assert_int_equal(gw_buf_add_str(&b, "{\"defaults\":{\"text\":\""), GW_OK);
    memset(gw_buf_reserve(&b, default_len), 'x', default_len);
    b.len += default_len;
    assert_int_equal(gw_buf_add_str(&b, "\"},\"messages\":["), GW_OK);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(gw_buf_add_str(&b, i > 0 ? ",{}" : "{}"), GW_OK);
    assert_int_equal(gw_buf_add_str(&b, "]}"), GW_OK);
    struct reading r = split(gw_buf_view(&b));
    gw_buf_deinit(&b);
    return r;
}

static void the_number_of_messages_is_limited(void **state)
{
    (void)state;
    struct reading r = of_n_messages(GW_BATCH_MAX_ITEMS, 1);
    assert_int_equal(r.status, GW_OK);
    assert_int_equal(r.items.n, GW_BATCH_MAX_ITEMS);
    free_reading(&r);
    r = of_n_messages(GW_BATCH_MAX_ITEMS + 1, 1);
    assert_int_equal(r.status, GW_INVALID);
    assert_string_equal(r.problems.items[0].code, GW_PROBLEM_TOO_MANY);
    free_reading(&r);
}

static void defaults_are_limited_by_how_often_they_are_repeated(void **state)
{
    (void)state;
    size_t around = strlen("{\"text\":\"\"}");
    struct reading r = of_n_messages(100, API_BATCH_MAX_REPEATED / 100 - around);
    assert_int_equal(r.status, GW_OK);
    free_reading(&r);
    r = of_n_messages(100, API_BATCH_MAX_REPEATED / 100 - around + 1);
    assert_int_equal(r.status, GW_INVALID);
    assert_string_equal(r.problems.items[0].pointer, "/defaults");
    assert_string_equal(r.problems.items[0].code, GW_PROBLEM_TOO_LARGE);
    free_reading(&r);
}

static void an_array_is_split_into_values(void **state)
{
    (void)state;
    struct gw_slice out[2];
    size_t n;
    struct gw_err err;
    struct gw_slice text = gw_slice_str("[ {\"a\":\"]\"} ,\"x\", 3]");
    assert_int_equal(api_json_split_array(text, text, out, 2, &n, &err), GW_OK);
    assert_int_equal(n, 3);
    assert_text(out[0], "{\"a\":\"]\"}");
    assert_text(out[1], "\"x\"");
    text = gw_slice_str("{}");
    assert_int_equal(api_json_split_array(text, text, out, 2, &n, &err), GW_INVALID);
    text = gw_slice_str("[1,]");
    assert_int_equal(api_json_split_array(text, text, out, 2, &n, &err), GW_PROTO);
    assert_string_equal(err.text, "line 1, column 4: a value was expected");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_has_the_defaults_that_it_does_not_give),
        cmocka_unit_test(problems_point_into_the_whole_document),
        cmocka_unit_test(every_beginning_of_a_batch_is_refused),
        cmocka_unit_test(the_number_of_messages_is_limited),
        cmocka_unit_test(defaults_are_limited_by_how_often_they_are_repeated),
        cmocka_unit_test(an_array_is_split_into_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
