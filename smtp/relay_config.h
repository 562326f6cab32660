/* SPDX-License-Identifier: MIT */
/* The relay's own copy of its configuration. */
#ifndef SMTP_RELAY_CONFIG_H
#define SMTP_RELAY_CONFIG_H

#include "smtp/relay.h"

/* Deep copy; helo_name is filled in when NULL. */
void smtp_relay_config_copy(const struct smtp_relay_config *from, struct smtp_relay_config *to);
/* Wipes the password. */
void smtp_relay_config_deinit(struct smtp_relay_config *c);

/* Loopback: 127.0.0.0/8, ::1, localhost. */
bool smtp_is_this_machine(const char *host);

/* The session's view, strings borrowed from @c. AUTH without TLS is allowed only where the
 * configuration says tls: none and the host is this machine. */
struct smtp_session_config smtp_relay_session_config(const struct smtp_relay_config *c);
/* The TLS client's view. Opportunistic TLS without credentials is not verified: refusing a bad
 * certificate would only send the same mail in plaintext. */
struct smtp_tls_client_config smtp_relay_tls_config(const struct smtp_relay_config *c);

#endif
