/* SPDX-License-Identifier: MIT */
/* Which HTTP answer a message gets: 200, 202, or a problem that mirrors the relay's failure. Pure.
 */
#ifndef API_MESSAGE_ANSWER_H
#define API_MESSAGE_ANSWER_H

#include <stdbool.h>

#include "api/http_fields.h"
#include "api/problem.h"
#include "gateway/message.h"

struct api_message_answer {
    bool is_problem;
    unsigned status;    /* 200 or 202 when it is no problem */
    enum api_code code; /* when it is one */
    const char *detail; /* when it is one; borrowed from the message or static */
    long retry_after_s; /* when it is one: 0 for the code's own */
};

/* @m        state at the moment of the answer
 * @prefer   what the client asked for
 * @owner    the caller owns the retry: the store is not durable and the client waited; faults of
 *           the relay are then mirrored as 502, 503 or 504
 * @now_ms   wall, for Retry-After */
struct api_message_answer api_message_answer(const struct gw_message *m,
                                             const struct api_prefer *prefer, bool owner,
                                             int64_t now_ms);

#endif
