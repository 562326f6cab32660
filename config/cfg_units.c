/* SPDX-License-Identifier: MIT */
/* Durations, sizes, rates and numbers: text to value and back. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/cfg_text.h"

enum {
    MAX_DIGITS = 15,       /* exact in a double, and far from overflow times a unit */
    MAX_NUMBER_LENGTH = 24 /* "0." and what %.17g may add */
};

struct unit {
    const char *suffix;
    int64_t factor;
};

/* Largest first: formatting takes the first that divides. */
static const struct unit durations[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};
static const struct unit sizes[] = {
    {"GB", 1 << 30},
    {"MB", 1 << 20},
    {"KB", 1 << 10},
    {"", 1},
};
/* Factor: seconds. */
static const struct unit rates[] = {
    {"/s", 1},
    {"/m", 60},
    {"/h", 3600},
};

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/* Digits at the start of @s, not "007"; the number of them, 0 when there is no such number. */
static size_t leading_count(const char *s, int64_t *out)
{
    size_t n = strspn(s, "0123456789");
    if (n == 0 || n > MAX_DIGITS || (n > 1 && s[0] == '0'))
        return 0;
    *out = 0;
    for (size_t i = 0; i < n; i++)
        *out = *out * 10 + (s[i] - '0');
    return n;
}

static const struct unit *find_unit(const struct unit *units, size_t n, const char *suffix)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(units[i].suffix, suffix) == 0)
            return &units[i];
    return NULL;
}

static bool parse_with_unit(const char *s, const struct unit *units, size_t n_units, int64_t *out)
{
    int64_t count;
    size_t n = leading_count(s, &count);
    if (n == 0)
        return false;
    const struct unit *unit = find_unit(units, n_units, s + n);
    return unit != NULL && !__builtin_mul_overflow(count, unit->factor, out);
}

bool cfg_parse_count(const char *s, int64_t *out)
{
    size_t n = leading_count(s, out);
    return n != 0 && s[n] == '\0';
}

bool cfg_parse_duration(const char *s, int64_t *ms_out)
{
    return parse_with_unit(s, durations, COUNT_OF(durations), ms_out);
}

bool cfg_parse_size(const char *s, int64_t *bytes_out)
{
    return parse_with_unit(s, sizes, COUNT_OF(sizes), bytes_out);
}

/* Characters of the number at the start of @s; 0: none, or one that is not plain decimal. */
static size_t leading_number(const char *s, double *out)
{
    size_t whole = strspn(s, "0123456789");
    size_t n = whole;
    if (s[n] == '.') {
        size_t fraction = strspn(s + n + 1, "0123456789");
        if (fraction == 0)
            return 0;
        n += 1 + fraction;
    }
    if (whole == 0 || (whole > 1 && s[0] == '0') || n > MAX_NUMBER_LENGTH)
        return 0;
    char digits[MAX_NUMBER_LENGTH + 1];
    char *end;
    memcpy(digits, s, n);
    digits[n] = '\0';
    *out = strtod(digits, &end);
    return *end == '\0' && isfinite(*out) ? n : 0;
}

bool cfg_parse_number(const char *s, double *out)
{
    size_t n = leading_number(s, out);
    return n != 0 && s[n] == '\0';
}

bool cfg_parse_rate(const char *s, double *per_s_out)
{
    double n;
    size_t len = leading_number(s, &n);
    if (len == 0)
        return false;
    const struct unit *unit = find_unit(rates, COUNT_OF(rates), s + len);
    if (unit == NULL)
        return false;
    *per_s_out = n / (double)unit->factor;
    return true;
}

static void format_with_unit(int64_t value, const struct unit *units, size_t n,
                             char out[CFG_UNIT_SIZE])
{
    const struct unit *unit = &units[n - 1];
    for (size_t i = n; i-- > 0;)
        if (value != 0 && value % units[i].factor == 0)
            unit = &units[i];
    (void)snprintf(out, CFG_UNIT_SIZE, "%lld%s", (long long)(value / unit->factor), unit->suffix);
}

void cfg_format_duration(int64_t ms, char out[CFG_UNIT_SIZE])
{
    if (ms == 0)
        (void)snprintf(out, CFG_UNIT_SIZE, "0s");
    else
        format_with_unit(ms, durations, COUNT_OF(durations), out);
}

void cfg_format_size(int64_t bytes, char out[CFG_UNIT_SIZE])
{
    format_with_unit(bytes, sizes, COUNT_OF(sizes), out);
}

static bool same(double a, double b)
{
    return !(a < b) && !(a > b);
}

void cfg_format_number(double n, char out[CFG_UNIT_SIZE])
{
    double back;
    (void)snprintf(out, CFG_UNIT_SIZE, "%.6g", n);
    if (!cfg_parse_number(out, &back) || !same(back, n))
        (void)snprintf(out, CFG_UNIT_SIZE, "%.17g", n);
}

void cfg_format_rate(double per_s, char out[CFG_UNIT_SIZE])
{
    for (size_t i = 0; i < COUNT_OF(rates); i++) {
        double back;
        (void)snprintf(out, CFG_UNIT_SIZE, "%.6g%s", per_s * (double)rates[i].factor,
                       rates[i].suffix);
        if (cfg_parse_rate(out, &back) && same(back, per_s))
            return;
    }
    (void)snprintf(out, CFG_UNIT_SIZE, "%.17g/s", per_s);
}
