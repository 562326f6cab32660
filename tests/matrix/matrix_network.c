/* SPDX-License-Identifier: MIT */
/* Rows about what lies below SMTP: names, addresses, sockets, TLS records, and the order in which
 * octets come. */
#include <string.h>

#include "tests/matrix/matrix_row.h"

#define LONG_LABEL "a23456789b23456789c23456789d23456789e23456789f23456789g23456789"
#define HOST_254 \
    LONG_LABEL "." LONG_LABEL "." LONG_LABEL \
               ".a23456789b23456789c23456789d23456789e23456789f23456789g234567.x"
#define HOUR_MS INT64_C(3600000)

/* Names are looked up, and the certificate is for localhost in any case. */
static const struct matrix_row name_rows[] = {
    {"R1 no such name", ANY_MODE, 0, P, "HANG\n", "deferred dns relay_dns resolve 0 next sick",
     .host = "nxdomain.test"},
    {"R1 no such name, three times", PLAIN, MATRIX_THREE_TIMES, P, "HANG\n",
     "deferred dns relay_dns resolve 0 next open", .host = "nxdomain.test"},
    {"R2 server failure", ANY_MODE, 0, P, "HANG\n", "deferred dns relay_dns resolve 0 next sick",
     .host = "servfail.test"},
    {"R2 no answer", ANY_MODE, 0, P, "HANG\n", "deferred network timeout resolve 0 next sick",
     .host = "silent.test", .timeout_at = T(resolve_ms), .timeout_ms = 400},
    {"R2 server failure, an hour less a second after a good answer", PLAIN,
     MATRIX_TWICE | MATRIX_MANY_CONNECTIONS, P, FLIGHT OKS CONTENT "FIN\n", OK,
     .second_script = SENT, .host = "once.test", .jump_ms = HOUR_MS - 1000},
    {"R2 server failure, more than an hour after a good answer", PLAIN,
     MATRIX_TWICE | MATRIX_MANY_CONNECTIONS, P, FLIGHT OKS CONTENT "FIN\n",
     "deferred dns relay_dns resolve 0 next sick", .second_script = SENT, .host = "once-more.test",
     .jump_ms = HOUR_MS},
    {"R3 30 addresses, the fifth answers", ANY_MODE, 0, P, SENT, OK, .host = "fifth.test"},
    {"R3 30 addresses, the sixth would answer", ANY_MODE, 0, P, "HANG\n",
     "deferred network conn_refused connect 0 next sick", .host = "sixth.test"},
    {"R4 name of 254 octets", ANY_MODE, 0, P, "HANG\n", "refused by the configuration",
     .host = HOST_254},
    {"R4 empty label", ANY_MODE, 0, P, "HANG\n", "refused by the configuration",
     .host = "mx..test"},
    {"R4 control octet", ANY_MODE, 0, P, "HANG\n", "refused by the configuration",
     .host = "mx\n.test"},
    {"R4 label of 64 octets", ANY_MODE, 0, P, "HANG\n", "refused by the configuration",
     .host = LONG_LABEL "x.test"},
};

/* Silence is 2/3 of the 300 s that a greeting may take, on a clock that runs 100 times as fast. */
#define LATE "QUIET 2000\nS: 220 hi\nC: EHLO\nS: 250-me\nS: 250 PIPELINING\n"
static const struct matrix_row connect_rows[] = {
    /* it is known, but the breaker stays closed */
    {"R5 no descriptors, three times", PLAIN, MATRIX_NO_DESCRIPTORS | MATRIX_THREE_TIMES, P,
     "HANG\n", "deferred other local_fd connect 0 - sick"},
    {"R6 black hole", ANY_MODE, 0, P, "HANG\n", "deferred network timeout connect 0 next sick",
     .host = MATRIX_HOLE, .has_hole = true, .timeout_at = T(connect_ms)},
    {"R6 black hole, three times", ANY_MODE, MATRIX_THREE_TIMES, P, "HANG\n",
     "deferred network timeout connect 0 next open", .host = MATRIX_HOLE, .has_hole = true,
     .timeout_at = T(connect_ms)},
    {"R7 IPv6 refused", ANY_MODE, 0, P, SENT, OK, .host = "v6-refused.test"},
    {"R7 first address a black hole", ANY_MODE, 0, P, SENT, OK, .host = "hole-first.test",
     .has_hole = true},
    {"R9 R13 late greeting, nothing said before", PLAIN | TLS | RAW, 0, P, LATE SENT, OK,
     .timeout_at = T(greeting_ms), .timeout_ms = 3000},
    {"R13 nothing said before the greeting, STARTTLS", START | RAW, 0, P,
     "QUIET 300\nS: 220 hi\nC: EHLO\nS: 250-me\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nTLS\n"
     "C: EHLO\nS: 250-me\nS: 250 PIPELINING\n" SENT,
     OK},
};

