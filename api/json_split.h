/* SPDX-License-Identifier: MIT */
/* Takes a large JSON document apart into documents that are parsed one by one, each within the
 * limits of json_guard.h, as the whole would not be.
 *
 * Spec: RFC 8259. */
#ifndef API_JSON_SPLIT_H
#define API_JSON_SPLIT_H

#include "gateway/base/gw_arena.h"
#include "gateway/base/gw_slice.h"
#include "gateway/base/gw_status.h"

/* A member of an object. */
struct api_json_member {
    const char *key; /* decoded, in the arena */
    struct gw_slice value;
};

/* The members of the object that @text is, in the order given; keys may repeat.
 * *n_out is how many there are; the first @max are in @out.
 * GW_OK; GW_INVALID: a value, but no object; GW_PROTO with err->text that says where it is no JSON:
 * keys are valid strings then, and every value ends, but may be no JSON inside. */
enum gw_status api_json_split_object(struct gw_arena *arena, struct gw_slice text,
                                     struct api_json_member *out, size_t max, size_t *n_out,
                                     struct gw_err *err) GW_NODISCARD;
/* Likewise the values of the array @part of @whole, in which errors are located. Each of the first
 * @max has been parsed: is JSON, except that objects in it may repeat a key. */
enum gw_status api_json_split_array(struct gw_slice whole, struct gw_slice part,
                                    struct gw_slice *out, size_t max, size_t *n_out,
                                    struct gw_err *err) GW_NODISCARD;

#endif
