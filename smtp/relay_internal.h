/* SPDX-License-Identifier: MIT */
/* What relay.c (transactions and life) and relay_pool.c (connections) share. */
#ifndef SMTP_RELAY_INTERNAL_H
#define SMTP_RELAY_INTERNAL_H

#include "smtp/client.h"
#include "smtp/relay.h"
#include "smtp/relay_config.h"
#include "smtp/resolver.h"

enum relay_slot_state {
    RELAY_SLOT_CONNECTING,
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
    struct smtp_transaction *txn;
    uint64_t newest_waiting; /* number of the last transaction submitted when the attempt began */
    bool was_ready;
    bool stale; /* broke before it took a transaction that could be moved */
};

struct smtp_relay {
    uv_loop_t *loop;
    struct smtp_relay_config config;
    struct smtp_session_config session;
    struct smtp_tls_context *tls;
    struct smtp_resolver *resolver;
    struct smtp_client_buffers *buffers;

    struct gw_list slots[N_RELAY_SLOT_STATES]; /* idle: most recently used first */
    size_t n_slots[N_RELAY_SLOT_STATES];
    struct gw_list waiting; /* struct smtp_transaction, in order */
    size_t n_waiting;
    uint64_t n_submitted;

    /* Finished transactions whose on_done is due; the idle handle runs while there are any. */
    struct gw_list done;
    size_t n_done;
    uv_idle_t done_idle;

    unsigned n_failures;      /* attempts in a row */
    unsigned n_auth_failures; /* likewise */
    int64_t hold_until_ms;    /* no new connection before, while others work */
    int64_t auth_hold_until_ms;
    struct smtp_client_end last_failure;
    struct smtp_relay_stats stats; /* counters and last error */

    bool closing, resolver_closed, handles_closing;
    bool pumping;
    uv_timer_t timer; /* the end of a hold; once closing, of the grace */
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
/* Every waiting transaction with a number up to @up_to. */
void smtp_relay_fail_waiting(struct smtp_relay *r, uint64_t up_to,
                             const struct smtp_client_end *why);
/* The last step of closing, when nothing waits, runs, or is still to be reported. */
void smtp_relay_close_if_done(struct smtp_relay *r);

/* relay_pool.c */
/* Brings transactions and connections together. What it starts may call back into it; the outer
 * round then sees to the rest. */
void smtp_relay_pump(struct smtp_relay *r);
size_t smtp_relay_n_slots(const struct smtp_relay *r);
/* Polite, of all slots in a state. */
void smtp_relay_leave_all(struct smtp_relay *r, enum relay_slot_state state);
/* At once, of all slots in a state. */
void smtp_relay_abort_all(struct smtp_relay *r, enum relay_slot_state state);

#endif