#define TWO_CONNECTIONS (MATRIX_TWICE | MATRIX_MANY_CONNECTIONS)
static const struct matrix_row tls_rows[] = {
    {"T20 renegotiation", SECURE, 0, P, FLIGHT "RENEG\nHANG\n",
     "deferred tls tls_error MAIL 0 next sick", .max_tls = 0x0303},
    {"T20 a few key updates", SECURE, 0, P, FLIGHT "KEYS 10\n" OKS CONTENT "HANG\n", OK},
    {"T20 flood of key updates", SECURE, 0, P, FLIGHT "KEYS 100\n" OKS CONTENT "HANG\n",
     "deferred tls tls_error MAIL 0 next sick"},
    {"T20 flood of key updates behind the dot", SECURE, 0, P,
     FLIGHT OKS "S: 354 go\nBODY\nKEYS 100\nS: 250 ok\nHANG\n",
     "deferred tls tls_error dot 0 same uncertain sick"},
    {"T22 session resumed with the same relay", SECURE, TWO_CONNECTIONS, P,
     FLIGHT OKS CONTENT "FIN\n", OK, .second_script = SENT, .n_resumed = 1},
    {"T22 session not resumed with another relay", SECURE, TWO_CONNECTIONS | MATRIX_OTHER_RELAY, P,
     FLIGHT OKS CONTENT "FIN\n", OK, .second_script = SENT},
    {"T23 records of one octet", SECURE, 0, P, "RECORDS 1\n" SENT, OK},
    {"T23 record of 16 KB in 100 segments", SECURE, 0, P,
     FLIGHT OKS "S: 354 go\nBODY\nPIECES 164\n"
                "LINES 100 250-" LONG_LABEL LONG_LABEL LONG_LABEL "\nS: 250 2.0.0 ok\nHANG\n",
     OK},
    {"T23 segments of one octet", SECURE, 0, P, "PIECES 1\n" SENT, OK},
};

#define NAME_WRONG "deferred tls tls_cert_name tls 0 next sick"
static const struct matrix_row certificate_rows[] = {
    {"T14 wildcard for the first label", SECURE, 0, P, SENT, OK, .server_name = "mx.wild.test",
     .cert = {.san = "DNS:*.wild.test"}},
    {"T14 wildcard in a part of a label", SECURE, 0, P, SENT, NAME_WRONG,
     .server_name = "mx.wild.test", .cert = {.san = "DNS:m*.wild.test"}},
    {"T14 wildcard for two labels", SECURE, 0, P, SENT, NAME_WRONG, .server_name = "mx.wild.test",
     .cert = {.san = "DNS:*.test"}},
    {"T14 wildcard of a top level", SECURE, 0, P, SENT, NAME_WRONG, .server_name = "wild.test",
     .cert = {.san = "DNS:*.test"}},
    {"T14 NUL in a name", SECURE, 0, P, SENT, NAME_WRONG, .server_name = "mx.wild.test",
     .cert = {.raw_dns = "mx.wild.test\0.evil.test", .raw_dns_len = 23}},
    {"T14 address as a DNS name", SECURE, 0, P, SENT, NAME_WRONG, .cert = {.san = "DNS:127.0.0.1"}},
    {"T15 issuer is no CA", SECURE, 0, P, SENT, "deferred tls tls_cert_untrusted tls 0 next sick",
     .cert = {.san = "IP:127.0.0.1", .issuer_is_no_ca = true, .send_chain = true}},
    {"T16 SHA-1", SECURE, 0, P, SENT, "deferred tls tls_weak tls 0 next sick",
     .cert = {.san = "IP:127.0.0.1", .sha1 = true}},
    {"T18 warning about the name", SECURE, 0, P, SENT, OK, .max_tls = 0x0303,
     .server_name = "localhost", .sni_warning = true},
    {"T19 client certificate asked for", SECURE, 0, P, SENT, OK,
     .client_cert = TEST_CLIENT_CERT_ASKED},
    {"T19 client certificate required", SECURE, 0, P, SENT,
     "deferred tls tls_error tls 0 next sick", .max_tls = 0x0303,
     .client_cert = TEST_CLIENT_CERT_REQUIRED},
};

