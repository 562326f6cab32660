/* SPDX-License-Identifier: MIT */
/* Stage-specific rows: scripts behind the hello of the mode, and what has to come of them. */
#ifndef TESTS_MATRIX_ROW_H
#define TESTS_MATRIX_ROW_H

#include "tests/matrix/matrix.h"

enum {
    PLAIN = 1,
    START = 2,
    TLS = 4,
    SECURE = START | TLS,
    ANY_MODE = 7,
    RAW = 8 /* the script is all of it, no hello in front */
};

/* What a row does not name is zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

struct matrix_row {
    const char *name;
    unsigned modes;
    unsigned flags;
    const char *caps; /* words that the server offers, apart by '|' */
    const char *script;
    const char *want, *want_second; /* NULL: as the first */
    const char *second_script;      /* further connections */
    struct test_cert_spec cert;
    int max_tls;
    const char *host, *server_name;
    enum test_client_cert client_cert;
    bool sni_warning;
    size_t timeout_at;
    bool no_server, has_hole;
    int64_t jump_ms;
    int64_t timeout_ms; /* of timeout_at; 0: 1/1000 of the default */
    int window;
    size_t n_rcpts;
    int n_resumed;
};

#define P       "PIPELINING"
#define MAIL    "C: MAIL FROM:<me@example.test>\n"
#define RCPTS   "C: RCPT TO:<a@example.test>\nC: RCPT TO:<b@example.test>\n"
#define OKS     "S: 250\nS: 250\nS: 250\n"
#define CONTENT "S: 354 go\nBODY\nS: 250 2.0.0 ok\n"
#define FLIGHT  MAIL RCPTS "C: DATA\n"
#define SENT    FLIGHT OKS CONTENT "HANG\n"
#define OK      "sent - - dot 250 - well"
#define OK_LAST "sent - - BDAT LAST 250 - well"
#define T(x)    offsetof(struct smtp_timeouts, x)

/* In each of the row's modes. */
void matrix_add_table(struct matrix *m, const struct matrix_row *rows, size_t n);

#endif
