/* SPDX-License-Identifier: MIT */
/* How many transactions a relay gets at once: additive increase, multiplicative decrease. Pure.
 *
 * Happy path: the limit starts at the configured maximum, which is the operator's word. Every
 * `limit` successes add one, up to the maximum.
 * Failure: when the relay says that it is too much (smtp_outcome_is_throttle()), the limit is
 * halved, down to one; once per wave: what began before the last cut tells nothing new.
 *
 * Spec: RFC 5321 sec. 4.5.4.1 (concurrency towards one host). */
#ifndef SMTP_AIMD_H
#define SMTP_AIMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smtp/outcome.h"

struct smtp_aimd {
    double limit;
    size_t max;
    int64_t cut_at_ms; /* of the last decrease; 0: never */
};

/* @max at least 1. */
void smtp_aimd_init(struct smtp_aimd *a, size_t max);
/* At least 1, at most max. */
size_t smtp_aimd_limit(const struct smtp_aimd *a);
void smtp_aimd_success(struct smtp_aimd *a);
/* @began_at_ms  when the transaction or attempt that was throttled began; monotonic, as @now_ms
 * True when the limit went down. */
bool smtp_aimd_throttled(struct smtp_aimd *a, int64_t began_at_ms, int64_t now_ms);

/* Does this outcome say that the relay is asked for too much? 421 anywhere, a deadline that passed,
 * 4yz to MAIL, and 4yz later where the code is about rate or load and not about this message. */
bool smtp_outcome_is_throttle(const struct smtp_outcome *o);

#endif
