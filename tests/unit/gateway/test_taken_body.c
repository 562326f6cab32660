/* SPDX-License-Identifier: MIT */
/* Bodies that move in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/taken_body.h"

static char *pattern(size_t len)
{
    char *text = mmap(NULL, len + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(text != MAP_FAILED);
    for (size_t i = 0; i < len; i++)
        text[i] = (char)(unsigned char)(i * 7 + i / 251);
    return text;
}

static void assert_arrives(size_t offset, size_t len, size_t pieces)
{
    char *from = pattern(offset + len);
    char *want = pattern(offset + len);
    struct gw_taken_body b;
    gw_taken_body_start(&b, gw_slice_of(from + offset, len));
    size_t n = 1;
    while (!gw_taken_body_go_on(&b))
        n++;
    assert_int_equal(n, pieces);
    assert_int_equal(b.len, len);
    assert_true(len == 0 || memcmp(b.data, want + offset, len) == 0);
    assert_int_equal(b.data[len], '\0');
    assert_true(gw_taken_body_go_on(&b));
    gw_taken_body_free(&b);
    assert_null(b.data);
    (void)munmap(from, offset + len + 1);
    (void)munmap(want, offset + len + 1);
}

static void every_size_arrives_whole(void **state)
{
    (void)state;
    const size_t sizes[] = {0, 1, GW_BODY_PIECE - 1, GW_BODY_PIECE};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        assert_arrives(3, sizes[i], 1);
    assert_arrives(0, GW_BODY_PIECE + 1, 2);
    assert_arrives(5, (size_t)2 * GW_BODY_PIECE, 2);
    assert_arrives(4095, (size_t)2 * GW_BODY_PIECE + 1, 3);
}

/* Of the pages of @from, those that are in memory. */
static size_t resident(char *from, size_t len)
{
    unsigned char pages[8192];
    size_t n = len / (size_t)sysconf(_SC_PAGESIZE);
    size_t found = 0;
    assert_true(n <= sizeof(pages));
    assert_int_equal(mincore(from, len, pages), 0);
    for (size_t i = 0; i < n; i++)
        found += pages[i] & 1;
    return found;
}

static void what_has_moved_takes_no_memory_any_more(void **state)
{
    (void)state;
    size_t len = 8 * (size_t)GW_BODY_PIECE;
    char *from = pattern(len);
    char neighbour = from[0];
    struct gw_taken_body b;
    size_t before = resident(from, len);
    gw_taken_body_start(&b, gw_slice_of(from + 1, len - 2));
    assert_false(gw_taken_body_go_on(&b));
    assert_true(resident(from, len) < before);
    while (!gw_taken_body_go_on(&b))
        ;
    assert_true(resident(from, len) <= 8 * 2 + 2); /* pages that two pieces share */
    assert_int_equal(from[0], neighbour);
    gw_taken_body_free(&b);
    (void)munmap(from, len + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_arrives_whole),
        cmocka_unit_test(what_has_moved_takes_no_memory_any_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
