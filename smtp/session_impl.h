/* SPDX-License-Identifier: MIT */
/* The insides of the session, shared by the session*.c files only.
 *
 * A state is "what reply we wait for". A reply is judged by the state's on_reply, which moves to
 * the next state by smtp_session_enter(); what that state has to say is sent at the end of the
 * step, when all input was read, so that bytes which came too early are seen before we answer. */
#ifndef SMTP_SESSION_IMPL_H
#define SMTP_SESSION_IMPL_H

#include "gateway/base/gw_buf.h"
#include "smtp/dot_stuff.h"
#include "smtp/reply.h"
#include "smtp/sasl.h"
#include "smtp/secrets.h"
#include "smtp/session.h"

enum {
    SMTP_MAX_COMMAND = 512,         /* octets with CRLF, RFC 5321 sec. 4.5.3.1.4 */
    SMTP_MAX_COMMAND_PARAMS = 1000, /* with ESMTP parameters: 512 and what the extensions add */
    SMTP_MAX_RCPT = 512 + 500 + 28, /* with ORCPT and NOTIFY, RFC 3461 sec. 4.1 and 4.2 */
    SMTP_MAX_ENVID = 100,           /* octets of xtext, RFC 3461 sec. 4.4 */
    SMTP_MAX_ORCPT = 500,           /* octets with its type, RFC 3461 sec. 4.2 */
    SMTP_BDAT_CHUNK = 1024 * 1024,  /* octets of a chunk that is not the last; ours */
    SMTP_MAX_CHUNKS = 16,           /* in flight; ours */
    SMTP_MAX_ROUND_DOMAINS = 64,    /* RCPTDOMAINMAX beyond this is taken as this; ours */
    SMTP_MAX_FLIGHT_RCPTS = 100,    /* RCPTs in flight; ours: bounds what waits in any buffer */
    SMTP_MAX_IN_FLIGHT = SMTP_MAX_FLIGHT_RCPTS + 4,
    SMTP_DECIMAL_SIZE = 21,     /* digits of the largest 64-bit number, and NUL */
    SMTP_FIRST_OUT = 16 * 1024, /* an AUTH line fits without moving the buffer */
    SMTP_MAX_OUT = 192 * 1024   /* a whole flight with content, or a body piece */
};

struct smtp_session;

/* name, text for errors ("no … in time"), stage, timeout field, a fault here is the relay's, what
 * is sent on entry, who judges the reply, states that may follow (OVER always may) */
