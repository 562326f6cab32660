/* SPDX-License-Identifier: MIT */
/* What a request begins with takes little, and is the library's own from then on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/small_buffer.h"

static h2o_buffer_prototype_t other = {.allocator = {.max = 16},
                                       ._initial_buf = {.capacity = 8192},
                                       .mmap_settings = &h2o_socket_buffer_mmap_settings};

/* The capacity after @needed octets were asked for. */
static size_t begun(size_t needed)
{
    h2o_buffer_t *b;
    h2o_buffer_init(&b, &h2o_socket_buffer_prototype);
    api_small_buffer_begin(&b, needed);
    size_t capacity = b->capacity;
    assert_true(h2o_buffer_reserve(&b, needed).len >= needed);
    h2o_buffer_dispose(&b);
    return capacity;
}

static void small_ones_begin_small(void **state)
{
    (void)state;
    assert_int_equal(begun(1), API_SMALL_BUFFER_MIN);
    assert_int_equal(begun(API_SMALL_BUFFER_MIN / 2), API_SMALL_BUFFER_MIN);
    assert_int_equal(begun(API_SMALL_BUFFER_MAX), 2 * API_SMALL_BUFFER_MAX);
    assert_int_equal(begun(API_SMALL_BUFFER_MAX + 1),
                     h2o_socket_buffer_prototype._initial_buf.capacity);
}

static void others_are_left_alone(void **state)
{
    (void)state;
    h2o_buffer_t *b;
    h2o_buffer_init(&b, &other);
    h2o_buffer_t *empty = b;
    api_small_buffer_begin(&b, 1);
    assert_ptr_equal(b, empty);
    (void)h2o_buffer_reserve(&b, 1);
    h2o_buffer_t *begun_already = b;
    api_small_buffer_begin(&b, 1);
    assert_ptr_equal(b, begun_already);
    h2o_buffer_dispose(&b);
}

static void what_is_in_one_stays_when_it_grows(void **state)
{
    (void)state;
    enum {
        N = 100000
    };
    h2o_buffer_t *b;
    h2o_buffer_init(&b, &h2o_socket_buffer_prototype);
    for (size_t i = 0; i < N; i++) {
        api_small_buffer_begin(&b, 1);
        h2o_buffer_reserve(&b, 1).base[0] = (char)(i * 7 / 3);
        b->size++;
    }
    assert_int_equal(b->size, N);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(b->bytes[i], (char)(i * 7 / 3));
    h2o_buffer_dispose(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_ones_begin_small),
        cmocka_unit_test(others_are_left_alone),
        cmocka_unit_test(what_is_in_one_stays_when_it_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
