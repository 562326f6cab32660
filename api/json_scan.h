/* SPDX-License-Identifier: MIT */
/* Finds where parts of a JSON text end without understanding them.
 *
 * Spec: RFC 8259. */
#ifndef API_JSON_SCAN_H
#define API_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/gw_slice.h"

bool api_json_is_space(char c);
/* Ends a number or a literal. */
bool api_json_is_delimiter(char c);
/* The first index from @at on that is not white space, text.len at the end. */
size_t api_json_skip_space(struct gw_slice text, size_t at);
/* Index behind the string that starts at @at with its quote; text.len when it does not end. Linear,
 * however many escapes there are. */
size_t api_json_string_end(struct gw_slice text, size_t at);
/* Moves *at from the start of a value behind its end: a string, an object or array with all its
 * brackets, or whatever stands up to the next delimiter. What is inside may still be no JSON. NULL,
 * or what is wrong, with *at where: it does not end, is empty, or is nested deeper than
 * API_JSON_MAX_DEPTH. */
const char *api_json_skip_value(struct gw_slice text, size_t *at);

#endif
