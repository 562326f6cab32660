/* SPDX-License-Identifier: MIT */
/* Running a uv loop in a test: wait for a condition with a deadline, end without leaks. */
#ifndef TEST_LOOP_UTIL_H
#define TEST_LOOP_UTIL_H

#include <stdbool.h>
#include <uv.h>

/* Runs the loop until *flag, at most 20 s; fails the test then. */
void test_loop_until(uv_loop_t *loop, bool *flag);
void test_loop_until_true(uv_loop_t *loop, bool (*condition)(void *data), void *data);
/* Runs what is left, at most 20 s, and asserts that no handle remains. */
void test_loop_end(uv_loop_t *loop);
/* One round without waiting. */
void test_loop_once(uv_loop_t *loop);
/* Both clocks stand still from now on, until gw_clock_fake_end(). */
void test_stop_clocks(void);

#endif
