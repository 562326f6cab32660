/* SPDX-License-Identifier: MIT */
/* What the files of the Postmark facade share. */
#ifndef API_COMPAT_POSTMARK_H
#define API_COMPAT_POSTMARK_H

#include "api/json_read.h"
#include "api/json_write.h"
#include "gateway/batch.h"

/* Where mail goes unless it says otherwise. The names of other streams are kept as tags. */
#define API_POSTMARK_STREAM     "outbound"
#define API_POSTMARK_STREAM_TAG "stream:"

/* A gw_decode_fn: the body of POST /email. */
enum gw_status api_postmark_decode(struct gw_arena *arena, struct gw_slice body,
                                   const struct cfg *cfg, struct gw_draft *out,
                                   struct gw_problems *problems);

/* For POST /email/batch: a gw_split_fn of a list, and the gw_decode_item_fn for its items. Pointers
 * are relative to the item. */
enum gw_status api_postmark_split(struct gw_arena *arena, struct gw_slice body,
                                  const struct cfg *cfg, struct gw_batch_items *out,
                                  struct gw_problems *problems);
enum gw_status api_postmark_decode_item(struct gw_arena *arena, const struct gw_batch_items *items,
                                        size_t index, const struct cfg *cfg, struct gw_draft *out,
                                        struct gw_problems *problems);
/* The same for POST /email/withTemplate and /email/batchWithTemplates. */
enum gw_status api_postmark_decode_template(struct gw_arena *arena, struct gw_slice body,
                                            const struct cfg *cfg, struct gw_draft *out,
                                            struct gw_problems *problems);
enum gw_status api_postmark_split_templates(struct gw_arena *arena, struct gw_slice body,
                                            const struct cfg *cfg, struct gw_batch_items *out,
                                            struct gw_problems *problems);
enum gw_status api_postmark_decode_template_item(struct gw_arena *arena,
                                                 const struct gw_batch_items *items, size_t index,
                                                 const struct cfg *cfg, struct gw_draft *out,
                                                 struct gw_problems *problems);
/* What is said of a message that was taken. */
void api_postmark_view_accepted(struct api_json *j, const struct gw_message *m);

#endif
