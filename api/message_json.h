/* SPDX-License-Identifier: MIT */
/* From a JSON request body to a draft.
 *
 * Everything wrong with the shape of the document is found in one pass; whether addresses, headers
 * and the rest make sense is judged later by gateway/prepare.c.
 *
 * Spec: RFC 8259, RFC 6901 (pointers), docs/api.md. */
#ifndef API_MESSAGE_JSON_H
#define API_MESSAGE_JSON_H

#include <stdint.h>

#include "api/json_read.h"
#include "gateway/gateway.h"

/* A gw_decode_fn; runs in pool threads.
 * GW_OK; GW_INVALID with problems (also after a repeated key, then with that one only); GW_PROTO
 * when the body is not JSON or over a limit of json_guard.h, with one problem that tells where. */
enum gw_status api_message_json_decode(struct gw_arena *arena, struct gw_slice body,
                                       const struct cfg *cfg, struct gw_draft *out,
                                       struct gw_problems *problems);

/* For documents that have messages inside: as api_read_part(), with the message's fields, into
 * @out, which is zeroed or has been read into before.
 * @seen  in: 1 << index of the fields that are known, but not read; out: of those given */
enum gw_status api_message_json_part(struct gw_arena *arena, const struct api_json_part *part,
                                     uint32_t *seen, struct gw_draft *out,
                                     struct gw_problems *problems);
/* Adds a problem for each attachment that names a part: the request has none. */
void api_message_json_refuse_parts(const struct gw_draft *draft, struct gw_problems *problems);

/* As api_message_json_decode(), of a JSON document that comes with files: an attachment may name a
 * part. */
enum gw_status api_message_json_read(struct gw_arena *arena, struct gw_slice body,
                                     const struct cfg *cfg, struct gw_draft *out,
                                     struct gw_problems *problems);

#endif
