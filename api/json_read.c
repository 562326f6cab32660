/* SPDX-License-Identifier: MIT */
/* Reading JSON objects by tables. */
#include "api/json_read.h"

#include <stdint.h>

#include "gateway/base/gw_check.h"

enum {
    SHOWN = 64,       /* octets of a key that a text repeats */
    MAX_DISTANCE = 3, /* edits for "did you mean" */
    MAX_COMPARED = 32 /* octets of a key that is compared with ours */
};

bool api_read_is_string(struct api_reader *r, json_t *value)
{
    const struct api_json_taken *taken = api_json_taken(r->doc, value);
    return json_is_string(value) && (taken == NULL || !taken->octets);
}

static const char *type_name(struct api_reader *r, json_t *value)
{
    if (json_is_string(value) && !api_read_is_string(r, value))
        return "an array";
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        break;
    }
    return "null";
}

void api_read_wrong_type(struct api_reader *r, json_t *value, const char *pointer,
                         const char *wanted)
{
    gw_problems_add(r->problems, pointer, GW_PROBLEM_TYPE, "Must be %s, not %s.", wanted,
                    type_name(r, value));
}

struct gw_slice api_read_copy(struct api_reader *r, json_t *string)
{
    const struct api_json_taken *taken = api_json_taken(r->doc, string);
    if (taken != NULL)
        return gw_arena_slice(r->arena, taken->bytes);
    return gw_arena_slice(r->arena,
                          gw_slice_of(json_string_value(string), json_string_length(string)));
}

void api_read_text(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct gw_field *field = target;
    if (!api_read_is_string(r, value)) {
        api_read_wrong_type(r, value, pointer, "a string");
        return;
    }
    field->value = api_read_copy(r, value);
    field->pointer = pointer;
}

void api_read_bool(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    if (json_is_boolean(value))
        *(bool *)target = json_is_true(value);
    else
        api_read_wrong_type(r, value, pointer, "true or false");
}

void api_read_unsupported(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    (void)value;
    (void)target;
    gw_problems_add(r->problems, pointer, GW_PROBLEM_UNSUPPORTED,
                    "Mailhatch does not do what this field asks for; leave it out.");
}

bool api_read_choice(struct api_reader *r, json_t *value, const char *pointer,
                     const char *const *choices, size_t n, size_t *index_out)
{
    if (!api_read_is_string(r, value)) {
        api_read_wrong_type(r, value, pointer, "a string");
        return false;
    }
    char list[256] = "";
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(json_string_value(value), choices[i]) == 0) {
            *index_out = i;
            return true;
        }
        size_t room = sizeof(list) - len;
        size_t add = strlen(choices[i]) + 2;
        if (add < room) {
            memcpy(list + len, choices[i], add - 2);
            memcpy(list + len + add - 2, ", ", 3);
            len += add;
        }
    }
    gw_problems_add(r->problems, pointer, GW_PROBLEM_VALUE, "Must be one of %.*s.",
                    len > 2 ? (int)len - 2 : 0, list);
    return false;
}

/* Edits (insert, delete, replace) between two short texts. */
static size_t edit_distance(struct gw_slice a, struct gw_slice b)
{
    size_t row[MAX_COMPARED + 1];
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t best = diagonal + (a.data[i - 1] != b.data[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b.len];
}

/* The field that was probably meant, or NULL. */
static const char *nearest(struct gw_slice key, const struct api_json_field *fields, size_t n)
{
    const char *best = NULL;
    size_t best_distance = MAX_DISTANCE + 1;
    if (key.len > MAX_COMPARED)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        struct gw_slice name = gw_slice_str(fields[i].name);
        if (name.len > MAX_COMPARED)
            continue;
        size_t distance = gw_slice_eq_nocase(key, name) ? 0 : edit_distance(key, name);
        if (distance < best_distance && distance < name.len) {
            best_distance = distance;
            best = fields[i].name;
        }
    }
    return best;
}

