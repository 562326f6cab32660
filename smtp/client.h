/* SPDX-License-Identifier: MIT */
/* One connection to a relay: the only code that knows both libuv and the session engine.
 *
 * Happy path: new → resolve → connect (the addresses race, RFC 8305) → [TLS] → the session's
 * greeting, EHLO, STARTTLS, AUTH → on_ready → start → on_transaction_done → on_ready → … → quit →
 * on_down → on_closed.
 * Failure: at any point on_transaction_done (if a transaction runs), then on_down once with the
 * reason, then on_closed once when the last handle is gone and the memory with it.
 *
 * Events may come from inside start, cancel, quit and abort, never from inside new; the client is
 * valid until on_closed, so an event may call any function here. Loop thread only.
 *
 * Spec: RFC 5321 sec. 4.5.3.2 (deadlines), RFC 3207, RFC 8314, RFC 8305 (happy eyeballs). */
#ifndef SMTP_CLIENT_H
#define SMTP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "smtp/outcome.h"
#include "smtp/relay.h"
#include "smtp/resolver.h"
#include "smtp/session.h"
#include "smtp/tls.h"

enum {
    SMTP_CLIENT_STAGGER_MS = 250,         /* head start of each address (RFC 8305 sec. 5) */
    SMTP_CLIENT_READ_SIZE = 16 * 1024,    /* one read; a TLS record fits */
    SMTP_CLIENT_MAX_QUEUED = 1024 * 1024, /* output that waits for the kernel; ours */
    SMTP_CLIENT_SYNC_BYTES = 512 * 1024,  /* written at one go before the loop has its turn */
    SMTP_CLIENT_BROKEN_MS = 1000,         /* after a failed write, for the last words of a peer */
    SMTP_CLIENT_KEEPALIVE_S = 60          /* TCP keep-alive while nothing is said */
};

/* Memory that all connections of a relay share: filled and used up within one callback. What is
 * written is in there too as long as the kernel takes it at once; then 64 connections touch the
 * memory of one. */
struct smtp_client_buffers {
    char in[SMTP_CLIENT_READ_SIZE], plain[SMTP_CLIENT_READ_SIZE];
    struct gw_buf out, cipher; /* of the sessions, and what TLS makes of it */
};
struct smtp_client_buffers *smtp_client_buffers_new(void);
void smtp_client_buffers_free(struct smtp_client_buffers **buffers);

/* Somebody who looks on, for `mailhatch relay check`. All are required. */
struct smtp_client_trace {
    void (*on_connected)(void *data, const char *peer);
    /* The handshake is over. @ok: it succeeded; @tls tells more either way. */
    void (*on_tls)(void *data, const struct smtp_tls *tls, bool ok);
    /* @bytes went out or came in, decrypted, in any split. @secret: they are not to be shown. */
    void (*on_bytes)(void *data, struct gw_slice bytes, bool from_relay, bool secret);
};

/* Everything is borrowed and must outlive the client; the struct itself is copied. */
struct smtp_client_config {
    uv_loop_t *loop;
    const char *relay; /* name, for logs */
    struct smtp_session_config session;
    struct smtp_tls_context *tls; /* NULL only with SMTP_TLS_NONE */
    struct smtp_resolver *resolver;
    struct smtp_client_buffers *buffers;
    int64_t tls_probe_ms; /* without greeting for so long: see client_probe.c; 0: never */
    const struct smtp_client_trace *trace; /* NULL: nobody looks on */
    void *trace_data;
};

/* Where and why a connection ended. */
struct smtp_client_end {
    bool relay_sick; /* about the relay, not about a message or our own wish */
    enum smtp_stage stage;
    enum smtp_reason reason;
    char detail[SMTP_DETAIL_SIZE];
    struct smtp_reply_info reply;
};

struct smtp_client;

/* All are required. */
struct smtp_client_events {
    void (*on_ready)(struct smtp_client *c, void *data); /* takes a transaction now */
    void (*on_transaction_done)(struct smtp_client *c, struct smtp_transaction *txn, void *data);
    void (*on_idle_timeout)(struct smtp_client *c, void *data); /* set by smtp_client_park() */
    /* @end is borrowed for the call. Only abort is of any use from here on. */
    void (*on_down)(struct smtp_client *c, const struct smtp_client_end *end, void *data);
    void (*on_closed)(void *data);
};

/* Never NULL. @events is borrowed (static). */
struct smtp_client *smtp_client_new(const struct smtp_client_config *config,
                                    const struct smtp_client_events *events, void *data);

/* Only when ready. Fills txn's timing, tls_version and reused_connection by on_transaction_done.
 * When the connection turns out to be gone before anything was said, there is no
 * on_transaction_done: on_down comes with the transaction untouched. */
void smtp_client_start(struct smtp_client *c, struct smtp_transaction *txn);
/* The running transaction, if any; on_transaction_done comes when the session sees fit. */
void smtp_client_cancel(struct smtp_client *c);
/* When ready: on_idle_timeout at @deadline_ms (monotonic) unless a transaction starts before. */
void smtp_client_park(struct smtp_client *c, int64_t deadline_ms);
/* Only when ready: asks whether the relay is still there. on_ready, or on_down. */
void smtp_client_noop(struct smtp_client *c);
/* Leave politely; a running transaction ends at once as SMTP_REASON_SHUTDOWN. */
void smtp_client_quit(struct smtp_client *c);
/* Close now. */
void smtp_client_abort(struct smtp_client *c);

bool smtp_client_ready(const struct smtp_client *c);
/* Transactions started so far. */
uint64_t smtp_client_n_started(const struct smtp_client *c);
/* Monotonic time at which TCP came up; 0 before. */
int64_t smtp_client_connected_at_ms(const struct smtp_client *c);
/* "192.0.2.1:587", or "" before TCP came up. */
const char *smtp_client_peer(const struct smtp_client *c);
/* Of the last EHLO; NULL before it was answered. */
const struct smtp_capabilities *smtp_client_capabilities(const struct smtp_client *c);
/* Static text, NULL without TLS. */
const char *smtp_client_tls_version(const struct smtp_client *c);

#endif
