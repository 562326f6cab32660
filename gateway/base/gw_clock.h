/* SPDX-License-Identifier: MIT */
/* Time. The only place that asks the system for it, so that tests can own it. */
#ifndef GW_CLOCK_H
#define GW_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Milliseconds since the Unix epoch; may jump. For what people and other machines read. */
int64_t gw_clock_wall_ms(void);
/* Milliseconds from an arbitrary start; never jumps. For every timeout and duration. */
int64_t gw_clock_mono_ms(void);
/* As gw_clock_mono_ms in microseconds; for measuring. */
int64_t gw_clock_mono_us(void);

/* Tests: freeze both clocks at these values; gw_clock_fake_advance moves both;
 * gw_clock_fake_end returns to the system's. Not thread-safe. */
void gw_clock_fake(int64_t wall_ms, int64_t mono_ms);
void gw_clock_fake_advance(int64_t ms);
void gw_clock_fake_end(void);

enum {
    GW_TIME_RFC3339_SIZE = sizeof("2026-11-23T12:34:56.789Z"),
    GW_TIME_RFC5322_SIZE = sizeof("Mon, 23 Nov 2026 12:34:56 +0000")
};
/* RFC 3339 in UTC with milliseconds. Years 1970 to 9999; others are clamped. */
void gw_time_rfc3339(int64_t wall_ms, char out[GW_TIME_RFC3339_SIZE]);
/* RFC 5322 sec. 3.3 date-time, UTC as +0000; locale-independent. */
void gw_time_rfc5322(int64_t wall_ms, char out[GW_TIME_RFC5322_SIZE]);

#endif
