/* SPDX-License-Identifier: MIT */
/* The policy on HTTP/2 frames, and the count of HPACK fields. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/h2_policy.h"
#include "api/hpack_count.h"

enum {
    BODY_LIMIT = 1000
};

static struct api_h2_scene scene;

static int set_up(void **state)
{
    (void)state;
    scene = (struct api_h2_scene){.body_limit = BODY_LIMIT, .room = 100000, .now_ms = 1000};
    return 0;
}

static struct api_h2_frame frame_of(enum api_h2_type type, uint8_t flags, uint32_t stream,
                                    const void *payload, size_t len)
{
    return (struct api_h2_frame){.length = (uint32_t)len,
                                 .stream_id = stream,
                                 .type = (uint8_t)type,
                                 .flags = flags,
                                 .payload = payload};
}

static void hpack_fields_are_counted_and_broken_blocks_found(void **state)
{
    (void)state;
    static const struct {
        const char *block;
        size_t len;
        long fields;
    } cases[] = {
        {"", 0, 0},
        {"\x82\x86\x84", 3, 3},
        {"\x3f\xe1\x1f\x82", 4, 1},              /* table size update, then a field */
        {"\x40\x01x\x01y\xbe", 6, 2},            /* with indexing */
        {"\x00\x01x\x01y\x10\x01x\x01y", 10, 2}, /* without, and never */
        {"\x04\x05/livez", 8, -1},               /* five octets where six are */
        {"\x04\x06/livez", 8, 1},
        {"\xff", 1, -1},
        {"\xff\x80\x80\x80\x80\x01", 6, -1}, /* integer longer than any length */
        {"\x40", 1, -1},
        {"\x40\x7f\x01", 3, -1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(api_hpack_count((const uint8_t *)cases[i].block, cases[i].len),
                         cases[i].fields);
}

static void budgets_are_spent_and_refill(void **state)
{
    (void)state;
    static const struct {
        enum api_h2_type type;
        enum api_h2_stream stream;
        size_t len;
        unsigned burst;
        int64_t two_more_ms;
        enum api_guard_reason reason;
    } kinds[] = {
        {API_H2_RST_STREAM, API_H2_STREAM_ANSWERING, 4, 100, 2000, API_GUARD_RESETS},
        {API_H2_DATA, API_H2_STREAM_ANSWERING, 1, 100, 2000, API_GUARD_RESETS},
        {API_H2_WINDOW_UPDATE, API_H2_STREAM_RECEIVING, 4, 100, 2000, API_GUARD_RESETS},
        {API_H2_PING, API_H2_STREAM_NONE, 8, 2000, 100, API_GUARD_CONTROL_FRAMES},
        {API_H2_GOAWAY, API_H2_STREAM_NONE, 8, 2000, 100, API_GUARD_CONTROL_FRAMES},
        {API_H2_PRIORITY, API_H2_STREAM_NONE, 5, 2000, 100, API_GUARD_CONTROL_FRAMES},
        {(enum api_h2_type)0x2a, API_H2_STREAM_NONE, 8, 2000, 100, API_GUARD_CONTROL_FRAMES},
        {API_H2_SETTINGS, API_H2_STREAM_NONE, 0, 10, 20000, API_GUARD_SETTINGS},
        {API_H2_WINDOW_UPDATE, API_H2_STREAM_NONE, 4, 16000, 2, API_GUARD_WINDOW_UPDATES},
        {API_H2_DATA, API_H2_STREAM_RECEIVING, 0, 1000, 100, API_GUARD_EMPTY_DATA},
    };
    static const uint8_t zeros[8];
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct api_h2_budget b = {0};
        const struct api_h2_frame f = frame_of(kinds[i].type, 0, 1, zeros, kinds[i].len);
        scene.stream = kinds[i].stream;
        for (unsigned n = 0; n < kinds[i].burst; n++)
            assert_int_not_equal(api_h2_judge(&b, &f, &scene).action, API_H2_KILL);
        struct api_h2_verdict over = api_h2_judge(&b, &f, &scene);
        assert_int_equal(over.action, API_H2_KILL);
        assert_int_equal(over.reason, kinds[i].reason);
        scene.now_ms += kinds[i].two_more_ms;
        assert_int_not_equal(api_h2_judge(&b, &f, &scene).action, API_H2_KILL);
        assert_int_equal(api_h2_judge(&b, &f, &scene).action, API_H2_KILL);
    }
}

