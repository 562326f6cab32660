/* SPDX-License-Identifier: MIT */
/* The scan before parsing, and the budget while parsing. */
#include "api/json_guard.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/json_scan.h"
#include "gateway/base/gw_mem.h"

/* --- the budget: what jansson allocates in this thread --- */

struct block {
    _Alignas(max_align_t) size_t size; /* of the user's part */
};

static _Thread_local size_t budget_left = SIZE_MAX; /* SIZE_MAX: no budget in force */
static _Thread_local bool budget_exceeded;

static void *budget_malloc(size_t size)
{
    if (size > budget_left) {
        budget_exceeded = true;
        return NULL;
    }
    struct block *b = gw_malloc(sizeof(*b) + size);
    b->size = size;
    if (budget_left != SIZE_MAX)
        budget_left -= size;
    return b + 1;
}

static void budget_free(void *p)
{
    if (p == NULL)
        return;
    struct block *b = (struct block *)p - 1;
    if (budget_left != SIZE_MAX)
        budget_left += b->size;
    gw_free(b);
}

static void prepare_jansson(void)
{
    json_set_alloc_funcs(budget_malloc, budget_free);
    json_object_seed(0);
}

/* --- the scan --- */

/* Which key the scan has just passed. */
enum key {
    KEY_OTHER,
    KEY_CONTENT,
    KEY_DATA
};

struct scan {
    struct gw_arena *arena;
    struct gw_slice body;
    struct api_guarded_json *out;
    size_t at, depth, tokens;
    enum key key;
    /* The text to parse, once something was taken out: its octets, how many, and how far the body
     * has been copied to it. */
    char *text;
    size_t text_len, copied;
};

static void locate(struct gw_slice body, size_t at, size_t *line_out, size_t *column_out)
{
    *line_out = 1;
    *column_out = 1;
    for (size_t i = 0; i < at && i < body.len; i++) {
        unsigned char c = (unsigned char)body.data[i];
        if (c == '\n') {
            ++*line_out;
            *column_out = 1;
        } else if ((c & 0xc0) != 0x80) {
            ++*column_out;
        }
    }
}

enum gw_status api_json_refuse(struct gw_slice text, size_t at, struct gw_err *err,
                               const char *what)
{
    size_t line;
    size_t column;
    locate(text, at, &line, &column);
    return gw_err_set(err, GW_PROTO, "line %zu, column %zu: %s", line, column, what);
}

/* @at  in doc->body */
static enum gw_status refuse_at(const struct api_guarded_json *doc, size_t at, struct gw_err *err,
                                const char *what)
{
    return api_json_refuse(doc->whole, (size_t)(doc->body.data - doc->whole.data) + at, err, what);
}

static enum gw_status refuse(const struct scan *s, struct gw_err *err, const char *what)
{
    return refuse_at(s->out, s->at, err, what);
}

/* One number 0 to 255 at *at. */
static bool take_octet(struct gw_slice body, size_t *at, unsigned *octet_out)
{
    size_t from = *at;
    unsigned value = 0;
    while (*at < body.len && *at - from < 4 && body.data[*at] >= '0' && body.data[*at] <= '9')
        value = value * 10 + (unsigned)(body.data[(*at)++] - '0');
    size_t digits = *at - from;
    *octet_out = value;
    return digits > 0 && value <= 255 && (digits == 1 || body.data[from] != '0');
}

/* Reads the array of octets at @at. Returns the index behind it, or 0 when it is none; writes to
 * @out unless that is NULL. */
static size_t read_octets(struct gw_slice body, size_t at, char *out, size_t *n_out)
{
    size_t n = 0;
    at++;
    for (;;) {
        unsigned octet;
        at = api_json_skip_space(body, at);
        if (!take_octet(body, &at, &octet))
            return 0;
        if (out != NULL)
            out[n] = (char)octet;
        n++;
        at = api_json_skip_space(body, at);
        if (at == body.len || (body.data[at] != ',' && body.data[at] != ']'))
            return 0;
        if (body.data[at++] == ']')
            break;
    }
    *n_out = n;
    return at;
}

static void copy_to_text(struct scan *s, const char *data, size_t len)
{
    memcpy(s->text + s->text_len, data, len);
    s->text_len += len;
}

/* Puts a stand-in, a string that names taken[n], in the place of what ends at @to. */
static void take_out(struct scan *s, size_t to, struct gw_slice bytes, bool octets)
{
    struct api_guarded_json *out = s->out;
    if (s->text == NULL) {
        out->taken = GW_ARENA_ARRAY(s->arena, struct api_json_taken, API_JSON_MAX_TAKEN);
        s->text = gw_arena_bytes(s->arena, s->body.len);
    }
    char stand_in[32];
    int len = snprintf(stand_in, sizeof(stand_in), "\"\\u0001%zu\"", out->n_taken);
    copy_to_text(s, s->body.data + s->copied, s->at - s->copied);
    copy_to_text(s, stand_in, (size_t)len);
    out->taken[out->n_taken++] = (struct api_json_taken){
        .bytes = bytes, .octets = octets, .at = s->text_len, .shorter = to - s->at - (size_t)len};
    s->at = to;
    s->copied = to;
}

