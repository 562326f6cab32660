/* SPDX-License-Identifier: MIT */
/* API keys: who asks, may they, and how often.
 *
 * Spec: RFC 6750 sec. 2.1 (Bearer). The secret is compared as a SHA-256 in constant time, with the
 * same work for an unknown key id as for a wrong secret. */
#ifndef API_AUTH_H
#define API_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/cfg.h"
#include "gateway/base/gw_slice.h"

enum {
    API_MAX_CREDENTIALS = 512 /* octets of `<id>.<secret>`; ours, keys are about 60 */
};

/* Whose key is @token, `<id>.<secret>`? NULL when it is malformed, the id unknown or the secret
 * wrong. */
const struct cfg_api_key *api_auth_token(const struct cfg *cfg, struct gw_slice token);
/* @authorization  the value of the one Authorization header: `Bearer <id>.<secret>`
 * Returns the key, or NULL when the value is malformed, the id unknown or the secret wrong. */
const struct cfg_api_key *api_auth_bearer(const struct cfg *cfg, struct gw_slice authorization);
/* @authorization  `Basic <base64 of user:key>`; @user is the word before the colon */
const struct cfg_api_key *api_auth_basic(const struct cfg *cfg, struct gw_slice authorization,
                                         const char *user);

/* A token bucket that holds one second's worth of events, at least one. Zeroed: full. */
struct api_rate {
    double spent;
    int64_t at_ms;
};
/* Takes one event at @now_ms (monotonic). False when over @rate_per_s (0: no limit); then
 * *retry_after_ms_out says when one will be free. */
bool api_rate_take(struct api_rate *r, double rate_per_s, int64_t now_ms,
                   int64_t *retry_after_ms_out);

#endif