static void all_streams_are_bounded_but_not_for_who_has_few(void **state)
{
    (void)state;
    static const uint8_t block[] = {0x82};
    struct api_h2_budget b = {0};
    const struct api_h2_frame f =
        frame_of(API_H2_HEADERS, API_H2_END_HEADERS | API_H2_END_STREAM, 1, block, sizeof(block));
    scene.all_streams = API_H2_STREAMS - 1;
    scene.streams = 100;
    assert_int_equal(api_h2_judge(&b, &f, &scene).action, API_H2_PASS);
    scene.all_streams++;
    assert_int_equal(api_h2_judge(&b, &f, &scene).reason, API_GUARD_STREAMS);
    scene.streams = API_H2_FEW_STREAMS;
    assert_int_equal(api_h2_judge(&b, &f, &scene).action, API_H2_KILL);
    scene.streams--;
    assert_int_equal(api_h2_judge(&b, &f, &scene).action, API_H2_PASS);
    scene.streams++;
    scene.stream = API_H2_STREAM_RECEIVING; /* trailers */
    assert_int_equal(api_h2_judge(&b, &f, &scene).action, API_H2_PASS);
}

static void a_body_is_cut_one_octet_over_its_limit(void **state)
{
    (void)state;
    struct api_h2_budget b = {0};
    static const uint8_t padded[64] = {[0] = 13}; /* 50 octets of data */
    struct api_h2_frame f = frame_of(API_H2_DATA, API_H2_PADDED, 1, padded, sizeof(padded));
    scene.stream = API_H2_STREAM_RECEIVING;
    scene.body = BODY_LIMIT - 50;
    assert_int_equal(api_h2_judge(&b, &f, &scene).action, API_H2_PASS);
    scene.body++;
    struct api_h2_verdict v = api_h2_judge(&b, &f, &scene);
    assert_int_equal(v.action, API_H2_END);
    assert_int_equal(v.reason, API_GUARD_BODY_LIMIT);
    assert_int_equal(v.keep, 50);
    scene.body = BODY_LIMIT;
    assert_int_equal(api_h2_judge(&b, &f, &scene).keep, 1);
}

static void a_body_without_room_is_cut_at_once(void **state)
{
    (void)state;
    struct api_h2_budget b = {0};
    static const uint8_t data[10];
    const struct api_h2_frame f = frame_of(API_H2_DATA, 0, 1, data, sizeof(data));
    scene.stream = API_H2_STREAM_RECEIVING;
    scene.room = sizeof(data);
    assert_int_equal(api_h2_judge(&b, &f, &scene).action, API_H2_PASS);
    scene.room--;
    struct api_h2_verdict v = api_h2_judge(&b, &f, &scene);
    assert_int_equal(v.action, API_H2_END);
    assert_int_equal(v.reason, API_GUARD_BODY_BUDGET);
    assert_int_equal(v.keep, 0);
}

static void late_data_of_a_cut_stream_costs_nothing(void **state)
{
    (void)state;
    struct api_h2_budget b = {0};
    static const uint8_t data[1];
    enum api_guard_reason reason;
    const struct api_h2_frame f = frame_of(API_H2_DATA, 0, 5, data, sizeof(data));
    api_h2_mark_cut(&b, 5, API_GUARD_BODY_LIMIT);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(api_h2_judge(&b, &f, &scene).action, API_H2_DISCARD);
    assert_true(api_h2_is_cut(&b, 5, &reason));
    assert_int_equal(reason, API_GUARD_BODY_LIMIT);
    for (uint32_t i = 0; i < API_H2_MAX_CUT; i++)
        api_h2_mark_cut(&b, 7 + 2 * i, API_GUARD_BODY_BUDGET);
    assert_false(api_h2_is_cut(&b, 5, NULL));
    assert_true(api_h2_is_cut(&b, 7, NULL));
    assert_false(api_h2_is_cut(&b, 1, NULL));
}

