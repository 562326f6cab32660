/* SPDX-License-Identifier: MIT */
/* The MIME reader's field parameters.
 *
 * Spec: RFC 2045 sec. 5.1, 2183, 2231. */
#include <stdio.h>

#include "gateway/base/gw_buf.h"
#include "gateway/mime_read_internal.h"

enum {
    MAX_NAME = 32 /* "filename*63*" and the like */
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Takes a quoted string off @at (which is at its first quote). */
static struct gw_slice take_quoted(struct gw_arena *arena, struct gw_slice in, size_t *at)
{
    char *out = gw_arena_bytes(arena, in.len - *at + 1);
    size_t n = 0;
    size_t i = *at + 1;
    for (; i < in.len && in.data[i] != '"'; i++) {
        if (in.data[i] == '\\' && i + 1 < in.len)
            i++;
        out[n++] = in.data[i];
    }
    out[n] = '\0';
    *at = i;
    return gw_slice_of(out, n);
}

/* What stands from @at up to the first of @ends, trimmed. */
static struct gw_slice take_until(struct gw_slice in, size_t *at, const char *ends)
{
    size_t from = *at;
    while (*at < in.len && strchr(ends, in.data[*at]) == NULL)
        (*at)++;
    return gw_read_trim(gw_slice_of(in.data + from, *at - from));
}

static void skip_past(struct gw_slice in, size_t *at, char c)
{
    while (*at < in.len && in.data[*at] != c)
        (*at)++;
    if (*at < in.len)
        (*at)++;
}

void gw_read_params(struct gw_arena *arena, struct gw_slice value, struct gw_read_params *out)
{
    struct gw_slice in = gw_read_unfold(arena, value);
    size_t at = 0;
    struct gw_slice main_value = take_until(in, &at, ";");
    char *lower_case = gw_arena_cstr(arena, main_value);
    for (size_t i = 0; i < main_value.len; i++)
        lower_case[i] = lower(lower_case[i]);
    out->value =
        gw_read_to_utf8(arena, gw_slice_of(lower_case, main_value.len), GW_SLICE_LIT("utf-8")).data;
    out->n = 0;
    skip_past(in, &at, ';');
    while (at < in.len && out->n < GW_MIME_READ_MAX_PARAMETERS) {
        struct gw_read_param p = {.name = take_until(in, &at, "=;")};
        if (at < in.len && in.data[at] == '=') {
            at++;
            while (at < in.len && (in.data[at] == ' ' || in.data[at] == '\t'))
                at++;
            if (at < in.len && in.data[at] == '"')
                p.value = take_quoted(arena, in, &at);
            else
                p.value = take_until(in, &at, ";");
            out->items[out->n++] = p;
        }
        skip_past(in, &at, ';');
    }
}

static const struct gw_read_param *find(const struct gw_read_params *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++)
        if (gw_slice_eq_nocase(p->items[i].name, gw_slice_str(name)))
            return &p->items[i];
    return NULL;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void add_percent_decoded(struct gw_buf *out, struct gw_slice in)
{
    for (size_t i = 0; i < in.len; i++) {
        char c = in.data[i];
        int high = c == '%' && in.len - i > 2 ? hex_value(in.data[i + 1]) : -1;
        int low = high >= 0 ? hex_value(in.data[i + 2]) : -1;
        if (low >= 0) {
            c = (char)(unsigned char)(high << 4 | low);
            i += 2;
        }
        (void)gw_buf_add_char(out, c);
    }
}

/* Takes `charset'language'` off an extended value. */
static struct gw_slice take_charset(struct gw_slice *value)
{
    const char *first = value->len > 0 ? memchr(value->data, '\'', value->len) : NULL;
    if (first == NULL)
        return gw_slice_of(NULL, 0);
    struct gw_slice charset = gw_slice_of(value->data, (size_t)(first - value->data));
    struct gw_slice rest = gw_slice_of(first + 1, value->len - charset.len - 1);
    const char *second = rest.len > 0 ? memchr(rest.data, '\'', rest.len) : NULL;
    if (second == NULL)
        return gw_slice_of(NULL, 0);
    size_t n = (size_t)(second - rest.data) + 1;
    *value = gw_slice_of(rest.data + n, rest.len - n);
    return charset;
}

/* name*0=, name*0*=, name*1=, …; @section < 0: name*= */
static const struct gw_read_param *find_section(const struct gw_read_params *p, const char *name,
                                                int section, bool *extended_out)
{
    char full[MAX_NAME];
    if (section >= 0)
        (void)snprintf(full, sizeof(full), "%s*%d*", name, section);
    else
        (void)snprintf(full, sizeof(full), "%s*", name);
    const struct gw_read_param *found = find(p, full);
    *extended_out = found != NULL;
    if (found != NULL || section < 0)
        return found;
    full[strlen(full) - 1] = '\0';
    return find(p, full);
}

/* The pieces of @name from @first on, together; NULL when there is none. */
static const char *join(struct gw_arena *arena, const struct gw_read_params *p, const char *name,
                        int first)
{
    bool extended = false;
    const struct gw_read_param *piece = find_section(p, name, first, &extended);
    if (piece == NULL)
        return NULL;
    struct gw_buf octets;
    size_t max = 0;
    for (size_t i = 0; i < p->n; i++)
        max += p->items[i].value.len;
    gw_buf_init(&octets, max + 1);
    struct gw_slice value = piece->value;
    struct gw_slice charset = extended ? take_charset(&value) : gw_slice_of(NULL, 0);
    for (int i = first; piece != NULL; value = piece != NULL ? piece->value : value) {
        if (extended)
            add_percent_decoded(&octets, value);
        else
            (void)gw_buf_add_slice(&octets, value);
        piece = first < 0 ? NULL : find_section(p, name, ++i, &extended);
    }
    const char *text = gw_read_to_utf8(arena, gw_buf_view(&octets), charset).data;
    gw_buf_deinit(&octets);
    return text;
}

const char *gw_read_param(struct gw_arena *arena, const struct gw_read_params *p, const char *name)
{
    const char *text = join(arena, p, name, 0);
    if (text == NULL)
        text = join(arena, p, name, -1);
    if (text != NULL)
        return text;
    const struct gw_read_param *plain = find(p, name);
    return plain != NULL ? gw_read_words(arena, plain->value) : NULL;
}
