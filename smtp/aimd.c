/* SPDX-License-Identifier: MIT */
/* Additive increase, multiplicative decrease. */
#include "smtp/aimd.h"

#include <string.h>

#include "gateway/base/gw_check.h"

void smtp_aimd_init(struct smtp_aimd *a, size_t max)
{
    PRE(max > 0);
    *a = (struct smtp_aimd){.limit = (double)max, .max = max};
}

size_t smtp_aimd_limit(const struct smtp_aimd *a)
{
    return (size_t)a->limit;
}

void smtp_aimd_success(struct smtp_aimd *a)
{
    a->limit += 1 / a->limit;
    if (a->limit > (double)a->max)
        a->limit = (double)a->max;
}

bool smtp_aimd_throttled(struct smtp_aimd *a, int64_t began_at_ms, int64_t now_ms)
{
    if (a->cut_at_ms != 0 && began_at_ms <= a->cut_at_ms)
        return false;
    size_t before = smtp_aimd_limit(a);
    a->cut_at_ms = now_ms;
    a->limit = a->limit < 2 ? 1 : a->limit / 2;
    return smtp_aimd_limit(a) < before;
}

/* 4yz behind MAIL that is about the relay's load (RFC 3463: mail system full, congestion, too busy;
 * 4.7.0 and 4.7.28 are how providers speak of rate limits). */
static const char *const load_codes[] = {"4.3.1", "4.3.2", "4.4.5", "4.5.3", "4.7.0", "4.7.28"};

bool smtp_outcome_is_throttle(const struct smtp_outcome *o)
{
    if (o->accepted)
        return false;
    if (o->reason == SMTP_REASON_RELAY_421 || o->reason == SMTP_REASON_TIMEOUT)
        return true;
    if (o->reason != SMTP_REASON_REPLY || o->reply.code / 100 != 4)
        return false;
    if (o->stage == SMTP_STAGE_MAIL || o->reply.code == 454)
        return true;
    if (o->stage == SMTP_STAGE_RCPT) /* greylisting and full mailboxes speak here */
        return false;
    for (size_t i = 0; i < sizeof(load_codes) / sizeof(load_codes[0]); i++)
        if (strcmp(load_codes[i], o->reply.enhanced) == 0)
            return true;
    return false;
}
