/* SPDX-License-Identifier: MIT */
/* One upstream relay: its pool of connections and the transactions waiting for one.
 *
 * Happy path: submit → a ready pooled connection (or a new one: resolve, connect, TLS, EHLO, AUTH)
 * → transaction → on_done with an outcome per recipient → the connection goes back to the pool.
 * Failure: whatever happens on the way, on_done is called exactly once and every recipient has a
 * final outcome; a connection found dead before anything was sent on it is replaced silently
 * (SMTP matrix Q3, Q4, M11). A relay that cannot be reached is left alone (breaker.h), one that
 * says it is too much gets less at once (aimd.h); transactions that cannot even be tried then are
 * refused: on_done says not_tried and with the reason why.
 *
 * Loop thread only. */
#ifndef SMTP_RELAY_H
#define SMTP_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "gateway/base/gw_list.h"
#include "gateway/base/gw_slice.h"
#include "gateway/base/gw_status.h"
#include "smtp/breaker.h"
#include "smtp/outcome.h"
#include "smtp/session.h"
#include "smtp/tls.h"

/* A password, or an OAuth2 access token, at the moment it is needed. */
enum smtp_secret_status {
    SMTP_SECRET_READY,
    SMTP_SECRET_PENDING, /* smtp_relay_secret_changed() will be called */
    SMTP_SECRET_FAILED
};
struct smtp_secret {
    const char *password, *token; /* READY: one of them; borrowed until the next call */
    enum smtp_reason reason;      /* FAILED: AUTH_TEMPORARY, or AUTH_FAILED: not before a change */
    const char *detail;           /* FAILED: words for people; borrowed likewise */
};
/* Where secrets come from that change: asked before each connection. Never calls back from inside.
 */
struct smtp_secret_source {
    enum smtp_secret_status (*get)(void *data, struct smtp_secret *out);
    /* The relay refused the one that it got last. True when another one can be had. NULL: never. */
    bool (*refused)(void *data);
    void *data;
};

struct smtp_relay;

/* Strings are copied by smtp_relay_new(). */
struct smtp_relay_config {
    const char *name; /* as in the configuration */
    const char *host; /* DNS name or IP literal without brackets */
    uint16_t port;
    enum smtp_tls_mode tls_mode;
    enum smtp_tls_verify verify;
    const char *ca_file;     /* PEM; NULL: the system's CAs */
    const char *server_name; /* name to verify and to send as SNI; NULL: host */
    const char *client_cert_file, *client_key_file; /* PEM, both or neither */
    struct smtp_tls_pin pins[SMTP_TLS_MAX_PINS];    /* see tls.h */
    size_t n_pins;
    int min_tls_version; /* 0x0303 (TLS 1.2) or 0x0304 */
    const char *username, *password;
    struct smtp_secret_source secrets; /* in place of the password; get NULL: none */
    /* Made ahead by smtp_relay_read_tls(); the relay holds it too. NULL: smtp_relay_new() makes it.
     */
    struct smtp_tls_context *tls;
    enum smtp_auth_mech mechs[SMTP_N_AUTH_MECHS];
    size_t n_mechs;
    const char *helo_name; /* NULL: this machine's FQDN, or [127.0.0.1] */
    size_t max_connections, max_messages_per_connection;
    int64_t idle_ms, max_age_ms;
    size_t max_waiting; /* transactions that may wait for a connection; those over it are refused */
    double rate_per_s;  /* transactions started per second; 0: no limit */
    double burst;       /* of them at once after a pause; 0: one second's worth */
    size_t domain_connections; /* transactions at once to one recipient domain; 0: no limit */
    double domain_rate_per_s;  /* started per second to one recipient domain; 0: no limit */
    /* It is not tried any more: the breaker opened, or the relay was paused. It is worth trying
     * again: the breaker closed, or the relay was resumed. In turn, on_down first; from the loop,
     * perhaps from inside a call about this relay; must not call back. NULL: nobody asks. */
    void (*on_down)(struct smtp_relay *r, enum smtp_reason reason, const char *detail, void *data);
    void (*on_up)(struct smtp_relay *r, void *data);
    void *on_change_data;
    struct smtp_timeouts timeouts;
    bool one_flight; /* see struct smtp_session_config */
    /* A relay that says nothing for so long after its first connection is asked, on a second one,
     * whether it waits for TLS (wrong_tls_mode); 0: never. */
    int64_t tls_probe_ms;
};
/* Defaults for everything but name, host, port. */
struct smtp_relay_config smtp_relay_config_default(void);

