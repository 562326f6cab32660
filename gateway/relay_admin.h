/* SPDX-License-Identifier: MIT */
/* The relays as operators see them: state, and what they can do about it. Loop thread only. */
#ifndef GW_RELAY_ADMIN_H
#define GW_RELAY_ADMIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_gateway;

enum {
    GW_RELAY_DETAIL_SIZE = 256,
    GW_RELAY_URL_SIZE = 320 /* a host name of 253 octets with what goes around it */
};

/* A relay at this moment. Texts are static or live as long as the gateway's configuration. */
struct gw_relay_view {
    const char *name;
    char url[GW_RELAY_URL_SIZE]; /* without user and password */
    const char *state;   /* "up", "degraded" (works, but not as configured), "down", "paused" */
    const char *breaker; /* "closed", "open", "half_open" */
    unsigned n_failures; /* connections in a row that did not come up */
    int64_t retry_in_ms; /* breaker open: until it is tried again */
    size_t max_connections, limit; /* configured; allowed now, see docs/relays.md */
    size_t connecting, busy, idle, waiting;
    uint64_t opened, reused, failed;           /* connections, since start */
    uint64_t transactions, refused, throttled; /* since start */
    double rate_per_s, burst;                  /* 0: no limit */
    size_t domain_connections;                 /* 0: no limit */
    double domain_rate_per_s;                  /* 0: no limit */
    int64_t error_at_ms;                       /* wall; 0: it works */
    const char *error_reason, *error_stage;    /* as in docs/delivery.md */
    char error_detail[GW_RELAY_DETAIL_SIZE];
};

size_t gw_relays_count(const struct gw_gateway *g);
/* @index  as in cfg.relays, below gw_relays_count() */
void gw_relay_view(const struct gw_gateway *g, size_t index, struct gw_relay_view *out);
/* Mail for it goes elsewhere or waits; what runs finishes. Idempotent; not kept over a restart. */
void gw_relay_pause(struct gw_gateway *g, size_t index);
/* Also closes the breaker. Idempotent. */
void gw_relay_resume(struct gw_gateway *g, size_t index);

/* A line of a conversation. */
struct gw_relay_check_line {
    int32_t ms;       /* since the start */
    const char *from; /* "client", "relay", "network" */
    const char *text;
};

/* What became of a check; valid during the callback. */
struct gw_relay_check_result {
    const char *failed; /* NULL: the check was made. Else a sentence: why it could not be */
    bool ok;
    const char *stage, *reason, *detail, *advice; /* not ok; advice may be "" */
    const char *address;                          /* "" when nothing was reached */
    const char *tls_version, *tls_cipher;         /* NULL: plaintext */
    /* The certificate; NULL subject: none was shown. */
    const char *subject, *issuer, *names, *not_before, *not_after, *key, *pin;
    const char *capabilities; /* "PIPELINING, AUTH PLAIN"; NULL: EHLO was not answered */
    const struct gw_relay_check_line *lines;
    size_t n_lines, n_dropped;
};
typedef void (*gw_relay_check_cb)(const struct gw_relay_check_result *result, void *data);

enum {
    GW_MAX_RELAY_CHECKS = 16 /* at a time; ours */
};

/* Connect, TLS, AUTH, NOOP, QUIT on a connection of its own, whatever state the relay is in.
 * on_done once, from the loop. NULL: GW_MAX_RELAY_CHECKS are running, or the workers are busy. */
struct gw_relay_check;
struct gw_relay_check *gw_relay_check_start(struct gw_gateway *g, size_t index,
                                            gw_relay_check_cb on_done, void *data);
/* on_done does not come; it ends soon. */
void gw_relay_check_abandon(struct gw_relay_check *c);

#endif
