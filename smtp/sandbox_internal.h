/* SPDX-License-Identifier: MIT */
/* The sandbox session's own state, shared by the files that make it up: sandbox_session.c (the
 * stream), sandbox_command.c (commands), sandbox_auth.c (AUTH) and sandbox_transaction.c (a message
 * on its way). */
#ifndef SMTP_SANDBOX_INTERNAL_H
#define SMTP_SANDBOX_INTERNAL_H

#include "gateway/base/gw_buf.h"
#include "smtp/sandbox_session.h"

enum sandbox_mode {
    SANDBOX_COMMAND,
    SANDBOX_AUTH_PLAIN,    /* the next line is the response */
    SANDBOX_AUTH_USERNAME, /* likewise, of AUTH LOGIN */
    SANDBOX_AUTH_PASSWORD,
    SANDBOX_DATA,
    SANDBOX_CHUNK,
    SANDBOX_WAITING, /* for the driver: START_TLS, VERDICT */
    SANDBOX_OVER
};

/* Where in a line of DATA the next octet is. */
enum sandbox_data_at {
    SANDBOX_AT_LINE_START,
    SANDBOX_AT_DOT,    /* behind the dot that started the line */
    SANDBOX_AT_DOT_CR, /* behind dot and CR */
    SANDBOX_AT_TEXT,
    SANDBOX_AT_CR
};

/* Why a message will be refused, whatever else it brings. */
enum sandbox_spoilt {
    SANDBOX_UNSPOILT,
    SANDBOX_TOO_BIG,
    SANDBOX_NO_ROOM
};

/* From MAIL to the verdict. */
struct sandbox_transaction {
    struct gw_arena *arena; /* NULL: no transaction */
    const char *mail_from;
    const char **rcpts;
    size_t n_rcpts, rcpts_cap;
    bool smtputf8;
    bool chunked; /* a BDAT was seen, so DATA is out of sequence */
    bool hang_up;
    int64_t delay_ms;
    struct gw_buf content;
    size_t budgeted; /* octets of content's memory that count in the budget */
    enum sandbox_spoilt spoilt;
    uint64_t discarded; /* octets after it was spoilt */
};

struct smtp_sandbox_session {
    struct smtp_sandbox_session_config config;
    enum sandbox_mode mode;
    bool greeted; /* EHLO or HELO was accepted */
    bool authenticated;
    const char *tls; /* NULL: plaintext */
    unsigned n_errors;
    struct gw_buf line; /* a command that is not complete, with its line end */
    bool line_too_long;
    struct gw_buf out;
    char username[SMTP_SANDBOX_MAX_LINE]; /* of AUTH LOGIN, decoded */
    size_t username_len;
    enum sandbox_data_at data_at;
    uint64_t chunk_left;
    bool chunk_last;
    const char *chunk_refusal; /* reply when the chunk is over; NULL: it counts */
    size_t input_left;         /* octets behind the line in hand */
    struct sandbox_transaction txn;
    struct smtp_sandbox_action *act; /* of the step in hand */
};

/* Append a reply; @fmt begins with code and enhanced code, CRLF is added. */
void sandbox_reply(struct smtp_sandbox_session *s, const char *fmt, ...) GW_PRINTF(2, 3);
/* As sandbox_reply, for a client that does it wrong: too many of those end the session. */
void sandbox_error(struct smtp_sandbox_session *s, const char *fmt, ...) GW_PRINTF(2, 3);
/* The session is over once out is sent. */
void sandbox_close(struct smtp_sandbox_session *s);

/* Take chunk_left octets as content; what to say then is in chunk_last and chunk_refusal. */
void sandbox_chunk_begin(struct smtp_sandbox_session *s);

/* @line  without its end; no control characters */
void sandbox_command(struct smtp_sandbox_session *s, struct gw_slice line);

void sandbox_auth_command(struct smtp_sandbox_session *s, struct gw_slice args);
void sandbox_auth_response(struct smtp_sandbox_session *s, struct gw_slice line);
/* Is AUTH offered now? */
bool sandbox_auth_offered(const struct smtp_sandbox_session *s);

/* @from  sender; "" for the null sender */
void sandbox_transaction_begin(struct smtp_sandbox_session *s, struct gw_slice from, bool smtputf8);
/* Idempotent. */
void sandbox_transaction_end(struct smtp_sandbox_session *s);
void sandbox_transaction_add_rcpt(struct smtp_sandbox_session *s, struct gw_slice mailbox);
/* Keeps the octets unless the message is or becomes spoilt. */
void sandbox_transaction_add(struct smtp_sandbox_session *s, const char *data, size_t len);
/* The content is complete: verdict, refusal or hang-up. */
void sandbox_transaction_finish(struct smtp_sandbox_session *s);

#endif
