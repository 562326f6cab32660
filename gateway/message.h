/* SPDX-License-Identifier: MIT */
/* A message: the validated thing with an id, and the status of each recipient. */
#ifndef GW_MESSAGE_H
#define GW_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/gw_arena.h"
#include "gateway/base/gw_random.h"
#include "gateway/base/gw_slice.h"
#include "gateway/draft.h"

/* name, text in the API, final */
#define GW_RCPT_STATUS_TABLE(X) \
    X(GW_RCPT_QUEUED, "queued", false) \
    X(GW_RCPT_SCHEDULED, "scheduled", false) \
    X(GW_RCPT_SENDING, "sending", false) \
    X(GW_RCPT_DEFERRED, "deferred", false) \
    X(GW_RCPT_SENT, "sent", true) \
    X(GW_RCPT_REJECTED, "rejected", true) \
    X(GW_RCPT_EXPIRED, "expired", true) \
    X(GW_RCPT_CANCELED, "canceled", true) \
    X(GW_RCPT_SUPPRESSED, "suppressed", true) \
    X(GW_RCPT_UNCERTAIN, "uncertain", true) \
    X(GW_RCPT_HELD, "uncertain", false) /* until an operator retries or cancels it */

enum gw_rcpt_status {
#define GW_RCPT_STATUS_ENUM(name, text, is_final) name,
    GW_RCPT_STATUS_TABLE(GW_RCPT_STATUS_ENUM)
#undef GW_RCPT_STATUS_ENUM
    GW_N_RCPT_STATUS
};
const char *gw_rcpt_status_name(enum gw_rcpt_status s);
bool gw_rcpt_status_final(enum gw_rcpt_status s);

enum gw_rcpt_kind {
    GW_RCPT_TO,
    GW_RCPT_CC,
    GW_RCPT_BCC
};
const char *gw_rcpt_kind_name(enum gw_rcpt_kind k);

/* Why a recipient was not sent; the API's `category`. */
#define GW_CATEGORY_TABLE(X) \
    X(GW_CATEGORY_NONE, "") \
    X(GW_CATEGORY_RECIPIENT, "recipient") \
    X(GW_CATEGORY_MAILBOX_FULL, "mailbox_full") \
    X(GW_CATEGORY_POLICY, "policy") \
    X(GW_CATEGORY_SPAM, "spam") \
    X(GW_CATEGORY_BLOCKLIST, "blocklist") \
    X(GW_CATEGORY_RATE, "rate") \
    X(GW_CATEGORY_GREYLIST, "greylist") \
    X(GW_CATEGORY_MESSAGE, "message") \
    X(GW_CATEGORY_SIZE, "size") \
    X(GW_CATEGORY_AUTH, "auth") \
    X(GW_CATEGORY_TLS, "tls") \
    X(GW_CATEGORY_NETWORK, "network") \
    X(GW_CATEGORY_DNS, "dns") \
    X(GW_CATEGORY_PROTOCOL, "protocol") \
    X(GW_CATEGORY_CONFIG, "config") \
    X(GW_CATEGORY_OTHER, "other")

enum gw_category {
#define GW_CATEGORY_ENUM(name, text) name,
    GW_CATEGORY_TABLE(GW_CATEGORY_ENUM)
#undef GW_CATEGORY_ENUM
};
const char *gw_category_name(enum gw_category c);

/* What the relay said last about a recipient, in the API's words. Strings in the message's arena.
 */
struct gw_smtp_result {
    int code;             /* 0: no reply */
    const char *enhanced; /* "" when none */
    const char *command;  /* "RCPT", "DATA", "connect", … ; NULL: no attempt yet */
    const char *text;     /* sanitised, "" when none */
    const char *tls;      /* "TLSv1.3", NULL: plaintext or never connected */
};

