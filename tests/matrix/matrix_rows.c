/* SPDX-License-Identifier: MIT */
/* The stage-specific rows: scripts behind the hello of the mode, and what has to come of them. */
#include <stdio.h>
#include <string.h>

#include "tests/matrix/matrix_row.h"

static const struct matrix_row connect_rows[] = {
    {"R5 refused", PLAIN | TLS, 0, P, "", "deferred network conn_refused connect 0 next sick",
     .no_server = true},
    {"R8 greeting 521", ANY_MODE | RAW, 0, P, "S: 521 no mail here\nHANG\n",
     "deferred policy relay_refused greeting 521 next sick"},
    {"R8 greeting 556", PLAIN | TLS | RAW, 0, P, "S: 556 no mail here\nHANG\n",
     "deferred policy relay_refused greeting 556 next sick"},
    {"R10 greeting of many lines", PLAIN | TLS | RAW, 0, P,
     "S: 220-hi\nS: 220-there\nS: 220 you\nC: EHLO\nS: 250-me\nS: 250 PIPELINING\n" SENT, OK},
    {"R11 TLS record for a greeting", PLAIN | START | RAW, 0, P,
     "RAW \\x16\\x03\\x03\\x00\\x40\nHANG\n", "deferred tls wrong_tls_mode greeting 0 next sick"},
    {"R14 greeting 250", PLAIN | TLS | RAW, 0, P, "S: 250 hi\nHANG\n",
     "deferred protocol protocol_error greeting 250 next sick"},
    {"E1 EHLO 502, HELO", PLAIN | TLS | RAW, 0, P,
     "S: 220 hi\nC: EHLO\nS: 502 what\nC: HELO\nS: 250 me\n" MAIL
     "S: 250\nC: RCPT\nS: 250\nC: RCPT\nS: 250\nC: DATA\n" CONTENT "HANG\n",
     OK},
    {"E1 EHLO 500, TLS required", START | RAW, 0, P, "S: 220 hi\nC: EHLO\nS: 500 what\nHANG\n",
     "deferred protocol ehlo_unsupported EHLO 500 next sick"},
    {"E1 EHLO 504, AUTH wanted", TLS | RAW, MATRIX_AUTH_PLAIN, P,
     "S: 220 hi\nC: EHLO\nS: 504 what\nHANG\n",
     "deferred protocol ehlo_unsupported EHLO 504 next sick"},
    {"E2 EHLO 550", ANY_MODE | RAW, 0, P, "S: 220 hi\nC: EHLO\nS: 550 no\nHANG\n",
     "deferred policy relay_refused EHLO 550 next sick"},
    {"E3 odd keywords", PLAIN | TLS, 0, "pipelining|XAUTH PLAIN|SIZEX 5|8BITMIME x|X", SENT, OK},
    {"E4 SIZE overflows", PLAIN | TLS, 0, P "|SIZE 99999999999999999999", SENT, OK},
    {"E4 SIZE 0", PLAIN | TLS, 0, P "|SIZE 0", SENT, OK},
    {"E6 STARTTLS as part of a word", START | RAW, 0, P,
     "S: 220 hi\nC: EHLO\nS: 250-me\nS: 250-XSTARTTLS\nS: 250 text STARTTLS\nHANG\n",
     "deferred tls tls_required_missing EHLO 0 next sick"},
};

