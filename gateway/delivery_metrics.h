/* SPDX-License-Identifier: MIT */
/* What delivery counts. */
#ifndef GW_DELIVERY_METRICS_H
#define GW_DELIVERY_METRICS_H

#include <stdint.h>

#include "gateway/message.h"
#include "smtp/outcome.h"

/* One attempt is over: counts its verdict on every recipient of @m that changed at or after
 * @since_ms (wall). */
void gw_delivery_count_verdicts(const struct gw_message *m, int64_t since_ms);
/* A transaction with @relay is over. */
void gw_delivery_count_timing(const char *relay, const struct smtp_timing *timing);

#endif
