/* SPDX-License-Identifier: MIT */
/* Listeners: from a configured address to connections that speak HTTP/1.1 or HTTP/2. Used by
 * server.c only.
 *
 * Happy path: bind → listen → accept → caps → TLS with ALPN, or a look at the first octets → the
 * HTTP library's HTTP/1 or HTTP/2 side. A client that says nothing is cut by the handshake timeout.
 */
#ifndef API_LISTENER_H
#define API_LISTENER_H

#include <h2o.h>
#include <uv.h>

#include "api/peers.h"
#include "config/cfg.h"
#include "gateway/base/gw_list.h"
#include "gateway/base/gw_status.h"

enum {
    API_LISTEN_BACKLOG = 1024 /* cut by the kernel to net.core.somaxconn */
};

/* What all listeners of a server share. */
struct api_acceptor {
    h2o_context_t h2o;
    const struct cfg_limits *limits;
    struct api_peers peers;
    struct gw_list connections; /* of struct api_connection */
    size_t n_connections;
};

/* One accepted connection, from accept to the socket's on_close. It is sock->on_close.data, from
 * where anything that guards a connection can find it. */
struct api_connection {
    struct gw_list link; /* in acceptor->connections */
    struct api_acceptor *acceptor;
    struct api_peer *peer; /* NULL on Unix sockets */
    h2o_accept_ctx_t *accept;
    h2o_timeout_entry_t first_octets; /* linked while we wait for them */
    h2o_socket_t *sock;
    int64_t opened_ms;
    int linger_fd; /* a second descriptor of the socket when its close shall linger, else -1 */
};

/* The connection that @req came on. */
struct api_connection *api_connection_of(const h2o_req_t *req);
/* Drain what the client still sends after the library has closed the connection. */
void api_connection_linger(struct api_connection *c);

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
/* Reads the certificate files again; *out is NULL without TLS. */
enum gw_status api_listener_load_tls(const struct api_listener *l, SSL_CTX **out,
                                     struct gw_err *err) GW_NODISCARD;
/* For connections from now on; takes @tls over. */
void api_listener_set_tls(struct api_listener *l, SSL_CTX *tls);
/* Port we got, 0 for a Unix socket. */
uint16_t api_listener_port(const struct api_listener *l);
/* Stops listening; connections go on, and use the listener's memory until the process ends.
 * Idempotent. */
void api_listener_close(struct api_listener *l);

#endif
