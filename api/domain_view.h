/* SPDX-License-Identifier: MIT */
/* A report on a domain as JSON. */
#ifndef API_DOMAIN_VIEW_H
#define API_DOMAIN_VIEW_H

#include "api/json_write.h"
#include "gateway/domain_report.h"

/* @key  NULL: at the top */
void api_domain_view(struct api_json *j, const char *key, const struct gw_domain_report *report);

#endif
