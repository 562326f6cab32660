/* SPDX-License-Identifier: MIT */
/* The Idempotency-Key of a request.
 *
 * Spec: draft-ietf-httpapi-idempotency-key-header, docs/api.md. */
#ifndef API_IDEMPOTENCY_H
#define API_IDEMPOTENCY_H

#include <stdbool.h>

#include "api/request.h"

enum {
    API_MAX_IDEMPOTENCY_KEY = 256 /* characters */
};

/* Reads Idempotency-Key or X-Idempotency-Key (the same header, of which one may be given, once).
 * *key_out is NULL without one, else lives as long as the request. False: the request was
 * answered, because the key is not 1 to API_MAX_IDEMPOTENCY_KEY printable ASCII characters. */
bool api_idempotency_key(struct api_request *r, const char **key_out);
/* The same without an answer: NULL, or what is wrong. */
const char *api_idempotency_read(struct api_request *r, const char **key_out);

#endif