static void finish_text(struct scan *s)
{
    if (s->text == NULL)
        return;
    copy_to_text(s, s->body.data + s->copied, s->body.len - s->copied);
    s->out->text = gw_slice_of(s->text, s->text_len);
}

/* At the `[` behind the key "data". */
static bool take_octets(struct scan *s)
{
    size_t n;
    size_t to = read_octets(s->body, s->at, NULL, &n);
    if (to == 0 || n < API_JSON_MIN_OCTETS || s->out->n_taken == API_JSON_MAX_TAKEN)
        return false;
    char *octets = gw_arena_bytes(s->arena, n);
    (void)read_octets(s->body, s->at, octets, &n);
    take_out(s, to, gw_slice_of(octets, n), true);
    return true;
}

/* At the `"` of a string behind the key "content" that ends at @to. */
static bool take_text(struct scan *s, size_t to)
{
    size_t len = to - s->at - 2;
    const char *text = s->body.data + s->at + 1;
    if (to - s->at < API_JSON_MIN_TEXT + 2 || s->out->n_taken == API_JSON_MAX_TAKEN ||
        s->body.data[to - 1] != '"')
        return false;
    bool plain = true;
    for (size_t i = 0; i < len; i++)
        plain &= text[i] >= ' ' && text[i] <= '~' && text[i] != '\\';
    if (plain)
        take_out(s, to, gw_slice_of(text, len), false);
    return plain;
}

static enum gw_status open_bracket(struct scan *s, enum key key, struct gw_err *err)
{
    if (key == KEY_DATA && s->body.data[s->at] == '[' && take_octets(s))
        return GW_OK;
    if (++s->depth > API_JSON_MAX_DEPTH)
        return refuse(s, err, "objects and arrays are nested deeper than 16 levels");
    s->at++;
    return GW_OK;
}

static void pass_string(struct scan *s, enum key key)
{
    size_t to = api_json_string_end(s->body, s->at);
    if (key == KEY_CONTENT && take_text(s, to))
        return;
    struct gw_slice raw = gw_slice_of(s->body.data + s->at, to - s->at);
    size_t colon = api_json_skip_space(s->body, to);
    s->at = to;
    if (colon == s->body.len || s->body.data[colon] != ':')
        return;
    s->at = api_json_skip_space(s->body, colon + 1);
    if (gw_slice_eq_nocase(raw, GW_SLICE_LIT("\"content\"")) || gw_slice_is(raw, "\"RawContent\""))
        s->key = KEY_CONTENT;
    else if (gw_slice_is(raw, "\"data\""))
        s->key = KEY_DATA;
}

/* One token or one octet between tokens. */
static enum gw_status scan_one(struct scan *s, struct gw_err *err)
{
    char c = s->body.data[s->at];
    enum key key = s->key;
    s->key = KEY_OTHER;
    if (api_json_is_space(c) || c == ',' || c == ':') {
        s->at++;
        return GW_OK;
    }
    if (c == '}' || c == ']') {
        s->at++;
        s->depth -= s->depth > 0;
        return GW_OK;
    }
    if (++s->tokens > API_JSON_MAX_TOKENS)
        return refuse(s, err, "more than 20000 keys and values");
    if (c == '{' || c == '[')
        return open_bracket(s, key, err);
    if (c == '"') {
        pass_string(s, key);
        return GW_OK;
    }
    while (s->at < s->body.len && !api_json_is_delimiter(s->body.data[s->at]))
        s->at++;
    return GW_OK;
}

enum gw_status api_json_guard(struct gw_arena *arena, struct gw_slice body,
                              struct api_guarded_json *out, struct gw_err *err)
{
    return api_json_guard_part(arena, body, body, out, err);
}

enum gw_status api_json_guard_part(struct gw_arena *arena, struct gw_slice whole,
                                   struct gw_slice part, struct api_guarded_json *out,
                                   struct gw_err *err)
{
    struct gw_slice body = part;
    struct scan s = {.arena = arena, .body = body, .out = out};
    *out = (struct api_guarded_json){.whole = whole, .body = body, .text = body};
    if (api_json_skip_space(body, 0) == body.len)
        return refuse(&s, err, "the body is empty");
    if (body.len >= 3 && memcmp(body.data, "\xef\xbb\xbf", 3) == 0)
        return refuse(&s, err, "a byte order mark is not allowed");
    while (s.at < body.len) {
        enum gw_status status = scan_one(&s, err);
        if (status != GW_OK)
            return status;
    }
    finish_text(&s);
    return GW_OK;
}

