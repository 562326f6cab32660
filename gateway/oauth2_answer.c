/* SPDX-License-Identifier: MIT */
/* A reader for one JSON object of strings and numbers; what else is in it is passed over. */
#include "gateway/oauth2_answer.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_mem.h"

struct reader {
    const char *at, *end;
    bool is_string; /* the value read last */
};

static void skip_space(struct reader *r)
{
    while (r->at < r->end && strchr(" \t\r\n", *r->at) != NULL && *r->at != '\0')
        r->at++;
}

static bool take(struct reader *r, char c)
{
    skip_space(r);
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits behind \u. What is not ASCII becomes '?': no token has it. */
static bool read_unicode(struct reader *r, char *c)
{
    int value = 0;
    if (r->end - r->at < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(*r->at++);
        if (digit < 0)
            return false;
        value = value * 16 + digit;
    }
    *c = value > 0 && value < 0x80 ? (char)value : '?';
    return true;
}

static bool read_escape(struct reader *r, char *c)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    if (r->at == r->end)
        return false;
    char escape = *r->at++;
    if (escape == 'u')
        return read_unicode(r, c);
    const char *known = strchr(from, escape);
    if (known == NULL || escape == '\0')
        return false;
    *c = to[known - from];
    return true;
}

/* A string, its quotes removed, into @out (emptied before), which cuts it at its maximum. */
static bool read_string(struct reader *r, struct gw_buf *out)
{
    gw_buf_reset(out);
    if (!take(r, '"'))
        return false;
    while (r->at < r->end && *r->at != '"') {
        char c = *r->at++;
        if ((unsigned char)c < 0x20 || (c == '\\' && !read_escape(r, &c)))
            return false;
        (void)gw_buf_add_char(out, c);
    }
    return take(r, '"');
}

/* A number, true, false or null. */
static bool read_word(struct reader *r, struct gw_buf *out)
{
    gw_buf_reset(out);
    skip_space(r);
    while (r->at < r->end && (hex_digit(*r->at) >= 0 || strchr("+-.eEtrunls", *r->at) != NULL) &&
           *r->at != '\0')
        (void)gw_buf_add_char(out, *r->at++);
    return out->len > 0;
}

static bool read_value(struct reader *r, struct gw_buf *out, unsigned depth);

static bool skip_nested(struct reader *r, char close, struct gw_buf *scratch, unsigned depth)
{
    bool object = close == '}';
    if (depth >= GW_OAUTH2_MAX_DEPTH)
        return false;
    r->at++;
    if (take(r, close))
        return true;
    do {
        if (object && (!read_string(r, scratch) || !take(r, ':')))
            return false;
        if (!read_value(r, scratch, depth + 1))
            return false;
    } while (take(r, ','));
    return take(r, close);
}

/* Any value; @out has its text, nothing for objects and arrays. */
static bool read_value(struct reader *r, struct gw_buf *out, unsigned depth)
{
    skip_space(r);
    if (r->at == r->end)
        return false;
    r->is_string = *r->at == '"';
    if (r->is_string)
        return read_string(r, out);
    if (*r->at == '{' || *r->at == '[') {
        bool ok = skip_nested(r, *r->at == '{' ? '}' : ']', out, depth);
        gw_buf_reset(out);
        r->is_string = false;
        return ok;
    }
    return read_word(r, out);
}

static bool is_token(const struct gw_buf *b)
{
    if (b->len == 0 || b->overflowed)
        return false;
    for (size_t i = 0; i < b->len; i++)
        if (b->data[i] <= ' ' || b->data[i] > '~')
            return false;
    return true;
}

static bool keep_token(const struct gw_buf *b, char **out)
{
    if (!is_token(b) || *out != NULL)
        return false;
    *out = gw_memdup0(b->data, b->len);
    return true;
}

/* Text that others wrote, for logs and answers: one line of printable ASCII. */
static void keep_text(const struct gw_buf *b, char *out, size_t size)
{
    size_t n = b->len < size - 1 ? b->len : size - 1;
    for (size_t i = 0; i < n; i++) {
        char c = b->data[i];
        out[i] = c == '\r' || c == '\n' || c == '\t' ? ' ' : c >= ' ' && c <= '~' ? c : '?';
    }
    out[n] = '\0';
}

/* Also as a string, as some endpoints write it. */
static void keep_seconds(const struct gw_buf *b, int64_t *out)
{
    int64_t value = 0;
    for (size_t i = 0; i < b->len && b->data[i] >= '0' && b->data[i] <= '9'; i++)
        if (value < INT32_MAX)
            value = value * 10 + (b->data[i] - '0');
    *out = value < INT32_MAX ? value : INT32_MAX;
}

static bool keep(const struct reader *r, const struct gw_buf *key, const struct gw_buf *value,
                 struct gw_oauth2_answer *out)
{
    struct gw_slice name = gw_buf_view(key);
    if (gw_slice_is(name, "access_token"))
        return r->is_string && keep_token(value, &out->access_token);
    if (gw_slice_is(name, "refresh_token")) /* null: the old one stays */
        return !r->is_string || keep_token(value, &out->refresh_token);
    if (gw_slice_is(name, "expires_in"))
        keep_seconds(value, &out->expires_in_s);
    else if (gw_slice_is(name, "error"))
        keep_text(value, out->error, sizeof(out->error));
    else if (gw_slice_is(name, "error_description"))
        keep_text(value, out->description, sizeof(out->description));
    return true;
}

static bool read_object(struct reader *r, struct gw_buf *key, struct gw_buf *value,
                        struct gw_oauth2_answer *out)
{
    if (!take(r, '{'))
        return false;
    if (!take(r, '}')) {
        do {
            if (!read_string(r, key) || !take(r, ':') || !read_value(r, value, 0) ||
                !keep(r, key, value, out))
                return false;
        } while (take(r, ','));
        if (!take(r, '}'))
            return false;
    }
    skip_space(r);
    return r->at == r->end;
}

enum gw_status gw_oauth2_answer_parse(struct gw_slice body, struct gw_oauth2_answer *out)
{
    struct reader r = {.at = body.data, .end = body.data + body.len};
    struct gw_buf key;
    struct gw_buf value;
    *out = (struct gw_oauth2_answer){.expires_in_s = 0};
    if (body.len == 0 || body.len > GW_OAUTH2_MAX_ANSWER)
        return GW_PROTO;
    gw_buf_init(&key, GW_OAUTH2_ERROR_SIZE);
    gw_buf_init(&value, GW_OAUTH2_MAX_TOKEN);
    bool ok = read_object(&r, &key, &value, out);
    if (value.data != NULL)
        gw_wipe(value.data, value.cap);
    gw_buf_deinit(&key);
    gw_buf_deinit(&value);
    if (!ok)
        gw_oauth2_answer_deinit(out);
    return ok ? GW_OK : GW_PROTO;
}

void gw_oauth2_answer_deinit(struct gw_oauth2_answer *a)
{
    gw_free_secret(&a->access_token);
    gw_free_secret(&a->refresh_token);
}
