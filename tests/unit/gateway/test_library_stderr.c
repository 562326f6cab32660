/* SPDX-License-Identifier: MIT */
/* Lines that libraries print, as the log shows them. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_log.h"
#include "gateway/library_stderr.h"

static int log_fds[2];
static FILE *ours;
static char logged[65536];

/* Everything logged since the last call. */
static const char *read_log(void)
{
    ssize_t n = read(log_fds[0], logged, sizeof(logged) - 1);
    logged[n > 0 ? n : 0] = '\0';
    return logged;
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, what)) != NULL; p++)
        n++;
    return n;
}

static int set_up(void **state)
{
    (void)state;
    if (pipe2(log_fds, O_CLOEXEC | O_NONBLOCK) != 0)
        return -1;
    gw_clock_fake(1000000, 1000000);
    gw_log_init(GW_LOG_INFO, GW_LOG_FORMAT_JSON, log_fds[1]);
    ours = stderr;
    gw_library_stderr_capture();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)fclose(stderr);
    stderr = ours;
    gw_log_init(GW_LOG_INFO, GW_LOG_FORMAT_JSON, STDERR_FILENO);
    gw_clock_fake_end();
    (void)close(log_fds[0]);
    (void)close(log_fds[1]);
    return 0;
}

static void a_line_is_an_event(void **state)
{
    (void)state;
    (void)fprintf(stderr, "skipping frame (type:%d)", 42);
    assert_string_equal(read_log(), "");
    (void)fputs("\n", stderr);
    assert_non_null(strstr(read_log(), "\"event\":\"library_stderr\",\"text\":\"skipping frame "
                                       "(type:42)\",\"lost\":0}"));
}

static void long_lines_are_cut_and_many_are_counted(void **state)
{
    (void)state;
    char line[2 * GW_LIBRARY_STDERR_LENGTH];
    memset(line, 'z', sizeof(line));
    gw_clock_fake_advance(1000000);
    for (int i = 0; i < 1000; i++)
        (void)fprintf(stderr, "%.*s\n", (int)sizeof(line), line);
    assert_int_equal(count(read_log(), "library_stderr"), GW_LIBRARY_STDERR_LINES);
    assert_int_equal(count(logged, "z"), GW_LIBRARY_STDERR_LINES * GW_LIBRARY_STDERR_LENGTH);
    gw_clock_fake_advance(GW_LIBRARY_STDERR_REFILL_MS);
    (void)fputs("again\nand again\n", stderr);
    assert_non_null(strstr(read_log(), "\"text\":\"again\",\"lost\":990}"));
    assert_int_equal(count(logged, "library_stderr"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_is_an_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_lines_are_cut_and_many_are_counted, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