#define BEFORE_TLS "S: 220 hi\nC: EHLO\nS: 250-me\nS: 250 STARTTLS\nC: STARTTLS\n"
#define NO_TLS     "S: 220 hi\nC: EHLO\nS: 250-me\nS: 250 PIPELINING\n"
#define REFUSED(code) \
    {"T4 STARTTLS " #code, \
     START | RAW, \
     0, \
     P, \
     BEFORE_TLS "S: " #code " no\nHANG\n", \
     "deferred tls starttls_refused STARTTLS " #code " next sick"}, \
        {"T4 STARTTLS " #code " opportunistic", \
         START | RAW, \
         MATRIX_OPPORTUNISTIC, \
         P, \
         BEFORE_TLS "S: " #code " no\n" MAIL \
                    "S: 250\nC: RCPT\nS: 250\nC: RCPT\nS: 250\nC: DATA\n" CONTENT "HANG\n", \
         OK}, \
    { \
        "T4 STARTTLS " #code " opportunistic, AUTH", START | RAW, \
            MATRIX_OPPORTUNISTIC | MATRIX_AUTH_PLAIN | MATRIX_NO_PLAIN_SECRETS, P, \
            BEFORE_TLS "S: " #code " no\nHANG\n", \
            "deferred tls starttls_refused STARTTLS " #code " next sick" \
    }
#define NONSENSE(code) \
    {"T5 STARTTLS " #code, \
     START | RAW, \
     0, \
     P, \
     BEFORE_TLS "S: " #code " hm\nHANG\n", \
     "deferred protocol protocol_error STARTTLS " #code " next sick"}, \
    { \
        "T5 STARTTLS " #code " opportunistic", START | RAW, MATRIX_OPPORTUNISTIC, P, \
            BEFORE_TLS "S: " #code " hm\nHANG\n", \
            "deferred protocol protocol_error STARTTLS " #code " next sick" \
    }
#define INJECTED(n, behind) \
    { \
        "T8 injection " n, START | RAW, MATRIX_AUTH_PLAIN, P, \
            BEFORE_TLS "R: 220 go\\r\\n" behind "\nHANG\n", \
            "deferred tls starttls_injection tls 0 next sick" \
    }

static const struct matrix_row tls_rows[] = {
    {"T1 stripped", START | RAW, 0, P, NO_TLS "HANG\n",
     "deferred tls tls_required_missing EHLO 0 next sick"},
    {"T1 stripped, AUTH offered", START | RAW, MATRIX_AUTH_PLAIN, P,
     "S: 220 hi\nC: EHLO\nS: 250-me\nS: 250 AUTH PLAIN LOGIN\nHANG\n",
     "deferred tls tls_required_missing EHLO 0 next sick"},
    {"T2 stripped, opportunistic", START | RAW, MATRIX_OPPORTUNISTIC, P, NO_TLS SENT, OK},
    {"T2 stripped, opportunistic, AUTH", START | RAW,
     MATRIX_OPPORTUNISTIC | MATRIX_AUTH_PLAIN | MATRIX_NO_PLAIN_SECRETS, P,
     "S: 220 hi\nC: EHLO\nS: 250-me\nS: 250 AUTH PLAIN LOGIN\nHANG\n",
     "deferred tls tls_required_missing EHLO 0 next sick"},
    REFUSED(454),
    REFUSED(500),
    REFUSED(501),
    REFUSED(502),
    REFUSED(503),
    REFUSED(530),
    REFUSED(550),
    NONSENSE(250),
    NONSENSE(221),
    NONSENSE(235),
    NONSENSE(334),
    NONSENSE(354),
    {"T7 plaintext behind 220", START | RAW, MATRIX_AUTH_PLAIN, P,
     BEFORE_TLS "S: 220 go\nREAD 5\nS: 250-me\nS: 250 AUTH PLAIN\nHANG\n",
     "deferred tls tls_error tls 0 next sick"},
    INJECTED("of a reply", "250 SIZE 1\\r\\n"),
    INJECTED("without CRLF", "250-AUTH PLAI"),
    INJECTED("of one octet", "2"),
    INJECTED("of 421", "421 bye\\r\\n"),
    INJECTED("of an EHLO reply", "250-me\\r\\n250 AUTH PLAIN\\r\\n"),
    {"T10 prepared answers", START | RAW, MATRIX_AUTH_PLAIN, P,
     BEFORE_TLS
     "R: 454 no\\r\\n235 ok\\r\\n250 ok\\r\\n250 ok\\r\\n354 go\\r\\n250 done\\r\\n\nHANG\n",
     "deferred tls starttls_refused STARTTLS 454 next sick"},
    {"T10 prepared answers, opportunistic", START | RAW, MATRIX_OPPORTUNISTIC, P,
     BEFORE_TLS "R: 454 no\\r\\n250 ok\\r\\n250 ok\\r\\n354 go\\r\\n250 done\\r\\n\nHANG\n",
     "deferred protocol protocol_error idle 0 next sick"},
    {"T12 STARTTLS inside TLS", SECURE, 0, P "|STARTTLS", SENT, OK},
    {"R12 plaintext on a TLS port", TLS | RAW, MATRIX_AUTH_PLAIN, P, "PLAIN\nS: 220 hi\nHANG\n",
     "deferred tls wrong_tls_mode tls 0 next sick"},
    {"T13 expired", SECURE, 0, P, SENT, "deferred tls tls_cert_expired tls 0 next sick",
     .cert = {.san = "IP:127.0.0.1", .from_day = -3, .to_day = -1}},
    {"T13 not yet valid", SECURE, 0, P, SENT, "deferred tls tls_cert_not_yet_valid tls 0 next sick",
     .cert = {.san = "IP:127.0.0.1", .from_day = 1, .to_day = 3}},
    {"T14 wrong name", SECURE, 0, P, SENT, "deferred tls tls_cert_name tls 0 next sick",
     .cert = {.san = "DNS:other.example"}},
    {"T14 name in CN only", SECURE, 0, P, SENT, "deferred tls tls_cert_name tls 0 next sick",
     .cert = {.cn = "localhost"}, .host = "localhost"},
    {"T15 self-signed", SECURE, 0, P, SENT, "deferred tls tls_cert_untrusted tls 0 next sick",
     .cert = {.san = "IP:127.0.0.1", .self_signed = true}},
    {"T15 intermediate missing", SECURE, 0, P, SENT,
     "deferred tls tls_cert_untrusted tls 0 next sick",
     .cert = {.san = "IP:127.0.0.1", .intermediate = true}},
    {"T15 intermediate sent", SECURE, 0, P, SENT, OK,
     .cert = {.san = "IP:127.0.0.1", .intermediate = true, .send_chain = true}},
    {"T16 RSA of 1024 bits", SECURE, 0, P, SENT, "deferred tls tls_weak tls 0 next sick",
     .cert = {.san = "IP:127.0.0.1", .rsa_bits = 1024}},
    {"T17 TLS 1.1", SECURE, 0, P, SENT, "deferred tls tls_version tls 0 next sick",
     .max_tls = 0x0302},
    {"T21 cut behind the verdict", SECURE, 0, P, FLIGHT OKS CONTENT "CUT\n", OK},
};

#define IN_AUTH(code, want_) \
    { \
        "A " code, SECURE, MATRIX_AUTH_PLAIN, "AUTH PLAIN", \
            "C: AUTH PLAIN AGFubgBzZWNyZXQ=\nS: " code " x\nHANG\n", want_ \
    }
#define NEXT_MECH(code) \
    {"A5 " code ", next mechanism", \
     ANY_MODE, \
     MATRIX_AUTH_PLAIN, \
     P "|AUTH PLAIN LOGIN", \
     "C: AUTH PLAIN\nS: " code " no\nC: AUTH LOGIN\nS: 334 \nC: YW5u\nS: 334 \nC: c2VjcmV0\n" \
     "S: 235 ok\n" SENT, \
     OK}, \
    { \
        "A5 " code ", no other", SECURE, MATRIX_AUTH_PLAIN, "AUTH PLAIN", \
            "C: AUTH PLAIN\nS: " code " no\nHANG\n", \
            "deferred auth auth_failed AUTH " code " next open" \
    }

static const struct matrix_row auth_rows[] = {
    {"A1 not offered", ANY_MODE, MATRIX_AUTH_PLAIN, P, "HANG\n",
     "deferred auth auth_unavailable EHLO 0 next sick"},
    {"A1 offered before TLS only", START | RAW, MATRIX_AUTH_PLAIN, P,
     "S: 220 hi\nC: EHLO\nS: 250-me\nS: 250-AUTH PLAIN\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\n"
     "TLS\nC: EHLO\nS: 250 me\nHANG\n",
     "deferred auth auth_unavailable EHLO 0 next sick"},
    {"A2 only LOGIN", ANY_MODE, MATRIX_AUTH_PLAIN, P "|AUTH CRAM-MD5 LOGIN",
     "C: AUTH LOGIN\nS: 334 \nC: YW5u\nS: 334 \nC: c2VjcmV0\nS: 235 ok\n" SENT, OK},
    {"A2 only CRAM-MD5", SECURE, MATRIX_AUTH_PLAIN, P "|AUTH CRAM-MD5", "HANG\n",
     "deferred auth auth_unavailable EHLO 0 next sick"},
    IN_AUTH("535", "deferred auth auth_failed AUTH 535 next open"),
    IN_AUTH("530", "deferred auth auth_failed AUTH 530 next open"),
    IN_AUTH("454", "deferred auth auth_temporary AUTH 454 next sick"),
    IN_AUTH("432", "deferred auth auth_temporary AUTH 432 next sick"),
    IN_AUTH("421", "deferred rate relay_421 AUTH 421 next sick"),
    IN_AUTH("250", "deferred protocol protocol_error AUTH 250 next sick"),
    NEXT_MECH("504"),
    NEXT_MECH("534"),
    NEXT_MECH("538"),
    {"A6 challenge is no base64", SECURE, MATRIX_AUTH_LOGIN, "AUTH LOGIN",
     "C: AUTH LOGIN\nS: 334 !!!\nC: *\nS: 501 ok\nHANG\n",
     "deferred auth auth_protocol AUTH 0 next sick"},
    {"A6 endless challenges", SECURE, MATRIX_AUTH_LOGIN, "AUTH LOGIN",
     "C: AUTH LOGIN\nS: 334 \nC: YW5u\nS: 334 \nC: c2VjcmV0\nS: 334 \nC: *\nS: 501 ok\nHANG\n",
     "deferred auth auth_protocol AUTH 0 next sick"},
    {"A7 235 too early", SECURE, MATRIX_AUTH_LOGIN, "AUTH LOGIN",
     "C: AUTH LOGIN\nS: 235 in\nHANG\n", "deferred protocol protocol_error AUTH 235 next sick"},
    {"A10 prompts in another order", SECURE, MATRIX_AUTH_LOGIN, P "|AUTH LOGIN",
     "C: AUTH LOGIN\nS: 334 UGFzc3dvcmQ6\nC: YW5u\nS: 334 VXNlcm5hbWU6\nC: c2VjcmV0\nS: 235 "
     "ok\n" SENT,
     OK},
    {"A11 relay repeats the password", SECURE, MATRIX_AUTH_PLAIN, "AUTH PLAIN",
     "C: AUTH PLAIN\nS: 535 what is AGFubgBzZWNyZXQ=\nHANG\n",
     "deferred auth auth_failed AUTH 535 next open"},
};

#define IN_MAIL(code, want_) \
    { \
        "M " code, ANY_MODE, 0, P, \
            FLIGHT "S: " code "\nS: 503\nS: 503\nS: 503\nC: RSET\nS: 250\nHANG\n", want_ \
    }

static const struct matrix_row mail_rows[] = {
    IN_MAIL("450 4.7.1 later", "deferred policy - MAIL 450 - well"),
    IN_MAIL("451 4.3.5 later", "deferred other - MAIL 451 - well"),
    IN_MAIL("452 4.3.1 full", "deferred mailbox_full - MAIL 452 - well"),
    IN_MAIL("550 5.7.1 not you", "rejected policy - MAIL 550 - well"),
    IN_MAIL("553 5.1.8 bad sender", "rejected policy - MAIL 553 - well"),
    IN_MAIL("554 no", "rejected policy - MAIL 554 - well"),
    IN_MAIL("552 5.3.4 too big", "rejected size - MAIL 552 next well"),
    IN_MAIL("530 5.7.0 authenticate", "deferred auth - MAIL 530 next well"),
    IN_MAIL("500 what", "deferred protocol - MAIL 500 next well"),
    {"M5 501 for SIZE, once more without", ANY_MODE, 0, P "|SIZE 100000",
     "C: MAIL FROM:<me@example.test> SIZE=36\n" RCPTS
     "C: DATA\nS: 501 what is SIZE\nS: 503\nS: 503\n"
     "S: 503\nC: RSET\nS: 250\n" SENT,
     OK},
    {"M5 555 twice", ANY_MODE, 0, P "|SIZE 100000",
     FLIGHT "S: 555 no\nS: 503\nS: 503\nS: 503\nC: RSET\nS: 250\n" FLIGHT
            "S: 555 no\nS: 503\nS: 503\nS: 503\nC: RSET\nS: 250\nHANG\n",
     "rejected protocol - MAIL 555 - well"},
    {"M6 over the advertised size", ANY_MODE, 0, P "|SIZE 35", "HANG\n",
     "rejected size too_large MAIL 0 next well"},
    {"M6 as large as advertised", ANY_MODE, 0, P "|SIZE 36", SENT, OK},
    {"M7 8-bit, not offered", ANY_MODE, MATRIX_EIGHTBIT, P, "HANG\n",
     "rejected message 8bit_unsupported MAIL 0 next well"},
    {"M7 8-bit, offered", ANY_MODE, MATRIX_EIGHTBIT, P "|8BITMIME",
     "C: MAIL FROM:<me@example.test> BODY=8BITMIME\n" RCPTS "C: DATA\n" OKS CONTENT "HANG\n", OK},
    {"M8 SMTPUTF8, not offered", ANY_MODE, MATRIX_UTF8, P, "HANG\n",
     "rejected recipient smtputf8_unsupported MAIL 0 next well"},
    {"M8 SMTPUTF8, offered", ANY_MODE, MATRIX_UTF8, P "|SMTPUTF8",
     "C: MAIL FROM:<me@example.test> SMTPUTF8\n" RCPTS "C: DATA\n" OKS CONTENT "HANG\n", OK},
    {"M9 REQUIRETLS, not offered", ANY_MODE, MATRIX_REQUIRE_TLS, P, "HANG\n",
     "rejected tls requiretls_unsupported MAIL 0 next well"},
    {"M9 REQUIRETLS in plaintext", PLAIN, MATRIX_REQUIRE_TLS, P "|REQUIRETLS", "HANG\n",
     "rejected tls requiretls_unsupported MAIL 0 next well"},
    {"M9 REQUIRETLS, offered", SECURE, MATRIX_REQUIRE_TLS, P "|REQUIRETLS",
     "C: MAIL FROM:<me@example.test> REQUIRETLS\n" RCPTS "C: DATA\n" OKS CONTENT "HANG\n", OK},
    {"M10 null sender", ANY_MODE, MATRIX_NULL_SENDER, P,
     "C: MAIL FROM:<>\n" RCPTS "C: DATA\n" OKS CONTENT "HANG\n", OK},
    {"M11 421 to the second MAIL", ANY_MODE, MATRIX_TWICE | MATRIX_MANY_CONNECTIONS, P,
     FLIGHT OKS CONTENT MAIL "S: 421 busy\nFIN\n", OK, .second_script = SENT},
    {"M12 RCPTMAX", ANY_MODE, 0, P "|LIMITS RCPTMAX=1",
     MAIL "C: RCPT TO:<a\nC: DATA\nS: 250\nS: 250\n" CONTENT MAIL
          "C: RCPT TO:<b\nC: DATA\nS: 250\nS: 250\n" CONTENT "HANG\n",
     OK},
    {"M12 MAILMAX between the recipients", ANY_MODE, MATRIX_MANY_CONNECTIONS,
     P "|LIMITS RCPTMAX=1 MAILMAX=1",
     MAIL "C: RCPT TO:<a\nC: DATA\nS: 250\nS: 250\n" CONTENT "C: QUIT\nS: 221 bye\nFIN\n", OK,
     .second_script =
         MAIL "C: RCPT TO:<b\nC: DATA\nS: 250\nS: 250\n" CONTENT "C: QUIT\nS: 221 bye\nFIN\n"},
    {"Q3 closed while idle", ANY_MODE, MATRIX_TWICE | MATRIX_MANY_CONNECTIONS, P,
     FLIGHT OKS CONTENT "FIN\n", OK, .second_script = SENT},
    {"Q3 reset while idle", ANY_MODE, MATRIX_TWICE | MATRIX_MANY_CONNECTIONS, P,
     FLIGHT OKS CONTENT "RST\n", OK, .second_script = SENT},
    {"Q4 421 while idle", ANY_MODE, MATRIX_TWICE | MATRIX_MANY_CONNECTIONS, P,
     FLIGHT OKS CONTENT "S: 421 idle too long\nFIN\n", OK, .second_script = SENT},
    {"Q4 part of a line while idle", ANY_MODE, MATRIX_TWICE | MATRIX_MANY_CONNECTIONS, P,
     FLIGHT OKS CONTENT "R: 42\nWAIT\nHANG\n", OK, .second_script = SENT, .timeout_at = T(rset_ms)},
    {"Q6 two messages on one connection", ANY_MODE, MATRIX_TWICE, P, FLIGHT OKS CONTENT SENT, OK},
};

#define ENDED "C: RSET\nS: 250\nHANG\n"
static const struct matrix_row rcpt_rows[] = {
    {"C2 one 550", ANY_MODE, 0, P, FLIGHT "S: 250\nS: 550 5.1.1 no\nS: 250\n" CONTENT "HANG\n",
     "rejected recipient - RCPT 550 - well", OK},
    {"C3 one 450", ANY_MODE, 0, P,
     FLIGHT "S: 250\nS: 450 4.7.1 greylisted\nS: 250\n" CONTENT "HANG\n",
     "deferred greylist - RCPT 450 - well", OK},
    {"C4 452 too many", ANY_MODE, 0, P,
     FLIGHT "S: 250\nS: 250\nS: 452 4.5.3 too many\n" CONTENT MAIL
            "C: RCPT TO:<b\nC: DATA\nS: 250\nS: 250\n" CONTENT "HANG\n",
     OK},
    {"C4 552 too many", ANY_MODE, 0, P,
     FLIGHT "S: 250\nS: 250\nS: 552 too many\n" CONTENT MAIL
            "C: RCPT TO:<b\nC: DATA\nS: 250\nS: 250\n" CONTENT "HANG\n",
     OK},
    {"C5 all refused, one by one", ANY_MODE, 0, "X",
     MAIL "S: 250\nC: RCPT\nS: 550 5.1.1 no\nC: RCPT\nS: 553 5.1.3 no\n" ENDED,
     "rejected recipient - RCPT 550 - well", "rejected recipient - RCPT 553 - well"},
    {"C6 all refused, 354", ANY_MODE, 0, P,
     FLIGHT "S: 250\nS: 550 5.1.1 no\nS: 550 5.1.1 no\nS: 354 go\nC: .\nS: 250 for nobody\n" ENDED,
     "rejected recipient - RCPT 550 - well"},
    {"C7 all refused, 503", ANY_MODE, 0, P,
     FLIGHT "S: 250\nS: 550 5.1.1 no\nS: 550 5.1.1 no\nS: 503 no rcpt\n" ENDED,
     "rejected recipient - RCPT 550 - well"},
    {"C7 all refused, 554", ANY_MODE, 0, P,
     FLIGHT "S: 250\nS: 550 5.1.1 no\nS: 550 5.1.1 no\nS: 554 no rcpt\n" ENDED,
     "rejected recipient - RCPT 550 - well"},
    {"C8 4yz and 5yz", ANY_MODE, 0, P,
     FLIGHT "S: 250\nS: 450 4.2.1 later\nS: 550 5.1.1 no\nS: 554 no rcpt\n" ENDED,
     "deferred recipient - RCPT 450 - well", "rejected recipient - RCPT 550 - well"},
    {"C9 251 and 252", ANY_MODE, 0, P,
     FLIGHT "S: 250\nS: 251 fwd\nS: 252 may be\n" CONTENT "HANG\n", OK},
    {"C10 551", ANY_MODE, 0, P, FLIGHT "S: 250\nS: 551 moved\nS: 250\n" CONTENT "HANG\n",
     "rejected recipient - RCPT 551 - well", OK},
    {"C11 fewer replies, then silence", ANY_MODE, 0, P, FLIGHT "S: 250\nS: 250\nSTALL\n",
     "deferred network timeout RCPT 0 next sick", .timeout_at = T(rcpt_ms)},
    {"C12 more replies than commands", ANY_MODE, 0, "X",
     MAIL "S: 250\nC: RCPT\nR: 250 a\\r\\n250 b\\r\\n\nHANG\n",
     "deferred protocol protocol_error RCPT 0 next sick"},
    {"C14 503 need MAIL", ANY_MODE, 0, P, FLIGHT "S: 250\nS: 503 need MAIL\nHANG\n",
     "deferred protocol protocol_error RCPT 503 next sick"},
    {"C15 DSN refused, once more without", ANY_MODE, MATRIX_DSN, P "|DSN",
     "C: MAIL FROM:<me@example.test> RET=HDRS ENVID=17\n"
     "C: RCPT TO:<a@example.test> NOTIFY=FAILURE ORCPT=rfc822;a@example.test\n"
     "C: RCPT TO:<b@example.test> NOTIFY=FAILURE ORCPT=rfc822;b@example.test\n"
     "C: DATA\nS: 250\nS: 555 what\nS: 555 what\nS: 503\nC: RSET\nS: 250\n" SENT,
     OK},
    {"DSN offered", ANY_MODE, MATRIX_DSN, P "|DSN",
     "C: MAIL FROM:<me@example.test> RET=HDRS ENVID=17\n"
     "C: RCPT TO:<a@example.test> NOTIFY=FAILURE ORCPT=rfc822;a@example.test\n"
     "C: RCPT TO:<b@example.test> NOTIFY=FAILURE ORCPT=rfc822;b@example.test\n"
     "C: DATA\n" OKS CONTENT "HANG\n",
     OK},
};

#define BDAT         "C: BDAT 36 LAST\nREAD 36\n"
#define UNKNOWN_LAST "deferred protocol protocol_error BDAT LAST 0 same uncertain sick"
#define ONE          MAIL RCPTS BDAT
#define CH           P "|CHUNKING"
static const struct matrix_row content_rows[] = {
    {"D1 DATA 451", ANY_MODE, 0, P,
     FLIGHT "S: 250\nS: 550 5.1.1 no\nS: 250\nS: 451 4.3.0 x\n" ENDED,
     "rejected recipient - RCPT 550 - well", "deferred other - DATA 451 - well"},
    {"D1 DATA 554", ANY_MODE, 0, P, FLIGHT "S: 250\nS: 450 4.2.1 x\nS: 250\nS: 554 5.6.0 x\n" ENDED,
     "deferred recipient - RCPT 450 - well", "rejected message - DATA 554 - well"},
    {"D2 DATA 220", ANY_MODE, 0, P, FLIGHT OKS "S: 220 hm\nHANG\n",
     "deferred protocol protocol_error DATA 220 next sick"},
    {"D3 early 552, then gone", ANY_MODE, MATRIX_BIG, P,
     FLIGHT OKS "S: 354 go\nREAD 1000\nS: 552 5.3.4 too big\nFIN\n",
     "rejected size - body 552 next well"},
    {"D4 early 250", ANY_MODE, MATRIX_BIG, P, FLIGHT OKS "S: 354 go\nREAD 1000\nS: 250 ok\nHANG\n",
     "deferred protocol protocol_error body 0 next sick"},
    {"D12 250, then RST", ANY_MODE, 0, P, FLIGHT OKS CONTENT "RST\n", OK},
    {"D13 half a reply", ANY_MODE, 0, P, FLIGHT OKS "S: 354 go\nBODY\nR: 250 o\nFIN\n",
     "deferred network conn_closed dot 0 same uncertain sick"},
    {"D14 250 behind our timeout", ANY_MODE, 0, P, FLIGHT OKS "S: 354 go\nBODY\nSTALL\nS: 250 ok\n",
     "deferred network timeout dot 0 same uncertain sick", .timeout_at = T(dot_ms)},
    {"D15 354 again", ANY_MODE, 0, P, FLIGHT OKS "S: 354 go\nBODY\nS: 354 go\nHANG\n",
     "deferred protocol protocol_error dot 354 same uncertain sick"},
    {"D18 dot 421", ANY_MODE, 0, P, FLIGHT OKS "S: 354 go\nBODY\nS: 421 bye\nFIN\n",
     "deferred rate relay_421 dot 421 next sick"},
    {"B1 CHUNKING not offered", ANY_MODE, 0, P, SENT, OK},
    {"B5 one flight", ANY_MODE, 0, CH, ONE OKS "S: 250 2.0.0 ok\nHANG\n", OK_LAST},
    {"C12 more replies than commands in one flight", ANY_MODE, 0, CH,
     ONE "R: 250 a\\r\\n250 b\\r\\n250 b\\r\\n250 c\\r\\n250 taken\\r\\n\nHANG\n", UNKNOWN_LAST,
     UNKNOWN_LAST},
    {"C12 and the content was refused", ANY_MODE, 0, CH,
     ONE "R: 250 a\\r\\n250 b\\r\\n250 b\\r\\n550 c\\r\\n250 taken\\r\\n\nHANG\n", UNKNOWN_LAST,
     UNKNOWN_LAST},
    {"B5 one flight, and good-bye", ANY_MODE, 0, CH,
     ONE "R: 250 a\\r\\n250 b\\r\\n250 c\\r\\n250 taken\\r\\n421 bye\\r\\n\nHANG\n", OK_LAST},
    {"B5 one flight off", ANY_MODE, MATRIX_NO_ONE_FLIGHT, CH,
     MAIL RCPTS OKS BDAT "S: 250 2.0.0 ok\nHANG\n", OK_LAST},
    {"B5 without PIPELINING", ANY_MODE, 0, "CHUNKING",
     MAIL "S: 250\nC: RCPT\nS: 250\nC: RCPT\nS: 250\n" BDAT "S: 250 ok\nHANG\n", OK_LAST},
    {"B7 some refused in the flight", ANY_MODE, 0, CH,
     ONE "S: 250\nS: 550 5.1.1 no\nS: 250\nS: 250 ok\nHANG\n",
     "rejected recipient - RCPT 550 - well", OK_LAST},
    {"B7 all refused in the flight", ANY_MODE, 0, CH,
     ONE "S: 250\nS: 550 5.1.1 no\nS: 550 5.1.1 no\nS: 503 nobody\n" ENDED,
     "rejected recipient - RCPT 550 - well"},
    {"B8 MAIL refused in the flight", ANY_MODE, 0, CH,
     ONE "S: 550 5.7.1 no\nS: 503\nS: 503\nS: 503\n" ENDED, "rejected policy - MAIL 550 - well"},
    {"B4 some refused, then lost", ANY_MODE, 0, CH, ONE "S: 250\nS: 550 5.1.1 no\nFIN\n",
     "rejected recipient - RCPT 550 - sick",
     "deferred network conn_closed RCPT 0 same uncertain sick"},
    {"B2 chunk refused 552", ANY_MODE, MATRIX_BIG, "CHUNKING",
     MAIL "S: 250\nC: RCPT\nS: 250\nC: RCPT\nS: 250\nC: BDAT 1048576\nREAD 1048576\n"
          "S: 552 5.3.4 too big\n" ENDED,
     "rejected size - BDAT 552 next well"},
};

static void add_hello(struct gw_buf *out, const struct matrix_row *row, enum matrix_mode mode)
{
    bool raw = (row->modes & RAW) != 0;
    if (mode == MATRIX_TLS && strncmp(row->script, "PLAIN", 5) != 0)
        (void)gw_buf_add_str(out, "TLS\n");
    if (raw)
        return;
    (void)gw_buf_add_str(out, "S: 220 hi\nC: EHLO\nS: 250-me\n");
    if (mode == MATRIX_STARTTLS)
        (void)gw_buf_add_str(out,
                             "S: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nTLS\nC: EHLO\nS: 250-me\n");
    for (const char *at = row->caps; *at != '\0';) {
        size_t len = strcspn(at, "|");
        (void)gw_buf_printf(out, "S: 250-%.*s\n", (int)len, at);
        at += len + (at[len] == '|' ? 1 : 0);
    }
    (void)gw_buf_add_str(out, "S: 250 HELP\n");
}

static void add_row(struct matrix *m, const struct matrix_row *row, enum matrix_mode mode)
{
    static const char *const modes[] = {"plain", "STARTTLS", "TLS"};
    struct matrix_case *c = matrix_add(m);
    bool plain_script = strncmp(row->script, "PLAIN\n", 6) == 0;
    (void)snprintf(c->name, sizeof(c->name), "%s | %s", row->name, modes[mode]);
    c->mode = mode;
    c->flags = row->flags;
    if (mode != MATRIX_PLAIN && (row->flags & MATRIX_OPPORTUNISTIC) == 0)
        c->flags |= MATRIX_NO_PLAIN_SECRETS;
    bool is_short = row->timeout_at != 0 || row->timeout_ms != 0; /* one offset is 0 */
    c->timeout_at = is_short ? row->timeout_at : SIZE_MAX;
    c->cert = row->cert;
    c->max_tls_version = row->max_tls;
    c->host = row->host;
    c->no_server = row->no_server;
    c->has_hole = row->has_hole;
    c->jump_ms = row->jump_ms;
    c->timeout_ms = row->timeout_ms;
    c->window = row->window;
    c->server_name = row->server_name;
    c->client_cert = row->client_cert;
    c->sni_warning = row->sni_warning;
    c->n_rcpts = row->n_rcpts;
    c->n_resumed = row->n_resumed;
    add_hello(&c->script, row, mode);
    (void)gw_buf_add_str(&c->script, row->script + (plain_script ? 6 : 0));
    if (row->second_script != NULL) {
        add_hello(&c->second_script, row, mode);
        (void)gw_buf_add_str(&c->second_script, row->second_script);
    }
    const char *second = row->want_second != NULL ? row->want_second : row->want;
    (void)snprintf(c->want[0], MATRIX_WANT, "%s", row->want);
    (void)snprintf(c->want[1], MATRIX_WANT, "%s", second);
}

void matrix_add_table(struct matrix *m, const struct matrix_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (int mode = 0; mode < MATRIX_N_MODES; mode++)
            if ((rows[i].modes & 1U << mode) != 0)
                add_row(m, &rows[i], (enum matrix_mode)mode);
}

void matrix_add_rows(struct matrix *m)
{
#define ADD(rows) matrix_add_table(m, rows, sizeof(rows) / sizeof((rows)[0]))
    ADD(connect_rows);
    ADD(tls_rows);
    ADD(auth_rows);
    ADD(mail_rows);
    ADD(rcpt_rows);
    ADD(content_rows);
#undef ADD
}
