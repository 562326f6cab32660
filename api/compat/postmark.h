/* SPDX-License-Identifier: MIT */
/* What the files of the Postmark facade share. */
#ifndef API_COMPAT_POSTMARK_H
#define API_COMPAT_POSTMARK_H

#include "api/json_read.h"
#include "api/json_write.h"
#include "gateway/gateway.h"

/* Where mail goes unless it says otherwise. The names of other streams are kept as tags. */
#define API_POSTMARK_STREAM     "outbound"
#define API_POSTMARK_STREAM_TAG "stream:"

/* A gw_decode_fn: the body of POST /email. */
enum gw_status api_postmark_decode(struct gw_arena *arena, struct gw_slice body,
                                   const struct cfg *cfg, struct gw_draft *out,
                                   struct gw_problems *problems);

/* What is said of a message that was taken. */
void api_postmark_view_accepted(struct api_json *j, const struct gw_message *m);

#endif
