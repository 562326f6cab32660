/* SPDX-License-Identifier: MIT */
/* From a message/rfc822 body and the query beside it to a draft.
 *
 * Spec: docs/api.md. */
#ifndef API_MESSAGE_MIME_H
#define API_MESSAGE_MIME_H

#include "gateway/gateway.h"

/* The parameters of the query, as api_query_check() takes them. */
#define API_MESSAGE_MIME_QUERY "from to* tag* scheduled_at expires_in relay"

/* A gw_decode_beside_fn. The draft borrows from the body. Problems of the query are pointed at as
 * "/query/to/0", those of the message's header as "/headers/Subject". */
enum gw_status api_message_mime_decode(struct gw_arena *arena, struct gw_slice body,
                                       struct gw_slice query, const struct cfg *cfg,
                                       struct gw_draft *out, struct gw_problems *problems);

#endif
