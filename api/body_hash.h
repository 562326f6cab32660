/* SPDX-License-Identifier: MIT */
/* The SHA-256 of a request's body, for facades whose SDKs sign it. A large body is hashed slice by
 * slice, one at each turn of the loop, so that nobody else waits for it. */
#ifndef API_BODY_HASH_H
#define API_BODY_HASH_H

#include "api/request.h"

enum {
    API_BODY_HASH_SLICE = 1 << 20 /* octets; 2.5 ms without SHA instructions; ours */
};

/* Fills r->body_sha256, then calls @then; at once when the body fits into a slice. A client that
 * leaves before that ends it. */
void api_body_hash(struct api_request *r, void (*then)(struct api_request *r));

#endif
