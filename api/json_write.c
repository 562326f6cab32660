/* SPDX-License-Identifier: MIT */
/* Writer of JSON text. */
#include "api/json_write.h"

#include <inttypes.h>

#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_utf8.h"

enum {
    REPLACEMENT = 0xfffd /* for what is not UTF-8 */
};

static bool plain_ascii(char c)
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
    return code == '"' || code == '\\' || gw_cp_is_control(code) || gw_cp_is_line_break(code) ||
           gw_cp_is_bidi_override(code);
}

static void write_string(struct gw_buf *out, struct gw_slice s)
{
    (void)gw_buf_add_char(out, '"');
    size_t from = 0;
    size_t at = 0;
    while (at < s.len) {
        if (plain_ascii(s.data[at])) {
            at++;
            continue;
        }
        uint32_t code = REPLACEMENT;
        size_t len = gw_utf8_decode(gw_slice_of(s.data + at, s.len - at), &code);
        if (len > 0 && !needs_escape(code)) {
            at += len;
            continue;
        }
        (void)gw_buf_add(out, s.data + from, at - from);
        write_escape(out, len > 0 ? code : REPLACEMENT);
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

void api_json_real(struct api_json *j, const char *key, double value)
{
    start_value(j, key);
    (void)gw_buf_printf(j->out, "%.6g", value);
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

void api_json_raw(struct api_json *j, const char *key, struct gw_slice json)
{
    start_value(j, key);
    (void)gw_buf_add_slice(j->out, json);
}

void api_json_member(struct api_json *j, struct gw_slice key, struct gw_slice value)
{
    start_value(j, NULL);
    write_string(j->out, key);
    (void)gw_buf_add_char(j->out, ':');
    write_string(j->out, value);
}

void api_json_time(struct api_json *j, const char *key, int64_t wall_ms)
{
    char text[GW_TIME_RFC3339_SIZE];
    gw_time_rfc3339(wall_ms, text);
    api_json_str(j, key, text);
}
