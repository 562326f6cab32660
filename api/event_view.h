/* SPDX-License-Identifier: MIT */
/* An event as the API shows it. */
#ifndef API_EVENT_VIEW_H
#define API_EVENT_VIEW_H

#include "api/json_write.h"
#include "gateway/history.h"

/* Writes @e as an object. @key  NULL at the top or inside an array */
void api_event_view(struct api_json *j, const char *key, const struct gw_event *e);

/* The document that a webhook gets: {"type", "timestamp", "data"}. */
void api_webhook_render(const struct gw_event *e, struct gw_buf *out);

#endif
