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
    /* SENT, REJECTED, DEFERRED, CANCELED; or QUEUED: nothing was tried, it does not count as an
     * attempt. */
    enum gw_rcpt_status status;
    enum gw_category category;
    const char *reason; /* static code; NULL when the reply says it all */
    bool retryable;
    bool uncertain; /* lost between dot and reply: the caller applies on_uncertain */
    /* Nothing was handed over: another relay may be tried in this attempt. With REJECTED: it is
     * this relay that cannot take the message, for good. */
    bool next_relay;
    bool relay_fault; /* about the relay or the path to it, not about message or recipient */
};

/* @o  final */
struct gw_verdict gw_delivery_judge(const struct smtp_outcome *o);

enum {
    GW_REFUSED_MAX_MS = 10 * 60 * 1000 /* a relay that is back is noticed by then; ours */
};

/* How a recipient whose attempt was lost between dot and reply goes on. */
enum gw_rcpt_status gw_uncertain_status(enum gw_on_uncertain asked,
                                        enum cfg_on_uncertain configured);

/* Milliseconds until the next attempt after @attempts failed ones (at least 1), by the schedule
 * with jitter. @random01  in [0, 1) */
int64_t gw_retry_delay_ms(const struct cfg_retry *retry, unsigned attempts, double random01);
/* Milliseconds until a message that no relay would try (known to be down, paused) is looked at
 * again: an eighth of its age, so that a long queue neither spins nor comes back all at once; not
 * below the first step of the schedule, nor over GW_REFUSED_MAX_MS or its longest step. */
int64_t gw_refused_delay_ms(const struct cfg_retry *retry, int64_t age_ms, double random01);
/* The longest that gw_retry_delay_ms() and uncertain_delay may ask for. */
int64_t gw_retry_max_delay_ms(const struct cfg_retry *retry);

#endif
