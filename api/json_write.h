/* SPDX-License-Identifier: MIT */
/* Writes JSON text: compact, valid whatever bytes the values hold.
 *
 * Bytes that are not UTF-8 come out as U+FFFD; control characters (C0, DEL, C1), line
 * and paragraph separators and directional overrides as \u escapes, so that the text is safe in a
 * terminal, a log and a script too.
 *
 * Spec: RFC 8259. */
#ifndef API_JSON_WRITE_H
#define API_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_slice.h"

/* {.out = &buf} to start. Commas are placed by the writer; whether @out overflowed is seen there.
 */
struct api_json {
    struct gw_buf *out;
    bool need_comma;
};

/* @key  plain ASCII that needs no escape; NULL inside arrays and at the top */
void api_json_begin_object(struct api_json *j, const char *key);
void api_json_end_object(struct api_json *j);
void api_json_begin_array(struct api_json *j, const char *key);
void api_json_end_array(struct api_json *j);
void api_json_null(struct api_json *j, const char *key);
void api_json_bool(struct api_json *j, const char *key, bool value);
void api_json_num(struct api_json *j, const char *key, int64_t value);
/* Finite; six significant digits. */
void api_json_real(struct api_json *j, const char *key, double value);
/* NULL is written as null. */
void api_json_str(struct api_json *j, const char *key, const char *value);
void api_json_slice(struct api_json *j, const char *key, struct gw_slice value);
/* JSON text that was made before. */
void api_json_raw(struct api_json *j, const char *key, struct gw_slice json);
/* A member of an object whose key may hold any bytes. */
void api_json_member(struct api_json *j, struct gw_slice key, struct gw_slice value);
/* RFC 3339, UTC, milliseconds. */
void api_json_time(struct api_json *j, const char *key, int64_t wall_ms);

#endif
