/* SPDX-License-Identifier: MIT */
/* What relay.c (transactions and life), relay_pool.c (connections) and relay_health.c (what
 * failures and successes lead to) share. */
#ifndef SMTP_RELAY_INTERNAL_H
#define SMTP_RELAY_INTERNAL_H

#include "gateway/base/gw_token_bucket.h"
#include "gateway/base/gw_turns.h"
#include "smtp/aimd.h"
#include "smtp/breaker.h"
#include "smtp/client.h"
#include "smtp/relay.h"
#include "smtp/relay_config.h"
#include "smtp/relay_domains.h"
#include "smtp/resolver.h"
#include "smtp/sasl_scram.h"

enum relay_slot_state {
    RELAY_SLOT_CONNECTING, /* being made, or asked by NOOP whether it still works */
    RELAY_SLOT_IDLE,
    RELAY_SLOT_BUSY,
    RELAY_SLOT_LEAVING, /* QUIT said, or down and closing */
    N_RELAY_SLOT_STATES
};

/* One connection's place in the pool. Lives until the connection's memory is gone. */
struct relay_slot {
    struct gw_list link; /* in slots[state] */
    enum relay_slot_state state;
    struct smtp_relay *relay;
    struct smtp_client *client;
    struct smtp_tls_context *tls; /* what the connection was begun with */
    struct smtp_transaction *txn;
    uint64_t newest_waiting; /* number of the last transaction submitted when the attempt began */
    int64_t idle_since_ms;
    int64_t began_at_ms; /* of the attempt, the NOOP, or the transaction it has */
    char *secret;        /* password or token of this connection */
    bool probe;          /* what becomes of it decides about a half-open breaker */
    bool was_ready;
    bool stale; /* broke before it took a transaction that could be moved */
};

/* Files of TLS that were replaced, being read in a thread. */
struct relay_tls_reading {
    uv_work_t work;
    bool busy; /* the thread has what is below, and reads the relay's config */
    enum gw_status status;
    struct smtp_tls_context *tls;
    struct gw_err err;
};

struct smtp_relay {
    uv_loop_t *loop;
    struct smtp_relay_config config;
    struct smtp_session_config session;
    struct smtp_scram_cache scram_cache; /* of session */
    struct smtp_tls_context *tls;
    struct relay_tls_reading tls_reading;
    struct smtp_resolver *resolver;
    struct smtp_client_buffers *buffers;

    struct gw_list slots[N_RELAY_SLOT_STATES]; /* idle: most recently used first */
    size_t n_slots[N_RELAY_SLOT_STATES];
    struct gw_list waiting; /* struct smtp_transaction, in order, but those that wait in domains */
    size_t n_waiting;       /* of both kinds */
    struct gw_turns turns;  /* of those who wait here */
    uint64_t n_submitted;
    struct smtp_domains domains;
    struct gw_token_bucket rate;
    struct smtp_aimd concurrency;

    /* Finished transactions whose on_done is due; the idle handle runs while there are any. */
    struct gw_list done;
    size_t n_done;
    uv_idle_t done_idle;

    char *tried;  /* the secret that a connection got last; only with a source */
    bool renewed; /* and it was fetched because the one before was refused */
    struct smtp_breaker breaker;
    bool wanted; /* some transaction failed or was refused since it was up: probe when due */
    bool paused;
    bool is_down;          /* as on_down and on_up told it */
    int64_t hold_until_ms; /* no new connection before, while others work */
    struct smtp_client_end last_failure;
    struct smtp_relay_stats stats; /* counters and last error */

    bool closing, hurries, resolver_closed, handles_closing;
    bool pumping;
    uv_timer_t timer; /* when the pump has something to do; once closing, the end of the grace */
    int n_handles;    /* idle and timer */
    smtp_relay_closed_cb on_closed;
    void *closed_data;
};

/* relay.c */
/* on_done is due. */
void smtp_relay_finish(struct smtp_relay *r, struct smtp_transaction *txn);
/* Gives every recipient without an outcome this one. */
void smtp_relay_set_outcomes(const struct smtp_transaction *txn, const struct smtp_client_end *why);
void smtp_relay_unqueue(struct smtp_relay *r, struct smtp_transaction *txn);
/* Every waiting transaction with a number up to @up_to, and those that have another relay. */
void smtp_relay_fail_waiting(struct smtp_relay *r, uint64_t up_to,
                             const struct smtp_client_end *why);
/* Every waiting transaction, as not tried. */
void smtp_relay_refuse_waiting(struct smtp_relay *r, const struct smtp_client_end *why);
/* Closing, and nothing runs any more: whatever still waits for an answer to QUIT does so for a
 * second at most. */
void smtp_relay_hurry(struct smtp_relay *r);
/* The last step of closing, when nothing waits, runs, or is still to be reported. */
void smtp_relay_close_if_done(struct smtp_relay *r);

/* relay_health.c */
/* May @txn wait here now? If not it is refused: finished as not tried. */
bool smtp_relay_admit(struct smtp_relay *r, struct smtp_transaction *txn);
/* Every waiting transaction, as the relay is paused. */
void smtp_relay_refuse_paused(struct smtp_relay *r);
/* Milliseconds until the making of the first connection has taken longer than a connect may; -1:
 * one is up, or none is being made. */
int64_t smtp_relay_slow_in_ms(const struct smtp_relay *r, int64_t now);
/* Waiting transactions that have another relay go there when this one is that slow. */
void smtp_relay_free_the_mobile(struct smtp_relay *r, int64_t now);
/* A new connection is up. */
void smtp_relay_came_up(struct smtp_relay *r);
/* An attempt at a connection failed. */
void smtp_relay_attempt_failed(struct smtp_relay *r, const struct relay_slot *s,
                               const struct smtp_client_end *end);
/* No connection can be made for want of a secret. */
void smtp_relay_no_secret(struct smtp_relay *r, const struct smtp_client_end *end);
/* What an established connection ended with, if that was the relay's fault. */
void smtp_relay_remember(struct smtp_relay *r, const struct smtp_client_end *end);
/* A transaction ran; what it tells about the relay. */
void smtp_relay_learn(struct smtp_relay *r, const struct relay_slot *s,
                      const struct smtp_transaction *txn);

/* relay_secret.c */
/* There is a secret for a connection, or none is needed. If not: who cannot wait is told. */
bool smtp_relay_has_secret(struct smtp_relay *r);
/* Gives a new connection its secret; smtp_relay_has_secret() said yes just now. */
void smtp_relay_lend_secret(struct relay_slot *s, struct smtp_session_config *session);
/* AUTH was refused: true when another secret can be had, and one is on its way. */
bool smtp_relay_renew_secret(struct smtp_relay *r);
/* The source has another secret than the one that was refused: forget the refusal. */
bool smtp_relay_secret_is_new(struct smtp_relay *r);

/* relay_tls.c */
/* A new connection gets what the files hold now. False: they were replaced and are being read; the
 * pump comes again when they are. */
bool smtp_relay_tls_is_current(struct smtp_relay *r);

/* relay_pool.c */
/* Brings transactions and connections together. What it starts may call back into it; the outer
 * round then sees to the rest. */
void smtp_relay_pump(struct smtp_relay *r);
size_t smtp_relay_n_slots(const struct smtp_relay *r);
/* Connections that take, or have, a transaction. */
size_t smtp_relay_n_established(const struct smtp_relay *r);
/* Polite, of all slots in a state. */
void smtp_relay_leave_all(struct smtp_relay *r, enum relay_slot_state state);
/* At once, of all slots in a state. */
void smtp_relay_abort_all(struct smtp_relay *r, enum relay_slot_state state);

#endif
