/* SPDX-License-Identifier: MIT */
/* What the HTTP face counts. */
#ifndef API_METRICS_H
#define API_METRICS_H

#include "api/request.h"

/* @r was answered with @status, @duration_us after it had arrived. */
void api_metrics_answered(const struct api_request *r, unsigned status, int64_t duration_us);

#endif
