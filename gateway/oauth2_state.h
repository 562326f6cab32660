/* SPDX-License-Identifier: MIT */
/* When an access token is good, when to fetch the next, when to leave the token endpoint alone.
 * Pure: times are monotonic milliseconds that the caller brings.
 *
 * Happy path: the first question fetches; later ones get the token; in the last quarter of its life
 * (at least GW_OAUTH2_AHEAD_MS, or half of a short life) a question gets it and one fetch begins
 * beside.
 * Failure: fetches are repeated after 1 s, doubling to a minute; a refusal (wrong secret, revoked
 * grant) waits the minute at once. Until it expires the old token goes on. */
#ifndef GW_OAUTH2_STATE_H
#define GW_OAUTH2_STATE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    GW_OAUTH2_AHEAD_MS = 60 * 1000, /* of its expiry a token is replaced, at least; ours */
    GW_OAUTH2_MARGIN_MS =
        10 * 1000, /* before its expiry it is not used any more, less of a short life; ours */
    GW_OAUTH2_DEFAULT_LIFE_MS =
        3600 * 1000,                   /* when the endpoint does not say (RFC 6749 sec. 5.1) */
    GW_OAUTH2_RETRY_MS = 1000,         /* after the first failure; ours */
    GW_OAUTH2_RETRY_MAX_MS = 60 * 1000 /* ours */
};

struct gw_oauth2_state {
    bool has_token, fetching;
    int64_t refresh_at_ms, useful_until_ms; /* of the token */
    int64_t retry_at_ms;                    /* no fetch before */
    unsigned n_failures;                    /* fetches in a row */
};

enum gw_oauth2_answer_kind {
    GW_OAUTH2_READY, /* there is a token */
    GW_OAUTH2_WAIT,  /* a fetch is on its way, or has to be begun now: see fetch_out */
    GW_OAUTH2_FAILED /* the last fetch failed, and it is too early for another */
};

/* Somebody needs a token. *fetch_out: begin a fetch now; it counts as begun. */
enum gw_oauth2_answer_kind gw_oauth2_ask(struct gw_oauth2_state *s, int64_t now_ms,
                                         bool *fetch_out);
/* The fetch brought a token. @life_ms  of it; 0: not said */
void gw_oauth2_fetched(struct gw_oauth2_state *s, int64_t life_ms, int64_t now_ms);
/* @refused  the endpoint said no, and would again */
void gw_oauth2_fetch_failed(struct gw_oauth2_state *s, bool refused, int64_t now_ms);
/* The relay does not take the token: it is gone, and a fetch is due now unless the endpoint is
 * being left alone. */
void gw_oauth2_token_refused(struct gw_oauth2_state *s);

#endif
