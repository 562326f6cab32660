/* SPDX-License-Identifier: MIT */
/* Reads JSON objects by tables of fields: types, aliases, repeated and unknown fields are judged
 * here, once, and every problem gets its pointer. */
#ifndef API_JSON_READ_H
#define API_JSON_READ_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "api/json_guard.h"
#include "gateway/base/gw_arena.h"
#include "gateway/draft.h"
#include "gateway/problems.h"

enum {
    API_JSON_MAX_FIELDS = 32, /* of one object's table */
    API_JSON_MAX_ALIASES = 3
};

struct api_reader {
    struct gw_arena *arena;
    struct gw_problems *problems;
    const struct api_guarded_json *doc;
};

/* Reads one value into @target; adds a problem at @pointer when it cannot. Never called for null.
 */
typedef void (*api_read_fn)(struct api_reader *r, json_t *value, const char *pointer, void *target);

struct api_json_field {
    const char *name;
    api_read_fn read;
    size_t offset; /* of the target in the struct that the object fills */
    const char *aliases[API_JSON_MAX_ALIASES];
};

/* Reads the fields of @object, a value at @pointer that must be an object. A field that is null
 * counts as absent. @target  what offsets are of */
void api_read_object(struct api_reader *r, json_t *object, const char *pointer,
                     const struct api_json_field *fields, size_t n_fields, void *target);

/* What a document is read by, and into. */
struct api_json_target {
    const struct api_json_field *fields;
    size_t n_fields;
    void *into;     /* what offsets are of */
    uint32_t known; /* 1 << index of the fields that are known, but not read */
    uint32_t seen;  /* out: of those that were given, null or not */
    bool unread;    /* out: nothing of it is worth a judgement */
};

/* Reads a whole body, which must be a JSON object of these fields. Runs in any thread.
 * GW_OK; GW_INVALID with problems (after a repeated key with that one only); GW_PROTO when the body
 * is not JSON or over a limit of json_guard.h, with one problem that tells where. */
enum gw_status api_read_document(struct gw_arena *arena, struct gw_slice body,
                                 struct api_json_target *target, struct gw_problems *problems);

/* A part of a document that is a document of its own. */
struct api_json_part {
    struct gw_slice whole, text; /* errors are located in whole; text is in it */
    const char *pointer;         /* of the value that text is */
};
/* As api_read_document(), of a part. */
enum gw_status api_read_part(struct gw_arena *arena, const struct api_json_part *part,
                             struct api_json_target *target, struct gw_problems *problems);

/* A string of the body, not the stand-in of an array. */
bool api_read_is_string(struct api_reader *r, json_t *value);

/* Adds a "type" problem: must be @wanted ("a string"). */
void api_read_wrong_type(struct api_reader *r, json_t *value, const char *pointer,
                         const char *wanted);

/* api_read_fn: a string into a struct gw_field. */
void api_read_text(struct api_reader *r, json_t *value, const char *pointer, void *target);
/* api_read_fn: true or false into a bool. */
void api_read_bool(struct api_reader *r, json_t *value, const char *pointer, void *target);
/* api_read_fn for a field that a provider has and we refuse. */
void api_read_unsupported(struct api_reader *r, json_t *value, const char *pointer, void *target);
/* The string as one of @n choices; its index goes to *index_out. False with a problem. */
bool api_read_choice(struct api_reader *r, json_t *value, const char *pointer,
                     const char *const *choices, size_t n, size_t *index_out);
/* A copy of a JSON string in the arena, NUL behind. */
struct gw_slice api_read_copy(struct api_reader *r, json_t *string);

#endif
