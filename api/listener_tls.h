/* SPDX-License-Identifier: MIT */
/* The TLS side of a listener. */
#ifndef API_LISTENER_TLS_H
#define API_LISTENER_TLS_H

#include <openssl/ssl.h>

#include "config/cfg.h"
#include "gateway/base/gw_status.h"

/* A server context: TLS 1.2 or later, forward-secret AEAD ciphers only (what HTTP/2 asks for, RFC
 * 9113 sec. 9.2.2), ALPN h2 and http/1.1, no renegotiation, no compression, client certificates
 * required when client_ca_file is set.
 * GW_TLS with err->text naming the listener and the file. */
enum gw_status api_listener_tls_new(const struct cfg_listen *config, SSL_CTX **out,
                                    struct gw_err *err) GW_NODISCARD;

#endif
