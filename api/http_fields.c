/* SPDX-License-Identifier: MIT */
/* Parsers of request header fields. */
#include "api/http_fields.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    MAX_WORD = 64 /* longest value that can matter to us */
};

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* A place in a header value. */
struct cursor {
    const char *p, *end;
};

static struct cursor cursor_of(struct gw_slice value)
{
    return (struct cursor){.p = value.data, .end = value.data + value.len};
}

static void skip_space(struct cursor *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t'))
        c->p++;
}

static bool take(struct cursor *c, char wanted)
{
    skip_space(c);
    if (c->p == c->end || *c->p != wanted)
        return false;
    c->p++;
    skip_space(c);
    return true;
}

static struct gw_slice token(struct cursor *c)
{
    const char *from = c->p;
    while (c->p < c->end && is_token_char(*c->p))
        c->p++;
    return gw_slice_of(from, (size_t)(c->p - from));
}

/* A token or a quoted string, unquoted into @scratch when it has escapes or quotes. False when
 * there is none; a value over MAX_WORD comes out empty, because it is none that we know. */
static bool word(struct cursor *c, char scratch[MAX_WORD], struct gw_slice *out)
{
    if (c->p == c->end || *c->p != '"') {
        *out = token(c);
        return out->len > 0;
    }
    size_t n = 0;
    bool fits = true;
    for (c->p++; c->p < c->end && *c->p != '"'; c->p++) {
        if (*c->p == '\\' && c->p + 1 < c->end)
            c->p++;
        fits = fits && n < MAX_WORD;
        if (fits)
            scratch[n++] = *c->p;
    }
    if (c->p == c->end)
        return false;
    c->p++;
    *out = gw_slice_of(scratch, fits ? n : 0);
    return true;
}

/* Goes behind the next @separator that is not inside a quoted string. */
static void skip_past(struct cursor *c, char separator)
{
    bool quoted = false;
    for (; c->p < c->end; c->p++) {
        if (quoted && *c->p == '\\' && c->p + 1 < c->end)
            c->p++;
        else if (*c->p == '"')
            quoted = !quoted;
        else if (!quoted && *c->p == separator)
            break;
    }
    if (c->p < c->end)
        c->p++;
    skip_space(c);
}

static bool is_nocase(struct gw_slice s, const char *text)
{
    return gw_slice_eq_nocase(s, gw_slice_str(text));
}

/* Takes `type/subtype`. */
static bool take_type(struct cursor *c, const char *type, const char *subtype)
{
    skip_space(c);
    if (!is_nocase(token(c), type) || c->p == c->end || *c->p != '/')
        return false;
    c->p++;
    return is_nocase(token(c), subtype);
}

struct parameter {
    struct gw_slice name, value;
    char scratch[MAX_WORD]; /* of value */
    bool broken;            /* what stands here is none */
};

/* Takes the next `;name=value`. False at the end, and when it is broken. */
static bool take_parameter(struct cursor *c, struct parameter *p)
{
    while (take(c, ';')) {
        p->name = token(c);
        if (p->name.len == 0)
            continue; /* "application/json;" is common enough */
        bool equals = c->p < c->end && *c->p == '=';
        c->p += equals;
        p->broken = !equals || !word(c, p->scratch, &p->value);
        return !p->broken;
    }
    return false;
}

static bool is_type(struct gw_slice value, const char *type, const char *subtype)
{
    struct cursor c = cursor_of(value);
    if (!take_type(&c, type, subtype))
        return false;
    skip_space(&c);
    return c.p == c.end || *c.p == ';';
}

bool api_content_type_is_mime(struct gw_slice value)
{
    return is_type(value, "message", "rfc822");
}

bool api_content_type_is_urlencoded(struct gw_slice value)
{
    return is_type(value, "application", "x-www-form-urlencoded");
}

bool api_content_type_is_json(struct gw_slice value)
{
    struct cursor c = cursor_of(value);
    struct parameter p = {.broken = false};
    if (!take_type(&c, "application", "json"))
        return false;
    while (take_parameter(&c, &p))
        if (is_nocase(p.name, "charset") && !is_nocase(p.value, "utf-8") &&
            !is_nocase(p.value, "utf8"))
            return false;
    return !p.broken && c.p == c.end;
}

