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

/* Likewise as a result in a batch: with the number of its recipients.
 * @recipients  false leaves the list of them empty */
void api_message_batch_view(struct api_json *j, const char *key, const struct gw_message *m,
                            bool durable, bool recipients);

enum {
    API_LIST_MAX_RCPTS = 20 /* recipients shown of each message in a list; ours */
};
/* Writes @m as an item of a list: with sender, subject, tags and the number of its recipients, of
 * which the first API_LIST_MAX_RCPTS are shown. */
void api_message_list_view(struct api_json *j, const struct gw_message *m, bool durable);

#endif
