/* SPDX-License-Identifier: MIT */
/* Query strings. */
#include "api/query.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool decode(struct gw_slice in, char *out, size_t size, size_t *len_out)
{
    size_t n = 0;
    for (size_t i = 0; i < in.len; i++) {
        char c = in.data[i] == '+' ? ' ' : in.data[i];
        if (in.data[i] == '%') {
            if (in.len - i < 3 || hex_value(in.data[i + 1]) < 0 || hex_value(in.data[i + 2]) < 0)
                return false;
            c = (char)(hex_value(in.data[i + 1]) << 4 | hex_value(in.data[i + 2]));
            i += 2;
        }
        if (c == '\0' || n + 1 >= size)
            return false;
        out[n++] = c;
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

static bool is_listed(struct gw_slice name, const char *list)
{
    while (list != NULL && *list != '\0') {
        size_t len = strcspn(list, " ");
        if (gw_slice_eq(name, gw_slice_of(list, len)))
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
        *bad_out = name;
        if (!is_listed(name, allowed) || !decode(value, scratch, size, &len) ||
            appears_in(query, name))
            return false;
    }
    return true;
}
