/* SPDX-License-Identifier: MIT */
/* Who signed a request to the SES facade. */
#include "api/compat/ses.h"

#include <stdio.h>

#include "api/facade.h"
#include "api/idempotency.h"
#include "api/sigv4.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_mem.h"

static const char invocation_id[] = "amz-sdk-invocation-id";

static const struct api_facade_error no_signature = {
    403, "MissingAuthenticationTokenException", 0,
    "The request has no Authorization header with an AWS Signature Version 4."};
static const struct api_facade_error incomplete = {
    403, "IncompleteSignatureException", 0,
    "The Authorization header is not an AWS Signature Version 4 for the service ses that covers "
    "host and x-amz-date."};
static const struct api_facade_error expired = {
    403, "RequestExpired", 0, "x-amz-date is more than five minutes off this server's clock."};
/* The same for an unknown key as for a wrong secret: nobody learns which keys there are. */
static const struct api_facade_error wrong_signature = {
    403, "UnrecognizedClientException", 0,
    "The security token included in the request is invalid: no key has this access key id, or the "
    "signature is not that of its secret over this request. A proxy must keep the Host header."};

/* Headers as they were sent. What the HTTP library takes out of the list is put back. */
static size_t find_headers(const void *data, const char *name, struct gw_slice *out, size_t max)
{
    const struct api_request *r = data;
    if (strcmp(name, "host") == 0) {
        if (max > 0)
            out[0] = r->authority;
        return 1;
    }
    return api_request_headers(r, name, out, max);
}

/* Those and the length, of which only the body is left. */
struct headers {
    const struct api_request *request;
    char length[24];
};

static size_t find_signed(const void *data, const char *name, struct gw_slice *out, size_t max)
{
    const struct headers *h = data;
    size_t n = find_headers(h->request, name, out, max);
    if (n > 0 || strcmp(name, "content-length") != 0)
        return n;
    if (max > 0)
        out[0] = gw_slice_str(h->length);
    return 1;
}

static bool read_claim(struct api_request *r, struct api_sigv4_claim *out)
{
    struct gw_slice given;
    return api_request_headers(r, "authorization", &given, 1) == 1 && api_sigv4_parse(given, out);
}

static const struct cfg_api_key *find_key(const struct cfg *cfg, struct gw_slice id)
{
    for (size_t i = 0; i < cfg->n_api_keys; i++)
        if (gw_slice_is(id, cfg->api_keys[i].id))
            return &cfg->api_keys[i];
    return NULL;
}

/* The secret that requests of @key are signed with; false when it has none. @out is filled in any
 * case, so that the work is the same. */
static bool secret_of(const struct cfg *cfg, const struct cfg_api_key *key,
                      char out[CFG_MAX_API_SECRET + 1])
{
    char derived[API_SIGV4_SECRET_SIZE];
    const char *master = cfg->master_key;
    api_sigv4_derive_secret(master != NULL ? master : "", key != NULL ? key->id : "", derived);
    bool clear = key != NULL && key->secret != NULL;
    (void)snprintf(out, CFG_MAX_API_SECRET + 1, "%s", clear ? key->secret : derived);
    gw_wipe(derived, sizeof(derived));
    return clear || (key != NULL && master != NULL);
}

const struct cfg_api_key *api_ses_authenticate(struct api_request *r, struct api_problem *why)
{
    struct api_sigv4_claim claim;
    struct gw_slice given;
    if (!read_claim(r, &claim)) {
        bool there = api_request_headers(r, "authorization", &given, 1) > 0;
        why->as = there ? &incomplete : &no_signature;
        return NULL;
    }
    struct headers headers = {.request = r};
    struct api_sigv4_request request = {
        .method = r->method,
        .path = gw_slice_of(r->target.data, r->target.len - r->query.len),
        .query = r->query,
        .headers = find_signed,
        .headers_data = &headers};
    if (request.path.len > 0 && request.path.data[request.path.len - 1] == '?')
        request.path.len--;
    (void)snprintf(headers.length, sizeof(headers.length), "%zu", r->body.len);
    memcpy(request.body_sha256, r->body_sha256, sizeof(request.body_sha256));
    const struct cfg *cfg = r->context->cfg;
    const struct cfg_api_key *key = find_key(cfg, claim.key_id);
    char secret[CFG_MAX_API_SECRET + 1];
    bool usable = secret_of(cfg, key, secret);
    struct gw_arena *arena = gw_arena_new(0);
    enum api_sigv4_verdict verdict =
        api_sigv4_verify(&request, &claim, secret, gw_clock_wall_ms(), arena);
    gw_arena_free(&arena);
    gw_wipe(secret, sizeof(secret));
    if (verdict == API_SIGV4_GOOD && usable)
        return key;
    why->as = verdict == API_SIGV4_MALFORMED ? &incomplete
              : verdict == API_SIGV4_EXPIRED ? &expired
                                             : &wrong_signature;
    return NULL;
}

static bool is_printable(struct gw_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] <= ' ' || s.data[i] > '~')
            return false;
    return s.len > 0 && s.len <= API_MAX_IDEMPOTENCY_KEY;
}

const char *api_ses_idempotency_key(struct api_request *r)
{
    struct api_sigv4_claim claim;
    struct gw_slice id;
    bool is_claim = read_claim(r, &claim);
    bool has_id = api_request_headers(r, invocation_id, &id, 1) == 1 && is_printable(id);
    if (has_id && (r->api_key == NULL || (is_claim && api_sigv4_is_signed(&claim, invocation_id))))
        return api_request_strdup(r, id);
    if (!is_claim || r->api_key == NULL)
        return NULL;
    char text[2 * API_SIGV4_SHA256_SIZE + 1];
    for (size_t i = 0; i < API_SIGV4_SHA256_SIZE; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", claim.signature[i]);
    return api_request_strdup(r, gw_slice_str(text));
}
