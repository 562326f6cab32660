/* SPDX-License-Identifier: MIT */
/* From the JSON of a batch to drafts: {"defaults": {…}, "messages": [{…}, …]}. A message has the
 * fields of the defaults that it does not give itself (null counts as given).
 *
 * Spec: docs/api.md. */
#ifndef API_BATCH_JSON_H
#define API_BATCH_JSON_H

#include "gateway/batch.h"

enum {
    /* The defaults' octets, times the number of messages: they are read anew for each. */
    API_BATCH_MAX_REPEATED = 64 << 20
};

/* A gw_split_fn. GW_PROTO when any part of the body is not JSON; GW_INVALID when the shape of the
 * whole or of the defaults is wrong. */
enum gw_status api_batch_json_split(struct gw_arena *arena, struct gw_slice body,
                                    const struct cfg *cfg, struct gw_batch_items *out,
                                    struct gw_problems *problems);
/* A gw_decode_item_fn. Pointers start with "/messages/<index>" or "/defaults". */
enum gw_status api_batch_json_decode(struct gw_arena *arena, const struct gw_batch_items *items,
                                     size_t index, const struct cfg *cfg, struct gw_draft *out,
                                     struct gw_problems *problems);

#endif
