/* SPDX-License-Identifier: MIT */
/* Times as Mailgun takes them. Only their form is read; whether there is such a day is seen where
 * the RFC 3339 text is. */
#include <ctype.h>

#include "api/compat/mailgun.h"

struct reader {
    const char *at; /* NUL behind */
    bool failed;
};

static void skip_blanks(struct reader *r)
{
    while (*r->at == ' ' || *r->at == '\t')
        r->at++;
}

/* A number of @min to @max digits. */
static int take_number(struct reader *r, int min, int max)
{
    int value = 0;
    int n = 0;
    while (n < max && isdigit((unsigned char)*r->at)) {
        value = value * 10 + (*r->at++ - '0');
        n++;
    }
    r->failed = r->failed || n < min;
    return value;
}

/* Which of @n three-letter words stands here, from 1; 0: none. */
static int take_word(struct reader *r, const char *words, int n)
{
    for (int i = 0; i < n; i++) {
        if (strncasecmp(r->at, words + (size_t)i * 3, 3) == 0) {
            r->at += 3;
            return i + 1;
        }
    }
    return 0;
}

static bool take_char(struct reader *r, char c)
{
    if (*r->at != c)
        return false;
    r->at++;
    return true;
}

/* +hhmm, -hhmm, GMT, UT, UTC; minutes. */
static int take_zone(struct reader *r)
{
    static const char *const names[] = {"GMT", "UTC", "UT", "Z"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcasecmp(r->at, names[i]) == 0) {
            r->at += strlen(names[i]);
            return 0;
        }
    }
    bool west = take_char(r, '-');
    r->failed = r->failed || (!west && !take_char(r, '+'));
    int hours = take_number(r, 2, 2);
    int minutes = take_number(r, 2, 2);
    r->failed = r->failed || minutes > 59;
    return (west ? -1 : 1) * (hours * 60 + minutes);
}

const char *api_mailgun_time(struct gw_arena *arena, struct gw_slice text)
{
    struct reader r = {.at = gw_arena_cstr(arena, text)};
    const char *end = r.at + text.len;
    skip_blanks(&r);
    if (take_word(&r, "MonTueWedThuFriSatSun", 7) != 0)
        r.failed = !take_char(&r, ',');
    skip_blanks(&r);
    int day = take_number(&r, 1, 2);
    skip_blanks(&r);
    int month = take_word(&r, "JanFebMarAprMayJunJulAugSepOctNovDec", 12);
    skip_blanks(&r);
    int year = take_number(&r, 4, 4);
    skip_blanks(&r);
    int hour = take_number(&r, 2, 2);
    r.failed = !take_char(&r, ':') || r.failed;
    int minute = take_number(&r, 2, 2);
    int second = take_char(&r, ':') ? take_number(&r, 2, 2) : 0;
    skip_blanks(&r);
    int zone = take_zone(&r);
    if (r.failed || month == 0 || r.at != end)
        return NULL;
    int off = zone < 0 ? -zone : zone;
    return gw_arena_printf(arena, "%04d-%02d-%02dT%02d:%02d:%02d%c%02d:%02d", year, month, day,
                           hour, minute, second, zone < 0 ? '-' : '+', off / 60, off % 60);
}
