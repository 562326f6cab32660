/* SPDX-License-Identifier: MIT */
/* Bodies of application/x-www-form-urlencoded, and lists of addresses in one text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/address_list.h"
#include "api/urlencoded.h"
#include "gateway/base/gw_buf.h"
#include "tests/unit/api/fake_gateway.h" /* for what the room links to */

static struct gw_arena *arena;
static struct api_multipart form;
static struct gw_err err;

static int set_up(void **state)
{
    (void)state;
    arena = gw_arena_new(0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    gw_arena_free(&arena);
    return 0;
}

/* From memory of the exact size: reading past it is seen. */
static enum gw_status split(struct gw_slice body)
{
    char *copy = malloc(body.len > 0 ? body.len : 1);
    assert_non_null(copy);
    if (body.len > 0)
        memcpy(copy, body.data, body.len);
    enum gw_status status = api_urlencoded_split(arena, gw_slice_of(copy, body.len), &form, &err);
    free(copy);
    return status;
}

static void assert_pair(size_t i, const char *name, const char *value)
{
    assert_true(i < form.n);
    assert_string_equal(form.parts[i].name.data, name);
    assert_true(gw_slice_is(form.parts[i].content, value));
    assert_null(form.parts[i].filename.data);
}

static void names_and_values_are_decoded_in_their_order(void **state)
{
    (void)state;
    assert_int_equal(
        split(GW_SLICE_LIT("to=a%40b.example&to=%C3%BC+%2B&&h%3AX-A=1=2&empty=&bare&")), GW_OK);
    assert_int_equal(form.n, 5);
    assert_pair(0, "to", "a@b.example");
    assert_pair(1, "to", "\xC3\xBC +");
    assert_pair(2, "h:X-A", "1=2");
    assert_pair(3, "empty", "");
    assert_pair(4, "bare", "");
    assert_int_equal(split(GW_SLICE_LIT("")), GW_OK);
    assert_int_equal(form.n, 0);
    assert_int_equal(split(GW_SLICE_LIT("a=%00b")), GW_OK);
    assert_int_equal(form.parts[0].content.len, 2);
}

static void what_two_readers_could_see_differently_is_refused(void **state)
{
    (void)state;
    static const char *const bodies[] = {"a=%",    "a=%4",  "a=%4g",  "a=%g4",
                                         "%=1",    "=1",    "a=1&=2", "a=%ff",
                                         "a=\xff", "%c3=1", "a=%c3",  "a=%ed%a0%80"};
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        if (split(gw_slice_str(bodies[i])) != GW_PROTO || err.text[0] == '\0')
            fail_msg("%s", bodies[i]);
    }
}

static void a_body_has_so_many_parts(void **state)
{
    (void)state;
    for (size_t extra = 0; extra <= 1; extra++) {
        struct gw_buf b;
        gw_buf_init(&b, 1 << 16);
        for (size_t i = 0; i < API_MULTIPART_MAX_PARTS + extra; i++)
            (void)gw_buf_add_str(&b, "a=1&");
        assert_int_equal(split(gw_buf_view(&b)), extra == 0 ? GW_OK : GW_PROTO);
        assert_int_equal(form.n, API_MULTIPART_MAX_PARTS);
        gw_buf_deinit(&b);
    }
}

/* ---- lists of addresses ---- */

static void assert_list(const char *text, const char *wanted)
{
    struct gw_problems problems;
    struct gw_draft_addresses list = {0};
    struct gw_buf out;
    gw_problems_init(&problems, arena);
    gw_buf_init(&out, 4096);
    api_address_list_add(&problems, gw_slice_str(text), "/to", &list);
    for (size_t i = 0; i < list.n; i++) {
        assert_string_equal(list.items[i].text.pointer, gw_arena_printf(arena, "/to/%zu", i));
        (void)gw_buf_printf(&out, "[%s]", list.items[i].text.value.data);
    }
    (void)gw_buf_add_char(&out, '\0');
    assert_string_equal(out.data, wanted);
    assert_string_equal(list.pointer, "/to");
    assert_int_equal(problems.n, 0);
    gw_buf_deinit(&out);
}

static void a_list_is_cut_at_the_commas_that_count(void **state)
{
    (void)state;
    assert_list("a@b", "[a@b]");
    assert_list(" a@b ,\t c@d\t", "[a@b][c@d]");
    /* line ends stay, to be refused with the address that has them */
    assert_list("a@b,\r\n c@d\t", "[a@b][\r\n c@d]");
    assert_list("a@b\r\n", "[a@b\r\n]");
    assert_list("a@b,\n", "[a@b][\n]");
    assert_list("\"A, B\" <a@b>, C <c@d>", "[\"A, B\" <a@b>][C <c@d>]");
    assert_list("\"A\\\", B\" <a@b>,c@d", "[\"A\\\", B\" <a@b>][c@d]");
    assert_list("A (x, (y, z), \\), w) <a@b>, c@d", "[A (x, (y, z), \\), w) <a@b>][c@d]");
    assert_list("A <@x,@y:a@b>,c@d", "[A <@x,@y:a@b>][c@d]");
    assert_list(",,a@b,, ,c@d,", "[a@b][c@d]");
    assert_list("", "");
    assert_list(" , ", "");
    assert_list("\"open, a@b", "[\"open, a@b]");
    assert_list("a\\", "[a\\]");
    assert_list("\"a\\", "[\"a\\]");
}

static void lists_grow_up_to_their_limit(void **state)
{
    (void)state;
    struct gw_problems problems;
    struct gw_draft_addresses list = {0};
    struct gw_buf b;
    gw_problems_init(&problems, arena);
    gw_buf_init(&b, 1 << 20);
    for (size_t i = 0; i < API_ADDRESS_LIST_MAX - 20; i++)
        (void)gw_buf_add_str(&b, "a,");
    for (size_t i = 0; i < 20; i++)
        api_address_list_add(&problems, GW_SLICE_LIT("a@b"), "/to", &list);
    api_address_list_add(&problems, gw_buf_view(&b), "/to", &list);
    assert_int_equal(list.n, API_ADDRESS_LIST_MAX);
    assert_int_equal(problems.n, 0);
    assert_string_equal(list.items[19].text.pointer, "/to/19");
    assert_true(gw_slice_is(list.items[19].text.value, "a@b"));
    assert_string_equal(list.items[API_ADDRESS_LIST_MAX - 1].text.pointer, "/to/99999");
    api_address_list_add(&problems, GW_SLICE_LIT("a@b"), "/to", &list);
    assert_int_equal(list.n, API_ADDRESS_LIST_MAX);
    assert_int_equal(problems.n, 1);
    assert_ptr_equal(problems.items[0].code, GW_PROBLEM_TOO_MANY);
    gw_buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_values_are_decoded_in_their_order),
        cmocka_unit_test(what_two_readers_could_see_differently_is_refused),
        cmocka_unit_test(a_body_has_so_many_parts),
        cmocka_unit_test(a_list_is_cut_at_the_commas_that_count),
        cmocka_unit_test(lists_grow_up_to_their_limit),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
