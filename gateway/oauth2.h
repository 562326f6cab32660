/* SPDX-License-Identifier: MIT */
/* The access tokens of one relay: a fixed one, or fetched from a token endpoint with the grants
 * "refresh_token" (on behalf of a user) and "client_credentials" (on behalf of the application).
 *
 * Happy path: gw_oauth2_get() → READY with a token; it is fetched at the first question, again
 * ahead of its expiry, and once for all connections.
 * Failure: PENDING while a fetch is on its way, then on_change; FAILED with words for people. A
 * token endpoint that is down loses no mail: the old token serves until it expires, then messages
 * are deferred. No secret is ever in a log or a detail.
 *
 * Spec: RFC 6749 sec. 4.4, 5, 6; RFC 6750. Loop thread only. */
#ifndef GW_OAUTH2_H
#define GW_OAUTH2_H

#include <stdbool.h>

#include "config/cfg.h"
#include "gateway/http_client.h"
#include "smtp/relay.h"

enum {
    GW_OAUTH2_TIMEOUT_MS = 30 * 1000 /* of one request to the token endpoint; ours */
};

struct gw_oauth2;

/* @config, @relay (its name) are borrowed and must outlive it, @http too (NULL with a fixed token).
 * @on_change  after PENDING: ask again; from the loop */
struct gw_oauth2 *gw_oauth2_new(struct gw_http *http, const struct cfg_oauth2 *config,
                                const char *relay, void (*on_change)(void *data), void *data);
/* Cancels the request in hand; from now on there is no new token. */
void gw_oauth2_stop(struct gw_oauth2 *o);
/* As stop, and NULL is fine. */
void gw_oauth2_free(struct gw_oauth2 **o);

/* As struct smtp_secret_source has them; @data is a struct gw_oauth2. */
enum smtp_secret_status gw_oauth2_get(void *data, struct smtp_secret *out);
bool gw_oauth2_refused(void *data);

#endif
