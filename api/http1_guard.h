/* SPDX-License-Identifier: MIT */
/* The guard in front of the HTTP library's HTTP/1 side: strict heads, bounded chunk overhead, body
 * budget; faults are answered as problem documents. */
#ifndef API_HTTP1_GUARD_H
#define API_HTTP1_GUARD_H

#include <stdbool.h>

#include "api/connection.h"

/* As in the library's parser. */
struct api_phr_field {
    const char *name;
    size_t name_len;
    const char *value;
    size_t value_len;
};

/* The library has parsed @len octets at @input with result @rc: length of the head, -1 wrong, -2
 * incomplete. Changes what it found to a request without body when it must be refused; the route's
 * dispatch finds the fault in the connection and answers it. Returns the result for the library. */
int api_http1_guard_head(const char *input, size_t len, int rc, struct api_phr_field *fields,
                         size_t *n_fields, int *minor_version);

/* Octets of a body arrived and the library has not seen them yet. False: it must not, and the
 * request is answered. */
bool api_http1_guard_read(struct api_connection *c);

/* Answers a request whose body is incomplete, and then closes. False when there is none, or another
 * answer is on its way. */
bool api_http1_guard_answer_late(struct api_connection *c, enum api_http1_fault fault);

#endif
