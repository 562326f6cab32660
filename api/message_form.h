/* SPDX-License-Identifier: MIT */
/* From a multipart/form-data body to a draft: the part `message` is the JSON of message_json.h,
 * further parts are files. An attachment of the JSON may name one by `part`; the others are
 * attached as they are.
 *
 * Spec: RFC 7578, docs/api.md. */
#ifndef API_MESSAGE_FORM_H
#define API_MESSAGE_FORM_H

#include "gateway/gateway.h"

/* A gw_decode_fn, as api_message_json_decode(). The draft borrows the files from the body. */
enum gw_status api_message_form_decode(struct gw_arena *arena, struct gw_slice body,
                                       const struct cfg *cfg, struct gw_draft *out,
                                       struct gw_problems *problems);

#endif