enum {
    SMTP_RELAY_MAX_MOVES = 2, /* of one transaction, off connections found dead before MAIL; ours */
    SMTP_RELAY_HOLD_MS = 1000,      /* after a failed attempt, while other connections work; ours */
    SMTP_RELAY_NOOP_MS = 15 * 1000, /* idle for longer: NOOP before a transaction; ours */
    SMTP_RELAY_BUSY_MS = 1000 /* a refused transaction may come back after this at least; ours */
};

/* A transaction. The caller owns the struct and all that envelope points at, from submit until
 * on_done. */
struct smtp_transaction;
typedef void (*smtp_transaction_done_cb)(struct smtp_transaction *txn);
struct smtp_transaction {
    struct smtp_envelope envelope;
    smtp_transaction_done_cb
        on_done; /* exactly once, from the loop, never from inside submit or cancel */
    void *data;  /* the caller's */
    /* The caller has another relay for it: do not let it wait for one that may be down. */
    bool has_alternative;
    uint32_t flow; /* whose it is (gw_turns.h): all who wait for a connection have their turns */
    /* results, valid in on_done beside envelope.outcomes: */
    struct smtp_timing timing;
    const char *tls_version; /* static text "TLSv1.3", or NULL for plaintext */
    bool reused_connection;
    bool not_tried;         /* no attempt was made for it: paused, busy, or known to be down */
    int64_t retry_after_ms; /* not_tried: when to come back; 0: when the caller likes */
    /* the relay's own: */
    struct gw_list link;
    void *connection;
    uint64_t number; /* in order of submission */
    uint64_t turn;
    unsigned n_moves;             /* to another connection, see SMTP_RELAY_MAX_MOVES */
    size_t n_left;                /* recipients that the last connection left open; 0: no such */
    bool finished, cancelled;     /* on_done is due; cancel was asked for */
    struct smtp_domain **domains; /* of its recipients, see relay_domains.h */
    size_t n_domains;
    struct smtp_domain *blocked_at;
};

/* Reads the CAs and client certificates that @config names, which may take milliseconds: in any
 * thread. *out is NULL without TLS. GW_IO, GW_TLS as below. */
enum gw_status smtp_relay_read_tls(const struct smtp_relay_config *config,
                                   struct smtp_tls_context **out, struct gw_err *err) GW_NODISCARD;

/* Loads CAs and client certificates now, so that a bad file is a start-up error.
 * GW_OK, GW_IO (file), GW_TLS (not PEM, key does not match), GW_INVALID (host name; username
 * without password). */
enum gw_status smtp_relay_new(uv_loop_t *loop, const struct smtp_relay_config *config,
                              struct smtp_relay **out, struct gw_err *err) GW_NODISCARD;

/* GW_OK: on_done will come. GW_CLOSED: closing; on_done will not come. */
enum gw_status smtp_relay_submit(struct smtp_relay *r, struct smtp_transaction *txn) GW_NODISCARD;
/* Ask for an early end; on_done still comes, with what is true by then. Idempotent. */
void smtp_relay_cancel(struct smtp_relay *r, struct smtp_transaction *txn);

/* The source has another secret, or knows that it has none. */
void smtp_relay_secret_changed(struct smtp_relay *r);

/* Paused: what runs goes on, everything else is refused as SMTP_REASON_RELAY_PAUSED. */
void smtp_relay_pause(struct smtp_relay *r);
/* Also forgets what the breaker knows: the next transaction is tried at once. */
void smtp_relay_resume(struct smtp_relay *r);

typedef void (*smtp_relay_closed_cb)(void *data);
/* Ends everything: waiting transactions end with SMTP_REASON_SHUTDOWN, running ones get up to
 * @grace_ms, idle connections QUIT and wait a second at most for the answer. @on_closed is called
 * once, when no handle is left; the relay is freed then. */
void smtp_relay_close(struct smtp_relay *r, int64_t grace_ms, smtp_relay_closed_cb on_closed,
                      void *data);

struct smtp_relay_stats {
    size_t connecting, busy, idle, waiting;
    size_t limit; /* transactions at once that the relay gets now */
    uint64_t opened, reused, handshakes, failed_connections;
    uint64_t transactions, refused, throttled;
    bool paused;
    enum smtp_breaker_state breaker;
    int64_t breaker_retry_in_ms; /* open: until the probe may go */
    unsigned n_failures;         /* connections in a row that did not come up */
    /* Last relay-level failure; zeroed after the next success. at_ms is wall time. */
    int64_t last_error_at_ms;
    enum smtp_reason last_reason;
    enum smtp_stage last_stage;
    char last_detail[SMTP_DETAIL_SIZE];
};
void smtp_relay_stats(const struct smtp_relay *r, struct smtp_relay_stats *out);
const char *smtp_relay_name(const struct smtp_relay *r);

#endif
