/* SPDX-License-Identifier: MIT */
/* What the client*.c files share. */
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

/* A second connection that asks for TLS when the first one hears nothing, see client_probe.c. */
struct client_probe {
    uv_tcp_t tcp;
    uv_connect_t connect_req;
    struct gw_buf hello;
    bool open;
};

struct smtp_client {
    struct smtp_client_config config;
    const struct smtp_client_events *events;
    void *data;
    enum client_phase phase;
    bool begun; /* the session knows that we are connected */
    bool ready, was_ready, down;
    int64_t parked_ms; /* when it became idle; 0: it is not */
    struct smtp_session *session;
    struct smtp_transaction *txn;
    uint64_t n_started;
    struct smtp_tls *tls;

    /* Handles: the timer, the probe, and up to SMTP_MAX_ADDRESSES sockets, of which one wins. */
    unsigned n_handles;
    uv_timer_t timer;
    struct client_attempt attempts[SMTP_MAX_ADDRESSES];
    uv_stream_t *stream; /* of attempts[winner] */
    size_t winner;
    struct client_probe probe;
    char peer[SMTP_ADDRESS_TEXT_SIZE];

    struct smtp_lookup lookup;
    struct smtp_addresses addresses;
    size_t n_tried;

    /* Absolute monotonic times, 0 for none; the timer runs for the earliest. */
    int64_t deadline_ms; /* of the phase, or the session's */
    int64_t stagger_ms;  /* next address joins the race */
    int64_t idle_ms;     /* parked until */
    int64_t broken_ms;   /* after a failed write */
    int64_t work_ms;     /* the session has work of its own to go on with */
    int64_t probe_ms;    /* when to ask for TLS, unless a greeting comes before */
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

/* client_connect.c */
/* The reason that a libuv error of a socket stands for. */
enum smtp_reason smtp_client_reason_of(int uv_error);
/* From a host name to a socket; ends in smtp_client_connected() or smtp_client_lost(). */
void smtp_client_resolve(struct smtp_client *c);
void smtp_client_connect_timer(struct smtp_client *c, int64_t now_ms);
/* Close all sockets of the race but the winner's (NULL: all). */
void smtp_client_end_race(struct smtp_client *c, const uv_stream_t *winner);
/* Close callback of every handle of a client; the last one frees it. */
void smtp_client_on_handle_closed(uv_handle_t *handle);

/* client_probe.c */
void smtp_client_start_probe(struct smtp_client *c);
/* Idempotent; also calls a probe off that is yet to start. */
void smtp_client_end_probe(struct smtp_client *c);

/* client_output.c */
/* Everything after what was sent before. A failure shows as write_error, never as a return.
 * @owes_written  send_written is set once the kernel has it all */
void smtp_client_send(struct smtp_client *c, struct gw_slice out, bool owes_written);
/* Sends what waits, in one write, and keeps its memory until the kernel has it all. */
void smtp_client_flush(struct smtp_client *c);

/* client_tls.c */
void smtp_client_start_tls(struct smtp_client *c);
/* Go on with the handshake after input. */
void smtp_client_shake(struct smtp_client *c);
void smtp_client_tls_failed(struct smtp_client *c);
/* The probe found TLS where we wait for a greeting. */
void smtp_client_expected_tls(struct smtp_client *c);

/* client.c */
/* One event and all the WRITTEN events it brings about. */
void smtp_client_drive(struct smtp_client *c, struct smtp_event ev);
void smtp_client_connected(struct smtp_client *c);
/* The connection or the way to it failed: tell the session, or end at once if it never began. */
void smtp_client_lost(struct smtp_client *c, enum smtp_reason reason, const char *detail);
void smtp_client_arm(struct smtp_client *c);
/* Close every handle. Idempotent. */
void smtp_client_close_all(struct smtp_client *c);

#endif
