/* SPDX-License-Identifier: MIT */
/* The log with its thread, in front of a reader that stalls. One process, one log: the tests below
 * are steps of one story. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_log_queue.h"

enum {
    N_LINES = 4000,
    DEADLINE_MS = 20000,
    STALL_LIMIT_MS = 10000 /* far below what waiting for the reader would take: for ever */
};

static int reader;
static char *text; /* what the reader has got */
static size_t text_len;

static int set_up(void **state)
{
    (void)state;
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        return -1;
    reader = fds[0];
    (void)fcntl(reader, F_SETFL, O_NONBLOCK);
    text = calloc(1, (size_t)8 << 20);
    gw_log_init(GW_LOG_INFO, GW_LOG_FORMAT_JSON, fds[1]);
    gw_log_start();
    return text != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free(text);
    return 0;
}

static size_t count(const char *part)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, part)) != NULL; p++)
        n++;
    return n;
}

/* Reads until @n lines have @part in them. */
static void read_until(const char *part, size_t n)
{
    int64_t end = gw_clock_mono_ms() + DEADLINE_MS;
    while (count(part) < n) {
        assert_true(gw_clock_mono_ms() < end);
        ssize_t got = read(reader, text + text_len, 65536);
        if (got > 0)
            text_len += (size_t)got;
    }
}

static void lines_come_whole_and_in_order(void **state)
{
    (void)state;
    gw_log(GW_LOG_INFO, "first", GW_LOG_STR("text", "a\"b\n"), GW_LOG_NUM("n", -1));
    gw_log(GW_LOG_WARN, "second", GW_LOG_NUM("n", 2));
    gw_log(GW_LOG_DEBUG, "not_shown", GW_LOG_NUM("n", 3));
    gw_log_flush(DEADLINE_MS);
    read_until("}\n", 2);
    assert_non_null(strstr(text, "\"event\":\"first\",\"text\":\"a\\\"b\\u000a\",\"n\":-1}\n{"));
    assert_non_null(strstr(text, "\"level\":\"warn\",\"event\":\"second\",\"n\":2}\n"));
    assert_null(strstr(text, "not_shown"));
}

static void a_reader_that_stalls_costs_lines_and_no_time(void **state)
{
    (void)state;
    static char filler[400];
    memset(filler, 'x', sizeof(filler) - 1);
    int64_t from = gw_clock_mono_ms();
    for (int i = 0; i < N_LINES; i++)
        gw_log(GW_LOG_INFO, "filler", GW_LOG_NUM("i", i), GW_LOG_STR("text", filler));
    gw_log_flush(10);
    assert_true(gw_clock_mono_ms() - from < STALL_LIMIT_MS);
    assert_true(gw_log_dropped() > 0);
    assert_true(gw_log_dropped() < N_LINES - GW_LOG_QUEUE_SIZE / 1000);
}

static void what_was_dropped_is_told_when_the_reader_is_back(void **state)
{
    (void)state;
    char told[64];
    size_t kept = N_LINES - (size_t)gw_log_dropped();
    read_until("\"event\":\"filler\"", kept);
    gw_log(GW_LOG_INFO, "after", GW_LOG_NUM("n", 1));
    gw_log_flush(DEADLINE_MS);
    (void)snprintf(told, sizeof(told), "\"event\":\"log_lines_dropped\",\"total\":%llu}\n",
                   (unsigned long long)gw_log_dropped());
    read_until(told, 1);
    assert_int_equal(count("\"event\":\"after\""), 1);
    assert_int_equal(count("}\n"), 2 + kept + 2);
    assert_int_equal(count("\n"), 2 + kept + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_whole_and_in_order),
        cmocka_unit_test(a_reader_that_stalls_costs_lines_and_no_time),
        cmocka_unit_test(what_was_dropped_is_told_when_the_reader_is_back),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
