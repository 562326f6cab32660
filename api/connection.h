/* SPDX-License-Identifier: MIT */
/* The registry of accepted connections: each has one struct api_connection from accept until its
 * descriptor is closed, and everything that guards a connection keeps its state there.
 *
 * Happy path: accept → caps → api_connection_open → the library's HTTP/1 or HTTP/2 side → the
 * library lets go (api_connection_let_go) → closed. Failure: api_connection_end() shuts the socket
 * down; the library notices and closes it by itself, because only it knows what it has in flight.
 *
 * Loop thread only. */
#ifndef API_CONNECTION_H
#define API_CONNECTION_H

#include <h2o.h>
#include <uv.h>

#include "api/guard.h"
#include "api/h2_policy.h"
#include "api/http1_policy.h"
#include "api/peers.h"
#include "api/request.h"
#include "api/stall.h"
#include "api/turns.h"
#include "gateway/base/gw_list.h"

/* What all connections of a server share. */
struct api_acceptor {
    h2o_context_t h2o;
    const struct api_context *context;
    struct api_peers peers;
    struct gw_list connections; /* of struct api_connection */
    size_t n_connections;
    size_t n_h2_streams;    /* open, all connections */
    size_t receiving_bytes; /* incomplete bodies, all connections */
    size_t max_fds;         /* connections that the descriptor limit allows */
    struct api_turns turns;
    struct gw_list paused; /* of listeners that wait for a descriptor */
    uv_timer_t sweeper;
    int64_t refused_logged_ms; /* when a refused connection was logged last */
    int64_t full_at_ms;        /* monotonic, when limits.connections refused one; 0: never */
};

enum api_protocol {
    API_PROTOCOL_NONE, /* TLS handshake, or the first octets are not here */
    API_PROTOCOL_HTTP1,
    API_PROTOCOL_HTTP2
};

struct api_connection {
    struct gw_list link; /* in acceptor->connections */
    struct api_acceptor *acceptor;
    struct api_peer *peer; /* NULL on Unix sockets */
    h2o_accept_ctx_t *accept;
    h2o_timeout_entry_t first_octets; /* linked while we wait for them */
    h2o_timeout_entry_t refused;      /* linked when a write was, until the library is told */
    h2o_socket_t *sock;
    uv_stream_t *stream;   /* under sock */
    h2o_socket_cb on_read; /* the library's, behind api_connection_on_read_start() */
    uv_read_cb read_cb;    /* the library's, below on_read */
    size_t dark_octets;    /* read since the last ones that were data to the library */
    SSL_CTX *tls;          /* referenced; NULL: plain */
    enum api_protocol protocol;
    bool library_let_go; /* sock->data is no more */
    bool ending;         /* we want it closed */
    bool logged;         /* its first guard event */
    bool end_stream;     /* HTTP/2: the fields being parsed are all of their request */
    int linger_fd;  /* a second descriptor of the socket when its close shall linger, else -1 */
    char *farewell; /* an answer of ours that is on its way while a request is incomplete */
    struct gw_list turn;    /* in acceptor->turns while any of its requests waits */
    struct gw_list waiting; /* of struct api_request */
    size_t n_requests;      /* that reached a route and are not disposed of */
    uint64_t requests;      /* that ever did */
    size_t n_h2_streams;    /* open, whatever their requests are at */
    size_t n_streams;       /* of n_requests: streamed answers */
    size_t receiving;       /* octets of incomplete bodies */
    uint64_t body_octets;   /* of bodies, ever received */
    struct api_h2_budget h2;
    struct api_http1_state http1;
    struct api_stall stall;
};

/* Takes @stream, a heap handle, counts it and starts to read. @peer is given back when it closes.
 */
void api_connection_open(struct api_acceptor *a, h2o_accept_ctx_t *accept, uv_stream_t *stream,
                         struct api_peer *peer);

/* The connection behind @sock, or NULL: not one of ours. */
struct api_connection *api_connection_of_socket(const h2o_socket_t *sock);
/* The connection that @req came on. */
struct api_connection *api_connection_of(const h2o_req_t *req);

/* The connection whose input the library is parsing, when that lies at @input; else NULL. */
struct api_connection *api_connection_parsing(const void *input);

/* The library starts to read from @sock with @cb: returns what to start with instead. */
h2o_socket_cb api_connection_on_read_start(h2o_socket_t *sock, h2o_socket_cb cb);

/* It has: from here on what libuv reads passes us first. */
void api_connection_reads(h2o_socket_t *sock);

/* The library takes @sock as a connection of @protocol. Call its function between these two. */
void api_connection_accept_begin(h2o_socket_t *sock, enum api_protocol protocol);
void api_connection_accept_end(void);

/* The library closes @sock; its own connection is gone. */
void api_connection_let_go(const h2o_socket_t *sock);

/* A write to @stream was refused at once: it has no end that the library would be told of, as it
 * does not look at the status. Any stream; when it is one of ours, the library is told soon. */
void api_connection_write_refused(const uv_stream_t *stream);

/* The library has opened an HTTP/2 stream on @sock, or closed one. */
void api_connection_count_stream(const h2o_socket_t *sock, bool opened);

/* Octets of bodies that still fit: the server's budget, and this connection's share of it. */
size_t api_connection_room(const struct api_connection *c);
/* Corrects the count of incomplete bodies. */
void api_connection_set_receiving(struct api_connection *c, size_t octets);

/* Drain what the client still sends after the library has closed the connection. */
void api_connection_linger(struct api_connection *c);
/* Ends the connection from our side for @reason; it closes soon after. Again when it did not. */
void api_connection_end(struct api_connection *c, enum api_guard_reason reason);

/* Fills in how the connection stands, for the rules on slow peers. */
void api_connection_look(const struct api_connection *c, int64_t now_ms,
                         struct api_stall_facts *out);

/* The peer's address as text; "unix" for Unix sockets. */
void api_connection_peer_text(const struct api_connection *c, char *out, size_t size);

#endif
