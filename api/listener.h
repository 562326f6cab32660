/* SPDX-License-Identifier: MIT */
/* Listeners: from a configured address to connections that speak HTTP/1.1 or HTTP/2. Used by
 * server.c only.
 *
 * Happy path: bind → listen → accept → caps → api_connection_open(). Over a cap the connection is
 * closed at once; when descriptors run short, accepting pauses until a connection has ended. */
#ifndef API_LISTENER_H
#define API_LISTENER_H

#include <h2o.h>
#include <uv.h>

#include "api/connection.h"
#include "config/cfg.h"
#include "gateway/base/gw_status.h"

enum {
    API_LISTEN_BACKLOG = 1024 /* cut by the kernel to net.core.somaxconn */
};

struct api_listener;

/* Bound and listening on return; connections come once the loop runs (by then acceptor->h2o is
 * initialised and the listener started). GW_IO or GW_TLS with err->text naming the address and what
 * to do. */
enum gw_status api_listener_open(uv_loop_t *loop, const struct cfg_listen *config,
                                 struct api_acceptor *acceptor, struct api_listener **out,
                                 struct gw_err *err) GW_NODISCARD;
/* Gives up a listener that was not started; it is freed when the loop has run. */
void api_listener_abort(struct api_listener *l);
/* Tells where requests go. */
void api_listener_start(struct api_listener *l, h2o_hostconf_t **hosts);
/* Reads the certificate files again, in any thread; *out is NULL without TLS. */
enum gw_status api_listener_load_tls(const struct api_listener *l, SSL_CTX **out,
                                     struct gw_err *err) GW_NODISCARD;
/* For connections from now on; takes @tls over. */
void api_listener_set_tls(struct api_listener *l, SSL_CTX *tls);
/* A connection has ended: listeners that wait for a descriptor take the next one. */
void api_listener_resume(struct api_acceptor *a);
/* Port we got, 0 for a Unix socket. */
uint16_t api_listener_port(const struct api_listener *l);
/* Stops listening; connections go on, and use the listener's memory until the process ends.
 * Idempotent. */
void api_listener_close(struct api_listener *l);

#endif
