/* SPDX-License-Identifier: MIT */
/* A rate with a burst: tokens flow in at a steady rate up to a maximum, each event takes one.
 * Pure: the caller brings the time. */
#ifndef GW_TOKEN_BUCKET_H
#define GW_TOKEN_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct gw_token_bucket {
    double rate_per_s; /* 0: no limit, every take succeeds */
    double burst;      /* tokens it holds at most, at least 1 */
    double tokens;
    int64_t at_ms; /* when `tokens` was true */
};

/* Full. @burst below 1 counts as 1. Times are monotonic milliseconds. */
void gw_token_bucket_init(struct gw_token_bucket *b, double rate_per_s, double burst,
                          int64_t now_ms);
/* Take one token; false when there is none. */
bool gw_token_bucket_take(struct gw_token_bucket *b, int64_t now_ms);
/* Milliseconds until a token is there, rounded up; 0: now. */
int64_t gw_token_bucket_wait_ms(const struct gw_token_bucket *b, int64_t now_ms);
/* As new: nothing of its past matters any more. */
bool gw_token_bucket_full(const struct gw_token_bucket *b, int64_t now_ms);

#endif
