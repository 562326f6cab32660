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

#define MATRIX_HOLE "127.0.0.2"

#include "gateway/base/gw_buf.h"
#include "smtp/relay.h"
#include "tests/lib/scripted_server.h"
#include "tests/lib/test_ca.h"

enum {
    MATRIX_RCPTS = 2, /* whose outcome is shown */
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
    MATRIX_MANY_CONNECTIONS = 8192, /* the server may see more than one connection */
    MATRIX_OTHER_RELAY = 16384,     /* the second message goes through a relay object of its own */
    MATRIX_THREE_TIMES = 32768,   /* the message goes thrice, what is looked at is the last time */
    MATRIX_NO_DESCRIPTORS = 65536 /* none is left when the message goes out; alone */
};

struct matrix_case {
    char name[MATRIX_NAME]; /* "g1 RST | RCPT first | TLS" */
    enum matrix_mode mode;
    unsigned flags;
    enum matrix_action action;
    struct gw_buf script, second_script; /* for the first and the further connections */
    size_t timeout_at;  /* offset in struct smtp_timeouts of the short one, or SIZE_MAX */
    int64_t timeout_ms; /* it; 0: 1/1000 of the default, and not too short for a busy machine */
    struct test_cert_spec cert;
    int max_tls_version;
    const char *host;        /* NULL: 127.0.0.1; see matrix_dns.c */
    bool no_server;          /* nobody listens */
    bool has_hole;           /* connects to MATRIX_HOLE hear nothing */
    int64_t jump_ms;         /* by which the clocks go on before the second message; alone */
    const char *server_name; /* to verify and to ask for; NULL: localhost, or an address */
    enum test_client_cert client_cert;
    bool sni_warning;
    int window;     /* of the server's sockets */
    size_t n_rcpts; /* 0: MATRIX_RCPTS; all behind the second are as the first */
    int n_resumed;  /* TLS sessions, as the server sees it */
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
void matrix_add_network(struct matrix *m); /* those of names, addresses and octets on the way */
/* Whoever waits for a name that is not answered gives up. */
void matrix_dns_end(void);
/* Runs all cases, several at a time; false when the loop did not end. */
bool matrix_run(struct matrix *m);

#endif
