/* SPDX-License-Identifier: MIT */
/* Buffers, arenas, base64, clocks and ids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/base/gw_arena.h"
#include "gateway/base/gw_base64.h"
#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_list.h"
#include "gateway/base/gw_mem.h"
#include "gateway/base/gw_random.h"

static void buffer_refuses_growth_over_its_maximum(void **state)
{
    (void)state;
    struct gw_buf b;
    gw_buf_init(&b, 10);
    assert_int_equal(gw_buf_add_str(&b, "0123456789"), GW_OK);
    assert_false(b.overflowed);
    assert_int_equal(gw_buf_add_char(&b, 'x'), GW_TOOBIG);
    assert_true(b.overflowed);
    assert_int_equal(b.len, 10);
    gw_buf_consume(&b, 4);
    assert_memory_equal(b.data, "456789", 6);
    size_t len;
    char *taken = gw_buf_take(&b, &len);
    assert_int_equal(len, 6);
    assert_string_equal(taken, "456789");
    gw_free(taken);
    gw_buf_deinit(&b);
}

static void buffer_formats_text(void **state)
{
    (void)state;
    struct gw_buf b;
    gw_buf_init(&b, 1000);
    assert_int_equal(gw_buf_printf(&b, "%s-%d", "a", 7), GW_OK);
    assert_true(gw_slice_is(gw_buf_view(&b), "a-7"));
    gw_buf_deinit(&b);
}

static void arena_serves_small_and_large_pieces(void **state)
{
    (void)state;
    struct gw_arena *a = gw_arena_new(64);
    char *first = gw_arena_strdup(a, "first");
    char *large = gw_arena_bytes(a, 100000);
    memset(large, 'x', 100000);
    for (int i = 0; i < 1000; i++) {
        int64_t *n = GW_ARENA_NEW(a, int64_t);
        assert_int_equal(*n, 0);
        assert_int_equal((uintptr_t)n % _Alignof(max_align_t), 0);
        *n = -1;
    }
    assert_string_equal(first, "first");
    assert_string_equal(gw_arena_printf(a, "%d", 42), "42");
    gw_arena_free(&a);
    assert_null(a);
    gw_arena_free(&a);
}

static void check_decode(const char *in, const char *want)
{
    char out[64];
    size_t len = 99;
    enum gw_status st = gw_base64_decode(gw_slice_str(in), out, &len, NULL);
    if (want == NULL) {
        assert_int_equal(st, GW_INVALID);
        return;
    }
    assert_int_equal(st, GW_OK);
    assert_int_equal(len, strlen(want));
    assert_memory_equal(out, want, len);
}

static void base64_decodes_strictly(void **state)
{
    (void)state;
    check_decode("", "");
    check_decode("Zg==", "f");
    check_decode("Zg", "f");
    check_decode("Zm8=", "fo");
    check_decode("Zm9v", "foo");
    check_decode("Zm9v\r\nYmFy", "foobar");
    check_decode("Pz8/Pj4+", "??\?>>>");
    check_decode("Pz8_Pj4-", "??\?>>>");
    static const char *const bad[] = {"Z",        "Zg=",      "Zh==",  "====",
                                      "Zg===",    "Zm9=",     "Z=g=",  "Zm9v!",
                                      "Pz8/Pj4-", "Zg==Zg==", "Zm9v=", "Z\n\n\n\n\n\nm9v",
                                      "Zm9v\v"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        check_decode(bad[i], NULL);
}

/* Long texts are decoded many characters at a time. */
static void base64_is_as_strict_in_the_middle_of_a_long_text(void **state)
{
    (void)state;
    enum {
        N = 256
    };
    static const char all[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char good[N];
    char text[N + 1];
    unsigned char want[N];
    unsigned char got[N];
    size_t n_want = 0;
    size_t n = 0;
    size_t bad_at = 0;
    for (size_t i = 0; i < N; i++)
        good[i] = all[(i * 7 + i / 64) % 64];
    assert_int_equal(gw_base64_decode(gw_slice_of(good, N), want, &n_want, NULL), GW_OK);
    for (size_t i = 0; i < N; i++) {
        for (int c = 0; c < 256; c++) { /* any octet in the place of this one */
            memcpy(text, good, N);
            text[i] = (char)(unsigned char)c;
            bool stays = c != 0 && strchr(all, c) != NULL;
            enum gw_status st = gw_base64_decode(gw_slice_of(text, N), got, &n, &bad_at);
            if (stays)
                assert_int_equal(st, GW_OK);
            else if (strchr(" \t\r\n=", c) == NULL || c == 0) /* those may stand somewhere */
                assert_int_equal(st, GW_INVALID);
        }
        memcpy(text, good, i); /* a line end before this one */
        text[i] = '\n';
        memcpy(text + i + 1, good + i, N - i);
        assert_int_equal(gw_base64_decode(gw_slice_of(text, N + 1), got, &n, NULL), GW_OK);
        assert_int_equal(n, n_want);
        assert_memory_equal(got, want, n);
    }
}

static void base64_round_trips_every_length(void **state)
{
    (void)state;
    gw_random_seed(7);
    for (size_t n = 0; n < 300; n++) {
        unsigned char in[300];
        unsigned char back[410];
        char text[410];
        gw_random_bytes(in, n);
        size_t len = gw_base64_encode(in, n, text);
        size_t got;
        assert_int_equal(len, gw_base64_encoded_size(n));
        assert_int_equal(gw_base64_decode(gw_slice_of(text, len), back, &got, NULL), GW_OK);
        assert_true(got <= gw_base64_decoded_max(len));
        assert_int_equal(got, n);
        assert_memory_equal(in, back, n);
    }
    gw_random_seed(0);
}

static void dates_are_formatted_as_the_rfcs_say(void **state)
{
    (void)state;
    char a[GW_TIME_RFC3339_SIZE];
    char b[GW_TIME_RFC5322_SIZE];
    gw_time_rfc3339(1795437296789, a);
    assert_string_equal(a, "2026-11-23T12:34:56.789Z");
    gw_time_rfc5322(1795437296789, b);
    assert_string_equal(b, "Mon, 23 Nov 2026 12:34:56 +0000");
    gw_time_rfc3339(-5, a);
    assert_string_equal(a, "1970-01-01T00:00:00.000Z");
    gw_time_rfc3339(INT64_MAX, a);
    assert_string_equal(a, "9999-12-31T23:59:59.999Z");
}

static void fake_clock_moves_only_when_told(void **state)
{
    (void)state;
    gw_clock_fake(1000, 5);
    gw_clock_fake_advance(30);
    assert_int_equal(gw_clock_wall_ms(), 1030);
    assert_int_equal(gw_clock_mono_ms(), 35);
    gw_clock_fake_end();
    assert_true(gw_clock_wall_ms() > 1000000);
}

static void uuids_sort_in_the_order_they_were_made(void **state)
{
    (void)state;
    char last[GW_UUID_SIZE] = "";
    char id[GW_UUID_SIZE];
    for (int i = 0; i < 20000; i++) {
        gw_uuid_v7(1795437296789 + i / 9000, id);
        assert_int_equal(strlen(id), 36);
        assert_int_equal(id[14], '7');
        assert_true(strchr("89ab", id[19]) != NULL);
        assert_true(strcmp(last, id) < 0);
        memcpy(last, id, sizeof(last));
    }
}

static void list_keeps_order_and_forgets_what_is_removed(void **state)
{
    (void)state;
    struct gw_list head;
    struct gw_list a = {0};
    struct gw_list b = {0};
    gw_list_init(&head);
    gw_list_push_back(&head, &a);
    gw_list_push_front(&head, &b);
    assert_ptr_equal(head.next, &b);
    gw_list_remove(&b);
    gw_list_remove(&b);
    assert_ptr_equal(head.next, &a);
    gw_list_remove(&a);
    assert_true(gw_list_empty(&head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffer_refuses_growth_over_its_maximum),
        cmocka_unit_test(buffer_formats_text),
        cmocka_unit_test(arena_serves_small_and_large_pieces),
        cmocka_unit_test(base64_decodes_strictly),
        cmocka_unit_test(base64_is_as_strict_in_the_middle_of_a_long_text),
        cmocka_unit_test(base64_round_trips_every_length),
        cmocka_unit_test(dates_are_formatted_as_the_rfcs_say),
        cmocka_unit_test(fake_clock_moves_only_when_told),
        cmocka_unit_test(uuids_sort_in_the_order_they_were_made),
        cmocka_unit_test(list_keeps_order_and_forgets_what_is_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
