/* SPDX-License-Identifier: MIT */
/* Ends of parts of a JSON text. */
#include "api/json_scan.h"

#include <string.h>

#include "api/json_guard.h"

bool api_json_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool api_json_is_delimiter(char c)
{
    return api_json_is_space(c) || (c != '\0' && strchr("{}[],:\"", c) != NULL);
}

size_t api_json_skip_space(struct gw_slice text, size_t at)
{
    while (at < text.len && api_json_is_space(text.data[at]))
        at++;
    return at;
}

/* Every octet is looked at once or twice. */
size_t api_json_string_end(struct gw_slice text, size_t at)
{
    const char *p = text.data + at + 1;
    const char *end = text.data + text.len;
    const char *quote = NULL;
    while (p < end) {
        if (quote == NULL || quote < p)
            quote = memchr(p, '"', (size_t)(end - p));
        if (quote == NULL)
            return text.len;
        const char *backslash = memchr(p, '\\', (size_t)(quote - p));
        if (backslash == NULL)
            return (size_t)(quote - text.data) + 1;
        p = backslash + 2;
    }
    return text.len;
}

static const char *skip_plain(struct gw_slice text, size_t *at)
{
    size_t from = *at;
    while (*at < text.len && !api_json_is_delimiter(text.data[*at]))
        ++*at;
    return *at > from ? NULL : "a value was expected";
}

/* A string or a bracket. @closes  the brackets that are open */
static const char *skip_token(struct gw_slice text, size_t *at, char *closes, size_t *depth)
{
    char c = text.data[*at];
    if (c == '"') {
        size_t end = api_json_string_end(text, *at);
        bool ends = end - *at >= 2 && text.data[end - 1] == '"';
        *at = ends ? end : *at;
        return ends ? NULL : "a string that does not end";
    }
    if (c == '{' || c == '[') {
        if (*depth == API_JSON_MAX_DEPTH)
            return "objects and arrays are nested deeper than 16 levels";
        closes[(*depth)++] = c == '{' ? '}' : ']';
    } else if (c == '}' || c == ']') {
        if (closes[*depth - 1] != c)
            return "this bracket closes nothing";
        --*depth;
    }
    ++*at;
    return NULL;
}

const char *api_json_skip_value(struct gw_slice text, size_t *at)
{
    char closes[API_JSON_MAX_DEPTH];
    size_t depth = 0;
    if (*at == text.len ||
        (text.data[*at] != '"' && text.data[*at] != '{' && text.data[*at] != '['))
        return skip_plain(text, at);
    do {
        const char *wrong = skip_token(text, at, closes, &depth);
        if (wrong != NULL || depth == 0)
            return wrong;
    } while (*at < text.len);
    return "the end is missing";
}