#define SMTP_STATE_TABLE(X) \
    X(NEW, "connection", CONNECT, AFTER(connect_ms), true, NULL, NULL, TO(GREETING)) \
    X(GREETING, "greeting", GREETING, AFTER(greeting_ms), true, NULL, DO(on_greeting), TO(EHLO)) \
    X(EHLO, "reply to EHLO", EHLO, AFTER(ehlo_ms), true, DO(send_ehlo), DO(on_ehlo), \
      TO(HELO) | TO(STARTTLS) | TO(AUTH) | TO(READY)) \
    X(HELO, "reply to HELO", EHLO, AFTER(ehlo_ms), true, DO(send_helo), DO(on_helo), TO(READY)) \
    X(STARTTLS, "reply to STARTTLS", STARTTLS, AFTER(starttls_ms), true, DO(send_starttls), \
      DO(on_starttls), TO(TLS) | TO(READY)) \
    X(TLS, "TLS handshake", TLS, AFTER(handshake_ms), true, DO(send_tls), NULL, TO(EHLO)) \
    X(AUTH, "reply to AUTH", AUTH, AFTER(auth_ms), true, DO(send_auth), DO(on_auth), \
      TO(AUTH) | TO(AUTH_CANCEL) | TO(READY)) \
    X(AUTH_CANCEL, "reply to the canceled AUTH", AUTH, AFTER(auth_ms), true, DO(send_auth_cancel), \
      DO(on_auth_cancel), 0) \
    X(READY, "end of its reply", IDLE, NO_TIMEOUT, false, NULL, NULL, \
      TO(MAIL) | TO(NOOP) | TO(QUIT)) \
    X(MAIL, "reply to MAIL", MAIL, AFTER(mail_ms), true, DO(send_flight), DO(on_mail), \
      TO(RCPT) | TO(DRAIN) | TO(RSET) | TO(READY)) \
    X(RCPT, "reply to RCPT", RCPT, AFTER(rcpt_ms), true, DO(send_flight), DO(on_rcpt), \
      TO(RCPT) | TO(DATA) | TO(CHUNK) | TO(LAST) | TO(DRAIN) | TO(RSET)) \
    X(DATA, "reply to DATA", DATA, AFTER(data_ms), true, DO(send_flight), DO(on_data), \
      TO(BODY) | TO(RSET)) \
    X(BODY, "progress in taking the message", BODY, AFTER(body_floor_ms), true, DO(send_body), \
      NULL, TO(DOT)) \
    X(DOT, "reply to the message", DOT, AFTER(dot_ms), true, NULL, DO(on_dot), \
      TO(READY) | TO(MAIL)) \
    X(CHUNK, "progress in taking the message", BDAT, AFTER(body_floor_ms), true, DO(send_chunk), \
      DO(on_chunk), TO(LAST) | TO(DRAIN) | TO(RSET)) \
    X(LAST, "reply to the message", BDAT_LAST, AFTER(dot_ms), true, NULL, DO(on_last), \
      TO(READY) | TO(MAIL) | TO(DRAIN) | TO(RSET)) \
    X(DRAIN, "reply to a command given up", MAIL, AFTER(data_ms), false, DO(send_lone_dot), \
      DO(on_drain), TO(DRAIN) | TO(RSET)) \
    X(RSET, "reply to RSET", RSET, AFTER(rset_ms), false, DO(send_rset), DO(on_rset), \
      TO(READY) | TO(MAIL)) \
    X(NOOP, "reply to NOOP", IDLE, AFTER(noop_ms), false, DO(send_noop), DO(on_noop), TO(READY)) \
    X(QUIT, "reply to QUIT", QUIT, AFTER(quit_ms), false, DO(send_quit), DO(on_quit), 0) \
    X(OVER, "end", QUIT, NO_TIMEOUT, false, NULL, NULL, 0)

enum smtp_state {
#define SMTP_STATE_ENUM(name, text, stage, timeout, blame, send, reply, next) SMTP_STATE_##name,
    SMTP_STATE_TABLE(SMTP_STATE_ENUM)
#undef SMTP_STATE_ENUM
    SMTP_N_STATES
};

typedef void (*smtp_state_fn)(struct smtp_session *s);

struct smtp_state_info {
    const char *text;
    enum smtp_stage stage;
    size_t timeout; /* offset in struct smtp_timeouts, or SIZE_MAX */
    bool blames_relay;
    smtp_state_fn send, on_reply;
    uint32_t next; /* bit per state */
};

/* What the next reply in order will answer. */
enum smtp_command {
    SMTP_CMD_SETUP, /* greeting to AUTH, RSET, NOOP, QUIT: never more than one in flight */
    SMTP_CMD_MAIL,
    SMTP_CMD_RCPT,
    SMTP_CMD_DATA,
    SMTP_CMD_DOT,
    SMTP_CMD_CHUNK, /* BDAT */
    SMTP_CMD_LAST   /* BDAT … LAST */
};

/* Where a recipient is in the round at hand (struct smtp_outcome.progress). */
enum {
    SMTP_RCPT_WAITING, /* for this round or a later one */
    SMTP_RCPT_SENT,
    SMTP_RCPT_ACCEPTED,
    SMTP_RCPT_AGAIN /* refused in a way that a further round gets over */
};

struct smtp_session {
    struct smtp_session_config config;
    char peer[128]; /* host:port for texts */
    enum smtp_state state;
    bool must_send;           /* the state was entered and its send is due */
    enum smtp_command popped; /* what the reply at hand answers */
    bool in_tls, quit_wanted, had_transaction;

