/* SPDX-License-Identifier: MIT */
/* A borrowed run of bytes: pointer and length, no NUL promised, may hold any byte. */
#ifndef GW_SLICE_H
#define GW_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct gw_slice {
    const char *data; /* NULL only when len is 0 */
    size_t len;
};

#define GW_SLICE_LIT(s) ((struct gw_slice){.data = (s), .len = sizeof(s) - 1})
/* printf arguments for "%.*s"; the caller knows that len fits an int. */
#define GW_SLICE_ARG(s) ((int)(s).len), ((s).data)

static inline struct gw_slice gw_slice_str(const char *s)
{
    return (struct gw_slice){.data = s, .len = s != NULL ? strlen(s) : 0};
}

static inline struct gw_slice gw_slice_of(const char *data, size_t len)
{
    return (struct gw_slice){.data = data, .len = len};
}

static inline bool gw_slice_eq(struct gw_slice a, struct gw_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* ASCII case-insensitive; independent of the locale because only A-Z fold. */
static inline bool gw_slice_eq_nocase(struct gw_slice a, struct gw_slice b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.data, b.data, a.len) == 0);
}

/* Without the octets of @blanks at both ends; a NUL is none of them. */
static inline struct gw_slice gw_slice_trim(struct gw_slice s, const char *blanks)
{
    size_t n = strlen(blanks);
    while (s.len > 0 && memchr(blanks, s.data[0], n) != NULL)
        s = gw_slice_of(s.data + 1, s.len - 1);
    while (s.len > 0 && memchr(blanks, s.data[s.len - 1], n) != NULL)
        s.len--;
    return s;
}

static inline bool gw_slice_is(struct gw_slice a, const char *s)
{
    return gw_slice_eq(a, gw_slice_str(s));
}

#endif
