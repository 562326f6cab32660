/* SPDX-License-Identifier: MIT */
/* What stands between a request body and jansson: limits that hold before anything is parsed, and a
 * memory budget while it is (jansson turns 2 MB of `{},{},…` into 158 MB).
 *
 * Runs in any thread. Spec: RFC 8259. */
#ifndef API_JSON_GUARD_H
#define API_JSON_GUARD_H

#include <jansson.h>
#include <stddef.h>

#include "gateway/base/gw_arena.h"
#include "gateway/base/gw_slice.h"
#include "gateway/base/gw_status.h"

enum {
    API_JSON_MAX_DEPTH = 16,     /* objects and arrays inside each other; our deepest use is 5 */
    API_JSON_MAX_TOKENS = 20000, /* keys, strings, numbers, literals, objects, arrays */
    /* Arrays of this many octets after the key "data" are taken out before parsing: an attachment
     * as
     * {"type":"Buffer","data":[…]} would be a token per octet. */
    API_JSON_MIN_OCTETS = 16,
    API_JSON_MAX_OCTET_ARRAYS = 1000,
    /* Memory that jansson may hold for one body: this many times its size, and a base. A string of
     * n bytes takes up to 3n while it grows. */
    API_JSON_BUDGET_FACTOR = 4,
    API_JSON_BUDGET_BASE = 8 << 20
};

/* A body that passed the guard. */
struct api_guarded_json {
    struct gw_slice text;    /* what to parse: line and column of everything are the body's */
    struct gw_slice *octets; /* the arrays taken out, in the arena */
    size_t n_octets;
};

/* GW_OK, or GW_PROTO with err->text "line 3, column 7: …": empty, byte order mark, too deep, too
 * many tokens. Whether the rest is JSON is seen by api_json_parse(). */
enum gw_status api_json_guard(struct gw_arena *arena, struct gw_slice body,
                              struct api_guarded_json *out, struct gw_err *err) GW_NODISCARD;

/* The octets that @value, a string, stands for; NULL when it is any other string. */
const struct gw_slice *api_json_octets(const struct api_guarded_json *doc, const json_t *value);

/* Parses within the budget. *out is for json_decref().
 * GW_OK; GW_PROTO with err->text "line 3, column 7: …"; GW_EXISTS when an object repeats a key,
 * with *pointer_out (arena) and err->text naming it. */
enum gw_status api_json_parse(struct gw_arena *arena, const struct api_guarded_json *doc,
                              json_t **out, const char **pointer_out,
                              struct gw_err *err) GW_NODISCARD;

/* @base with one more reference token, escaped (RFC 6901 sec. 3). Keys over API_JSON_MAX_KEY_SHOWN
 * octets are cut in the pointer. */
enum {
    API_JSON_MAX_KEY_SHOWN = 128
};
const char *api_json_pointer_key(struct gw_arena *arena, const char *base, struct gw_slice key);
const char *api_json_pointer_index(struct gw_arena *arena, const char *base, size_t index);

#endif
