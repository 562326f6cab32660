/* SPDX-License-Identifier: MIT */
/* Writer of JSON text. */
#include "api/json_write.h"

#include <inttypes.h>

#include "gateway/base/gw_clock.h"

/* Length of the UTF-8 sequence at @p with its code point, or 0 when it is not one (RFC 3629). */
static size_t utf8_sequence(const unsigned char *p, size_t n, uint32_t *code_out)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : 0;
    if (p[0] >= 0xe0)
        len = p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
    if (len == 0 || len > n)
        return 0;
    uint32_t code = len == 1 ? p[0] : p[0] & (0xffU >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (p[i] & 0x3f);
    }
    if (code < smallest[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    *code_out = code;
    return len;
}

static bool plain_ascii(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void write_escape(struct gw_buf *out, uint32_t code)
{
    switch (code) {
    case '"':
        (void)gw_buf_add_str(out, "\\\"");
        break;
    case '\\':
        (void)gw_buf_add_str(out, "\\\\");
        break;
    case '\n':
        (void)gw_buf_add_str(out, "\\n");
        break;
    case '\r':
        (void)gw_buf_add_str(out, "\\r");
        break;
    case '\t':
        (void)gw_buf_add_str(out, "\\t");
        break;
    default:
        (void)gw_buf_printf(out, "\\u%04" PRIx32, code);
        break;
    }
}

static bool needs_escape(uint32_t code)
{
    return code < 0x20 || code == '"' || code == '\\' || (code >= 0x7f && code < 0xa0) ||
           code == 0x2028 || code == 0x2029;
}

static void write_string(struct gw_buf *out, struct gw_slice s)
{
    const unsigned char *p = (const unsigned char *)s.data;
    (void)gw_buf_add_char(out, '"');
    size_t from = 0;
    size_t at = 0;
    while (at < s.len) {
        uint32_t code = 0xfffd;
        size_t len = plain_ascii(p[at]) ? 1 : utf8_sequence(p + at, s.len - at, &code);
        if (plain_ascii(p[at]) || (len > 0 && !needs_escape(code))) {
            at += len;
            continue;
        }
        (void)gw_buf_add(out, s.data + from, at - from);
        write_escape(out, code);
        at += len > 0 ? len : 1;
        from = at;
    }
    (void)gw_buf_add(out, s.data + from, s.len - from);
    (void)gw_buf_add_char(out, '"');
}

static void start_value(struct api_json *j, const char *key)
{
    if (j->need_comma)
        (void)gw_buf_add_char(j->out, ',');
    j->need_comma = true;
    if (key == NULL)
        return;
    (void)gw_buf_add_char(j->out, '"');
    (void)gw_buf_add_str(j->out, key);
    (void)gw_buf_add(j->out, "\":", 2);
}

static void begin(struct api_json *j, const char *key, char bracket)
{
    start_value(j, key);
    (void)gw_buf_add_char(j->out, bracket);
    j->need_comma = false;
}

static void end(struct api_json *j, char bracket)
{
    (void)gw_buf_add_char(j->out, bracket);
    j->need_comma = true;
}

void api_json_begin_object(struct api_json *j, const char *key)
{
    begin(j, key, '{');
}

void api_json_end_object(struct api_json *j)
{
    end(j, '}');
}

void api_json_begin_array(struct api_json *j, const char *key)
{
    begin(j, key, '[');
}

void api_json_end_array(struct api_json *j)
{
    end(j, ']');
}

void api_json_null(struct api_json *j, const char *key)
{
    start_value(j, key);
    (void)gw_buf_add_str(j->out, "null");
}

void api_json_bool(struct api_json *j, const char *key, bool value)
{
    start_value(j, key);
    (void)gw_buf_add_str(j->out, value ? "true" : "false");
}

void api_json_num(struct api_json *j, const char *key, int64_t value)
{
    start_value(j, key);
    (void)gw_buf_printf(j->out, "%" PRId64, value);
}

void api_json_str(struct api_json *j, const char *key, const char *value)
{
    if (value == NULL)
        api_json_null(j, key);
    else
        api_json_slice(j, key, gw_slice_str(value));
}

void api_json_slice(struct api_json *j, const char *key, struct gw_slice value)
{
    start_value(j, key);
    write_string(j->out, value);
}

void api_json_time(struct api_json *j, const char *key, int64_t wall_ms)
{
    char text[GW_TIME_RFC3339_SIZE];
    gw_time_rfc3339(wall_ms, text);
    api_json_str(j, key, text);
}