    struct smtp_reply_parser reply;
    struct smtp_reply_info info; /* scratch of the reply at hand */
    struct gw_slice behind;      /* what came together with it */
    struct smtp_capabilities caps;
    bool ehlo_done;

    struct smtp_secrets secrets; /* not shown of any reply */
    struct smtp_sasl sasl;
    size_t mech; /* index into config.mechs */
    bool auth_begun;
    bool auth_works; /* on what a challenge asks for */

    /* The commands in flight, oldest first: a ring. */
    uint8_t in_flight[SMTP_MAX_IN_FLIGHT];
    size_t first_in_flight, n_in_flight;

    const struct smtp_envelope *env; /* NULL between transactions */
    size_t n_unsettled;              /* recipients without final outcome */
    /* Learned of this relay: it dislikes parameters that can be left out; how many RCPTs it takes
     * (0: no limit known); how many MAILs it got. */
    bool no_params, no_dsn;
    size_t rcpt_max;
    uint32_t n_mails;
    /* Of the round at hand, from MAIL to the reply that ends it: */
    size_t next_rcpt;          /* to send */
    size_t answered_rcpt;      /* the next reply is for this one or a later one */
    size_t n_sent, n_accepted; /* RCPTs, and those with 2yz */
    bool has_params, has_dsn;  /* MAIL or RCPT carry what can be left out */
    bool window_open;          /* the end of the content was handed over: loss is uncertain */
    size_t domains[SMTP_MAX_ROUND_DOMAINS]; /* a recipient of each domain, if they are limited */
    size_t n_domains;
    struct smtp_dot_stuff body;
    size_t content_at, chunk_left; /* BDAT: octets given out; left of the chunk at hand */
    int64_t body_since, body_handed_over;

    struct gw_buf out;
    bool out_is_secret;
    int64_t now, deadline, stage_since;
    struct smtp_timing timing;
    enum smtp_stage end_stage; /* in OVER */
    enum smtp_reason end_reason;
    struct smtp_action *act; /* of the step in hand */
};

/* session_state.c */
const struct smtp_state_info *smtp_state_info(enum smtp_state state);
/* Move to @next: the table must allow it. Starts its deadline and makes its send due unless its
 * command is in flight already. */
void smtp_session_enter(struct smtp_session *s, enum smtp_state next);
/* The deadline of the present state counts from now. */
void smtp_session_restart_deadline(struct smtp_session *s);

/* session_command.c */
/* Put a command line of these parts into the output, as one of the commands in flight. False when
 * it has octets that no command may have or is over @max octets: nothing is put then. */
bool smtp_session_command(struct smtp_session *s, enum smtp_command command, size_t max,
                          const char *const *parts, size_t n_parts) GW_NODISCARD;
/* @n in decimal: a place in @text. */
const char *smtp_session_decimal(uint64_t n, char text[SMTP_DECIMAL_SIZE]);
/* Remember that a reply to @command will come. */
void smtp_session_expect(struct smtp_session *s, enum smtp_command command);
enum smtp_command smtp_session_pop(struct smtp_session *s);
bool smtp_session_data_in_flight(const struct smtp_session *s);
/* @address may stand between the angle brackets of a path: at most SMTP_MAX_MAILBOX octets, none
 * that could end the path or the line. */
bool smtp_session_path_is_sound(const char *address, bool smtputf8);

/* session_outcome.c */
/* End the session by a fault: every recipient not yet final gets the reason (uncertain when the dot
 * is out), and the action says close. @reply may be NULL. */
void smtp_session_fail(struct smtp_session *s, enum smtp_reason reason,
                       const struct smtp_reply_info *reply, const char *fmt, ...) GW_PRINTF(4, 5);
/* The same with a farewell: the conversation is in order, we only do not want to go on. */
void smtp_session_leave(struct smtp_session *s, enum smtp_reason reason,
                        const struct smtp_reply_info *reply, const char *fmt, ...) GW_PRINTF(4, 5);
