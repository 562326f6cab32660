/* SPDX-License-Identifier: MIT */
/* API keys. */
#include "api/auth.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "gateway/base/gw_base64.h"

/* What stands behind @scheme, printable ASCII; empty when the value is not of the form. */
static struct gw_slice credentials(struct gw_slice authorization, const char *scheme)
{
    const size_t len = strlen(scheme);
    if (authorization.len <= len || strncasecmp(authorization.data, scheme, len) != 0)
        return gw_slice_of(NULL, 0);
    struct gw_slice token = gw_slice_of(authorization.data + len, authorization.len - len);
    for (size_t i = 0; i < token.len; i++) {
        if (token.data[i] <= ' ' || token.data[i] > '~')
            return gw_slice_of(NULL, 0);
    }
    return token;
}

const struct cfg_api_key *api_auth_bearer(const struct cfg *cfg, struct gw_slice authorization)
{
    return api_auth_token(cfg, credentials(authorization, "Bearer "));
}

const struct cfg_api_key *api_auth_basic(const struct cfg *cfg, struct gw_slice authorization,
                                         const char *user)
{
    char text[API_MAX_CREDENTIALS + 1];
    size_t len = 0;
    struct gw_slice encoded = credentials(authorization, "Basic ");
    size_t user_len = strlen(user);
    const struct cfg_api_key *key = NULL;
    if (encoded.len != 0 && gw_base64_decoded_max(encoded.len) <= sizeof(text) &&
        gw_base64_decode(encoded, text, &len, NULL) == GW_OK && len > user_len &&
        memcmp(text, user, user_len) == 0 && text[user_len] == ':')
        key = api_auth_token(cfg, gw_slice_of(text + user_len + 1, len - user_len - 1));
    OPENSSL_cleanse(text, sizeof(text));
    return key;
}

const struct cfg_api_key *api_auth_token(const struct cfg *cfg, struct gw_slice token)
{
    static const struct cfg_api_key nobody; /* its hash is compared when the id is unknown */
    if (token.len == 0 || token.len > API_MAX_CREDENTIALS)
        return NULL;
    const char *dot = memchr(token.data, '.', token.len);
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
