/* SPDX-License-Identifier: MIT */
/* Rates with a burst. */
#include "gateway/base/gw_token_bucket.h"

enum {
    MS_PER_S = 1000
};

static double tokens_at(const struct gw_token_bucket *b, int64_t now_ms)
{
    double passed_ms = now_ms > b->at_ms ? (double)(now_ms - b->at_ms) : 0;
    double tokens = b->tokens + passed_ms * b->rate_per_s / MS_PER_S;
    return tokens < b->burst ? tokens : b->burst;
}

void gw_token_bucket_init(struct gw_token_bucket *b, double rate_per_s, double burst,
                          int64_t now_ms)
{
    double size = burst < 1 ? 1 : burst;
    *b = (struct gw_token_bucket){
        .rate_per_s = rate_per_s, .burst = size, .tokens = size, .at_ms = now_ms};
}

/* The clock counts whole milliseconds: half of one is no reason to wait for another. */
static bool has_token(const struct gw_token_bucket *b, double tokens)
{
    return tokens + b->rate_per_s / (2 * MS_PER_S) >= 1;
}

bool gw_token_bucket_take(struct gw_token_bucket *b, int64_t now_ms)
{
    if (b->rate_per_s <= 0)
        return true;
    double tokens = tokens_at(b, now_ms);
    if (!has_token(b, tokens))
        return false;
    b->tokens = tokens - 1; /* the rounding above is owed */
    b->at_ms = now_ms;
    return true;
}

int64_t gw_token_bucket_wait_ms(const struct gw_token_bucket *b, int64_t now_ms)
{
    if (b->rate_per_s <= 0)
        return 0;
    double tokens = tokens_at(b, now_ms);
    if (has_token(b, tokens))
        return 0;
    double wait = (1 - tokens) * MS_PER_S / b->rate_per_s;
    return (int64_t)wait + 1;
}

bool gw_token_bucket_full(const struct gw_token_bucket *b, int64_t now_ms)
{
    return b->rate_per_s <= 0 || tokens_at(b, now_ms) >= b->burst;
}
