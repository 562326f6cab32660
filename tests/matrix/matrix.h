/* SPDX-License-Identifier: MIT */
/* The fault matrix over real sockets: a relay object of smtp/ against a scripted server, in
 * plaintext, STARTTLS and implicit TLS, and what gateway/delivery_policy.c makes of the outcome.
 *
 * The expectations are written down in the tables here, never computed by the code under test. */
#ifndef TESTS_MATRIX_H
#define TESTS_MATRIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/gw_buf.h"
#include "smtp/relay.h"
#include "tests/lib/test_ca.h"

enum {
    MATRIX_RCPTS = 2,
    MATRIX_NAME = 96,
    MATRIX_WANT = 192,
    MATRIX_MAX_CASES = 4000
};

enum matrix_mode {
    MATRIX_PLAIN,
    MATRIX_STARTTLS,
    MATRIX_TLS,
    MATRIX_N_MODES
};

/* What is done from our side once the server waits. */
enum matrix_action {
    MATRIX_NO_ACTION,
    MATRIX_CANCEL,
    MATRIX_SHUTDOWN,
    MATRIX_CLOSE_WHEN_DONE /* QUIT is what is looked at: close with some grace */
};

/* Bits of matrix_case.flags */
enum {
    MATRIX_AUTH_LOGIN = 1,    /* credentials, AUTH LOGIN only */
    MATRIX_AUTH_PLAIN = 2,    /* credentials, PLAIN then LOGIN */
    MATRIX_BIG = 4,           /* a message of several MB */
    MATRIX_OPPORTUNISTIC = 8, /* instead of the mode's policy */
    MATRIX_WAIT_CLOSED = 16,  /* look until the client has closed the connection */
    MATRIX_DSN = 32,
    MATRIX_REQUIRE_TLS = 64,
    MATRIX_UTF8 = 128,
    MATRIX_EIGHTBIT = 256,
    MATRIX_NULL_SENDER = 512,
    MATRIX_TWICE = 1024,            /* an ordinary message goes first on the same connection */
    MATRIX_NO_PLAIN_SECRETS = 2048, /* TLS is required: no AUTH and no MAIL in plaintext */
    MATRIX_NO_ONE_FLIGHT = 4096,
    MATRIX_MANY_CONNECTIONS = 8192 /* the server may see more than one connection */
};

struct matrix_case {
    char name[MATRIX_NAME]; /* "g1 RST | RCPT first | TLS" */
    enum matrix_mode mode;
    unsigned flags;
    enum matrix_action action;
    struct gw_buf script, second_script; /* for the first and the further connections */
    size_t timeout_at; /* offset in struct smtp_timeouts of the short one, or SIZE_MAX */
    struct test_cert_spec cert;
    int max_tls_version;
    const char *host;                     /* NULL: 127.0.0.1 */
    bool no_server;                       /* nobody listens */
    char want[MATRIX_RCPTS][MATRIX_WANT]; /* "deferred network conn_reset RCPT 0 next sick" */
    char seen[MATRIX_RCPTS][MATRIX_WANT];
    char fault[256]; /* what else is wrong: called back twice, secrets in plaintext, … */
    int64_t ms;
    bool ok;
};

struct matrix {
    struct matrix_case *cases;
    size_t n;
};

struct matrix_case *matrix_add(struct matrix *m);
void matrix_add_generic(struct matrix *m); /* stages × faults */
void matrix_add_rows(struct matrix *m);    /* stage-specific rows */
/* Runs all cases, several at a time; false when the loop did not end. */
bool matrix_run(struct matrix *m);

#endif
