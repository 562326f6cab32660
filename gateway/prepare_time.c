/* SPDX-License-Identifier: MIT */
/* RFC 3339 times. */
#include "gateway/prepare_internal.h"

struct reader {
    struct gw_slice rest;
    bool failed;
};

/* Exactly @n digits, as a number from @min to @max. */
static int64_t digits(struct reader *r, size_t n, int64_t min, int64_t max)
{
    int64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        if (i >= r->rest.len || r->rest.data[i] < '0' || r->rest.data[i] > '9') {
            r->failed = true;
            return min;
        }
        v = v * 10 + (r->rest.data[i] - '0');
    }
    r->rest.data += n;
    r->rest.len -= n;
    r->failed = r->failed || v < min || v > max;
    return v;
}

static bool take(struct reader *r, char c)
{
    if (r->rest.len == 0 || (r->rest.data[0] != c && r->rest.data[0] != (c | 0x20)))
        return false;
    r->rest.data++;
    r->rest.len--;
    return true;
}

static void need(struct reader *r, char c)
{
    r->failed = !take(r, c) || r->failed;
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    static const int64_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days from 1970-01-01. */
static int64_t day_number(int64_t year, int64_t month, int64_t day)
{
    int64_t before = year - 1;
    int64_t n = before * 365 + before / 4 - before / 100 + before / 400 - 719162;
    for (int64_t m = 1; m < month; m++)
        n += days_in_month(year, m);
    return n + day - 1;
}

/* Of any length; what is behind milliseconds is read and dropped. */
static int64_t fraction_ms(struct reader *r)
{
    int64_t ms = 0;
    int64_t unit = 100;
    if (!take(r, '.'))
        return 0;
    do {
        ms += digits(r, 1, 0, 9) * unit;
        unit /= 10;
    } while (!r->failed && r->rest.len != 0 && r->rest.data[0] >= '0' && r->rest.data[0] <= '9');
    return ms;
}

static int64_t offset_minutes(struct reader *r)
{
    if (take(r, 'Z'))
        return 0;
    bool west = r->rest.len != 0 && r->rest.data[0] == '-';
    if (!west)
        need(r, '+');
    else
        need(r, '-');
    int64_t hours = digits(r, 2, 0, 23);
    need(r, ':');
    int64_t minutes = hours * 60 + digits(r, 2, 0, 59);
    return west ? -minutes : minutes;
}

bool gw_prepare_parse_time(struct gw_slice s, int64_t *wall_ms_out)
{
    struct reader r = {.rest = s};
    int64_t year = digits(&r, 4, 1970, 9999);
    need(&r, '-');
    int64_t month = digits(&r, 2, 1, 12);
    if (r.failed)
        return false;
    need(&r, '-');
    int64_t day = digits(&r, 2, 1, days_in_month(year, month));
    if (!take(&r, 'T'))
        need(&r, ' ');
    int64_t hour = digits(&r, 2, 0, 23);
    need(&r, ':');
    int64_t minute = digits(&r, 2, 0, 59);
    need(&r, ':');
    int64_t second = digits(&r, 2, 0, 60); /* a leap second is the next minute's first */
    int64_t ms = fraction_ms(&r);
    int64_t offset = offset_minutes(&r);
    if (r.failed || r.rest.len != 0)
        return false;
    int64_t minutes = (day_number(year, month, day) * 24 + hour) * 60 + minute - offset;
    *wall_ms_out = (minutes * 60 + second) * 1000 + ms;
    return true;
}
