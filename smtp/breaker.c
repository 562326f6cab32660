/* SPDX-License-Identifier: MIT */
/* The circuit breaker. */
#include "smtp/breaker.h"

const char *smtp_breaker_state_name(enum smtp_breaker_state state)
{
    static const char *const names[] = {[SMTP_BREAKER_CLOSED] = "closed",
                                        [SMTP_BREAKER_OPEN] = "open",
                                        [SMTP_BREAKER_HALF_OPEN] = "half_open"};
    return names[state];
}

bool smtp_breaker_success(struct smtp_breaker *b)
{
    bool closed = b->state != SMTP_BREAKER_CLOSED;
    *b = (struct smtp_breaker){.state = SMTP_BREAKER_CLOSED};
    return closed;
}

static int64_t open_ms(const struct smtp_breaker *b)
{
    int64_t ms = SMTP_BREAKER_OPEN_MS;
    for (unsigned i = 1; i < b->n_opened && ms < SMTP_BREAKER_OPEN_MAX_MS; i++)
        ms *= 2;
    return ms < SMTP_BREAKER_OPEN_MAX_MS ? ms : SMTP_BREAKER_OPEN_MAX_MS;
}

bool smtp_breaker_failure(struct smtp_breaker *b, bool credentials, int64_t now_ms)
{
    b->n_failures++;
    bool opens =
        credentials || b->n_failures >= SMTP_BREAKER_FAILURES || b->state == SMTP_BREAKER_HALF_OPEN;
    if (!opens)
        return false;
    bool was_closed = b->state == SMTP_BREAKER_CLOSED;
    if (b->state != SMTP_BREAKER_OPEN)
        b->n_opened++;
    b->state = SMTP_BREAKER_OPEN;
    b->retry_at_ms = now_ms + (credentials ? SMTP_BREAKER_CREDENTIALS_MS : open_ms(b));
    return was_closed;
}

bool smtp_breaker_admits(struct smtp_breaker *b, int64_t now_ms)
{
    if (b->state == SMTP_BREAKER_CLOSED)
        return true;
    if (b->state == SMTP_BREAKER_HALF_OPEN || now_ms < b->retry_at_ms)
        return false;
    b->state = SMTP_BREAKER_HALF_OPEN;
    return true;
}

void smtp_breaker_probe_dropped(struct smtp_breaker *b, int64_t retry_at_ms)
{
    if (b->state != SMTP_BREAKER_HALF_OPEN)
        return;
    b->state = SMTP_BREAKER_OPEN;
    b->retry_at_ms = retry_at_ms;
}

int64_t smtp_breaker_wait_ms(const struct smtp_breaker *b, int64_t now_ms)
{
    return b->state == SMTP_BREAKER_OPEN && b->retry_at_ms > now_ms ? b->retry_at_ms - now_ms : 0;
}
