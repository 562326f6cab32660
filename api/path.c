/* SPDX-License-Identifier: MIT */
/* Matching paths. */
#include "api/path.h"

#include "gateway/base/gw_check.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The character that begins @s, of which it takes 1 or 3. */
static size_t take(struct gw_slice s, char *out)
{
    *out = s.data[0];
    if (s.len < 3 || s.data[0] != '%' || hex_value(s.data[1]) < 0 || hex_value(s.data[2]) < 0)
        return 1;
    *out = (char)(hex_value(s.data[1]) << 4 | hex_value(s.data[2]));
    return 3;
}

static struct gw_slice from(struct gw_slice s, size_t n)
{
    return gw_slice_of(s.data + n, s.len - n);
}

/* What is left of the segment that begins @path; len 0: nothing, or a NUL is in it. */
static struct gw_slice segment(struct gw_slice path)
{
    size_t len = 0;
    while (len < path.len && path.data[len] != '/') {
        char c;
        len += take(from(path, len), &c);
        if (c == '\0')
            return gw_slice_of(path.data, 0);
    }
    return gw_slice_of(path.data, len);
}

bool api_pattern_match(const char *pattern, struct gw_slice path,
                       struct gw_slice params_out[API_MAX_PARAMS])
{
    size_t n_params = 0;
    for (size_t i = 0; i < API_MAX_PARAMS; i++)
        params_out[i] = gw_slice_of(NULL, 0);
    while (*pattern != '\0') {
        char c = '\0';
        if (*pattern != '{') {
            size_t n = path.len > 0 ? take(path, &c) : 0;
            if (n == 0 || c != *pattern || (n > 1 && c == '/'))
                return false;
            path = from(path, n);
            pattern++;
            continue;
        }
        struct gw_slice param = segment(path);
        if (param.len == 0 || gw_fails_check(n_params < API_MAX_PARAMS))
            return false;
        params_out[n_params++] = param;
        path = from(path, param.len);
        pattern += strcspn(pattern, "}") + 1;
    }
    return path.len == 0;
}

void api_path_decode(char *text)
{
    struct gw_slice rest = gw_slice_str(text);
    while (rest.len > 0)
        rest = from(rest, take(rest, text++));
    *text = '\0';
}
