/* SPDX-License-Identifier: MIT */
/* Query strings: application/x-www-form-urlencoded pairs behind the `?`. */
#ifndef API_QUERY_H
#define API_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/gw_slice.h"

/* First value of @name, decoded (`+` is a space) to @out with a NUL behind. False when it is not
 * there, malformed, holds a NUL, or does not fit @size bytes. */
bool api_query_find(struct gw_slice query, const char *name, char *out, size_t size,
                    size_t *len_out);

/* The next parameter: takes it off @rest, its raw name to @name, its value decoded to @out with a
 * NUL behind. False at the end, or when it is malformed, holds a NUL, or does not fit @size bytes.
 */
bool api_query_next(struct gw_slice *rest, struct gw_slice *name, char *out, size_t size,
                    size_t *len_out);

/* Is every parameter one of @allowed (names separated by spaces, NULL: none), given once (or, when
 * a `*` follows its name there, any number of times), well-formed and at most @max_value octets
 * long? On false *bad_out is the raw pair that is not. */
bool api_query_check(struct gw_slice query, const char *allowed, size_t max_value,
                     struct gw_slice *bad_out);

#endif
