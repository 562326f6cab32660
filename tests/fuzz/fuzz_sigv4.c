/* SPDX-License-Identifier: MIT */
/* Fuzz target: any octets as a signed request. Lines: Authorization, method, path, query, then one
 * per header, `name:value`; what is behind an empty line is the body. Without the secret nothing is
 * ever good. */
#include <openssl/sha.h>
#include <stddef.h>
#include <stdint.h>

#include "api/sigv4.h"
#include "gateway/base/gw_check.h"

enum {
    NOW_MS = 0, /* the inputs are of 1970: small edits of a time stay in the window */
    MAX_HEADERS = 32
};

struct input {
    struct gw_slice names[MAX_HEADERS], values[MAX_HEADERS];
    size_t n;
};

static struct gw_slice take_line(struct gw_slice *rest)
{
    const char *at = rest->len > 0 ? memchr(rest->data, '\n', rest->len) : NULL;
    struct gw_slice line = at != NULL ? gw_slice_of(rest->data, (size_t)(at - rest->data)) : *rest;
    size_t used = at != NULL ? line.len + 1 : rest->len;
    *rest = gw_slice_of(rest->data + used, rest->len - used);
    return line;
}

static size_t find(const void *data, const char *name, struct gw_slice *out, size_t max)
{
    const struct input *in = data;
    size_t n = 0;
    for (size_t i = 0; i < in->n; i++) {
        if (!gw_slice_is(in->names[i], name))
            continue;
        if (n < max)
            out[n] = in->values[i];
        n++;
    }
    return n;
}

static void read_headers(struct input *in, struct gw_slice *rest)
{
    struct gw_slice line;
    while (in->n < MAX_HEADERS && (line = take_line(rest)).len > 0) {
        const char *colon = memchr(line.data, ':', line.len);
        size_t n = colon != NULL ? (size_t)(colon - line.data) : line.len;
        in->names[in->n] = gw_slice_of(line.data, n);
        in->values[in->n++] =
            colon != NULL ? gw_slice_of(colon + 1, line.len - n - 1) : gw_slice_of(line.data, 0);
    }
}

/* NOLINTNEXTLINE(readability-identifier-naming): the name that libFuzzer calls */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {.n = 0};
    struct gw_slice rest = gw_slice_of((const char *)data, size);
    struct gw_slice authorization = take_line(&rest);
    struct api_sigv4_request request = {.headers = find, .headers_data = &in};
    struct api_sigv4_claim claim;
    request.method = take_line(&rest);
    request.path = take_line(&rest);
    request.query = take_line(&rest);
    read_headers(&in, &rest);
    SHA256((const unsigned char *)rest.data, rest.len, request.body_sha256);
    if (!api_sigv4_parse(authorization, &claim))
        return 0;
    CHECK(claim.key_id.len > 0 && claim.scope.len <= authorization.len);
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_buf canonical;
    gw_buf_init(&canonical, API_SIGV4_MAX_CANONICAL);
    if (api_sigv4_canonical(&request, &claim, arena, &canonical))
        CHECK(canonical.len >= request.method.len + (size_t)2 * API_SIGV4_SHA256_SIZE);
    CHECK(api_sigv4_verify(&request, &claim, "unknown to the input", NOW_MS, arena) !=
          API_SIGV4_GOOD);
    gw_buf_deinit(&canonical);
    gw_arena_free(&arena);
    return 0;
}
