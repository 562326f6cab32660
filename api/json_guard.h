/* SPDX-License-Identifier: MIT */
/* What stands between a request body and jansson: limits that hold before anything is parsed, and a
 * memory budget while it is (jansson turns 2 MB of `{},{},…` into 158 MB).
 *
 * Runs in any thread. Spec: RFC 8259. */
#ifndef API_JSON_GUARD_H
#define API_JSON_GUARD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/gw_arena.h"
#include "gateway/base/gw_slice.h"
#include "gateway/base/gw_status.h"

enum {
    API_JSON_MAX_DEPTH = 16,     /* objects and arrays inside each other; our deepest use is 5 */
    API_JSON_MAX_TOKENS = 20000, /* keys, strings, numbers, literals, objects, arrays */
    /* What makes bodies large is taken out before parsing, because jansson reads octet by octet and
     * makes a node of each number: the value of a key "content" (in any case, or "RawContent") when
     * it is a string of this many printable ASCII characters without escapes (base64), and the
     * value of a key "data" when it is an array of this many numbers from 0 to 255 (a serialised
     * Buffer). */
    API_JSON_MIN_TEXT = 4096,
    API_JSON_MIN_OCTETS = 16,
    API_JSON_MAX_TAKEN = 1000,
    /* Memory that jansson may hold for one body: this many times its size, and a base. A string of
     * n bytes takes up to 3n while it grows. */
    API_JSON_BUDGET_FACTOR = 4,
    API_JSON_BUDGET_BASE = 8 << 20
};

/* A value that was taken out. */
struct api_json_taken {
    struct gw_slice bytes; /* text: in the body; octets: in the arena */
    bool octets;           /* it was an array of numbers */
    size_t at;             /* where its stand-in ends in the text to parse */
    size_t shorter;        /* by how much the text got shorter there */
};

/* A body that passed the guard. */
struct api_guarded_json {
    struct gw_slice whole;      /* what lines are counted in; body is a part of it */
    struct gw_slice body, text; /* as given, and what to parse */
    struct api_json_taken *taken;
    size_t n_taken;
};

/* GW_OK, or GW_PROTO with err->text "line 3, column 7: …": empty, byte order mark, too deep, too
 * many tokens. Whether the rest is JSON is seen by api_json_parse(). */
enum gw_status api_json_guard(struct gw_arena *arena, struct gw_slice body,
                              struct api_guarded_json *out, struct gw_err *err) GW_NODISCARD;

/* Likewise, of a @part of the text @whole that is a document of its own; errors are located in
 * @whole. */
enum gw_status api_json_guard_part(struct gw_arena *arena, struct gw_slice whole,
                                   struct gw_slice part, struct api_guarded_json *out,
                                   struct gw_err *err) GW_NODISCARD;

/* What @value stands for when it is the stand-in of something taken out, else NULL. */
const struct api_json_taken *api_json_taken(const struct api_guarded_json *doc,
                                            const json_t *value);

/* Parses within the budget. *out is for json_decref().
 * GW_OK; GW_PROTO with err->text "line 3, column 7: …"; GW_EXISTS when an object repeats a key,
 * with *pointer_out (arena) and err->text naming it. */
enum gw_status api_json_parse(struct gw_arena *arena, const struct api_guarded_json *doc,
                              json_t **out, const char **pointer_out,
                              struct gw_err *err) GW_NODISCARD;

/* GW_PROTO with err->text "line 3, column 7: @what", of the octet @at of @text. */
enum gw_status api_json_refuse(struct gw_slice text, size_t at, struct gw_err *err,
                               const char *what);

/* @base with one more reference token, escaped (RFC 6901 sec. 3). Keys over API_JSON_MAX_KEY_SHOWN
 * octets are cut in the pointer. */
enum {
    API_JSON_MAX_KEY_SHOWN = 128
};
const char *api_json_pointer_key(struct gw_arena *arena, const char *base, struct gw_slice key);
const char *api_json_pointer_index(struct gw_arena *arena, const char *base, size_t index);

#endif
