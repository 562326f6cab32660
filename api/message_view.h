/* SPDX-License-Identifier: MIT */
/* A message as the API shows it. */
#ifndef API_MESSAGE_VIEW_H
#define API_MESSAGE_VIEW_H

#include <stdbool.h>

#include "api/json_write.h"
#include "gateway/message.h"

/* Writes @m as an object.
 * @key      NULL at the top or inside an array
 * @durable  false adds `"durable": false`: the message lives only in this process */
void api_message_view(struct api_json *j, const char *key, const struct gw_message *m,
                      bool durable);

#endif
