/* SPDX-License-Identifier: MIT */
/* Pieces of a message in JSON. */
#include "api/draft_json.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

/* --- addresses --- */

void api_read_address(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    static const struct api_json_field fields[] = {
        {"email", api_read_text, offsetof(struct gw_draft_address, email), {0}},
        {"name", api_read_text, offsetof(struct gw_draft_address, name), {0}},
    };
    struct gw_draft_address *address = target;
    if (api_read_is_string(r, value)) {
        api_read_text(r, value, pointer, &address->text);
        return;
    }
    if (!json_is_object(value)) {
        api_read_wrong_type(r, value, pointer, "a string or an object with email and name");
        return;
    }
    size_t n_before = r->problems->n + r->problems->n_dropped;
    api_read_object(r, value, pointer, fields, N_OF(fields), address);
    bool complained = r->problems->n + r->problems->n_dropped > n_before;
    if (address->email.value.data == NULL && !complained)
        gw_problems_add(r->problems, gw_arena_printf(r->arena, "%s/email", pointer),
                        GW_PROBLEM_REQUIRED, "An address needs an email.");
}

/* One address or a list of them. */
void api_read_addresses(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct gw_draft_addresses *list = target;
    bool array = json_is_array(value);
    list->pointer = pointer;
    list->n = array ? json_array_size(value) : 1;
    list->items = GW_ARENA_ARRAY(r->arena, struct gw_draft_address, list->n);
    if (!array) {
        api_read_address(r, value, pointer, &list->items[0]);
        return;
    }
    for (size_t i = 0; i < list->n; i++)
        api_read_address(r, json_array_get(value, i), api_json_pointer_index(r->arena, pointer, i),
                         &list->items[i]);
}

void api_read_from(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct gw_draft *draft = target;
    draft->has_from = true;
    api_read_address(r, value, pointer, &draft->from);
}

/* --- lists of pairs: headers, metadata, tags --- */

static const struct api_json_field pair_fields[] = {
    {"name", api_read_text, offsetof(struct gw_draft_pair, name), {0}},
    {"value", api_read_text, offsetof(struct gw_draft_pair, value), {0}},
};

/* An object {name, value}; false when one of both is missing (a problem was added). */
static bool read_pair(struct api_reader *r, json_t *value, const char *pointer,
                      struct gw_draft_pair *pair)
{
    size_t n_before = r->problems->n + r->problems->n_dropped;
    api_read_object(r, value, pointer, pair_fields, N_OF(pair_fields), pair);
    if (r->problems->n + r->problems->n_dropped > n_before)
        return false;
    if (pair->name.value.data == NULL)
        gw_problems_add(r->problems, gw_arena_printf(r->arena, "%s/name", pointer),
                        GW_PROBLEM_REQUIRED, "The name is missing.");
    if (pair->value.value.data == NULL)
        gw_problems_add(r->problems, gw_arena_printf(r->arena, "%s/value", pointer),
                        GW_PROBLEM_REQUIRED, "The value is missing.");
    return pair->name.value.data != NULL && pair->value.value.data != NULL;
}

static void add_header(struct gw_draft *draft, struct gw_field name, struct gw_field value)
{
    draft->headers[draft->n_headers++] = (struct gw_draft_header){.name = name, .value = value};
}

/* {"X-A": "1", "X-B": ["2", "3"]} */
static void read_header_object(struct api_reader *r, json_t *object, const char *pointer,
                               struct gw_draft *draft)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        const char *at = api_json_pointer_key(r->arena, pointer, gw_slice_str(key));
        struct gw_field name = {.value = gw_arena_slice(r->arena, gw_slice_str(key)),
                                .pointer = at};
        bool array = json_is_array(value);
        if (!array && !api_read_is_string(r, value)) {
            api_read_wrong_type(r, value, at, "a string or a list of strings");
            continue;
        }
        for (size_t i = 0; i < (array ? json_array_size(value) : 1); i++) {
            struct gw_field text = {0};
            if (array)
                api_read_text(r, json_array_get(value, i), api_json_pointer_index(r->arena, at, i),
                              &text);
            else
                api_read_text(r, value, at, &text);
            if (text.value.data != NULL)
                add_header(draft, name, text);
        }
    }
}

/* [{"name": "X-A", "value": "1"}] */
static void read_header_list(struct api_reader *r, json_t *list, const char *pointer,
                             struct gw_draft *draft)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct gw_draft_pair pair = {0};
        if (read_pair(r, json_array_get(list, i), api_json_pointer_index(r->arena, pointer, i),
                      &pair))
            add_header(draft, pair.name, pair.value);
    }
}

static size_t count_headers(json_t *value)
{
    size_t n = 0;
    const char *key;
    json_t *one;
    if (json_is_array(value))
        return json_array_size(value);
    json_object_foreach(value, key, one)
    {
        n += json_is_array(one) ? json_array_size(one) : 1;
    }
    return n;
}

void api_read_headers(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct gw_draft *draft = target;
    if (!json_is_object(value) && !json_is_array(value)) {
        api_read_wrong_type(r, value, pointer, "an object or a list of {name, value}");
        return;
    }
    draft->headers = GW_ARENA_ARRAY(r->arena, struct gw_draft_header, count_headers(value));
    if (json_is_array(value))
        read_header_list(r, value, pointer, draft);
    else
        read_header_object(r, value, pointer, draft);
}

void api_read_metadata(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct gw_draft *draft = target;
    const char *key;
    json_t *one;
    if (!json_is_object(value)) {
        api_read_wrong_type(r, value, pointer, "an object of strings");
        return;
    }
    draft->metadata = GW_ARENA_ARRAY(r->arena, struct gw_draft_pair, json_object_size(value));
    json_object_foreach(value, key, one)
    {
        const char *at = api_json_pointer_key(r->arena, pointer, gw_slice_str(key));
        struct gw_draft_pair pair = {
            .name = {.value = gw_arena_slice(r->arena, gw_slice_str(key)), .pointer = at}};
        api_read_text(r, one, at, &pair.value);
        if (pair.value.value.data != NULL)
            draft->metadata[draft->n_metadata++] = pair;
    }
}

/* A tag is a string, or {name, value} as some providers have it: then "name:value". */
static void read_tag(struct api_reader *r, json_t *value, const char *pointer, struct gw_field *tag)
{
    struct gw_draft_pair pair = {0};
    if (api_read_is_string(r, value)) {
        api_read_text(r, value, pointer, tag);
    } else if (!json_is_object(value)) {
        api_read_wrong_type(r, value, pointer, "a string or an object with name and value");
    } else if (read_pair(r, value, pointer, &pair)) {
        size_t name_len = pair.name.value.len;
        size_t len = name_len + 1 + pair.value.value.len;
        char *text = gw_arena_bytes(r->arena, len + 1);
        memcpy(text, pair.name.value.data, name_len);
        text[name_len] = ':';
        memcpy(text + name_len + 1, pair.value.value.data, pair.value.value.len + 1);
        *tag = (struct gw_field){.value = gw_slice_of(text, len), .pointer = pointer};
    }
}

void api_read_tags(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct gw_draft *draft = target;
    if (!json_is_array(value)) {
        api_read_wrong_type(r, value, pointer, "a list");
        return;
    }
    draft->tags = GW_ARENA_ARRAY(r->arena, struct gw_field, json_array_size(value));
    for (size_t i = 0; i < json_array_size(value); i++) {
        struct gw_field tag = {0};
        read_tag(r, json_array_get(value, i), api_json_pointer_index(r->arena, pointer, i), &tag);
        if (tag.value.data != NULL)
            draft->tags[draft->n_tags++] = tag;
    }
}
