/* SPDX-License-Identifier: MIT */
/* One call to a webhook, as text: who it is for, when, and proof of who it is from.
 *
 * Spec: Standard Webhooks (https://github.com/standard-webhooks/standard-webhooks). */
#ifndef GW_WEBHOOK_REQUEST_H
#define GW_WEBHOOK_REQUEST_H

#include <stdint.h>

#include "gateway/base/gw_slice.h"

enum {
    GW_WEBHOOK_ID_SIZE = 64,
    GW_WEBHOOK_SIGNATURE_SIZE = 64,  /* "v1," and 44 characters of base64 */
    GW_WEBHOOK_MAX_ATTEMPTS = 16,    /* of one event */
    GW_WEBHOOK_FIRST_DELAY_MS = 5000 /* doubled with each attempt */
};
#define GW_WEBHOOK_MAX_DELAY_MS (INT64_C(24) * 60 * 60 * 1000)

/* The same for every delivery of an event, also after a restart. */
void gw_webhook_id(int64_t seq, int64_t at_ms, char out[GW_WEBHOOK_ID_SIZE]);

/* The value of webhook-signature: HMAC-SHA256 of "<id>.<timestamp>.<body>".
 * @secret  "whsec_" and base64 of the key, or else the key itself */
void gw_webhook_sign(const char *secret, const char *id, int64_t timestamp_s, struct gw_slice body,
                     char out[GW_WEBHOOK_SIGNATURE_SIZE]);

/* From the end of attempt number @attempts (1: the first) to the next one. @random01 spreads it by
 * a fifth up and down. */
int64_t gw_webhook_delay_ms(unsigned attempts, double random01);

#endif
