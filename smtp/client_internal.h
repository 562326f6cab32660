/* SPDX-License-Identifier: MIT */
/* What client.c (the conversation) and client_connect.c (how TCP comes up) share. */
#ifndef SMTP_CLIENT_INTERNAL_H
#define SMTP_CLIENT_INTERNAL_H

#include "gateway/base/gw_buf.h"
#include "smtp/client.h"

enum client_phase {
    CLIENT_RESOLVE,
    CLIENT_CONNECT,
    CLIENT_HANDSHAKE, /* TLS, implicit or after STARTTLS */
    CLIENT_TALK,      /* bytes go to the session */
    CLIENT_LINGER,    /* down; the rest of the output is on its way */
    CLIENT_CLOSING    /* every handle is closed or closing */
};

/* One address in the race. */
struct client_attempt {
    uv_tcp_t tcp;
    uv_connect_t req;
    bool open;  /* tcp is initialised and not closing */
    int status; /* of a failed attempt, a libuv code; 0 while it runs */
};

struct smtp_client {
    struct smtp_client_config config;
    const struct smtp_client_events *events;
    void *data;
    enum client_phase phase;
    bool begun; /* the session knows that we are connected */
    bool ready, down;
    struct smtp_session *session;
    struct smtp_transaction *txn;
    uint64_t n_started;
    struct smtp_tls *tls;

    /* Handles: the timer and up to SMTP_MAX_ADDRESSES sockets, of which `stream` wins. */
    unsigned n_handles;
    uv_timer_t timer;
    struct client_attempt attempts[SMTP_MAX_ADDRESSES];
    uv_stream_t *stream;
    char peer[SMTP_ADDRESS_TEXT_SIZE];

    struct smtp_lookup lookup;
    struct smtp_addresses addresses;
    size_t n_tried;

    /* Absolute monotonic times, 0 for none; the timer runs for the earliest. */
    int64_t deadline_ms; /* of the phase, or the session's */
    int64_t stagger_ms;  /* next address joins the race */
    int64_t idle_ms;     /* parked until */
    int64_t broken_ms;   /* after a failed write */
    int64_t armed_ms;    /* what the timer is set to; 0: not running */

    /* Output. Plaintext waits in `queue`, ciphertext in tls; `flying` belongs to the kernel's write
     * request while in_flight. */
    struct gw_buf queue, flying;
    uv_write_t write_req;
    bool in_flight, owes_written, send_written;
    int write_error;
    size_t sync_bytes;

    int64_t started_at_ms, resolved_at_ms, connected_at_ms, secured_at_ms;
};

/* client_connect.c: from CLIENT_RESOLVE on; ends in smtp_client_connected() or smtp_client_lost().
 */
void smtp_client_resolve(struct smtp_client *c);
void smtp_client_connect_timer(struct smtp_client *c, int64_t now_ms);
/* Close all sockets of the race but the winner's (NULL: all). */
void smtp_client_end_race(struct smtp_client *c, const uv_stream_t *winner);
/* Close callback of every handle of a client; the last one frees it. */
void smtp_client_on_handle_closed(uv_handle_t *handle);

/* client.c */
void smtp_client_connected(struct smtp_client *c);
/* The connection or the way to it failed: tell the session, or end at once if it never began. */
void smtp_client_lost(struct smtp_client *c, enum smtp_reason reason, const char *detail);
void smtp_client_arm(struct smtp_client *c);
/* The reason that a libuv error of a socket stands for. */
enum smtp_reason smtp_client_reason_of(int uv_error);

#endif
