/* SPDX-License-Identifier: MIT */
/* The SMTP client as a state machine without I/O, timers or callbacks: events in, actions out.
 *
 * Happy path: CONNECTED → greeting → EHLO → [STARTTLS → TLS_DONE → EHLO] → [AUTH] → ready →
 * TRANSACTION → MAIL, RCPT…, DATA (pipelined when offered) → body → dot → transaction done →
 * (RSET when needed) → ready → … → QUIT → close. With CHUNKING the content goes by BDAT, a small
 * one in the same flight as MAIL and RCPT. Recipients beyond what the relay takes at a time follow
 * in further rounds, each MAIL to dot, before the transaction is done. Failure: every event may end
 * the session; act_out->close is then set and every recipient of the transaction in hand has its
 * outcome.
 *
 * Spec: RFC 5321, 3207 (STARTTLS), 4954 (AUTH, mechanisms in sasl.h), 2920 (PIPELINING), 1870
 * (SIZE), 6152 (8BITMIME), 2034 (ENHANCEDSTATUSCODES), 3030 (CHUNKING), 3461 (DSN), 6531
 * (SMTPUTF8), 8314 (implicit TLS), 8689 (REQUIRETLS), 9422 (LIMITS). */
#ifndef SMTP_SESSION_H
#define SMTP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_slice.h"
#include "gateway/base/gw_status.h"
#include "smtp/outcome.h"

enum smtp_tls_mode {
    SMTP_TLS_REQUIRED,      /* STARTTLS or nothing */
    SMTP_TLS_IMPLICIT,      /* TLS from the first byte */
    SMTP_TLS_OPPORTUNISTIC, /* STARTTLS when offered; never AUTH in plaintext */
    SMTP_TLS_NONE           /* plaintext; AUTH only if allow_plain_auth */
};

enum smtp_auth_mech {
    SMTP_AUTH_PLAIN,
    SMTP_AUTH_LOGIN,
    SMTP_AUTH_CRAM_MD5,
    SMTP_AUTH_SCRAM_SHA_256,
    SMTP_AUTH_XOAUTH2,
    SMTP_AUTH_OAUTHBEARER,
    SMTP_N_AUTH_MECHS
};

/* Milliseconds for one whole reply at each stage; also connect and handshake, which the driver
 * runs. Defaults are RFC 5321 sec. 4.5.3.2 minima or more. */
struct smtp_timeouts {
    int64_t resolve_ms, connect_ms, greeting_ms, ehlo_ms, starttls_ms, handshake_ms, auth_ms;
    int64_t mail_ms, rcpt_ms, data_ms, dot_ms, rset_ms, noop_ms, quit_ms;
    int64_t body_floor_ms;     /* a body may always take this long */
    int64_t body_min_rate_bps; /* bytes per second it must reach beyond that */
};
struct smtp_timeouts smtp_timeouts_default(void);

struct smtp_scram_cache;

/* What one session needs to know of its relay. Strings are borrowed and must outlive the session.
 */
struct smtp_session_config {
    const char *helo_name; /* our EHLO argument: FQDN or address literal */
    enum smtp_tls_mode tls_mode;
    const char *username;                         /* NULL: no AUTH */
    const char *password;                         /* NULL: only with a token */
    const char *token;                            /* OAuth2 access token, or NULL */
    enum smtp_auth_mech mechs[SMTP_N_AUTH_MECHS]; /* in order of preference */
    size_t n_mechs;
    struct smtp_scram_cache *scram_cache; /* shared by the sessions of a relay; may be NULL */
    bool one_flight;       /* small messages ride with MAIL and RCPT where CHUNKING is offered */
    bool tls_is_verified;  /* certificate and name are checked: what REQUIRETLS asks of us */
    bool allow_plain_auth; /* AUTH without TLS (a relay on loopback that says tls: none) */
    const char *host;      /* host:port of the relay, for texts */
    uint16_t port;
    struct smtp_timeouts timeouts;
    /* Memory for the output, shared by sessions that hand it back by smtp_session_release(); NULL:
     * each has its own. */
    struct gw_buf *memory;
};

/* Capabilities from the last EHLO (RFC 5321 sec. 4.1.1.1). */
struct smtp_capabilities {
    bool esmtp, starttls, pipelining, size, eightbitmime, smtputf8, enhanced_codes, chunking, dsn,
        requiretls;
    uint64_t max_size; /* octets; 0: no limit known */
    /* RFC 9422: MAIL commands of a session, recipients and their domains of a transaction; 0: no
     * limit known */
    uint32_t mail_max, rcpt_max, rcpt_domain_max;
    bool auth[SMTP_N_AUTH_MECHS];
};

enum smtp_dsn_ret {
    SMTP_RET_DEFAULT, /* not said */
    SMTP_RET_FULL,
    SMTP_RET_HDRS
};

/* Bits of smtp_dsn.notify */
enum {
    SMTP_NOTIFY_NEVER = 1, /* alone */
    SMTP_NOTIFY_SUCCESS = 2,
    SMTP_NOTIFY_FAILURE = 4,
    SMTP_NOTIFY_DELAY = 8
};

/* What the sender wants to be told of the delivery (RFC 3461). Goes out where the relay offers DSN,
 * is left out where not. */
