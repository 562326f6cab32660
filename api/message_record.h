/* SPDX-License-Identifier: MIT */
/* What the handlers of /v1/messages/{id} share. */
#ifndef API_MESSAGE_RECORD_H
#define API_MESSAGE_RECORD_H

#include <stdbool.h>

#include "api/request.h"
#include "gateway/base/gw_status.h"

enum {
    API_MAX_MESSAGE_ANSWER = 16 << 20 /* 1,000 recipients with their replies take about 1 MB */
};

/* A UUID. */
bool api_message_id_valid(const char *s);
/* Whether the path names a message by a UUID; else the request is answered with 404. */
bool api_message_id_check(struct api_request *r);
/* 404: there is no such message, or it is not for this key. */
void api_message_not_found(struct api_request *r);
/* Answers with the message. */
void api_message_answer_view(struct api_request *r, unsigned status, const struct gw_message *m);
/* Answers for a call that failed for a reason of the server's. */
void api_message_failed(struct api_request *r, enum gw_status status);

#endif