static void header_blocks_must_be_whole_short_and_sound(void **state)
{
    (void)state;
    struct api_h2_budget b = {0};
    static const uint8_t bomb[65] = {[0] = 0x82};
    uint8_t many[64];
    memset(many, 0x82, sizeof(many));
    const uint8_t flags = API_H2_END_HEADERS;
    struct api_h2_frame f = frame_of(API_H2_HEADERS, flags, 1, many, sizeof(many));
    assert_int_equal(api_h2_judge(&b, &f, &scene).action, API_H2_PASS);
    uint8_t more[65];
    memset(more, 0x82, sizeof(more));
    f = frame_of(API_H2_HEADERS, flags, 1, more, sizeof(more));
    assert_int_equal(api_h2_judge(&b, &f, &scene).reason, API_GUARD_HEADER_FIELDS);
    f = frame_of(API_H2_HEADERS, flags, 1, "\x40", 1);
    assert_int_equal(api_h2_judge(&b, &f, &scene).reason, API_GUARD_HEADER_CODING);
    f = frame_of(API_H2_HEADERS, 0, 1, bomb, 1);
    assert_int_equal(api_h2_judge(&b, &f, &scene).reason, API_GUARD_CONTINUATION);
    f = frame_of(API_H2_CONTINUATION, flags, 1, bomb, 1);
    assert_int_equal(api_h2_judge(&b, &f, &scene).reason, API_GUARD_CONTINUATION);
}

static void priorities_are_taken_off_unless_they_are_an_error(void **state)
{
    (void)state;
    struct api_h2_budget b = {0};
    const uint8_t flags = API_H2_END_HEADERS | API_H2_HAS_PRIORITY | API_H2_PADDED;
    static const uint8_t on_three[] = "\x01\x80\0\0\x03\x07\x82\0";
    const uint8_t *block;
    size_t len;
    struct api_h2_frame f = frame_of(API_H2_HEADERS, flags, 1, on_three, 8);
    assert_int_equal(api_h2_judge(&b, &f, &scene).action, API_H2_STRIP);
    assert_true(api_h2_field_block(&f, &block, &len));
    assert_int_equal(len, 1);
    assert_int_equal(*block, 0x82);
    f.stream_id = 3; /* depends on itself: the library's error */
    assert_int_equal(api_h2_judge(&b, &f, &scene).action, API_H2_PASS);
    f = frame_of(API_H2_PRIORITY, 0, 1, on_three + 1, 5);
    assert_int_equal(api_h2_judge(&b, &f, &scene).action, API_H2_IGNORE);
    f.stream_id = 3;
    assert_int_equal(api_h2_judge(&b, &f, &scene).action, API_H2_PASS);
    f = frame_of(API_H2_PRIORITY, 0, 1, on_three + 1, 4);
    assert_int_equal(api_h2_judge(&b, &f, &scene).action, API_H2_PASS);
}

static void a_closing_stream_gets_no_window(void **state)
{
    (void)state;
    struct api_h2_budget b = {0};
    struct api_h2_frame f = frame_of(API_H2_WINDOW_UPDATE, 0, 1, "\0\0\0\x01", 4);
    scene.stream = API_H2_STREAM_CLOSING;
    struct api_h2_verdict v = api_h2_judge(&b, &f, &scene);
    assert_int_equal(v.action, API_H2_IGNORE);
    assert_int_equal(v.reason, API_GUARD_CLOSING_WINDOW);
    scene.stream = API_H2_STREAM_ANSWERING;
    assert_int_equal(api_h2_judge(&b, &f, &scene).action, API_H2_PASS);
    f = frame_of(API_H2_SETTINGS, 0, 0, "", 0);
    assert_int_equal(api_h2_judge(&b, &f, &scene).action, API_H2_SETTLE);
    f.flags = API_H2_ACK;
    assert_int_equal(api_h2_judge(&b, &f, &scene).action, API_H2_PASS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hpack_fields_are_counted_and_broken_blocks_found),
        cmocka_unit_test_setup(budgets_are_spent_and_refill, set_up),
        cmocka_unit_test_setup(all_streams_are_bounded_but_not_for_who_has_few, set_up),
        cmocka_unit_test_setup(a_body_is_cut_one_octet_over_its_limit, set_up),
        cmocka_unit_test_setup(a_body_without_room_is_cut_at_once, set_up),
        cmocka_unit_test_setup(late_data_of_a_cut_stream_costs_nothing, set_up),
        cmocka_unit_test_setup(header_blocks_must_be_whole_short_and_sound, set_up),
        cmocka_unit_test_setup(priorities_are_taken_off_unless_they_are_an_error, set_up),
        cmocka_unit_test_setup(a_closing_stream_gets_no_window, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
