/* SPDX-License-Identifier: MIT */
/* AWS Signature Version 4, the verifying side: requests that carry their signature in the
 * Authorization header, for the service `ses` of any region. Pure functions.
 *
 * The hash in the canonical request is that of the body as it arrived, whatever a header claims;
 * a header that claims another one, or none at all (UNSIGNED-PAYLOAD), is refused. Host and
 * x-amz-date must be among the signed headers, so neither can be exchanged.
 *
 * Spec: AWS General Reference, "Signature Version 4 signing process". Path segments are encoded
 * once more than on the wire, as all services but S3 want it. */
#ifndef API_SIGV4_H
#define API_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/gw_arena.h"
#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_slice.h"
#include "gateway/base/gw_status.h"

enum {
    API_SIGV4_WINDOW_S = 300,           /* x-amz-date may be off by this, either way; as AWS */
    API_SIGV4_MAX_AUTHORIZATION = 4096, /* octets; ours, SDKs send about 350 */
    API_SIGV4_MAX_SIGNED = 64,          /* headers that are signed; ours, SDKs sign about 8 */
    API_SIGV4_MAX_NAME = 128,           /* octets of a signed header's name; ours */
    API_SIGV4_MAX_VALUES = 8,           /* times that one of them may be given; ours */
    API_SIGV4_MAX_PAIRS = 64,           /* parameters of the query; ours */
    API_SIGV4_MAX_CANONICAL = 64 << 10, /* octets of the canonical request; ours */
    API_SIGV4_SHA256_SIZE = 32,
    API_SIGV4_SECRET_SIZE = 44 + 1 /* of a derived secret, with its NUL */
};

/* How often the header @name (lower case) was given; the first @max values go to @out. */
typedef size_t (*api_sigv4_headers_fn)(const void *data, const char *name, struct gw_slice *out,
                                       size_t max);

struct api_sigv4_request {
    struct gw_slice method;
    struct gw_slice path, query; /* as on the wire: encoded; query without its `?` */
    api_sigv4_headers_fn headers;
    const void *headers_data;
    unsigned char body_sha256[API_SIGV4_SHA256_SIZE]; /* of the body that arrived */
};

/* What an Authorization header says; slices into it. */
struct api_sigv4_claim {
    struct gw_slice key_id, scope; /* scope: date/region/ses/aws4_request */
    struct gw_slice date, region;
    struct gw_slice signed_headers; /* lower case, separated by semicolons */
    unsigned char signature[API_SIGV4_SHA256_SIZE];
};

enum api_sigv4_verdict {
    API_SIGV4_GOOD,
    API_SIGV4_MALFORMED, /* not a request that could have been signed so */
    API_SIGV4_EXPIRED,   /* x-amz-date is outside the window */
    API_SIGV4_MISMATCH   /* another secret, or something that is signed is not what it was */
};

/* Reads `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`. False when it is not of that
 * form or not for the service `ses`. */
bool api_sigv4_parse(struct gw_slice authorization, struct api_sigv4_claim *out);

/* Was @name (lower case) signed? */
bool api_sigv4_is_signed(const struct api_sigv4_claim *claim, const char *name);

/* Compares in constant time, and does the same work for a wrong @secret as for the right one; pass
 * any when the key is unknown, and take no verdict for good then.
 * @now_ms  wall clock
 * @arena   for scratch */
enum api_sigv4_verdict api_sigv4_verify(const struct api_sigv4_request *request,
                                        const struct api_sigv4_claim *claim, const char *secret,
                                        int64_t now_ms, struct gw_arena *arena);

/* What the signature is over, appended to @out. False when it cannot be: a signed header is missing
 * or malformed, or a limit is passed. */
bool api_sigv4_canonical(const struct api_sigv4_request *request,
                         const struct api_sigv4_claim *claim, struct gw_arena *arena,
                         struct gw_buf *out);

/* The secret of a key of which only a hash is kept: base64(HMAC-SHA256(@master, @key_id)). */
void api_sigv4_derive_secret(const char *master, const char *key_id,
                             char out[API_SIGV4_SECRET_SIZE]);

#endif
