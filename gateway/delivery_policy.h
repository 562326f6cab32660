/* SPDX-License-Identifier: MIT */
/* What an outcome means. Pure functions: the only place that decides between sent, retry, next
 * relay, reject and uncertain. Table-tested in tests/unit/gateway/test_delivery_policy.c.
 *
 * Spec: RFC 5321 sec. 4.2 and 4.5.4, RFC 3463, docs/delivery.md. */
#ifndef GW_DELIVERY_POLICY_H
#define GW_DELIVERY_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "config/cfg.h"
#include "gateway/message.h"
#include "smtp/outcome.h"

struct gw_verdict {
    enum gw_rcpt_status
        status; /* SENT, REJECTED, DEFERRED, CANCELED, or QUEUED: try again at once */
    enum gw_category category;
    bool retryable;
    bool uncertain;   /* lost between dot and reply: the caller applies on_uncertain */
    bool next_relay;  /* nothing was handed over: another relay may be tried in this attempt */
    bool relay_fault; /* about the relay or the path to it, not about message or recipient */
};

/* @o  final */
struct gw_verdict gw_delivery_judge(const struct smtp_outcome *o);

/* Milliseconds until the next attempt after @attempts failed ones (at least 1), by the schedule
 * with jitter. @random01  in [0, 1) */
int64_t gw_retry_delay_ms(const struct cfg_retry *retry, unsigned attempts, double random01);

#endif