bool api_content_type_is_form(struct gw_slice value, char *out, size_t size)
{
    struct cursor c = cursor_of(value);
    struct parameter p = {.broken = false};
    bool found = false;
    if (!take_type(&c, "multipart", "form-data"))
        return false;
    while (take_parameter(&c, &p)) {
        if (!is_nocase(p.name, "boundary"))
            continue;
        if (found)
            return false;
        found = true;
        bool fits = p.value.len < size;
        if (fits)
            memcpy(out, p.value.data, p.value.len);
        out[fits ? p.value.len : 0] = '\0';
    }
    return found && !p.broken && c.p == c.end;
}

/* How closely a media range names JSON: 0 not at all, 3 exactly. */
static int range_match(struct gw_slice type, struct gw_slice subtype)
{
    if (is_nocase(type, "*") && is_nocase(subtype, "*"))
        return 1;
    if (!is_nocase(type, "application"))
        return 0;
    if (is_nocase(subtype, "*"))
        return 2;
    return is_nocase(subtype, "json") || is_nocase(subtype, "problem+json") ? 3 : 0;
}

/* Is the weight among the parameters zero? Leaves the cursor behind the list's next comma. */
static bool weight_is_zero(struct cursor *c)
{
    bool zero = false;
    while (take(c, ';')) {
        char scratch[MAX_WORD];
        struct gw_slice value;
        struct gw_slice name = token(c);
        if (!take(c, '=') || !word(c, scratch, &value))
            break;
        if (is_nocase(name, "q"))
            zero = value.len > 0 && strspn(value.data, "0.") >= value.len;
    }
    skip_past(c, ',');
    return zero;
}

bool api_accepts_json(const struct gw_slice *values, size_t n)
{
    int best = 0;
    bool any_range = false;
    bool allowed = false;
    for (size_t i = 0; i < n; i++) {
        struct cursor c = cursor_of(values[i]);
        skip_space(&c);
        while (c.p < c.end) {
            struct gw_slice type = token(&c);
            struct gw_slice subtype = {0};
            if (c.p < c.end && *c.p == '/') {
                c.p++;
                subtype = token(&c);
            }
            any_range = any_range || type.len > 0;
            int match = range_match(type, subtype);
            bool zero = weight_is_zero(&c);
            if (match > best || (match == best && match > 0 && !zero)) {
                best = match;
                allowed = !zero;
            }
        }
    }
    return allowed || !any_range;
}

static void parse_wait(struct gw_slice value, struct api_prefer *out)
{
    int64_t seconds = 0;
    if (value.len == 0)
        return;
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return;
        if (seconds <= API_MAX_WAIT_S)
            seconds = seconds * 10 + (value.data[i] - '0');
    }
    out->has_wait = true;
    out->wait_ms = (seconds < API_MAX_WAIT_S ? seconds : API_MAX_WAIT_S) * 1000;
}

void api_prefer_parse(const struct gw_slice *values, size_t n, struct api_prefer *out)
{
    bool saw_wait = false;
    bool saw_handling = false;
    *out = (struct api_prefer){0};
    for (size_t i = 0; i < n; i++) {
        struct cursor c = cursor_of(values[i]);
        skip_space(&c);
        while (c.p < c.end) {
            char scratch[MAX_WORD];
            struct gw_slice value = {0};
            struct gw_slice name = token(&c);
            if (take(&c, '=') && !word(&c, scratch, &value))
                value.len = 0;
            skip_space(&c);
            bool whole = c.p == c.end || *c.p == ',' || *c.p == ';';
            if (is_nocase(name, "wait") && !saw_wait && whole) {
                saw_wait = true;
                parse_wait(value, out);
            } else if (is_nocase(name, "handling") && !saw_handling && whole) {
                saw_handling = true;
                out->strict = is_nocase(value, "strict");
            }
            skip_past(&c, ',');
        }
    }
}

void api_prefer_applied(const struct api_prefer *p, char *out, size_t size)
{
    out[0] = '\0';
    if (p->has_wait)
        (void)snprintf(out, size, "wait=%" PRId64 "%s", p->wait_ms / 1000,
                       p->strict ? ", handling=strict" : "");
    else if (p->strict)
        (void)snprintf(out, size, "handling=strict");
}
