/* SPDX-License-Identifier: MIT */
/* Every kind of outcome and the verdict it must get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/delivery_policy.h"

/* Where the recipient may go on within the attempt. */
enum goes {
    SAME, /* nowhere */
    OTHER_RELAY
};

struct row {
    const char *label; /* rows of the fault matrix, docs/delivery.md */
    enum smtp_stage stage;
    enum smtp_reason reason;
    int code;
    const char *enhanced;
    enum gw_rcpt_status status;
    enum gw_category category;
    enum goes goes;
    const char *why; /* the verdict's reason */
};

#define REPLY SMTP_REASON_REPLY

static const struct row rows[] = {
    {"g3 g4 RESOLVE", SMTP_STAGE_RESOLVE, SMTP_REASON_TIMEOUT, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_NETWORK, OTHER_RELAY, "timeout_resolve"},
    {"g3 g4 CONNECT", SMTP_STAGE_CONNECT, SMTP_REASON_TIMEOUT, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_NETWORK, OTHER_RELAY, "timeout_connect"},
    {"g3 g4 GREETING", SMTP_STAGE_GREETING, SMTP_REASON_TIMEOUT, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_NETWORK, OTHER_RELAY, "timeout_greeting"},
    {"g3 g4 EHLO", SMTP_STAGE_EHLO, SMTP_REASON_TIMEOUT, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_NETWORK, OTHER_RELAY, "timeout_ehlo"},
    {"g3 g4 STARTTLS", SMTP_STAGE_STARTTLS, SMTP_REASON_TIMEOUT, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_NETWORK, OTHER_RELAY, "timeout_starttls"},
    {"g3 g4 TLS", SMTP_STAGE_TLS, SMTP_REASON_TIMEOUT, 0, "", GW_RCPT_DEFERRED, GW_CATEGORY_NETWORK,
     OTHER_RELAY, "timeout_tls"},
    {"g3 g4 AUTH", SMTP_STAGE_AUTH, SMTP_REASON_TIMEOUT, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_NETWORK, OTHER_RELAY, "timeout_auth"},
    {"g3 g4 IDLE", SMTP_STAGE_IDLE, SMTP_REASON_TIMEOUT, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_NETWORK, OTHER_RELAY, "timeout_idle"},
    {"g3 g4 MAIL", SMTP_STAGE_MAIL, SMTP_REASON_TIMEOUT, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_NETWORK, OTHER_RELAY, "timeout_mail"},
    {"g3 g4 RCPT", SMTP_STAGE_RCPT, SMTP_REASON_TIMEOUT, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_NETWORK, OTHER_RELAY, "timeout_rcpt"},
    {"g3 g4 DATA", SMTP_STAGE_DATA, SMTP_REASON_TIMEOUT, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_NETWORK, OTHER_RELAY, "timeout_data"},
    {"g3 g4 BODY", SMTP_STAGE_BODY, SMTP_REASON_TIMEOUT, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_NETWORK, OTHER_RELAY, "timeout_body"},
    {"g3 g4 DOT", SMTP_STAGE_DOT, SMTP_REASON_TIMEOUT, 0, "", GW_RCPT_DEFERRED, GW_CATEGORY_NETWORK,
     OTHER_RELAY, "timeout_dot"},
    {"g3 g4 RSET", SMTP_STAGE_RSET, SMTP_REASON_TIMEOUT, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_NETWORK, OTHER_RELAY, "timeout_rset"},
    {"g3 g4 QUIT", SMTP_STAGE_QUIT, SMTP_REASON_TIMEOUT, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_NETWORK, OTHER_RELAY, "timeout_quit"},
    {"g1 D6 GREETING", SMTP_STAGE_GREETING, SMTP_REASON_CONN_RESET, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_NETWORK, OTHER_RELAY, "conn_reset"},
    {"g2 g10 g19 GREETING", SMTP_STAGE_GREETING, SMTP_REASON_CONN_CLOSED, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_NETWORK, OTHER_RELAY, "conn_closed"},
    {"g5 GREETING", SMTP_STAGE_GREETING, SMTP_REASON_REPLY_TOO_LONG, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_PROTOCOL, OTHER_RELAY, "reply_too_long"},
    {"g6 GREETING", SMTP_STAGE_GREETING, SMTP_REASON_REPLY_LINE_TOO_LONG, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_PROTOCOL, OTHER_RELAY, "reply_line_too_long"},
    {"g7 g9 g11 GREETING", SMTP_STAGE_GREETING, SMTP_REASON_BAD_REPLY, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_PROTOCOL, OTHER_RELAY, "bad_reply"},
    {"g12 g13 g15 D2 D4 GREETING", SMTP_STAGE_GREETING, SMTP_REASON_PROTOCOL_ERROR, 0, "",
     GW_RCPT_DEFERRED, GW_CATEGORY_PROTOCOL, OTHER_RELAY, "protocol_error"},
    {"g14 GREETING", SMTP_STAGE_GREETING, SMTP_REASON_RELAY_421, 421, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_RATE, OTHER_RELAY, "relay_421"},
    {"g1 D6 MAIL", SMTP_STAGE_MAIL, SMTP_REASON_CONN_RESET, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_NETWORK, OTHER_RELAY, "conn_reset"},
    {"g2 g10 g19 MAIL", SMTP_STAGE_MAIL, SMTP_REASON_CONN_CLOSED, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_NETWORK, OTHER_RELAY, "conn_closed"},
    {"g5 MAIL", SMTP_STAGE_MAIL, SMTP_REASON_REPLY_TOO_LONG, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_PROTOCOL, OTHER_RELAY, "reply_too_long"},
    {"g6 MAIL", SMTP_STAGE_MAIL, SMTP_REASON_REPLY_LINE_TOO_LONG, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_PROTOCOL, OTHER_RELAY, "reply_line_too_long"},
    {"g7 g9 g11 MAIL", SMTP_STAGE_MAIL, SMTP_REASON_BAD_REPLY, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_PROTOCOL, OTHER_RELAY, "bad_reply"},
    {"g12 g13 g15 D2 D4 MAIL", SMTP_STAGE_MAIL, SMTP_REASON_PROTOCOL_ERROR, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_PROTOCOL, OTHER_RELAY, "protocol_error"},
    {"g14 MAIL", SMTP_STAGE_MAIL, SMTP_REASON_RELAY_421, 421, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_RATE, OTHER_RELAY, "relay_421"},
    {"g1 D6 RCPT", SMTP_STAGE_RCPT, SMTP_REASON_CONN_RESET, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_NETWORK, OTHER_RELAY, "conn_reset"},
    {"g2 g10 g19 RCPT", SMTP_STAGE_RCPT, SMTP_REASON_CONN_CLOSED, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_NETWORK, OTHER_RELAY, "conn_closed"},
    {"g5 RCPT", SMTP_STAGE_RCPT, SMTP_REASON_REPLY_TOO_LONG, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_PROTOCOL, OTHER_RELAY, "reply_too_long"},
    {"g6 RCPT", SMTP_STAGE_RCPT, SMTP_REASON_REPLY_LINE_TOO_LONG, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_PROTOCOL, OTHER_RELAY, "reply_line_too_long"},
    {"g7 g9 g11 RCPT", SMTP_STAGE_RCPT, SMTP_REASON_BAD_REPLY, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_PROTOCOL, OTHER_RELAY, "bad_reply"},
    {"g12 g13 g15 D2 D4 RCPT", SMTP_STAGE_RCPT, SMTP_REASON_PROTOCOL_ERROR, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_PROTOCOL, OTHER_RELAY, "protocol_error"},
    {"g14 RCPT", SMTP_STAGE_RCPT, SMTP_REASON_RELAY_421, 421, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_RATE, OTHER_RELAY, "relay_421"},
    {"g1 D6 DATA", SMTP_STAGE_DATA, SMTP_REASON_CONN_RESET, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_NETWORK, OTHER_RELAY, "conn_reset"},
    {"g2 g10 g19 DATA", SMTP_STAGE_DATA, SMTP_REASON_CONN_CLOSED, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_NETWORK, OTHER_RELAY, "conn_closed"},
    {"g5 DATA", SMTP_STAGE_DATA, SMTP_REASON_REPLY_TOO_LONG, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_PROTOCOL, OTHER_RELAY, "reply_too_long"},
    {"g6 DATA", SMTP_STAGE_DATA, SMTP_REASON_REPLY_LINE_TOO_LONG, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_PROTOCOL, OTHER_RELAY, "reply_line_too_long"},
    {"g7 g9 g11 DATA", SMTP_STAGE_DATA, SMTP_REASON_BAD_REPLY, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_PROTOCOL, OTHER_RELAY, "bad_reply"},
    {"g12 g13 g15 D2 D4 DATA", SMTP_STAGE_DATA, SMTP_REASON_PROTOCOL_ERROR, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_PROTOCOL, OTHER_RELAY, "protocol_error"},
    {"g14 DATA", SMTP_STAGE_DATA, SMTP_REASON_RELAY_421, 421, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_RATE, OTHER_RELAY, "relay_421"},
    {"g1 D6 BODY", SMTP_STAGE_BODY, SMTP_REASON_CONN_RESET, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_NETWORK, OTHER_RELAY, "conn_reset"},
    {"g2 g10 g19 BODY", SMTP_STAGE_BODY, SMTP_REASON_CONN_CLOSED, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_NETWORK, OTHER_RELAY, "conn_closed"},
    {"g5 BODY", SMTP_STAGE_BODY, SMTP_REASON_REPLY_TOO_LONG, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_PROTOCOL, OTHER_RELAY, "reply_too_long"},
    {"g6 BODY", SMTP_STAGE_BODY, SMTP_REASON_REPLY_LINE_TOO_LONG, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_PROTOCOL, OTHER_RELAY, "reply_line_too_long"},
    {"g7 g9 g11 BODY", SMTP_STAGE_BODY, SMTP_REASON_BAD_REPLY, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_PROTOCOL, OTHER_RELAY, "bad_reply"},
    {"g12 g13 g15 D2 D4 BODY", SMTP_STAGE_BODY, SMTP_REASON_PROTOCOL_ERROR, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_PROTOCOL, OTHER_RELAY, "protocol_error"},
    {"g14 BODY", SMTP_STAGE_BODY, SMTP_REASON_RELAY_421, 421, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_RATE, OTHER_RELAY, "relay_421"},
    {"g14 dot", SMTP_STAGE_DOT, SMTP_REASON_RELAY_421, 421, "", GW_RCPT_DEFERRED, GW_CATEGORY_RATE,
     OTHER_RELAY, "relay_421"},
    {"g17 MAIL", SMTP_STAGE_MAIL, REPLY, 451, "4.3.0", GW_RCPT_DEFERRED, GW_CATEGORY_OTHER, SAME,
     NULL},
    {"g20", SMTP_STAGE_MAIL, SMTP_REASON_TLS_ERROR, 0, "", GW_RCPT_DEFERRED, GW_CATEGORY_TLS,
     OTHER_RELAY, "tls_error"},
    {"g21", SMTP_STAGE_MAIL, SMTP_REASON_LOCAL_ERROR, 0, "", GW_RCPT_DEFERRED, GW_CATEGORY_OTHER,
     SAME, "local_error"},
    {"g23", SMTP_STAGE_MAIL, SMTP_REASON_SHUTDOWN, 0, "", GW_RCPT_QUEUED, GW_CATEGORY_NONE, SAME,
     "shutdown"},
    {"g24", SMTP_STAGE_MAIL, SMTP_REASON_CANCELED, 0, "", GW_RCPT_CANCELED, GW_CATEGORY_NONE, SAME,
     "canceled"},
    {"R1 R2", SMTP_STAGE_RESOLVE, SMTP_REASON_RELAY_DNS, 0, "", GW_RCPT_DEFERRED, GW_CATEGORY_DNS,
     OTHER_RELAY, "relay_dns"},
    {"R5", SMTP_STAGE_CONNECT, SMTP_REASON_CONN_REFUSED, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_NETWORK, OTHER_RELAY, "conn_refused"},
    {"R5 unreachable", SMTP_STAGE_CONNECT, SMTP_REASON_CONN_UNREACHABLE, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_NETWORK, OTHER_RELAY, "conn_unreachable"},
    {"R5 EMFILE", SMTP_STAGE_CONNECT, SMTP_REASON_LOCAL_FD, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_OTHER, SAME, "local_fd"},
    {"R8", SMTP_STAGE_GREETING, SMTP_REASON_RELAY_REFUSED, 554, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_POLICY, OTHER_RELAY, "relay_refused"},
    {"R11 R12", SMTP_STAGE_GREETING, SMTP_REASON_WRONG_TLS_MODE, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_TLS, OTHER_RELAY, "wrong_tls_mode"},
    {"E1", SMTP_STAGE_EHLO, SMTP_REASON_EHLO_UNSUPPORTED, 502, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_PROTOCOL, OTHER_RELAY, "ehlo_unsupported"},
    {"E2", SMTP_STAGE_EHLO, SMTP_REASON_RELAY_REFUSED, 550, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_POLICY, OTHER_RELAY, "relay_refused"},
    {"T1 T2", SMTP_STAGE_STARTTLS, SMTP_REASON_TLS_REQUIRED_MISSING, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_TLS, OTHER_RELAY, "tls_required_missing"},
    {"T3 T4", SMTP_STAGE_STARTTLS, SMTP_REASON_STARTTLS_REFUSED, 454, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_TLS, OTHER_RELAY, "starttls_refused"},
    {"T5", SMTP_STAGE_STARTTLS, SMTP_REASON_PROTOCOL_ERROR, 250, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_PROTOCOL, OTHER_RELAY, "protocol_error"},
    {"T6", SMTP_STAGE_STARTTLS, SMTP_REASON_CONN_CLOSED, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_NETWORK, OTHER_RELAY, "conn_closed"},
    {"T7", SMTP_STAGE_TLS, SMTP_REASON_TLS_ERROR, 0, "", GW_RCPT_DEFERRED, GW_CATEGORY_TLS,
     OTHER_RELAY, "tls_error"},
    {"T8 T9 T10", SMTP_STAGE_STARTTLS, SMTP_REASON_STARTTLS_INJECTION, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_TLS, OTHER_RELAY, "starttls_injection"},
    {"T13", SMTP_STAGE_TLS, SMTP_REASON_TLS_CERT_EXPIRED, 0, "", GW_RCPT_DEFERRED, GW_CATEGORY_TLS,
     OTHER_RELAY, "tls_cert_expired"},
    {"T13 early", SMTP_STAGE_TLS, SMTP_REASON_TLS_CERT_NOT_YET_VALID, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_TLS, OTHER_RELAY, "tls_cert_not_yet_valid"},
    {"T14", SMTP_STAGE_TLS, SMTP_REASON_TLS_CERT_NAME, 0, "", GW_RCPT_DEFERRED, GW_CATEGORY_TLS,
     OTHER_RELAY, "tls_cert_name"},
    {"T15", SMTP_STAGE_TLS, SMTP_REASON_TLS_CERT_UNTRUSTED, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_TLS, OTHER_RELAY, "tls_cert_untrusted"},
    {"T16", SMTP_STAGE_TLS, SMTP_REASON_TLS_WEAK, 0, "", GW_RCPT_DEFERRED, GW_CATEGORY_TLS,
     OTHER_RELAY, "tls_weak"},
    {"T17", SMTP_STAGE_TLS, SMTP_REASON_TLS_VERSION, 0, "", GW_RCPT_DEFERRED, GW_CATEGORY_TLS,
     OTHER_RELAY, "tls_version"},
    {"A1 A9", SMTP_STAGE_AUTH, SMTP_REASON_AUTH_UNAVAILABLE, 0, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_AUTH, OTHER_RELAY, "auth_unavailable"},
    {"A3 A5", SMTP_STAGE_AUTH, SMTP_REASON_AUTH_FAILED, 535, "", GW_RCPT_DEFERRED, GW_CATEGORY_AUTH,
     OTHER_RELAY, "auth_failed"},
    {"A4", SMTP_STAGE_AUTH, SMTP_REASON_AUTH_TEMPORARY, 454, "", GW_RCPT_DEFERRED, GW_CATEGORY_AUTH,
     OTHER_RELAY, "auth_temporary"},
    {"A6", SMTP_STAGE_AUTH, SMTP_REASON_AUTH_PROTOCOL, 0, "", GW_RCPT_DEFERRED, GW_CATEGORY_AUTH,
     OTHER_RELAY, "auth_protocol"},
    {"A7 A8", SMTP_STAGE_AUTH, SMTP_REASON_PROTOCOL_ERROR, 250, "", GW_RCPT_DEFERRED,
     GW_CATEGORY_PROTOCOL, OTHER_RELAY, "protocol_error"},
    {"M1", SMTP_STAGE_MAIL, REPLY, 450, "", GW_RCPT_DEFERRED, GW_CATEGORY_OTHER, SAME, NULL},
    {"M1", SMTP_STAGE_MAIL, REPLY, 451, "4.3.0", GW_RCPT_DEFERRED, GW_CATEGORY_OTHER, SAME, NULL},
    {"M1", SMTP_STAGE_MAIL, REPLY, 452, "", GW_RCPT_DEFERRED, GW_CATEGORY_MAILBOX_FULL, SAME, NULL},
    {"M1", SMTP_STAGE_MAIL, REPLY, 452, "4.3.1", GW_RCPT_DEFERRED, GW_CATEGORY_MAILBOX_FULL, SAME,
     NULL},
    {"M2", SMTP_STAGE_MAIL, REPLY, 550, "", GW_RCPT_REJECTED, GW_CATEGORY_POLICY, SAME,
     "sender_rejected"},
    {"M2", SMTP_STAGE_MAIL, REPLY, 553, "5.1.8", GW_RCPT_REJECTED, GW_CATEGORY_POLICY, SAME,
     "sender_rejected"},
    {"M2", SMTP_STAGE_MAIL, REPLY, 553, "5.1.7", GW_RCPT_REJECTED, GW_CATEGORY_POLICY, SAME,
     "sender_rejected"},
    {"M2", SMTP_STAGE_MAIL, REPLY, 554, "", GW_RCPT_REJECTED, GW_CATEGORY_POLICY, SAME,
     "sender_rejected"},
    {"M2", SMTP_STAGE_MAIL, REPLY, 551, "", GW_RCPT_REJECTED, GW_CATEGORY_RECIPIENT, SAME,
     "sender_rejected"},
    {"M2", SMTP_STAGE_MAIL, REPLY, 555, "", GW_RCPT_REJECTED, GW_CATEGORY_PROTOCOL, SAME,
     "sender_rejected"},
    {"M2", SMTP_STAGE_MAIL, REPLY, 550, "5.7.1", GW_RCPT_REJECTED, GW_CATEGORY_POLICY, SAME,
     "sender_rejected"},
    {"M3", SMTP_STAGE_MAIL, REPLY, 552, "5.3.4", GW_RCPT_REJECTED, GW_CATEGORY_SIZE, OTHER_RELAY,
     "too_large"},
    {"M3 plain", SMTP_STAGE_MAIL, REPLY, 552, "", GW_RCPT_REJECTED, GW_CATEGORY_SIZE, OTHER_RELAY,
     "too_large"},
    {"M6", SMTP_STAGE_MAIL, SMTP_REASON_TOO_LARGE, 0, "", GW_RCPT_REJECTED, GW_CATEGORY_SIZE,
     OTHER_RELAY, "too_large"},
    {"M8", SMTP_STAGE_MAIL, SMTP_REASON_SMTPUTF8_UNSUPPORTED, 0, "", GW_RCPT_REJECTED,
     GW_CATEGORY_RECIPIENT, OTHER_RELAY, "smtputf8_unsupported"},
    {"M9", SMTP_STAGE_MAIL, SMTP_REASON_REQUIRETLS_UNSUPPORTED, 0, "", GW_RCPT_REJECTED,
     GW_CATEGORY_TLS, OTHER_RELAY, "requiretls_unsupported"},
    {"M4 M5 C14 C15 MAIL", SMTP_STAGE_MAIL, REPLY, 500, "", GW_RCPT_DEFERRED, GW_CATEGORY_PROTOCOL,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 RCPT", SMTP_STAGE_RCPT, REPLY, 500, "", GW_RCPT_DEFERRED, GW_CATEGORY_PROTOCOL,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 DATA", SMTP_STAGE_DATA, REPLY, 500, "", GW_RCPT_DEFERRED, GW_CATEGORY_PROTOCOL,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 DOT", SMTP_STAGE_DOT, REPLY, 500, "", GW_RCPT_DEFERRED, GW_CATEGORY_PROTOCOL,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 MAIL", SMTP_STAGE_MAIL, REPLY, 501, "", GW_RCPT_DEFERRED, GW_CATEGORY_PROTOCOL,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 RCPT", SMTP_STAGE_RCPT, REPLY, 501, "", GW_RCPT_DEFERRED, GW_CATEGORY_PROTOCOL,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 DATA", SMTP_STAGE_DATA, REPLY, 501, "", GW_RCPT_DEFERRED, GW_CATEGORY_PROTOCOL,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 DOT", SMTP_STAGE_DOT, REPLY, 501, "", GW_RCPT_DEFERRED, GW_CATEGORY_PROTOCOL,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 MAIL", SMTP_STAGE_MAIL, REPLY, 502, "", GW_RCPT_DEFERRED, GW_CATEGORY_PROTOCOL,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 RCPT", SMTP_STAGE_RCPT, REPLY, 502, "", GW_RCPT_DEFERRED, GW_CATEGORY_PROTOCOL,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 DATA", SMTP_STAGE_DATA, REPLY, 502, "", GW_RCPT_DEFERRED, GW_CATEGORY_PROTOCOL,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 DOT", SMTP_STAGE_DOT, REPLY, 502, "", GW_RCPT_DEFERRED, GW_CATEGORY_PROTOCOL,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 MAIL", SMTP_STAGE_MAIL, REPLY, 503, "", GW_RCPT_DEFERRED, GW_CATEGORY_PROTOCOL,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 RCPT", SMTP_STAGE_RCPT, REPLY, 503, "", GW_RCPT_DEFERRED, GW_CATEGORY_PROTOCOL,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 DATA", SMTP_STAGE_DATA, REPLY, 503, "", GW_RCPT_DEFERRED, GW_CATEGORY_PROTOCOL,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 DOT", SMTP_STAGE_DOT, REPLY, 503, "", GW_RCPT_DEFERRED, GW_CATEGORY_PROTOCOL,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 MAIL", SMTP_STAGE_MAIL, REPLY, 504, "", GW_RCPT_DEFERRED, GW_CATEGORY_PROTOCOL,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 RCPT", SMTP_STAGE_RCPT, REPLY, 504, "", GW_RCPT_DEFERRED, GW_CATEGORY_PROTOCOL,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 DATA", SMTP_STAGE_DATA, REPLY, 504, "", GW_RCPT_DEFERRED, GW_CATEGORY_PROTOCOL,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 DOT", SMTP_STAGE_DOT, REPLY, 504, "", GW_RCPT_DEFERRED, GW_CATEGORY_PROTOCOL,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 MAIL", SMTP_STAGE_MAIL, REPLY, 530, "", GW_RCPT_DEFERRED, GW_CATEGORY_AUTH,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 RCPT", SMTP_STAGE_RCPT, REPLY, 530, "", GW_RCPT_DEFERRED, GW_CATEGORY_AUTH,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 DATA", SMTP_STAGE_DATA, REPLY, 530, "", GW_RCPT_DEFERRED, GW_CATEGORY_AUTH,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 DOT", SMTP_STAGE_DOT, REPLY, 530, "", GW_RCPT_DEFERRED, GW_CATEGORY_AUTH,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 MAIL", SMTP_STAGE_MAIL, REPLY, 534, "", GW_RCPT_DEFERRED, GW_CATEGORY_AUTH,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 RCPT", SMTP_STAGE_RCPT, REPLY, 534, "", GW_RCPT_DEFERRED, GW_CATEGORY_AUTH,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 DATA", SMTP_STAGE_DATA, REPLY, 534, "", GW_RCPT_DEFERRED, GW_CATEGORY_AUTH,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 DOT", SMTP_STAGE_DOT, REPLY, 534, "", GW_RCPT_DEFERRED, GW_CATEGORY_AUTH,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 MAIL", SMTP_STAGE_MAIL, REPLY, 535, "", GW_RCPT_DEFERRED, GW_CATEGORY_AUTH,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 RCPT", SMTP_STAGE_RCPT, REPLY, 535, "", GW_RCPT_DEFERRED, GW_CATEGORY_AUTH,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 DATA", SMTP_STAGE_DATA, REPLY, 535, "", GW_RCPT_DEFERRED, GW_CATEGORY_AUTH,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 DOT", SMTP_STAGE_DOT, REPLY, 535, "", GW_RCPT_DEFERRED, GW_CATEGORY_AUTH,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 MAIL", SMTP_STAGE_MAIL, REPLY, 538, "", GW_RCPT_DEFERRED, GW_CATEGORY_AUTH,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 RCPT", SMTP_STAGE_RCPT, REPLY, 538, "", GW_RCPT_DEFERRED, GW_CATEGORY_AUTH,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 DATA", SMTP_STAGE_DATA, REPLY, 538, "", GW_RCPT_DEFERRED, GW_CATEGORY_AUTH,
     OTHER_RELAY, NULL},
    {"M4 M5 C14 C15 DOT", SMTP_STAGE_DOT, REPLY, 538, "", GW_RCPT_DEFERRED, GW_CATEGORY_AUTH,
     OTHER_RELAY, NULL},
    {"bad sender", SMTP_STAGE_MAIL, REPLY, 501, "5.1.7", GW_RCPT_REJECTED, GW_CATEGORY_POLICY, SAME,
     "sender_rejected"},
    {"bad recipient", SMTP_STAGE_RCPT, REPLY, 501, "5.1.3", GW_RCPT_REJECTED, GW_CATEGORY_RECIPIENT,
     SAME, NULL},
    {"bad mailbox", SMTP_STAGE_RCPT, REPLY, 504, "5.2.1", GW_RCPT_REJECTED, GW_CATEGORY_RECIPIENT,
     SAME, NULL},
    {"bad content", SMTP_STAGE_DOT, REPLY, 500, "5.6.0", GW_RCPT_REJECTED, GW_CATEGORY_MESSAGE,
     SAME, NULL},
    {"bad parameter", SMTP_STAGE_RCPT, REPLY, 501, "5.5.4", GW_RCPT_DEFERRED, GW_CATEGORY_PROTOCOL,
     OTHER_RELAY, NULL},
    {"M4", SMTP_STAGE_MAIL, REPLY, 530, "5.7.0", GW_RCPT_DEFERRED, GW_CATEGORY_AUTH, OTHER_RELAY,
     NULL},
    {"C2", SMTP_STAGE_RCPT, REPLY, 550, "5.1.1", GW_RCPT_REJECTED, GW_CATEGORY_RECIPIENT, SAME,
     NULL},
    {"C2 plain", SMTP_STAGE_RCPT, REPLY, 550, "", GW_RCPT_REJECTED, GW_CATEGORY_RECIPIENT, SAME,
     NULL},
    {"C2 policy", SMTP_STAGE_RCPT, REPLY, 550, "5.7.1", GW_RCPT_REJECTED, GW_CATEGORY_POLICY, SAME,
     NULL},
    {"C2 full for good", SMTP_STAGE_RCPT, REPLY, 552, "5.2.2", GW_RCPT_REJECTED,
     GW_CATEGORY_MAILBOX_FULL, SAME, NULL},
    {"C2 disabled", SMTP_STAGE_RCPT, REPLY, 550, "5.2.1", GW_RCPT_REJECTED, GW_CATEGORY_RECIPIENT,
     SAME, NULL},
    {"C2 other class", SMTP_STAGE_RCPT, REPLY, 550, "", GW_RCPT_REJECTED, GW_CATEGORY_RECIPIENT,
     SAME, NULL},
    {"C3", SMTP_STAGE_RCPT, REPLY, 450, "", GW_RCPT_DEFERRED, GW_CATEGORY_GREYLIST, SAME, NULL},
    {"C3 451", SMTP_STAGE_RCPT, REPLY, 451, "4.7.1", GW_RCPT_DEFERRED, GW_CATEGORY_GREYLIST, SAME,
     NULL},
    {"C3 full", SMTP_STAGE_RCPT, REPLY, 452, "4.2.2", GW_RCPT_DEFERRED, GW_CATEGORY_MAILBOX_FULL,
     SAME, NULL},
    {"C4 452", SMTP_STAGE_RCPT, REPLY, 452, "", GW_RCPT_DEFERRED, GW_CATEGORY_RATE, SAME, NULL},
    {"C4 4.5.3", SMTP_STAGE_RCPT, REPLY, 452, "4.5.3", GW_RCPT_DEFERRED, GW_CATEGORY_RATE, SAME,
     NULL},
    {"C4 552", SMTP_STAGE_RCPT, REPLY, 552, "", GW_RCPT_DEFERRED, GW_CATEGORY_RATE, SAME, NULL},
    {"C4 5.5.3", SMTP_STAGE_RCPT, REPLY, 552, "5.5.3", GW_RCPT_DEFERRED, GW_CATEGORY_RATE, SAME,
     NULL},
    {"C10", SMTP_STAGE_RCPT, REPLY, 551, "", GW_RCPT_REJECTED, GW_CATEGORY_RECIPIENT, SAME, NULL},
    {"C10 553", SMTP_STAGE_RCPT, REPLY, 553, "", GW_RCPT_REJECTED, GW_CATEGORY_RECIPIENT, SAME,
     NULL},
    {"D1 4", SMTP_STAGE_DATA, REPLY, 451, "", GW_RCPT_DEFERRED, GW_CATEGORY_OTHER, SAME, NULL},
    {"D1 5", SMTP_STAGE_DATA, REPLY, 554, "5.6.0", GW_RCPT_REJECTED, GW_CATEGORY_MESSAGE, SAME,
     NULL},
    {"D3", SMTP_STAGE_BODY, REPLY, 554, "5.7.1", GW_RCPT_REJECTED, GW_CATEGORY_POLICY, SAME, NULL},
    {"D3 temporary", SMTP_STAGE_BODY, REPLY, 451, "4.7.1", GW_RCPT_DEFERRED, GW_CATEGORY_POLICY,
     SAME, NULL},
    {"D9", SMTP_STAGE_DOT, REPLY, 451, "", GW_RCPT_DEFERRED, GW_CATEGORY_OTHER, SAME, NULL},
    {"D9 rate", SMTP_STAGE_DOT, REPLY, 450, "4.7.28", GW_RCPT_DEFERRED, GW_CATEGORY_RATE, SAME,
     NULL},
    {"D10", SMTP_STAGE_DOT, REPLY, 554, "", GW_RCPT_REJECTED, GW_CATEGORY_POLICY, SAME, NULL},
    {"D10 size", SMTP_STAGE_DOT, REPLY, 552, "5.3.4", GW_RCPT_REJECTED, GW_CATEGORY_SIZE,
     OTHER_RELAY, NULL},
    {"D10 spam", SMTP_STAGE_DOT, REPLY, 550, "5.7.1", GW_RCPT_REJECTED, GW_CATEGORY_POLICY, SAME,
     NULL},
};

