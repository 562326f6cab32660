/* SPDX-License-Identifier: MIT */
/* application/x-www-form-urlencoded, pair by pair. */
#include "api/urlencoded.h"

#include "gateway/base/gw_utf8.h"

static struct gw_slice rest_from(struct gw_slice s, size_t at)
{
    return gw_slice_of(s.data + at, s.len - at);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* NULL, or what is wrong. @out  with a NUL behind */
static const char *decode(struct gw_arena *arena, struct gw_slice in, struct gw_slice *out)
{
    char *text = gw_arena_bytes(arena, in.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < in.len; i++) {
        char c = in.data[i] == '+' ? ' ' : in.data[i];
        if (c == '%') {
            int high = in.len - i >= 3 ? hex_value(in.data[i + 1]) : -1;
            int low = high >= 0 ? hex_value(in.data[i + 2]) : -1;
            if (low < 0)
                return "a % is not followed by two hexadecimal digits";
            c = (char)(unsigned char)(high << 4 | low);
            i += 2;
        }
        text[n++] = c;
    }
    text[n] = '\0';
    *out = gw_slice_of(text, n);
    return gw_utf8_valid(*out) ? NULL : "a name or a value is not valid UTF-8";
}

/* NULL, or what is wrong with the pair @in. */
static const char *read_pair(struct gw_arena *arena, struct gw_slice in,
                             struct api_multipart_part *part)
{
    const char *equals = memchr(in.data, '=', in.len);
    size_t name_len = equals != NULL ? (size_t)(equals - in.data) : in.len;
    struct gw_slice value = equals != NULL ? rest_from(in, name_len + 1) : rest_from(in, in.len);
    *part = (struct api_multipart_part){0};
    if (name_len == 0)
        return "a value has no name";
    const char *wrong = decode(arena, gw_slice_of(in.data, name_len), &part->name);
    return wrong != NULL ? wrong : decode(arena, value, &part->content);
}

enum gw_status api_urlencoded_split(struct gw_arena *arena, struct gw_slice body,
                                    struct api_multipart *out, struct gw_err *err)
{
    out->n = 0;
    while (body.len > 0) {
        const char *amp = memchr(body.data, '&', body.len);
        size_t len = amp != NULL ? (size_t)(amp - body.data) : body.len;
        struct gw_slice pair = gw_slice_of(body.data, len);
        body = rest_from(body, amp != NULL ? len + 1 : len);
        if (len == 0)
            continue;
        if (out->n == API_MULTIPART_MAX_PARTS)
            return gw_err_set(err, GW_PROTO, "the body has more than %d parts",
                              API_MULTIPART_MAX_PARTS);
        const char *wrong = read_pair(arena, pair, &out->parts[out->n]);
        if (wrong != NULL)
            return gw_err_set(err, GW_PROTO, "%s", wrong);
        out->n++;
    }
    return GW_OK;
}