struct smtp_dsn {
    enum smtp_dsn_ret ret;
    const char *envid; /* printable ASCII, not encoded; NULL: none */
    unsigned notify;   /* SMTP_NOTIFY_*; 0: not said */
};

/* One message to some recipients over one connection. Borrowed by the session from the
 * TRANSACTION event until the action that reports it done. */
struct smtp_envelope {
    const char *mail_from;    /* wire form without brackets, "" for the null sender */
    const char *const *rcpts; /* wire forms, at least one */
    size_t n_rcpts;
    struct gw_slice content; /* CRLF lines, 7-bit unless eightbit, no dot-stuffing, ends in CRLF */
    bool eightbit;           /* content has octets above 0x7F: BODY=8BITMIME */
    bool smtputf8;           /* needs SMTPUTF8 */
    bool require_tls;        /* only to a relay that promises TLS all the way (REQUIRETLS) */
    const struct smtp_dsn *dsn; /* NULL: not said */
    /* n_rcpts of them, owned by the caller, zeroed at first; written by us. Recipients with a final
     * outcome are passed over, so a transaction can be taken up again. */
    struct smtp_outcome *outcomes;
};

enum smtp_event_kind {
    SMTP_EV_CONNECTED, /* TCP is up (implicit TLS: after its handshake) */
    SMTP_EV_BYTES,     /* ev.bytes: any split of the stream */
    SMTP_EV_TLS_DONE,  /* the handshake asked for by act.start_tls succeeded */
    SMTP_EV_WRITTEN,   /* all of act.out was handed to the kernel (act.wants_written) */
    SMTP_EV_DEADLINE,  /* act.deadline_ms passed */
    SMTP_EV_WORK,      /* go on with what act.more_work spoke of */
    SMTP_EV_CLOSED,    /* connection or handshake is gone: ev.reason, ev.detail; also end of file */
    SMTP_EV_TRANSACTION, /* only when smtp_session_ready(): ev.envelope */
    SMTP_EV_NOOP,        /* only when smtp_session_ready(): is the relay there? ready again then */
    SMTP_EV_CANCEL,      /* give the transaction up; once its end was handed over: nothing */
    SMTP_EV_QUIT         /* leave politely once idle; in a transaction: at once, as shutdown */
};

struct smtp_event {
    enum smtp_event_kind kind;
    int64_t now_ms; /* monotonic */
    struct gw_slice bytes;
    enum smtp_reason reason; /* CLOSED */
    const char *detail;      /* CLOSED; may be NULL */
    const struct smtp_envelope *envelope;
};

struct smtp_action {
    struct gw_slice out;   /* bytes to write now; valid until the next step, or release */
    bool secret;           /* out holds a secret: not for any log */
    bool start_tls;        /* after out was written: begin the handshake */
    bool transaction_done; /* the envelope is no longer used; its outcomes are final, unless: */
    /* Some have none, as the relay takes no more of it on this connection: to be started again on
     * another one. */
    bool unfinished;
    bool wants_written; /* say WRITTEN when out was handed over; else it is of no use */
    bool ready;         /* the session would take a TRANSACTION now */
    bool more_work;     /* cannot go on before a WORK event; let others have their turn first */
    bool close;         /* close the connection after out was written; the session is over */
    bool relay_sick;    /* with close: reason/detail below are about the relay, not the message */
    enum smtp_stage stage; /* present stage; with close: where it ended */
    enum smtp_reason reason;
    char detail[SMTP_DETAIL_SIZE];
    struct smtp_reply_info reply; /* with relay_sick: the reply that said so, if one did */
    int64_t deadline_ms;          /* absolute monotonic; 0: none */
};

struct smtp_session;

/* @config is copied, its strings are borrowed. Never NULL. */
struct smtp_session *smtp_session_new(const struct smtp_session_config *config);
/* Wipes what it held of secrets. Sets the pointer to NULL; NULL inside is fine. */
void smtp_session_free(struct smtp_session **s);

/* Advance @s by one event.
 *
 * @ev       BYTES may hold any split of the stream, from one byte to several replies
 * @act_out  always written, also on error; act_out->out is valid until the next step
 *
 * The large body is given out in pieces: while a body is in progress every WRITTEN event yields the
 * next piece (at most SMTP_BODY_CHUNK bytes). The uncertain window opens with the step that returns
 * the piece holding the end-of-data dot, or the last chunk of BDAT, which may be in the first
 * flight. Never calls back; allocates only in new() and for the largest body piece. */
void smtp_session_step(struct smtp_session *s, const struct smtp_event *ev,
                       struct smtp_action *act_out);

/* act.out was copied or written: its memory is free for others. Wipes it if it held a secret. */
void smtp_session_release(struct smtp_session *s);

bool smtp_session_ready(const struct smtp_session *s);
/* True once EHLO (the last one) was answered. */
const struct smtp_capabilities *smtp_session_capabilities(const struct smtp_session *s);
/* Milliseconds spent in each stage since the last TRANSACTION event (or since CONNECTED for the
 * first), as the session saw them by ev.now_ms. */
void smtp_session_timing(const struct smtp_session *s, struct smtp_timing *out);

enum {
    SMTP_BODY_CHUNK = 64 * 1024,
    SMTP_ONE_FLIGHT_MAX = 64 * 1024 /* octets of a content that rides with MAIL and RCPT; ours */
};

#endif
