/* SPDX-License-Identifier: MIT */
/* From JSON to values for templates. */
#include "api/variables_json.h"

#include <string.h>

#include "api/json_guard.h"

static struct gw_value text_value(struct gw_slice text)
{
    return (struct gw_value){.kind = GW_VALUE_TEXT, .text = text};
}

static struct gw_value number_value(struct api_reader *r, json_t *value)
{
    const char *text = json_is_integer(value)
                           ? gw_arena_printf(r->arena, "%lld", (long long)json_integer_value(value))
                           : gw_arena_printf(r->arena, "%.15g", json_real_value(value));
    return text_value(gw_slice_str(text));
}

/* An array of octets that was taken out of the text. */
static struct gw_value octets_value(struct api_reader *r, struct gw_slice octets)
{
    struct gw_value *items = GW_ARENA_ARRAY(r->arena, struct gw_value, octets.len);
    for (size_t i = 0; i < octets.len; i++)
        items[i] = text_value(
            gw_slice_str(gw_arena_printf(r->arena, "%u", (unsigned char)octets.data[i])));
    return (struct gw_value){.kind = GW_VALUE_LIST, .items = items, .n = octets.len};
}

static struct gw_value list_value(struct api_reader *r, json_t *value)
{
    size_t n = json_array_size(value);
    struct gw_value *items = GW_ARENA_ARRAY(r->arena, struct gw_value, n);
    for (size_t i = 0; i < n; i++)
        items[i] = api_variables_value(r, json_array_get(value, i));
    return (struct gw_value){.kind = GW_VALUE_LIST, .items = items, .n = n};
}

static struct gw_value object_value(struct api_reader *r, json_t *value)
{
    size_t n = json_object_size(value);
    struct gw_value *items = GW_ARENA_ARRAY(r->arena, struct gw_value, n);
    struct gw_slice *names = GW_ARENA_ARRAY(r->arena, struct gw_slice, n);
    const char *key;
    json_t *one;
    size_t i = 0;
    json_object_foreach(value, key, one)
    {
        names[i] = gw_arena_slice(r->arena, gw_slice_str(key));
        items[i++] = api_variables_value(r, one);
    }
    return (struct gw_value){.kind = GW_VALUE_OBJECT, .items = items, .names = names, .n = n};
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as API_JSON_MAX_DEPTH */
struct gw_value api_variables_value(struct api_reader *r, json_t *value)
{
    const struct api_json_taken *taken = api_json_taken(r->doc, value);
    if (taken != NULL && taken->octets)
        return octets_value(r, taken->bytes);
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return object_value(r, value);
    case JSON_ARRAY:
        return list_value(r, value);
    case JSON_STRING:
        return text_value(api_read_copy(r, value));
    case JSON_INTEGER:
    case JSON_REAL:
        return number_value(r, value);
    case JSON_TRUE:
        return (struct gw_value){.kind = GW_VALUE_TRUE, .text = GW_SLICE_LIT("true")};
    case JSON_FALSE:
        return (struct gw_value){.kind = GW_VALUE_FALSE, .text = GW_SLICE_LIT("false")};
    case JSON_NULL:
        break;
    }
    return (struct gw_value){.kind = GW_VALUE_NULL, .text = GW_SLICE_LIT("")};
}

static void read_object(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    if (json_is_object(value))
        *(struct gw_value *)target = api_variables_value(r, value);
    else
        api_read_wrong_type(r, value, pointer, "an object");
}

void api_read_variables(struct api_reader *r, json_t *value, const char *pointer, void *draft)
{
    struct gw_draft *d = draft;
    if (d->variables.kind != GW_VALUE_NULL) {
        gw_problems_add(r->problems, pointer, GW_PROBLEM_DUPLICATE,
                        "The variables are given beside the template, too.");
        return;
    }
    d->variables_pointer = pointer;
    read_object(r, value, pointer, &d->variables);
}

void api_read_template_name(struct api_reader *r, json_t *value, const char *pointer, void *draft)
{
    struct gw_draft *d = draft;
    api_read_text(r, value, pointer, &d->template.name);
}

void api_read_template_object(struct api_reader *r, json_t *value, const char *pointer,
                              struct gw_draft *draft, const struct api_template_format *format)
{
    size_t n_before = r->problems->n + r->problems->n_dropped;
    if (draft->variables_pointer == NULL)
        draft->variables_pointer = gw_arena_printf(r->arena, "%s/variables", pointer);
    api_read_object(r, value, pointer, format->fields, format->n_fields, draft);
    bool complained = r->problems->n + r->problems->n_dropped > n_before;
    if (draft->template.name.value.data == NULL && !complained)
        gw_problems_add(r->problems, gw_arena_printf(r->arena, "%s/%s", pointer, format->name),
                        GW_PROBLEM_REQUIRED, "The template is not named.");
}

void api_read_template(struct api_reader *r, json_t *value, const char *pointer, void *draft)
{
    static const struct api_json_field fields[] = {
        {"name", api_read_template_name, 0, {0}},
        {"variables", api_read_variables, 0, {0}},
    };
    static const struct api_template_format format = {fields, 2, "name"};
    api_read_template_object(r, value, pointer, draft, &format);
}

void api_read_personal(struct api_reader *r, json_t *value, const char *pointer, void *draft)
{
    static const struct api_json_field fields[] = {
        {"variables", read_object, offsetof(struct gw_draft_personal, variables), {0}},
    };
    struct gw_draft *d = draft;
    const char *key;
    json_t *one;
    if (!json_is_object(value)) {
        api_read_wrong_type(r, value, pointer, "an object of addresses");
        return;
    }
    d->personal_given = true;
    d->personal = GW_ARENA_ARRAY(r->arena, struct gw_draft_personal, json_object_size(value));
    json_object_foreach(value, key, one)
    {
        struct gw_draft_personal *p = &d->personal[d->n_personal++];
        const char *at = api_json_pointer_key(r->arena, pointer, gw_slice_str(key));
        p->email =
            (struct gw_field){.value = gw_arena_slice(r->arena, gw_slice_str(key)), .pointer = at};
        p->pointer = gw_arena_printf(r->arena, "%s/variables", at);
        if (!json_is_null(one))
            api_read_object(r, one, at, fields, 1, p);
    }
}
