/* SPDX-License-Identifier: MIT */
/* System clocks, their test double, and the two date formats that leave the process. */
#include "gateway/base/gw_clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

/* Read by every thread. */
static struct {
    atomic_bool on;
    atomic_int_least64_t wall_ms, mono_ms;
} fake;

static int64_t read_us(clockid_t id)
{
    struct timespec ts;
    (void)clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t gw_clock_wall_ms(void)
{
    return fake.on ? fake.wall_ms : read_us(CLOCK_REALTIME) / 1000;
}

int64_t gw_clock_mono_ms(void)
{
    return fake.on ? fake.mono_ms : read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t gw_clock_mono_us(void)
{
    return fake.on ? fake.mono_ms * 1000 : read_us(CLOCK_MONOTONIC);
}

void gw_clock_fake(int64_t wall_ms, int64_t mono_ms)
{
    fake.on = true;
    fake.wall_ms = wall_ms;
    fake.mono_ms = mono_ms;
}

void gw_clock_fake_advance(int64_t ms)
{
    fake.wall_ms += ms;
    fake.mono_ms += ms;
}

void gw_clock_fake_end(void)
{
    fake.on = false;
}

static void split(int64_t wall_ms, struct tm *tm_out, int *ms_out)
{
    static const int64_t max_ms = 253402300799999; /* 9999-12-31T23:59:59.999Z */
    if (wall_ms < 0)
        wall_ms = 0;
    if (wall_ms > max_ms)
        wall_ms = max_ms;
    time_t s = (time_t)(wall_ms / 1000);
    (void)gmtime_r(&s, tm_out);
    *ms_out = (int)(wall_ms % 1000);
}

void gw_time_rfc3339(int64_t wall_ms, char out[GW_TIME_RFC3339_SIZE])
{
    struct tm t;
    int ms;
    split(wall_ms, &t, &ms);
    char buf[80];
    (void)snprintf(buf, sizeof(buf), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", t.tm_year + 1900,
                   t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, ms);
    (void)snprintf(out, GW_TIME_RFC3339_SIZE, "%.24s", buf);
}

void gw_time_rfc5322(int64_t wall_ms, char out[GW_TIME_RFC5322_SIZE])
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm t;
    int ms;
    split(wall_ms, &t, &ms);
    char buf[96];
    (void)snprintf(buf, sizeof(buf), "%s, %02d %s %04d %02d:%02d:%02d +0000", days[t.tm_wday],
                   t.tm_mday, months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
    (void)snprintf(out, GW_TIME_RFC5322_SIZE, "%.31s", buf);
}
