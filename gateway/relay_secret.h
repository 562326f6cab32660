/* SPDX-License-Identifier: MIT */
/* The secret of one relay when it may change: a password file, or access tokens. Behind
 * struct smtp_secret_source. Loop thread only. */
#ifndef GW_RELAY_SECRET_H
#define GW_RELAY_SECRET_H

#include "gateway/oauth2.h"
#include "gateway/secret_file.h"

struct gw_relay_secret {
    struct gw_oauth2 *oauth2; /* NULL: the password */
    struct gw_secret_file password;
    struct smtp_relay *relay; /* whoever opens it says which */
};

/* @http is used with OAuth2 only. */
void gw_relay_secret_open(struct gw_relay_secret *s, struct gw_http *http,
                          const struct cfg_relay *c);
/* For a relay's configuration; one without get when the secret never changes. */
struct smtp_secret_source gw_relay_secret_source(struct gw_relay_secret *s);
/* No request for a token is made any more, none is in hand; before the HTTP client closes. */
void gw_relay_secret_stop(struct gw_relay_secret *s);
void gw_relay_secret_close(struct gw_relay_secret *s);
/* Does this relay need an HTTP client? */
bool gw_relay_secret_wants_http(const struct cfg_relay *c);

#endif