static bool is_called(const struct api_json_field *field, const char *key)
{
    if (strcmp(field->name, key) == 0)
        return true;
    for (size_t i = 0; i < API_JSON_MAX_ALIASES && field->aliases[i] != NULL; i++) {
        if (strcmp(field->aliases[i], key) == 0)
            return true;
    }
    return false;
}

static void unknown_field(struct api_reader *r, struct gw_slice key, const char *pointer,
                          const struct api_json_field *fields, size_t n_fields)
{
    bool told = r->problems->n < GW_MAX_PROBLEMS; /* else it is only counted */
    const char *meant = told ? nearest(key, fields, n_fields) : NULL;
    if (meant != NULL)
        gw_problems_add(r->problems, pointer, GW_PROBLEM_UNKNOWN_FIELD,
                        "There is no such field; did you mean \"%s\"?", meant);
    else
        gw_problems_add(r->problems, pointer, GW_PROBLEM_UNKNOWN_FIELD, "There is no such field.");
}

static void read_fields(struct api_reader *r, json_t *object, const char *pointer,
                        struct api_json_target *t)
{
    const char *key;
    json_t *value;
    PRE(t->n_fields <= API_JSON_MAX_FIELDS);
    t->seen = 0;
    if (!json_is_object(object)) {
        api_read_wrong_type(r, object, pointer, "an object");
        return;
    }
    json_object_foreach(object, key, value)
    {
        const char *at = api_json_pointer_key(r->arena, pointer, gw_slice_str(key));
        size_t i = 0;
        while (i < t->n_fields && !is_called(&t->fields[i], key))
            i++;
        if (i == t->n_fields) {
            unknown_field(r, gw_slice_str(key), at, t->fields, t->n_fields);
        } else if ((t->seen & (1U << i)) != 0) {
            gw_problems_add(r->problems, at, GW_PROBLEM_DUPLICATE,
                            "The field \"%s\" is given more than once, under several names.",
                            t->fields[i].name);
        } else {
            t->seen |= 1U << i;
            if (!json_is_null(value) && (t->known & (1U << i)) == 0)
                t->fields[i].read(r, value, at, (char *)t->into + t->fields[i].offset);
        }
    }
}

void api_read_object(struct api_reader *r, json_t *object, const char *pointer,
                     const struct api_json_field *fields, size_t n_fields, void *target)
{
    struct api_json_target t = {.fields = fields, .n_fields = n_fields, .into = target};
    read_fields(r, object, pointer, &t);
}

enum gw_status api_read_document(struct gw_arena *arena, struct gw_slice body,
                                 struct api_json_target *target, struct gw_problems *problems)
{
    const struct api_json_part whole = {.whole = body, .text = body, .pointer = ""};
    return api_read_part(arena, &whole, target, problems);
}

enum gw_status api_read_part(struct gw_arena *arena, const struct api_json_part *part,
                             struct api_json_target *target, struct gw_problems *problems)
{
    struct api_guarded_json doc;
    struct gw_err err;
    json_t *root = NULL;
    const char *repeated = "";
    enum gw_status status = api_json_guard_part(arena, part->whole, part->text, &doc, &err);
    if (status == GW_OK)
        status = api_json_parse(arena, &doc, &root, &repeated, &err);
    target->unread = status != GW_OK || !json_is_object(root);
    if (status == GW_EXISTS) {
        gw_problems_add(problems, gw_arena_printf(arena, "%s%s", part->pointer, repeated),
                        GW_PROBLEM_DUPLICATE, "%s", err.text);
        return GW_INVALID;
    }
    if (status != GW_OK) {
        gw_problems_add(problems, "", GW_PROBLEM_VALUE, "%s", err.text);
        return GW_PROTO;
    }
    struct api_reader reader = {.arena = arena, .problems = problems, .doc = &doc};
    read_fields(&reader, root, part->pointer, target);
    json_decref(root);
    return problems->n > 0 ? GW_INVALID : GW_OK;
}