static struct smtp_outcome outcome_of(const struct row *r)
{
    struct smtp_outcome o = {.final = true, .stage = r->stage, .reason = r->reason};
    o.reply.code = r->code;
    (void)snprintf(o.reply.enhanced, sizeof(o.reply.enhanced), "%s", r->enhanced);
    return o;
}

static void every_row_of_the_fault_matrix_gets_its_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *r = &rows[i];
        struct smtp_outcome o = outcome_of(r);
        struct gw_verdict v = gw_delivery_judge(&o);
        if (v.status != r->status || v.category != r->category ||
            v.next_relay != (r->goes == OTHER_RELAY) || (v.reason == NULL) != (r->why == NULL) ||
            (v.reason != NULL && strcmp(v.reason, r->why) != 0))
            fail_msg("%s: %s %s, next relay %d, %s", r->label, gw_rcpt_status_name(v.status),
                     gw_category_name(v.category), v.next_relay, v.reason != NULL ? v.reason : "-");
        assert_false(v.uncertain);
        assert_int_equal(v.retryable, r->status == GW_RCPT_DEFERRED || r->status == GW_RCPT_QUEUED);
    }
}

/* D11, D13, D14, D15, B4, and every other way to lose the reply to the dot. */
static void loss_after_the_dot_is_uncertain_and_goes_nowhere_else(void **state)
{
    (void)state;
    for (int reason = 0; reason <= SMTP_REASON_LOCAL_ERROR; reason++) {
        struct smtp_outcome o = {.final = true,
                                 .uncertain = true,
                                 .stage = SMTP_STAGE_DOT,
                                 .reason = (enum smtp_reason)reason};
        struct gw_verdict v = gw_delivery_judge(&o);
        assert_int_equal(v.status, GW_RCPT_DEFERRED);
        assert_true(v.uncertain && v.retryable);
        assert_false(v.next_relay);
        assert_int_not_equal(v.category, GW_CATEGORY_NONE);
    }
}

