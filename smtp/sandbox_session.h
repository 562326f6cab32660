/* SPDX-License-Identifier: MIT */
/* The server side of one SMTP conversation with the sandbox, without I/O and timers: bytes in,
 * replies and requests to the driver out.
 *
 * Happy path: greet → step with what came → … → VERDICT → take, answer → … → CLOSE.
 *
 * End of data is CRLF "." CRLF and nothing else; every other mix of CR, LF and dots is content,
 * kept as it came. Command lines end in CRLF; a bare LF ends one too, but it is answered with 500.
 *
 * Spec: RFC 5321, 1870 (SIZE), 2034, 2920 (PIPELINING), 3030 (CHUNKING), 3207 (STARTTLS),
 * 4954 (AUTH), 6152 (8BITMIME), 6531 (SMTPUTF8). */
#ifndef SMTP_SANDBOX_SESSION_H
#define SMTP_SANDBOX_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/gw_slice.h"
#include "smtp/sandbox_recipient.h"
#include "smtp/sandbox_store.h"

enum {
    SMTP_SANDBOX_MAX_LINE = 2048,  /* octets of a command without CRLF; RFC 5321 minimum is 510 */
    SMTP_SANDBOX_MAX_PATH = 254,   /* octets, RFC 5321 sec. 4.5.3.1.3 less the angle brackets */
    SMTP_SANDBOX_MAX_LOCAL = 64,   /* octets, RFC 5321 sec. 4.5.3.1.1 */
    SMTP_SANDBOX_MAX_DOMAIN = 255, /* octets, RFC 5321 sec. 4.5.3.1.2 */
    SMTP_SANDBOX_MAX_RCPTS = 1000, /* per transaction; RFC 5321 minimum is 100 */
    SMTP_SANDBOX_MAX_ERRORS = 100  /* wrong commands before 421; ours */
};

/* Heap for the content of messages that are just being received, shared by all sessions. */
struct smtp_sandbox_budget {
    size_t used, max;
};

/* Strings and pointers are borrowed and outlive the session. */
struct smtp_sandbox_session_config {
    bool starttls, chunking, pipelining;
    const char *username, *password; /* NULL: no AUTH */
    size_t max_message_size;
    struct smtp_sandbox_tries *tries;
    struct smtp_sandbox_budget *budget;
};

/* What the driver has to do after `out` is on its way. */
enum smtp_sandbox_need {
    SMTP_SANDBOX_INPUT,     /* step with the rest of the input, or more */
    SMTP_SANDBOX_START_TLS, /* handshake, then smtp_sandbox_session_tls_done() */
    SMTP_SANDBOX_VERDICT,   /* after delay_ms: take() and answer(); no step before that */
    SMTP_SANDBOX_CLOSE,     /* close once out is sent; the session is over */
    SMTP_SANDBOX_DROP       /* close at once */
};

struct smtp_sandbox_action {
    size_t used;         /* octets of the input consumed */
    struct gw_slice out; /* valid until the next call */
    enum smtp_sandbox_need need;
    int64_t delay_ms; /* VERDICT */
    bool progress;    /* a command was completed or content came: the client is not idle */
};

struct smtp_sandbox_session;

/* Never NULL. */
struct smtp_sandbox_session *
smtp_sandbox_session_new(const struct smtp_sandbox_session_config *config);
void smtp_sandbox_session_free(struct smtp_sandbox_session **s);

/* The greeting. Once, first. */
void smtp_sandbox_session_greet(struct smtp_sandbox_session *s, struct smtp_sandbox_action *act);
/* @version  static text such as "TLSv1.3". The client starts anew with EHLO. */
void smtp_sandbox_session_tls_done(struct smtp_sandbox_session *s, const char *version);
/* Any split of the stream. Uses less than all of @in when `need` says so or when many replies are
 * waiting in `out`. */
void smtp_sandbox_session_step(struct smtp_sandbox_session *s, struct gw_slice in,
                               struct smtp_sandbox_action *act);
/* After VERDICT, once: the message, without id and time. Never NULL; the caller's. */
struct smtp_sandbox_kept *smtp_sandbox_session_take(struct smtp_sandbox_session *s);
/* After take: @id of the kept message, or NULL: no room, 452. */
void smtp_sandbox_session_answer(struct smtp_sandbox_session *s, const char *id,
                                 struct smtp_sandbox_action *act);
/* The client was silent for too long: 421. */
void smtp_sandbox_session_timeout(struct smtp_sandbox_session *s, struct smtp_sandbox_action *act);

#endif