struct gw_recipient {
    const char *email; /* wire form; IDN domain as A-label */
    const char *domain;
    enum gw_rcpt_kind kind;
    enum gw_rcpt_status status;
    enum gw_category category;
    bool retryable; /* trying the same again later may help */
    bool uncertain; /* at least one attempt was lost between dot and reply */
    bool needs_smtputf8;
    size_t copy_at, copy_len; /* where in the message's mime its own copy is; len 0: it gets all */
    unsigned attempts;
    const char *relay;  /* name of the relay of the last attempt, NULL: none yet */
    const char *reason; /* code such as "tls_cert_expired", NULL when a reply says it all */
    const char *detail; /* what to fix, NULL when a reply says it all */
    struct gw_smtp_result smtp;
    int64_t updated_at_ms;   /* wall */
    int64_t next_attempt_ms; /* wall; 0: none planned */
    int64_t duration_ms;     /* accept → last change; -1 before the first attempt */
};

enum {
    GW_TRACEPARENT_SIZE = 56 /* of a W3C traceparent, version 00, and its NUL */
};

struct gw_message {
    struct gw_arena *arena; /* owns everything here, the struct included */
    char id[GW_UUID_SIZE];
    const char *tenant;     /* API key id, "" without keys */
    const char *message_id; /* with angle brackets */
    const char *from;       /* wire form of the header From address */
    const char *from_domain;
    const char *subject;   /* UTF-8 */
    const char *mail_from; /* envelope sender, wire form, "" for the null sender */
    bool mail_from_smtputf8;
    struct gw_recipient *rcpts; /* unique, in order of to, cc, bcc */
    size_t n_rcpts;
    struct gw_slice mime;  /* signed, CRLF, 7-bit, ready for DATA; or one after the other, when the
                              recipients have copies of their own */
    struct gw_slice *tags; /* NUL behind each */
    size_t n_tags;
    struct gw_draft_pair *metadata;
    size_t n_metadata;
    const char *relay;       /* asked for by name, NULL: routes decide */
    const char *traceparent; /* of the request that brought it (W3C trace context), NULL: none */
    bool require_tls;
    struct gw_dsn dsn;
    enum gw_priority priority;
    enum gw_delivery_mode delivery_mode;
    enum gw_on_uncertain on_uncertain;
    int64_t created_at_ms;   /* wall */
    int64_t expires_at_ms;   /* wall; after it nothing is tried again */
    int64_t scheduled_at_ms; /* wall; 0: now */
    unsigned crashes;        /* attempts in a row during which the process ended */
    int64_t retry_until_ms;  /* wall; no retry is planned after it, the caller owns it from there;
                                0: until expires_at_ms */
};

/* The message's status word: the recipients' common one, `partial` for mixed finals, `failed` when
 * all are final, none sent and they differ; while any is not final, the least advanced of theirs
 * (sending > uncertain > deferred > queued > scheduled). Static text. */
const char *gw_message_status(const struct gw_message *m);
bool gw_message_final(const struct gw_message *m);
/* Nothing more will be tried by us: every recipient is final or has no next attempt planned. */
bool gw_message_settled(const struct gw_message *m);
/* Nothing more will be tried by us up to @until_ms (wall) unless asked, or unless a relay comes
 * back that it waits for: each recipient is settled, held, or has its next attempt later. */
bool gw_message_at_rest(const struct gw_message *m, int64_t until_ms);

/* Wall time at which the message falls due: the earliest next attempt of its open recipients; 0:
 * never. */
int64_t gw_message_next_attempt_ms(const struct gw_message *m);

/* Scheduled, and its time was taken away (gw_change_pause()). */
bool gw_recipient_paused(const struct gw_recipient *r);

/* Settled, but an operator may still send it: a recipient is `uncertain` and on_uncertain is not
 * `stop`. Its body is kept. */
bool gw_message_held(const struct gw_message *m);

/* What @r gets; data NULL when the body is not there. */
struct gw_slice gw_message_content(const struct gw_message *m, const struct gw_recipient *r);

/* A deep copy without the MIME bytes (mime.len kept, data NULL), in an arena of its own. */
struct gw_message *gw_message_copy(const struct gw_message *m);
void gw_message_free(struct gw_message **m);

#endif
