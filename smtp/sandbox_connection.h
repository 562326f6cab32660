/* SPDX-License-Identifier: MIT */
/* One client of the sandbox on the loop: socket, timer, TLS and session.
 *
 * Happy path: accept → (handshake) → greeting → read, step, write … → QUIT → the reply is sent →
 * shutdown → the client closes → close.
 * Failure: any error of the socket or of TLS closes it at once; a client that is silent for too
 * long gets 421. What was not answered is not kept.
 *
 * Loop thread only. */
#ifndef SMTP_SANDBOX_CONNECTION_H
#define SMTP_SANDBOX_CONNECTION_H

#include <uv.h>

#include "gateway/base/gw_list.h"
#include "smtp/sandbox_session.h"
#include "smtp/tls.h"

enum {
    SMTP_SANDBOX_READ_SIZE = 16 * 1024 /* libuv reads up to 32 times in a turn of the loop */
};

/* What all connections of a sandbox share. */
struct smtp_sandbox_shared {
    uv_loop_t *loop;
    struct smtp_sandbox_session_config session;
    struct smtp_tls_context *tls; /* NULL: no TLS */
    bool implicit_tls;
    int64_t idle_ms;
    struct smtp_sandbox_store store;
    smtp_sandbox_message_cb on_message;
    void *on_message_data;
    struct gw_list connections;                           /* open ones */
    size_t n_connections;                                 /* not yet freed */
    void (*on_freed)(struct smtp_sandbox_shared *shared); /* after each connection's end */
    char read_buffer[SMTP_SANDBOX_READ_SIZE];             /* used up before the next read */
};

struct smtp_sandbox_connection;

/* Takes one connection that waits at @listener. It frees itself. */
void smtp_sandbox_connection_accept(struct smtp_sandbox_shared *shared, uv_stream_t *listener);
/* Close at once. Idempotent; on_freed comes later, from the loop. */
void smtp_sandbox_connection_close(struct smtp_sandbox_connection *c);
struct smtp_sandbox_connection *smtp_sandbox_connection_of(struct gw_list *link);

#endif
