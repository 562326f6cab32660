/* SPDX-License-Identifier: MIT */
/* What became of a message, step by step: its events, and its attempts at relays. Both are written
 * by the store in the transaction that changes the message, so that none is missing and none is
 * about something that did not happen. */
#ifndef GW_HISTORY_H
#define GW_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/gw_slice.h"
#include "gateway/message.h"

/* name, type in the API. Stored by number: only added to. */
#define GW_EVENT_TABLE(X) \
    X(GW_EVENT_QUEUED, "message.queued") \
    X(GW_EVENT_COMPLETED, "message.completed") /* every recipient is final */ \
    X(GW_EVENT_SENT, "recipient.sent") \
    X(GW_EVENT_DEFERRED, "recipient.deferred") \
    X(GW_EVENT_REJECTED, "recipient.rejected") \
    X(GW_EVENT_EXPIRED, "recipient.expired") \
    X(GW_EVENT_CANCELED, "recipient.canceled") \
    X(GW_EVENT_SUPPRESSED, "recipient.suppressed") \
    X(GW_EVENT_UNCERTAIN, "recipient.uncertain") /* became so; `deferred` follows when retried */ \
    X(GW_EVENT_RELAY_DOWN, "relay.down") \
    X(GW_EVENT_RELAY_UP, "relay.up") \
    X(GW_EVENT_WEBHOOK_PAUSED, "webhook.paused") \
    X(GW_EVENT_WEBHOOK_RESUMED, "webhook.resumed") \
    X(GW_EVENT_WEBHOOK_TEST, "webhook.test") /* never stored */

enum gw_event_type {
#define GW_EVENT_ENUM(name, text) name,
    GW_EVENT_TABLE(GW_EVENT_ENUM)
#undef GW_EVENT_ENUM
    GW_N_EVENT_TYPES
};
const char *gw_event_type_name(enum gw_event_type type);
/* The types that @pattern stands for, 1 << type, or-ed: a type, all of a kind ("recipient.*"), or
 * "*". 0: none has that name. */
unsigned gw_event_types_like(struct gw_slice pattern);

/* One change. Texts belong to whoever hands it out. */
struct gw_event {
    int64_t seq;   /* grows by at least 1 per event, over all messages; never used twice */
    int64_t at_ms; /* wall */
    enum gw_event_type type;
    const char *id; /* of the message; NULL: the event is about a relay or a webhook */
    const char *tenant;
    const char *subject; /* name of the relay or webhook; NULL: the event is about a message */
    const char *message_status; /* status word of the whole after the change */
    /* of a recipient; email NULL: the event is about the whole message */
    const char *email;
    enum gw_category category;
    bool uncertain;
    unsigned attempt;
    const char *relay, *reason; /* NULL: none */
    int code;                   /* 0: no reply */
    const char *enhanced;       /* "" when none */
    const char *command;        /* NULL: none */
    const char *text;           /* "" when none */
    int64_t next_attempt_ms;    /* wall, 0: none planned */
};
/* A copy with its texts in @arena. */
struct gw_event gw_event_copy(struct gw_arena *arena, const struct gw_event *e);

/* @rcpt  index of the recipient; of no meaning when e->email is NULL
 * @e     seq is 0 */
typedef void (*gw_event_cb)(const struct gw_event *e, size_t rcpt, void *data);

/* Calls @cb for each event that leads from @before to @after, in order.
 *
 * @before  the recipients as they were, n_rcpts of @after, of which status, uncertain and attempts
 *          count; NULL: the message is new */
void gw_history_events(const struct gw_recipient *before, const struct gw_message *after,
                       int64_t now_ms, gw_event_cb cb, void *data);

/* The steps of an attempt. name, text in the API. Stored as columns: only added to. */
#define GW_STEP_TABLE(X) \
    X(GW_STEP_RESOLVE, "resolve") \
    X(GW_STEP_CONNECT, "connect") \
    X(GW_STEP_GREETING, "greeting") \
    X(GW_STEP_EHLO, "ehlo") \
    X(GW_STEP_STARTTLS, "starttls") \
    X(GW_STEP_TLS, "tls") \
    X(GW_STEP_AUTH, "auth") \
    X(GW_STEP_MAIL, "mail") \
    X(GW_STEP_RCPT, "rcpt") \
    X(GW_STEP_DATA, "data") \
    X(GW_STEP_BODY, "body") \
    X(GW_STEP_DOT, "dot")

enum gw_step {
#define GW_STEP_ENUM(name, text) name,
    GW_STEP_TABLE(GW_STEP_ENUM)
#undef GW_STEP_ENUM
    GW_N_STEPS
};
const char *gw_step_name(enum gw_step step);

/* One transaction with one relay, as it was. */
struct gw_attempt_log {
    const size_t *rcpts; /* indexes of the recipients it was about, ascending */
    size_t n_rcpts;
    const char *relay;
    const char *stage;  /* how far it came, the SMTP client's word; NULL: did not start */
    const char *reason; /* code, NULL when a reply says it all */
    const char *detail; /* NULL: none */
    int code;           /* of the reply that decided; 0: none */
    const char *enhanced;
    const char *text; /* "" when none */
    const char *tls;  /* "TLSv1.3", NULL: plaintext or never connected */
    bool uncertain;   /* lost between dot and reply */
    bool reused_connection;
    int64_t started_at_ms;       /* wall */
    int64_t duration_ms;         /* of the whole */
    int32_t step_ms[GW_N_STEPS]; /* -1: the step did not happen */
};
/* A copy with its texts and indexes in @arena. */
struct gw_attempt_log gw_attempt_log_copy(struct gw_arena *arena, const struct gw_attempt_log *a);

#endif
