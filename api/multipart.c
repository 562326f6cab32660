/* SPDX-License-Identifier: MIT */
/* multipart/form-data, part by part. */
#include "api/multipart.h"

static bool starts_with(struct gw_slice s, struct gw_slice prefix)
{
    return s.len >= prefix.len && memcmp(s.data, prefix.data, prefix.len) == 0;
}

static struct gw_slice rest_from(struct gw_slice s, size_t at)
{
    return gw_slice_of(s.data + at, s.len - at);
}

static struct gw_slice trim(struct gw_slice s)
{
    return gw_slice_trim(s, " \t");
}

/* ---- Content-Disposition ---- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int percent_value(struct gw_slice s, size_t i)
{
    if (s.data[i] != '%' || s.len - i < 3)
        return -1;
    int high = hex_value(s.data[i + 1]);
    int low = hex_value(s.data[i + 2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* Browsers write these three so, and a % as it is. */
static bool is_browsers_escape(int value)
{
    return value == '"' || value == '\r' || value == '\n';
}

/* Takes a quoted string off @s, which starts with its first quote; false when it does not end. */
static bool take_quoted(struct gw_arena *arena, struct gw_slice *s, struct gw_slice *out)
{
    char *text = gw_arena_bytes(arena, s->len + 1);
    size_t n = 0;
    size_t i = 1;
    for (; i < s->len && s->data[i] != '"'; i++) {
        int escaped = percent_value(*s, i);
        bool backslash = s->data[i] == '\\' && i + 1 < s->len &&
                         (s->data[i + 1] == '"' || s->data[i + 1] == '\\');
        if (backslash)
            i++;
        text[n++] = is_browsers_escape(escaped) ? (char)escaped : s->data[i];
        i += is_browsers_escape(escaped) ? 2 : 0;
    }
    if (i >= s->len)
        return false;
    text[n] = '\0';
    *out = gw_slice_of(text, n);
    *s = rest_from(*s, i + 1);
    return true;
}

static struct gw_slice take_token(struct gw_slice *s)
{
    size_t n = 0;
    while (n < s->len && s->data[n] != ';')
        n++;
    struct gw_slice token = trim(gw_slice_of(s->data, n));
    *s = rest_from(*s, n);
    return token;
}

/* filename*=UTF-8''… (RFC 5987): RFC 7578 forbids it, some clients send it. */
static bool decode_extended(struct gw_arena *arena, struct gw_slice value, struct gw_slice *out)
{
    static const char prefix[] = "utf-8''";
    size_t skip = sizeof(prefix) - 1;
    if (value.len < skip ||
        !gw_slice_eq_nocase(gw_slice_of(value.data, skip), gw_slice_of(prefix, skip)))
        return false;
    char *text = gw_arena_bytes(arena, value.len);
    size_t n = 0;
    for (size_t i = skip; i < value.len; i++) {
        int escaped = percent_value(value, i);
        text[n++] = escaped >= 0 ? (char)(unsigned char)escaped : value.data[i];
        i += escaped >= 0 ? 2 : 0;
    }
    text[n] = '\0';
    *out = gw_slice_of(text, n);
    return true;
}

/* One `; name=value`. @extended  where filename* goes */
static bool take_parameter(struct gw_arena *arena, struct gw_slice *s,
                           struct api_multipart_part *part, struct gw_slice *extended)
{
    const char *equals = memchr(s->data, '=', s->len);
    if (equals == NULL)
        return false;
    struct gw_slice name = trim(gw_slice_of(s->data, (size_t)(equals - s->data)));
    struct gw_slice value;
    *s = rest_from(*s, (size_t)(equals - s->data) + 1);
    if (s->len > 0 && s->data[0] == '"') {
        if (!take_quoted(arena, s, &value) || take_token(s).len != 0)
            return false;
    } else {
        value = gw_arena_slice(arena, take_token(s));
    }
    if (gw_slice_eq_nocase(name, GW_SLICE_LIT("filename*")))
        return extended->data == NULL && decode_extended(arena, value, extended);
    struct gw_slice *to = gw_slice_eq_nocase(name, GW_SLICE_LIT("name"))       ? &part->name
                          : gw_slice_eq_nocase(name, GW_SLICE_LIT("filename")) ? &part->filename
                                                                               : NULL;
    if (to == NULL)
        return true;
    if (to->data != NULL)
        return false;
    *to = value;
    return true;
}

static bool read_disposition(struct gw_arena *arena, struct gw_slice value,
                             struct api_multipart_part *part)
{
    struct gw_slice extended = {.data = NULL};
    struct gw_slice s = value;
    if (part->name.data != NULL || !gw_slice_eq_nocase(take_token(&s), GW_SLICE_LIT("form-data")))
        return false;
    while (s.len > 0) {
        s = rest_from(s, 1); /* the ; */
        if (!take_parameter(arena, &s, part, &extended))
            return false;
    }
    if (extended.data != NULL)
        part->filename = extended;
    return part->name.data != NULL;
}

/* ---- a part ---- */

static bool is_identity(struct gw_slice encoding)
{
    return gw_slice_eq_nocase(encoding, GW_SLICE_LIT("binary")) ||
           gw_slice_eq_nocase(encoding, GW_SLICE_LIT("8bit")) ||
           gw_slice_eq_nocase(encoding, GW_SLICE_LIT("7bit"));
}

