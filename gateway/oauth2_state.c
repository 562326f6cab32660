/* SPDX-License-Identifier: MIT */
/* The life of access tokens. */
#include "gateway/oauth2_state.h"

static bool is_good(const struct gw_oauth2_state *s, int64_t now_ms)
{
    return s->has_token && now_ms < s->useful_until_ms;
}

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

enum gw_oauth2_answer_kind gw_oauth2_ask(struct gw_oauth2_state *s, int64_t now_ms, bool *fetch_out)
{
    bool good = is_good(s, now_ms);
    bool wanted = !good || now_ms >= s->refresh_at_ms;
    *fetch_out = wanted && !s->fetching && now_ms >= s->retry_at_ms;
    if (*fetch_out)
        s->fetching = true;
    if (good)
        return GW_OAUTH2_READY;
    return s->fetching ? GW_OAUTH2_WAIT : GW_OAUTH2_FAILED;
}

void gw_oauth2_fetched(struct gw_oauth2_state *s, int64_t life_ms, int64_t now_ms)
{
    int64_t life = life_ms > 0 ? life_ms : GW_OAUTH2_DEFAULT_LIFE_MS;
    int64_t ahead = lesser(GW_OAUTH2_AHEAD_MS, life / 2);
    if (ahead < life / 4)
        ahead = life / 4;
    *s = (struct gw_oauth2_state){.has_token = true,
                                  .refresh_at_ms = now_ms + life - ahead,
                                  .useful_until_ms =
                                      now_ms + life - lesser(GW_OAUTH2_MARGIN_MS, life / 10)};
}

void gw_oauth2_fetch_failed(struct gw_oauth2_state *s, bool refused, int64_t now_ms)
{
    int64_t wait = refused ? GW_OAUTH2_RETRY_MAX_MS : GW_OAUTH2_RETRY_MS;
    for (unsigned i = 0; i < s->n_failures && wait < GW_OAUTH2_RETRY_MAX_MS; i++)
        wait *= 2;
    s->fetching = false;
    s->n_failures++;
    s->retry_at_ms = now_ms + (wait < GW_OAUTH2_RETRY_MAX_MS ? wait : GW_OAUTH2_RETRY_MAX_MS);
}

void gw_oauth2_token_refused(struct gw_oauth2_state *s)
{
    s->has_token = false;
}
