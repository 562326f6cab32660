/* SPDX-License-Identifier: MIT */
/* From a JSON request body to a draft.
 *
 * Everything wrong with the shape of the document is found in one pass; whether addresses, headers
 * and the rest make sense is judged later by gateway/prepare.c.
 *
 * Spec: RFC 8259, RFC 6901 (pointers), docs/api.md. */
#ifndef API_MESSAGE_JSON_H
#define API_MESSAGE_JSON_H

#include "gateway/gateway.h"

/* A gw_decode_fn; runs in pool threads.
 * GW_OK; GW_INVALID with problems (also after a repeated key, then with that one only); GW_PROTO
 * when the body is not JSON or over a limit of json_guard.h, with one problem that tells where. */
enum gw_status api_message_json_decode(struct gw_arena *arena, struct gw_slice body,
                                       const struct cfg *cfg, struct gw_draft *out,
                                       struct gw_problems *problems);

/* Likewise, of a JSON document that comes with files: an attachment may name a part. */
enum gw_status api_message_json_read(struct gw_arena *arena, struct gw_slice body,
                                     const struct cfg *cfg, struct gw_draft *out,
                                     struct gw_problems *problems);

#endif
