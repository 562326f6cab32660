/* SPDX-License-Identifier: MIT */
/* Query strings. */
#include "api/query.h"

/* Value of a hexadecimal digit, 16 when it is none. */
static unsigned hex_value(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    return at != NULL ? (unsigned)(at - digits) % 16 : 16;
}

/* The octet that @in starts with, %XX or itself, and how long it is; 0 when it is malformed. */
static size_t decode_one(struct gw_slice in, char *out)
{
    *out = in.data[0];
    if (*out == '+')
        *out = ' ';
    if (in.data[0] != '%')
        return 1;
    if (in.len < 3)
        return 0;
    unsigned high = hex_value(in.data[1]);
    unsigned low = hex_value(in.data[2]);
    *out = (char)(unsigned char)(high << 4 | low);
    return high < 16 && low < 16 ? 3 : 0;
}

static bool decode(struct gw_slice in, char *out, size_t size, size_t *len_out)
{
    size_t n = 0;
    while (in.len > 0) {
        char c;
        size_t len = decode_one(in, &c);
        if (len == 0 || c == '\0' || n + 1 >= size)
            return false;
        out[n++] = c;
        in = gw_slice_of(in.data + len, in.len - len);
    }
    out[n] = '\0';
    *len_out = n;
    return true;
}

/* Cuts the next pair off @rest; false at the end. Empty pairs ("a=1&&b=2") are passed over. */
static bool next_pair(struct gw_slice *rest, struct gw_slice *name, struct gw_slice *value)
{
    while (rest->len > 0 && rest->data[0] == '&')
        *rest = gw_slice_of(rest->data + 1, rest->len - 1);
    if (rest->len == 0)
        return false;
    const char *amp = memchr(rest->data, '&', rest->len);
    size_t len = amp != NULL ? (size_t)(amp - rest->data) : rest->len;
    const char *equals = memchr(rest->data, '=', len);
    size_t name_len = equals != NULL ? (size_t)(equals - rest->data) : len;
    *name = gw_slice_of(rest->data, name_len);
    *value = equals != NULL ? gw_slice_of(equals + 1, len - name_len - 1) : gw_slice_of(NULL, 0);
    *rest = gw_slice_of(rest->data + len, rest->len - len);
    return true;
}

bool api_query_find(struct gw_slice query, const char *name, char *out, size_t size,
                    size_t *len_out)
{
    struct gw_slice key;
    struct gw_slice value;
    while (next_pair(&query, &key, &value)) {
        if (gw_slice_is(key, name))
            return decode(value, out, size, len_out);
    }
    return false;
}

bool api_query_next(struct gw_slice *rest, struct gw_slice *name, char *out, size_t size,
                    size_t *len_out)
{
    struct gw_slice value;
    return next_pair(rest, name, &value) && decode(value, out, size, len_out);
}

static bool is_listed(struct gw_slice name, const char *list, bool *repeats_out)
{
    while (list != NULL && *list != '\0') {
        size_t len = strcspn(list, " ");
        *repeats_out = len > 0 && list[len - 1] == '*';
        if (gw_slice_eq(name, gw_slice_of(list, *repeats_out ? len - 1 : len)))
            return true;
        list += len + (list[len] == ' ');
    }
    return false;
}

static bool appears_in(struct gw_slice query, struct gw_slice name)
{
    struct gw_slice key;
    struct gw_slice value;
    while (next_pair(&query, &key, &value)) {
        if (gw_slice_eq(key, name))
            return true;
    }
    return false;
}

bool api_query_check(struct gw_slice query, const char *allowed, size_t max_value,
                     struct gw_slice *bad_out)
{
    char scratch[4096];
    struct gw_slice name;
    struct gw_slice value;
    size_t len;
    size_t size = max_value + 1 < sizeof(scratch) ? max_value + 1 : sizeof(scratch);
    while (next_pair(&query, &name, &value)) {
        bool repeats = false;
        *bad_out = name;
        if (!is_listed(name, allowed, &repeats) || !decode(value, scratch, size, &len) ||
            (!repeats && appears_in(query, name)))
            return false;
    }
    return true;
}
