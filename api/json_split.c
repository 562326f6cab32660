/* SPDX-License-Identifier: MIT */
/* Objects and arrays, taken apart. */
#include "api/json_split.h"

#include <jansson.h>

#include "api/json_guard.h"
#include "api/json_scan.h"

enum {
    SCRATCH = 8192
};

/* Where we are in a list of values between brackets. */
struct cursor {
    struct gw_slice whole, text;
    size_t at;
    struct gw_err *err;
};

static enum gw_status refuse(const struct cursor *c, const char *what)
{
    return api_json_refuse(c->whole, (size_t)(c->text.data - c->whole.data) + c->at, c->err, what);
}

static bool stands_at(const struct cursor *c, char what)
{
    return c->at < c->text.len && c->text.data[c->at] == what;
}

static void skip_space(struct cursor *c)
{
    c->at = api_json_skip_space(c->text, c->at);
}

/* Parses @part for its errors alone. *out: what it is, for json_decref(), or NULL */
static enum gw_status parse(struct gw_arena *arena, const struct cursor *c, struct gw_slice part,
                            json_t **out)
{
    struct api_guarded_json doc;
    const char *pointer;
    enum gw_status status = api_json_guard_part(arena, c->whole, part, &doc, c->err);
    *out = NULL;
    if (status == GW_OK)
        status = api_json_parse(arena, &doc, out, &pointer, c->err);
    return status == GW_EXISTS ? GW_OK : status;
}

static enum gw_status check(const struct cursor *c, struct gw_slice part)
{
    struct gw_arena *scratch = gw_arena_new(SCRATCH);
    json_t *parsed;
    enum gw_status status = parse(scratch, c, part, &parsed);
    json_decref(parsed);
    gw_arena_free(&scratch);
    return status;
}

/* Past the opening bracket, with *end_out when the closing one follows. GW_INVALID: another value.
 */
static enum gw_status enter(struct cursor *c, char open, char close, bool *end_out)
{
    skip_space(c);
    if (!stands_at(c, open)) {
        enum gw_status status = check(c, c->text);
        return status == GW_OK ? GW_INVALID : status;
    }
    c->at++;
    skip_space(c);
    *end_out = stands_at(c, close);
    return GW_OK;
}

static enum gw_status take_value(struct cursor *c, struct gw_slice *out)
{
    skip_space(c);
    size_t from = c->at;
    const char *wrong = api_json_skip_value(c->text, &c->at);
    if (wrong != NULL)
        return refuse(c, wrong);
    *out = gw_slice_of(c->text.data + from, c->at - from);
    return GW_OK;
}

/* Past a comma, or to the closing bracket. */
static enum gw_status go_on(struct cursor *c, char close, bool *end_out)
{
    skip_space(c);
    *end_out = stands_at(c, close);
    if (*end_out)
        return GW_OK;
    if (!stands_at(c, ','))
        return refuse(c, "a comma or a closing bracket was expected");
    c->at++;
    return GW_OK;
}

/* Past the closing bracket. */
static enum gw_status leave(struct cursor *c)
{
    c->at++;
    skip_space(c);
    return c->at == c->text.len ? GW_OK : refuse(c, "there is more behind the end");
}

static enum gw_status take_key(struct gw_arena *arena, struct cursor *c, const char **out)
{
    struct gw_slice raw;
    json_t *key = NULL;
    skip_space(c);
    if (!stands_at(c, '"'))
        return refuse(c, "a key in double quotes was expected");
    enum gw_status status = take_value(c, &raw);
    if (status == GW_OK)
        status = parse(arena, c, raw, &key);
    if (status != GW_OK)
        return status;
    *out = gw_arena_strdup(arena, json_string_value(key));
    json_decref(key);
    skip_space(c);
    if (!stands_at(c, ':'))
        return refuse(c, "a colon was expected");
    c->at++;
    return GW_OK;
}

enum gw_status api_json_split_object(struct gw_arena *arena, struct gw_slice text,
                                     struct api_json_member *out, size_t max, size_t *n_out,
                                     struct gw_err *err)
{
    struct cursor c = {.whole = text, .text = text, .err = err};
    bool end = false;
    *n_out = 0;
    enum gw_status status = enter(&c, '{', '}', &end);
    while (status == GW_OK && !end) {
        struct api_json_member member;
        status = take_key(arena, &c, &member.key);
        if (status == GW_OK)
            status = take_value(&c, &member.value);
        if (status == GW_OK)
            status = go_on(&c, '}', &end);
        if (*n_out < max)
            out[*n_out] = member;
        ++*n_out;
    }
    return status == GW_OK ? leave(&c) : status;
}

enum gw_status api_json_split_array(struct gw_slice whole, struct gw_slice part,
                                    struct gw_slice *out, size_t max, size_t *n_out,
                                    struct gw_err *err)
{
    struct cursor c = {.whole = whole, .text = part, .err = err};
    bool end = false;
    *n_out = 0;
    enum gw_status status = enter(&c, '[', ']', &end);
    while (status == GW_OK && !end) {
        struct gw_slice value;
        status = take_value(&c, &value);
        if (status == GW_OK && *n_out < max) {
            status = check(&c, value);
            out[*n_out] = value;
        }
        ++*n_out;
        if (status == GW_OK)
            status = go_on(&c, ']', &end);
    }
    return status == GW_OK ? leave(&c) : status;
}
