/* SPDX-License-Identifier: MIT */
/* When to leave a relay alone: a circuit breaker. Pure.
 *
 * Happy path: closed; every connection that comes up, and every reply, keeps it so.
 * Failure: SMTP_BREAKER_FAILURES connections in a row that did not come up open it, one with
 * refused credentials opens it at once, so that no account is locked. While it is open no
 * connection is made. Then it is half-open: one probe is let through, and what becomes of it closes
 * the breaker or opens it again, twice as long (SMTP matrix A3, R6, F5). */
#ifndef SMTP_BREAKER_H
#define SMTP_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SMTP_BREAKER_FAILURES = 3,              /* in a row; ours (SMTP matrix R6) */
    SMTP_BREAKER_OPEN_MS = 5 * 1000,        /* the first time; doubles; ours */
    SMTP_BREAKER_OPEN_MAX_MS = 60 * 1000,   /* ours */
    SMTP_BREAKER_CREDENTIALS_MS = 60 * 1000 /* one try a minute (SMTP matrix A3) */
};

enum smtp_breaker_state {
    SMTP_BREAKER_CLOSED,
    SMTP_BREAKER_OPEN,
    SMTP_BREAKER_HALF_OPEN
};

struct smtp_breaker {
    enum smtp_breaker_state state;
    unsigned n_failures; /* in a row */
    unsigned n_opened;   /* in a row */
    int64_t retry_at_ms; /* OPEN: when the probe may go; monotonic */
};

/* "closed", "open", "half_open" */
const char *smtp_breaker_state_name(enum smtp_breaker_state state);

/* A connection came up, or an established one answered. True when that closed it. */
bool smtp_breaker_success(struct smtp_breaker *b);
/* A connection did not come up. @credentials: they were refused. True when that opened it. */
bool smtp_breaker_failure(struct smtp_breaker *b, bool credentials, int64_t now_ms);
/* May a connection be made now? An open one whose time is up turns half-open and says yes: the
 * caller makes one connection and reports what became of it. */
bool smtp_breaker_admits(struct smtp_breaker *b, int64_t now_ms);
/* The probe was not carried out after all; another may go at @retry_at_ms. */
void smtp_breaker_probe_dropped(struct smtp_breaker *b, int64_t retry_at_ms);
/* Until the probe may go, for texts; 0 unless open. */
int64_t smtp_breaker_wait_ms(const struct smtp_breaker *b, int64_t now_ms);

#endif