const struct api_json_taken *api_json_taken(const struct api_guarded_json *doc, const json_t *value)
{
    const char *text = json_string_value(value);
    if (text == NULL || text[0] != '\x01' || text[1] < '0' || text[1] > '9')
        return NULL;
    char *end;
    unsigned long index = strtoul(text + 1, &end, 10);
    return *end == '\0' && index < doc->n_taken ? &doc->taken[index] : NULL;
}

/* --- pointers --- */

const char *api_json_pointer_key(struct gw_arena *arena, const char *base, struct gw_slice key)
{
    size_t base_len = strlen(base);
    if (key.len > API_JSON_MAX_KEY_SHOWN) {
        key.len = API_JSON_MAX_KEY_SHOWN;
        while (key.len > 0 && (key.data[key.len] & 0xc0) == 0x80)
            key.len--;
    }
    char *pointer = gw_arena_bytes(arena, base_len + 1 + 2 * key.len + 1);
    memcpy(pointer, base, base_len);
    size_t n = base_len;
    pointer[n++] = '/';
    for (size_t i = 0; i < key.len; i++) {
        char c = key.data[i];
        if (c == '~' || c == '/') {
            pointer[n++] = '~';
            c = c == '~' ? '0' : '1';
        }
        pointer[n++] = c;
    }
    pointer[n] = '\0';
    return pointer;
}

const char *api_json_pointer_index(struct gw_arena *arena, const char *base, size_t index)
{
    return gw_arena_printf(arena, "%s/%zu", base, index);
}

/* The key's own text: escapes resolved. @raw includes the quotes and is valid JSON. */
static const char *add_raw_key(struct gw_arena *arena, const char *base, struct gw_slice raw)
{
    json_t *key = json_loadb(raw.data, raw.len, JSON_DECODE_ANY, NULL);
    const char *pointer = api_json_pointer_key(
        arena, base, gw_slice_of(json_string_value(key), json_string_length(key)));
    json_decref(key);
    return pointer;
}

struct level {
    struct gw_slice key; /* raw, of objects */
    size_t index;        /* of arrays */
    bool array;
};

/* Pointer to the key that ends at @end. Everything before it is valid JSON that passed the guard.
 */
static const char *pointer_at(struct gw_arena *arena, struct gw_slice text, size_t end)
{
    struct level levels[API_JSON_MAX_DEPTH];
    size_t depth = 0;
    for (size_t at = 0; at < end;) {
        char c = text.data[at];
        if (c == '"') {
            size_t next = api_json_string_end(text, at);
            size_t colon = api_json_skip_space(text, next);
            if (colon < text.len && text.data[colon] == ':' && depth > 0)
                levels[depth - 1].key = gw_slice_of(text.data + at, next - at);
            at = next;
            continue;
        }
        if ((c == '{' || c == '[') && depth < API_JSON_MAX_DEPTH)
            levels[depth++] = (struct level){.array = c == '['};
        else if ((c == '}' || c == ']') && depth > 0)
            depth--;
        else if (c == ',' && depth > 0)
            levels[depth - 1].index++;
        at++;
    }
    const char *pointer = "";
    for (size_t i = 0; i < depth; i++)
        pointer = levels[i].array ? api_json_pointer_index(arena, pointer, levels[i].index)
                                  : add_raw_key(arena, pointer, levels[i].key);
    return pointer;
}

/* --- parsing --- */

/* Index in the body of the last octet before @position of the text. */
static size_t place_in_body(const struct api_guarded_json *doc, size_t position)
{
    size_t at = position;
    for (size_t i = 0; i < doc->n_taken && doc->taken[i].at <= position; i++)
        at += doc->taken[i].shorter;
    return at > 0 ? at - 1 : 0;
}

enum gw_status api_json_parse(struct gw_arena *arena, const struct api_guarded_json *doc,
                              json_t **out, const char **pointer_out, struct gw_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, prepare_jansson);
    json_error_t error;
    budget_exceeded = false;
    budget_left = API_JSON_BUDGET_FACTOR * doc->text.len + API_JSON_BUDGET_BASE;
    *out =
        json_loadb(doc->text.data, doc->text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    budget_left = SIZE_MAX;
    if (*out != NULL)
        return GW_OK;
    if (budget_exceeded)
        return refuse_at(doc, 0, err, "the document takes too much memory");
    if (json_error_code(&error) == json_error_duplicate_key) {
        *pointer_out = pointer_at(arena, doc->text, (size_t)error.position);
        return gw_err_set(err, GW_EXISTS, "The field is given more than once.");
    }
    bool nul = json_error_code(&error) == json_error_null_character;
    return refuse_at(doc, place_in_body(doc, (size_t)error.position), err,
                     nul ? "NUL characters are not allowed" : error.text);
}