static void relay_faults_never_reject(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct smtp_outcome o = outcome_of(&rows[i]);
        struct gw_verdict v = gw_delivery_judge(&o);
        assert_false(v.relay_fault && v.status != GW_RCPT_DEFERRED);
        assert_true(!v.relay_fault || v.next_relay);
    }
}

static void what_happens_after_a_loss_is_asked_for_or_configured(void **state)
{
    (void)state;
    static const struct {
        enum gw_on_uncertain asked;
        enum cfg_on_uncertain configured;
        enum gw_rcpt_status status;
    } cases[] = {
        {GW_UNCERTAIN_DEFAULT, CFG_UNCERTAIN_RETRY, GW_RCPT_DEFERRED},
        {GW_UNCERTAIN_DEFAULT, CFG_UNCERTAIN_HOLD, GW_RCPT_HELD},
        {GW_UNCERTAIN_DEFAULT, CFG_UNCERTAIN_STOP, GW_RCPT_UNCERTAIN},
        {GW_UNCERTAIN_RETRY, CFG_UNCERTAIN_STOP, GW_RCPT_DEFERRED},
        {GW_UNCERTAIN_HOLD, CFG_UNCERTAIN_RETRY, GW_RCPT_HELD},
        {GW_UNCERTAIN_STOP, CFG_UNCERTAIN_HOLD, GW_RCPT_UNCERTAIN},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(gw_uncertain_status(cases[i].asked, cases[i].configured), cases[i].status);
    assert_string_equal(gw_rcpt_status_name(GW_RCPT_HELD), "uncertain");
    assert_false(gw_rcpt_status_final(GW_RCPT_HELD));
    assert_true(gw_rcpt_status_final(GW_RCPT_UNCERTAIN));
}

static void acceptance_is_sent_whatever_else_is_set(void **state)
{
    (void)state;
    struct smtp_outcome o = {.final = true, .accepted = true, .stage = SMTP_STAGE_DOT};
    o.reply.code = 250;
    assert_int_equal(gw_delivery_judge(&o).status, GW_RCPT_SENT);
}

static void retry_delays_follow_the_schedule_and_repeat_the_last(void **state)
{
    (void)state;
    static const int64_t schedule[] = {1000, 5000};
    struct cfg_retry retry = {.schedule_ms = schedule, .n_schedule = 2, .jitter = 0.2};
    assert_int_equal(gw_retry_delay_ms(&retry, 1, 0.5), 1000);
    assert_int_equal(gw_retry_delay_ms(&retry, 1, 0.0), 800);
    assert_in_range(gw_retry_delay_ms(&retry, 1, 0.999999), 1199, 1200);
    assert_int_equal(gw_retry_delay_ms(&retry, 2, 0.5), 5000);
    assert_int_equal(gw_retry_delay_ms(&retry, 3, 0.5), 5000);
    assert_int_equal(gw_retry_delay_ms(&retry, 4000000000U, 0.5), 5000);
}

static void what_nobody_tried_comes_back_the_later_the_older_it_is(void **state)
{
    (void)state;
    static const int64_t minute = 60000;
    static const int64_t schedule[] = {60000, 300000, 3600000};
    struct cfg_retry retry = {.schedule_ms = schedule, .n_schedule = 3, .jitter = 0.2};
    assert_int_equal(gw_refused_delay_ms(&retry, 0, 0.5), minute);
    assert_int_equal(gw_refused_delay_ms(&retry, 40 * minute, 0.5), 5 * minute);
    assert_int_equal(gw_refused_delay_ms(&retry, 2880 * minute, 0.5), GW_REFUSED_MAX_MS);
    assert_int_equal(gw_refused_delay_ms(&retry, 40 * minute, 0.0), 4 * minute);
    retry.n_schedule = 2;
    assert_int_equal(gw_refused_delay_ms(&retry, 2880 * minute, 0.5), 5 * minute);
}

static void no_retry_waits_longer_than_the_longest_delay(void **state)
{
    (void)state;
    static const int64_t schedule[] = {1000, 9000, 5000};
    struct cfg_retry retry = {
        .schedule_ms = schedule, .n_schedule = 3, .jitter = 0.5, .uncertain_delay_ms = 100};
    assert_int_equal(gw_retry_max_delay_ms(&retry), 13500);
    assert_true(gw_retry_delay_ms(&retry, 2, 0.999999) <= gw_retry_max_delay_ms(&retry));
    retry.uncertain_delay_ms = 20000;
    assert_int_equal(gw_retry_max_delay_ms(&retry), 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_the_fault_matrix_gets_its_verdict),
        cmocka_unit_test(loss_after_the_dot_is_uncertain_and_goes_nowhere_else),
        cmocka_unit_test(relay_faults_never_reject),
        cmocka_unit_test(acceptance_is_sent_whatever_else_is_set),
        cmocka_unit_test(what_happens_after_a_loss_is_asked_for_or_configured),
        cmocka_unit_test(retry_delays_follow_the_schedule_and_repeat_the_last),
        cmocka_unit_test(what_nobody_tried_comes_back_the_later_the_older_it_is),
        cmocka_unit_test(no_retry_waits_longer_than_the_longest_delay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
