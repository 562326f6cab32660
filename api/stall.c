/* SPDX-License-Identifier: MIT */
/* The rules on slow peers. */
#include "api/stall.h"

/* Has @on held for @timeout_ms? *since_ms keeps when it began. */
static bool too_long(bool on, int64_t *since_ms, int64_t now_ms, int64_t timeout_ms)
{
    if (!on) {
        *since_ms = 0;
        return false;
    }
    if (*since_ms == 0)
        *since_ms = now_ms;
    return now_ms - *since_ms >= timeout_ms;
}

/* Did less than the least rate move during a whole window? */
static bool too_slow(struct api_stall_meter *m, bool on, uint64_t octets, int64_t now_ms,
                     const struct cfg_limits *limits)
{
    bool window_over = m->on && now_ms - m->since_ms >= limits->stall_window_ms;
    double least = (double)limits->min_rate * (double)(now_ms - m->since_ms) / 1000;
    if (on && window_over && (double)(octets - m->octets) < least)
        return true;
    if (!on || !m->on || window_over)
        *m = (struct api_stall_meter){.on = on, .since_ms = now_ms, .octets = octets};
    return false;
}

void api_stall_init(struct api_stall *s, int64_t now_ms)
{
    *s = (struct api_stall){.opened_ms = now_ms};
}

bool api_stall_is_old(const struct api_stall *s, int64_t now_ms, const struct cfg_limits *limits)
{
    return now_ms - s->opened_ms >= limits->connection_age_ms;
}

enum api_guard_reason api_stall_judge(struct api_stall *s, const struct api_stall_facts *f,
                                      const struct cfg_limits *limits)
{
    bool idle = !f->hello && !f->head && !f->body && !f->send && !f->work && !f->closing;
    if (f->requests != s->requests) { /* neither the same head nor the same silence */
        s->requests = f->requests;
        s->head_since_ms = 0;
        s->idle_since_ms = 0;
    }
    /* Every rule looks at every tick, also when another one fires: they keep their own time. */
    const struct {
        bool fires;
        enum api_guard_reason reason;
    } rules[] = {
        {too_long(f->closing, &s->closing_since_ms, f->now_ms, API_STUCK_MS), API_GUARD_STUCK},
        /* twice, for the library keeps the first one */
        {f->hello && f->now_ms - s->opened_ms >= 2 * (int64_t)API_HANDSHAKE_TIMEOUT_MS,
         API_GUARD_HANDSHAKE_TIMEOUT},
        {too_long(f->head, &s->head_since_ms, f->now_ms, limits->header_timeout_ms),
         API_GUARD_HEADER_TIMEOUT},
        {f->body && f->oldest_body_ms >= limits->body_timeout_ms, API_GUARD_BODY_TIMEOUT},
        {too_slow(&s->body, f->body, f->body_octets, f->now_ms, limits), API_GUARD_BODY_RATE},
        {too_slow(&s->send, f->send, f->sent_octets, f->now_ms, limits), API_GUARD_SEND_RATE},
        {too_long(idle, &s->idle_since_ms, f->now_ms, limits->idle_timeout_ms), API_GUARD_IDLE},
        {idle && api_stall_is_old(s, f->now_ms, limits), API_GUARD_AGE},
    };
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (rules[i].fires)
            return rules[i].reason;
    }
    return API_GUARD_N_REASONS;
}
