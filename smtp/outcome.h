/* SPDX-License-Identifier: MIT */
/* What happened to a transaction, recipient by recipient: facts only. What they mean (retry, next
 * relay, reject) is decided by the caller.
 *
 * Spec: RFC 5321 sec. 4.2 (replies), RFC 2034 and 3463 (enhanced status codes). */
#ifndef SMTP_OUTCOME_H
#define SMTP_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where in the conversation. name, text for people and for the API's smtp.command */
#define SMTP_STAGE_TABLE(X) \
    X(SMTP_STAGE_RESOLVE, "resolve") \
    X(SMTP_STAGE_CONNECT, "connect") \
    X(SMTP_STAGE_GREETING, "greeting") \
    X(SMTP_STAGE_EHLO, "EHLO") \
    X(SMTP_STAGE_STARTTLS, "STARTTLS") \
    X(SMTP_STAGE_TLS, "tls") \
    X(SMTP_STAGE_AUTH, "AUTH") \
    X(SMTP_STAGE_IDLE, "idle") \
    X(SMTP_STAGE_MAIL, "MAIL") \
    X(SMTP_STAGE_RCPT, "RCPT") \
    X(SMTP_STAGE_DATA, "DATA") \
    X(SMTP_STAGE_BODY, "body") \
    X(SMTP_STAGE_DOT, "dot") \
    X(SMTP_STAGE_BDAT, "BDAT") \
    X(SMTP_STAGE_BDAT_LAST, "BDAT LAST") \
    X(SMTP_STAGE_RSET, "RSET") \
    X(SMTP_STAGE_QUIT, "QUIT")

enum smtp_stage {
#define SMTP_STAGE_ENUM(name, text) name,
    SMTP_STAGE_TABLE(SMTP_STAGE_ENUM)
#undef SMTP_STAGE_ENUM
    SMTP_N_STAGES
};

/* What decided the outcome. name, code that the API and the log show. */
#define SMTP_REASON_TABLE(X) \
    X(SMTP_REASON_REPLY, "reply") /* a well-formed reply at its stage; look at reply.code */ \
    X(SMTP_REASON_RELAY_DNS, "relay_dns") \
    X(SMTP_REASON_CONN_REFUSED, "conn_refused") \
    X(SMTP_REASON_CONN_UNREACHABLE, "conn_unreachable") \
    X(SMTP_REASON_CONN_RESET, "conn_reset") \
    X(SMTP_REASON_CONN_CLOSED, "conn_closed") \
    X(SMTP_REASON_TIMEOUT, "timeout") \
    X(SMTP_REASON_LOCAL_FD, "local_fd") \
    X(SMTP_REASON_BAD_REPLY, "bad_reply") \
    X(SMTP_REASON_REPLY_TOO_LONG, "reply_too_long") \
    X(SMTP_REASON_REPLY_LINE_TOO_LONG, "reply_line_too_long") \
    X(SMTP_REASON_PROTOCOL_ERROR, "protocol_error") \
    X(SMTP_REASON_RELAY_421, "relay_421") \
    X(SMTP_REASON_RELAY_REFUSED, "relay_refused") /* 5yz/4yz greeting or EHLO */ \
    X(SMTP_REASON_EHLO_UNSUPPORTED, "ehlo_unsupported") \
    X(SMTP_REASON_TLS_REQUIRED_MISSING, "tls_required_missing") \
    X(SMTP_REASON_STARTTLS_REFUSED, "starttls_refused") \
    X(SMTP_REASON_STARTTLS_INJECTION, "starttls_injection") \
    X(SMTP_REASON_WRONG_TLS_MODE, "wrong_tls_mode") \
    X(SMTP_REASON_TLS_ERROR, "tls_error") \
    X(SMTP_REASON_TLS_CERT_EXPIRED, "tls_cert_expired") \
    X(SMTP_REASON_TLS_CERT_NOT_YET_VALID, "tls_cert_not_yet_valid") \
    X(SMTP_REASON_TLS_CERT_NAME, "tls_cert_name") \
    X(SMTP_REASON_TLS_CERT_UNTRUSTED, "tls_cert_untrusted") \
    X(SMTP_REASON_TLS_WEAK, "tls_weak") \
    X(SMTP_REASON_TLS_VERSION, "tls_version") \
    X(SMTP_REASON_AUTH_UNAVAILABLE, "auth_unavailable") \
    X(SMTP_REASON_AUTH_FAILED, "auth_failed")       /* 535 and other 5yz to AUTH */ \
    X(SMTP_REASON_AUTH_TEMPORARY, "auth_temporary") /* 4yz to AUTH */ \
    X(SMTP_REASON_AUTH_PROTOCOL, "auth_protocol") \
    X(SMTP_REASON_TOO_LARGE, "too_large") /* over the advertised SIZE, not sent */ \
    X(SMTP_REASON_8BIT_UNSUPPORTED, "8bit_unsupported") \
    X(SMTP_REASON_SMTPUTF8_UNSUPPORTED, "smtputf8_unsupported") \
    X(SMTP_REASON_REQUIRETLS_UNSUPPORTED, "requiretls_unsupported") \
    X(SMTP_REASON_NO_RECIPIENTS, "no_recipients") /* not sent: every RCPT was refused */ \
    X(SMTP_REASON_RELAY_PAUSED, "relay_paused")   /* not sent: by an operator's wish */ \
    X(SMTP_REASON_RELAY_BUSY, "relay_busy")       /* not sent: too many wait for this relay */ \
    X(SMTP_REASON_CANCELED, "canceled") \
    X(SMTP_REASON_SHUTDOWN, "shutdown") \
    X(SMTP_REASON_LOCAL_ERROR, "local_error")

enum smtp_reason {
#define SMTP_REASON_ENUM(name, text) name,
    SMTP_REASON_TABLE(SMTP_REASON_ENUM)
#undef SMTP_REASON_ENUM
};

const char *smtp_stage_name(enum smtp_stage stage);
const char *smtp_reason_name(enum smtp_reason reason);

enum {
    SMTP_REPLY_TEXT_SIZE = 512,
    SMTP_ENHANCED_SIZE = 12,
    SMTP_DETAIL_SIZE = 256
};

/* A reply as kept for people: lines joined by '\n', at most 8 of them, printable ASCII and valid
 * UTF-8 only (other bytes as \xNN). */
struct smtp_reply_info {
    int code;                          /* 0: no reply */
    char enhanced[SMTP_ENHANCED_SIZE]; /* "5.1.1", or "" when absent or of another class */
    char text[SMTP_REPLY_TEXT_SIZE];   /* without code and enhanced code */
};

struct smtp_outcome {
    bool final;            /* written; false: nothing known about this recipient yet */
    bool accepted;         /* 2yz to the final dot, for this recipient */
    bool uncertain;        /* lost between the end of the content and the reply to it */
    enum smtp_stage stage; /* where it was decided */
    enum smtp_reason reason;
    struct smtp_reply_info reply;  /* the reply that decided it, if one did */
    char detail[SMTP_DETAIL_SIZE]; /* local faults in words that name the thing to fix, else "" */
    unsigned char progress;        /* the session's own */
};

/* Stage durations of one transaction, milliseconds, -1 where the stage did not happen (RESOLVE to
 * AUTH are -1 on a reused connection). */
struct smtp_timing {
    int32_t ms[SMTP_N_STAGES];
};

#endif