/* A reply that is well-formed but makes no sense here. */
void smtp_session_fail_sequence(struct smtp_session *s);
/* One recipient, or all that have no final outcome yet. @reply and @detail may be NULL. */
void smtp_session_settle(struct smtp_session *s, size_t rcpt, enum smtp_reason reason,
                         const struct smtp_reply_info *reply, const char *detail);
void smtp_session_settle_rest(struct smtp_session *s, enum smtp_reason reason,
                              const struct smtp_reply_info *reply, const char *detail);
/* All whose RCPT was accepted in this round, by the reply at hand. */
void smtp_session_settle_round(struct smtp_session *s);
/* The reply at hand in the form for people, without the credentials; valid until the next reply. */
const struct smtp_reply_info *smtp_session_info(struct smtp_session *s);

/* session_setup.c: from the greeting to ready */
void smtp_session_on_greeting(struct smtp_session *s);
void smtp_session_send_ehlo(struct smtp_session *s);
void smtp_session_on_ehlo(struct smtp_session *s);
void smtp_session_send_helo(struct smtp_session *s);
void smtp_session_on_helo(struct smtp_session *s);
void smtp_session_send_starttls(struct smtp_session *s);
void smtp_session_on_starttls(struct smtp_session *s);
void smtp_session_send_tls(struct smtp_session *s);

/* session_auth.c */
struct smtp_sasl_credentials smtp_session_credentials(const struct smtp_session *s);
/* AUTH if there are credentials, else ready. */
void smtp_session_authenticate(struct smtp_session *s);
void smtp_session_send_auth(struct smtp_session *s);
void smtp_session_on_auth(struct smtp_session *s);
void smtp_session_send_auth_cancel(struct smtp_session *s);
void smtp_session_on_auth_cancel(struct smtp_session *s);

/* session_transaction.c */
void smtp_session_begin(struct smtp_session *s, const struct smtp_envelope *env);
void smtp_session_cancel(struct smtp_session *s);
/* A round is over: done if it was the last, else the next one, behind RSET unless @clean (the relay
 * has ended the round itself). */
void smtp_session_end_round(struct smtp_session *s, bool clean);
/* MAIL to those who are not settled yet. */
void smtp_session_next_round(struct smtp_session *s);
void smtp_session_on_mail(struct smtp_session *s);
void smtp_session_on_rcpt(struct smtp_session *s);
void smtp_session_on_data(struct smtp_session *s);

/* session_flight.c */
/* The first recipient from @i on that goes into this round; n_rcpts when there is none. */
size_t smtp_session_next_rcpt(const struct smtp_session *s, size_t i);
void smtp_session_send_flight(struct smtp_session *s);

/* session_chunk.c */
/* The content goes by BDAT. */
bool smtp_session_uses_chunks(const struct smtp_session *s);
/* Put the whole content behind MAIL and RCPT. */
void smtp_session_send_whole(struct smtp_session *s);
void smtp_session_send_chunk(struct smtp_session *s);
void smtp_session_on_chunk(struct smtp_session *s);
void smtp_session_on_last(struct smtp_session *s);

/* session_body.c */
/* The body has the floor and the slowest fair rate's time for what it has handed over. */
void smtp_session_move_body_deadline(struct smtp_session *s);
void smtp_session_start_body(struct smtp_session *s);
void smtp_session_send_body(struct smtp_session *s);
/* A 4yz or 5yz while the body is on its way. */
void smtp_session_on_early_verdict(struct smtp_session *s);
void smtp_session_on_dot(struct smtp_session *s);

/* session_end.c: what follows a round that did not end by itself */
/* Read what is in flight, RSET; then the next round, or ready. */
void smtp_session_wind_up(struct smtp_session *s);
void smtp_session_send_lone_dot(struct smtp_session *s);
void smtp_session_on_drain(struct smtp_session *s);
void smtp_session_send_rset(struct smtp_session *s);
void smtp_session_on_rset(struct smtp_session *s);
void smtp_session_send_noop(struct smtp_session *s);
void smtp_session_on_noop(struct smtp_session *s);
void smtp_session_send_quit(struct smtp_session *s);
void smtp_session_on_quit(struct smtp_session *s);

#endif
