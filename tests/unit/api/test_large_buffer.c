/* SPDX-License-Identifier: MIT */
/* The HTTP library's buffers under our growth: what is in them stays, whatever is added and taken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/large_buffer.h"
#include "gateway/base/gw_mem.h"

enum {
    LARGE = GW_MEM_LARGE
};

static h2o_buffer_prototype_t prototype = {.allocator = {.max = 16},
                                           ._initial_buf = {.capacity = 64 * 1024},
                                           .mmap_settings = &h2o_socket_buffer_mmap_settings};

static uint8_t octet_at(size_t i)
{
    return (uint8_t)(i * 2654435761U >> 24);
}

/* A buffer whose content is a part of one endless pattern. */
struct pattern {
    h2o_buffer_t *buffer;
    size_t from, to;
};

static void add(struct pattern *p, size_t n)
{
    h2o_iovec_t room = h2o_buffer_reserve(&p->buffer, n);
    assert_true(room.len >= n);
    for (size_t i = 0; i < n; i++)
        room.base[i] = (char)octet_at(p->to + i);
    p->buffer->size += n;
    p->to += n;
}

static void take(struct pattern *p, size_t n)
{
    h2o_buffer_consume(&p->buffer, n);
    p->from += n;
}

static void assert_whole(const struct pattern *p)
{
    assert_int_equal(p->buffer->size, p->to - p->from);
    for (size_t i = 0; i < p->buffer->size; i++)
        if ((uint8_t)p->buffer->bytes[i] != octet_at(p->from + i))
            fail_msg("octet %zu is another", i);
}

static void start(struct pattern *p)
{
    *p = (struct pattern){.from = 0};
    h2o_buffer_init(&p->buffer, &prototype);
}

static void what_is_in_it_stays(void **state)
{
    (void)state;
    struct pattern p;
    start(&p);
    while (p.to < 9 * (size_t)LARGE)
        add(&p, 300 * 1000);
    assert_whole(&p);
    h2o_buffer_dispose(&p.buffer);
}

static void what_was_taken_is_no_part_of_it(void **state)
{
    (void)state;
    struct pattern p;
    start(&p);
    for (size_t i = 1; i < 40; i++) {
        add(&p, i * 50 * 1000);
        take(&p, p.buffer->size / (i % 5 + 2));
    }
    assert_whole(&p);
    h2o_buffer_dispose(&p.buffer);
}

/* One reservation that asks for many times what is there. */
static void a_leap_has_room(void **state)
{
    (void)state;
    struct pattern p;
    start(&p);
    add(&p, LARGE);
    add(&p, 10 * (size_t)LARGE);
    assert_whole(&p);
    h2o_buffer_dispose(&p.buffer);
}

/* How far it grows for @more octets when it holds @filled, in a block of that size, less the first
 * @taken of them. */
static size_t growth(size_t filled, size_t taken, size_t more)
{
    struct pattern p;
    start(&p);
    add(&p, filled);
    take(&p, taken);
    size_t before = p.buffer->capacity;
    api_large_buffer_grow(&p.buffer, more);
    size_t grown = p.buffer->capacity - before;
    assert_whole(&p);
    h2o_buffer_dispose(&p.buffer);
    return grown;
}

static void only_large_buffers_that_are_full_grow(void **state)
{
    (void)state;
    assert_int_equal(growth(LARGE - 1, 0, 1), 0);
    assert_int_equal(growth(LARGE, 0, 0), 0);
    assert_int_equal(growth(LARGE, 0, 1), LARGE);
    assert_int_equal(growth(LARGE, 0, LARGE + 1), 3 * (size_t)LARGE);
    /* The library moves what is left to the front, if it is less than half with what comes. */
    assert_int_equal(growth(LARGE, LARGE - 10, LARGE / 2 - 10), 0);
    assert_int_equal(growth(LARGE, LARGE - 10, LARGE / 2 - 9), LARGE);
}

/* It moves what is left to the front of a new block; we leave it where it is. */
static void the_library_grows_them_so(void **state)
{
    (void)state;
    struct pattern p;
    start(&p);
    add(&p, LARGE);
    take(&p, 1000);
    (void)h2o_buffer_reserve(&p.buffer, LARGE);
    assert_int_equal(p.buffer->bytes - p.buffer->_buf, 1000);
    assert_whole(&p);
    h2o_buffer_dispose(&p.buffer);
}

/* In a block of @capacity octets, of which one is taken. */
static size_t room_in(size_t capacity, size_t more)
{
    struct pattern p;
    start(&p);
    add(&p, capacity);
    take(&p, capacity - 1);
    size_t room = h2o_buffer_reserve(&p.buffer, more).len;
    h2o_buffer_dispose(&p.buffer);
    return room;
}

static void a_large_buffer_is_not_filled_at_once(void **state)
{
    (void)state;
    assert_int_equal(room_in(LARGE - 1, 4096), LARGE - 2);
    assert_int_equal(room_in(LARGE, 4096), API_LARGE_READ);
    assert_int_equal(room_in(LARGE, API_LARGE_READ + 1), API_LARGE_READ + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_in_it_stays),
        cmocka_unit_test(what_was_taken_is_no_part_of_it),
        cmocka_unit_test(a_leap_has_room),
        cmocka_unit_test(only_large_buffers_that_are_full_grow),
        cmocka_unit_test(the_library_grows_them_so),
        cmocka_unit_test(a_large_buffer_is_not_filled_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
