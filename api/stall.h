/* SPDX-License-Identifier: MIT */
/* Which connections wait for their peer too long. Pure: the sweeper tells the facts once a second.
 *
 * The HTTP library's own timeouts are re-armed by every octet, or never while it writes, so one
 * octet now and then would hold a connection for ever. */
#ifndef API_STALL_H
#define API_STALL_H

#include <stdbool.h>
#include <stdint.h>

#include "api/guard.h"
#include "config/cfg.h"

enum {
    API_HANDSHAKE_TIMEOUT_MS = 10 * 1000, /* TLS, and the first octets of a plain connection */
    API_STUCK_MS = 10 * 1000 /* from our shutdown, or the library's close, to the end of it */
};

/* How one connection stands now. */
struct api_stall_facts {
    int64_t now_ms;         /* monotonic */
    bool hello;             /* no protocol yet */
    bool head;              /* part of a request's head has come */
    bool body;              /* part of a body is missing */
    bool send;              /* an answer waits for the peer to read it */
    bool work;              /* a request is with its handler: not the peer's fault */
    bool closing;           /* nothing should happen any more but the end */
    uint64_t requests;      /* ever handled: what was waited for before is over */
    uint64_t body_octets;   /* ever received */
    uint64_t sent_octets;   /* ever taken by the kernel */
    int64_t oldest_body_ms; /* age of the oldest incomplete request that has a body */
};

struct api_stall_meter {
    bool on;
    int64_t since_ms; /* start of the window */
    uint64_t octets;  /* at the start of the window */
};

struct api_stall {
    int64_t opened_ms;
    uint64_t requests;                                      /* at the last look */
    int64_t head_since_ms, idle_since_ms, closing_since_ms; /* 0: not so now */
    struct api_stall_meter body, send;
};

/* Starts to watch a connection opened now. */
void api_stall_init(struct api_stall *s, int64_t now_ms);
/* What the connection must be ended for, or API_GUARD_N_REASONS. API_GUARD_AGE: it is old enough to
 * be retired, and has no request. */
enum api_guard_reason api_stall_judge(struct api_stall *s, const struct api_stall_facts *f,
                                      const struct cfg_limits *limits);
/* Is it older than limits->connection_age_ms? */
bool api_stall_is_old(const struct api_stall *s, int64_t now_ms, const struct cfg_limits *limits);

#endif
