/* SPDX-License-Identifier: MIT */
/* What the files of the Resend facade share. */
#ifndef API_COMPAT_RESEND_H
#define API_COMPAT_RESEND_H

#include <stdbool.h>

#include "gateway/batch.h"

/* A gw_decode_fn: the body of POST /emails. */
enum gw_status api_resend_decode(struct gw_arena *arena, struct gw_slice body,
                                 const struct cfg *cfg, struct gw_draft *out,
                                 struct gw_problems *problems);

/* For POST /emails/batch: a gw_split_fn of a list, and the gw_decode_item_fn for its items.
 * Pointers are relative to the item. */
enum gw_status api_resend_split(struct gw_arena *arena, struct gw_slice body, const struct cfg *cfg,
                                struct gw_batch_items *out, struct gw_problems *problems);
enum gw_status api_resend_decode_item(struct gw_arena *arena, const struct gw_batch_items *items,
                                      size_t index, const struct cfg *cfg, struct gw_draft *out,
                                      struct gw_problems *problems);

/* A time as Resend takes it: RFC 3339, or `in <n> <unit>` with a unit from seconds to weeks.
 * @now_ms  wall
 * False when it is neither. */
bool api_resend_time(struct gw_slice text, int64_t now_ms, int64_t *wall_ms_out);

#endif
