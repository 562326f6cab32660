/* SPDX-License-Identifier: MIT */
/* API keys. */
#include "api/auth.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

/* The credentials behind the scheme; empty when the value is not of the form. */
static struct gw_slice bearer_token(struct gw_slice authorization)
{
    static const char scheme[] = "Bearer ";
    const size_t len = sizeof(scheme) - 1;
    if (authorization.len <= len || strncasecmp(authorization.data, scheme, len) != 0)
        return gw_slice_of(NULL, 0);
    struct gw_slice token = gw_slice_of(authorization.data + len, authorization.len - len);
    if (token.len > API_MAX_CREDENTIALS)
        return gw_slice_of(NULL, 0);
    for (size_t i = 0; i < token.len; i++) {
        if (token.data[i] <= ' ' || token.data[i] > '~')
            return gw_slice_of(NULL, 0);
    }
    return token;
}

const struct cfg_api_key *api_auth_bearer(const struct cfg *cfg, struct gw_slice authorization)
{
    static const struct cfg_api_key nobody; /* its hash is compared when the id is unknown */
    struct gw_slice token = bearer_token(authorization);
    const char *dot = token.len > 0 ? memchr(token.data, '.', token.len) : NULL;
    if (dot == NULL)
        return NULL;
    struct gw_slice id = gw_slice_of(token.data, (size_t)(dot - token.data));
    struct gw_slice secret = gw_slice_of(dot + 1, token.len - id.len - 1);
    const struct cfg_api_key *key = &nobody;
    for (size_t i = 0; i < cfg->n_api_keys; i++) {
        if (gw_slice_is(id, cfg->api_keys[i].id))
            key = &cfg->api_keys[i];
    }
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)secret.data, secret.len, digest);
    bool same = CRYPTO_memcmp(digest, key->sha256, sizeof(digest)) == 0;
    OPENSSL_cleanse(digest, sizeof(digest));
    return same && key != &nobody ? key : NULL;
}

bool api_rate_take(struct api_rate *r, double rate_per_s, int64_t now_ms,
                   int64_t *retry_after_ms_out)
{
    if (rate_per_s <= 0)
        return true;
    double burst = rate_per_s > 1 ? rate_per_s : 1;
    double refilled = (double)(now_ms - r->at_ms) * rate_per_s / 1000;
    r->spent = refilled < r->spent ? r->spent - refilled : 0;
    r->at_ms = now_ms;
    if (r->spent + 1 > burst) {
        *retry_after_ms_out = (int64_t)((r->spent + 1 - burst) * 1000 / rate_per_s) + 1;
        return false;
    }
    r->spent += 1;
    return true;
}