#define TO_TLS "S: 220 hi\nC: EHLO\nS: 250-me\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\n"

/* Flights of 100 RCPTs of 200 octets, answered in 900 octets each: more than all buffers hold. */
static const struct matrix_row order_rows[] = {
    {"C13 answers in another order", ANY_MODE, 0, P,
     FLIGHT
     "S: 250\nS: 550 5.1.1 <b@example.test> is unknown\nS: 250 2.1.5 <a@example.test>\n" CONTENT
     "HANG\n",
     "rejected recipient - RCPT 550 - well", OK},
    {"D7 dots are doubled", ANY_MODE, 0, P,
     FLIGHT OKS "S: 354 go\nC: Subject: hello\nC: \nC: ..dots\nC: and lines\nC: .\n"
                "S: 250 2.0.0 ok\nHANG\n",
     OK},
    {"E5 only the keywords inside TLS count", START | RAW, MATRIX_AUTH_PLAIN, P,
     "S: 220 hi\nC: EHLO\nS: 250-me\nS: 250-SIZE 5\nS: 250-AUTH CRAM-MD5\nS: 250 STARTTLS\n"
     "C: STARTTLS\nS: 220 go\nTLS\nC: EHLO\nS: 250-me\nS: 250-AUTH PLAIN\nS: 250 PIPELINING\n"
     "C: AUTH PLAIN\nS: 235 in\n" SENT,
     OK},
    {"T6 220, then gone", START | RAW, 0, P, TO_TLS "FIN\n",
     "deferred network conn_closed tls 0 next sick"},
    {"T6 220, then gone, opportunistic", START | RAW, MATRIX_OPPORTUNISTIC, P, TO_TLS "FIN\n",
     "deferred network conn_closed tls 0 next sick"},
    {"T6 220, then silence, opportunistic", START | RAW, MATRIX_OPPORTUNISTIC, P, TO_TLS "STALL\n",
     "deferred network timeout tls 0 next sick", .timeout_at = T(handshake_ms)},
    {"C17 one answer at a time, small window", ANY_MODE, 0, P,
     "C: MAIL\nS: 250\nEACH 300 900\nC: DATA\n" CONTENT "HANG\n", OK, .n_rcpts = 300,
     .window = 4096},
};

void matrix_add_network(struct matrix *m)
{
    matrix_add_table(m, name_rows, sizeof(name_rows) / sizeof(name_rows[0]));
    matrix_add_table(m, connect_rows, sizeof(connect_rows) / sizeof(connect_rows[0]));
    matrix_add_table(m, tls_rows, sizeof(tls_rows) / sizeof(tls_rows[0]));
    matrix_add_table(m, certificate_rows, sizeof(certificate_rows) / sizeof(certificate_rows[0]));
    matrix_add_table(m, order_rows, sizeof(order_rows) / sizeof(order_rows[0]));
}