/* NULL, or what is wrong with the header @line of a part. */
static const char *read_header(struct gw_arena *arena, struct gw_slice line,
                               struct api_multipart_part *part)
{
    const char *colon = memchr(line.data, ':', line.len);
    if (colon == NULL || line.data[0] == ' ' || line.data[0] == '\t')
        return "a part has a line in its header that is no field";
    struct gw_slice name = gw_slice_of(line.data, (size_t)(colon - line.data));
    struct gw_slice value = trim(rest_from(line, name.len + 1));
    if (gw_slice_eq_nocase(name, GW_SLICE_LIT("Content-Disposition")))
        return read_disposition(arena, value, part)
                   ? NULL
                   : "a part needs `Content-Disposition: form-data; name=\"…\"`";
    if (gw_slice_eq_nocase(name, GW_SLICE_LIT("Content-Type"))) {
        if (part->content_type.data != NULL)
            return "a part has two Content-Type fields";
        part->content_type = gw_arena_slice(arena, value);
    }
    if (gw_slice_eq_nocase(name, GW_SLICE_LIT("Content-Transfer-Encoding")) && !is_identity(value))
        return "a part has a Content-Transfer-Encoding; send its bytes as they are";
    return NULL;
}

/* Takes the header off @rest, its empty line included. NULL, or what is wrong with it. */
static const char *read_headers(struct gw_arena *arena, struct gw_slice *rest,
                                struct api_multipart_part *part)
{
    size_t window = rest->len < API_MULTIPART_MAX_HEADER ? rest->len : API_MULTIPART_MAX_HEADER;
    const char *limit = rest->data + window;
    for (;;) {
        size_t left = (size_t)(limit - rest->data);
        const char *end = left > 0 ? memmem(rest->data, left, "\r\n", 2) : NULL;
        if (end == NULL)
            return "a part's header does not end, or has more than 8192 octets";
        struct gw_slice line = gw_slice_of(rest->data, (size_t)(end - rest->data));
        *rest = rest_from(*rest, line.len + 2);
        if (line.len == 0)
            return part->name.data != NULL ? NULL : "a part has no Content-Disposition";
        const char *wrong = read_header(arena, line, part);
        if (wrong != NULL)
            return wrong;
    }
}

/* What follows a boundary: the end of its line (*last_out false), or the end of all parts. Length
 * of that, 0 when it is neither. */
static size_t boundary_end(struct gw_slice rest, bool *last_out)
{
    *last_out = starts_with(rest, GW_SLICE_LIT("--"));
    if (*last_out)
        return 2;
    size_t n = 0;
    while (n < rest.len && (rest.data[n] == ' ' || rest.data[n] == '\t'))
        n++;
    return starts_with(rest_from(rest, n), GW_SLICE_LIT("\r\n")) ? n + 2 : 0;
}

/* Takes the content off @rest, and the boundary behind it. @mark: CRLF and the boundary */
static bool take_content(struct gw_slice *rest, struct gw_slice mark, struct gw_slice *out,
                         bool *last_out)
{
    size_t from = 0;
    for (;;) {
        const char *at = memmem(rest->data + from, rest->len - from, mark.data, mark.len);
        if (at == NULL)
            return false;
        size_t content = (size_t)(at - rest->data);
        size_t end = boundary_end(rest_from(*rest, content + mark.len), last_out);
        if (end != 0) {
            *out = gw_slice_of(rest->data, content);
            *rest = rest_from(*rest, content + mark.len + end);
            return true;
        }
        from = content + 1; /* a longer line that starts alike */
    }
}

bool api_multipart_begins(struct gw_slice body, const char *boundary)
{
    size_t len = strlen(boundary);
    bool last;
    return len > 0 && len <= API_MULTIPART_MAX_BOUNDARY && starts_with(body, GW_SLICE_LIT("--")) &&
           starts_with(rest_from(body, 2), gw_slice_of(boundary, len)) &&
           boundary_end(rest_from(body, 2 + len), &last) != 0;
}

enum gw_status api_multipart_split(struct gw_arena *arena, struct gw_slice body,
                                   struct api_multipart *out, struct gw_err *err)
{
    size_t window =
        body.len < API_MULTIPART_MAX_BOUNDARY + 4 ? body.len : API_MULTIPART_MAX_BOUNDARY + 4;
    const char *line_end = window > 0 ? memmem(body.data, window, "\r\n", 2) : NULL;
    out->n = 0;
    if (line_end == NULL || !starts_with(body, GW_SLICE_LIT("--")))
        return gw_err_set(err, GW_PROTO, "the body does not start with its boundary");
    struct gw_slice first = trim(gw_slice_of(body.data, (size_t)(line_end - body.data)));
    struct gw_slice mark = gw_slice_str(gw_arena_printf(arena, "\r\n%.*s", GW_SLICE_ARG(first)));
    struct gw_slice rest = rest_from(body, (size_t)(line_end - body.data) + 2);
    bool last = false;
    while (!last) {
        if (out->n == API_MULTIPART_MAX_PARTS)
            return gw_err_set(err, GW_PROTO, "the body has more than %d parts",
                              API_MULTIPART_MAX_PARTS);
        struct api_multipart_part *part = &out->parts[out->n];
        *part = (struct api_multipart_part){.content = gw_slice_of(rest.data, 0)};
        const char *wrong = read_headers(arena, &rest, part);
        if (wrong != NULL)
            return gw_err_set(err, GW_PROTO, "%s", wrong);
        /* the empty line's end may be the one before the boundary: there is no content then */
        struct gw_slice with_line = gw_slice_of(rest.data - 2, rest.len + 2);
        if (starts_with(with_line, mark))
            rest = with_line;
        if (!take_content(&rest, mark, &part->content, &last))
            return gw_err_set(err, GW_PROTO, "the body does not end with its boundary");
        out->n++;
    }
    return GW_OK;
}
