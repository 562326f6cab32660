/* SPDX-License-Identifier: MIT */
/* What the files of the SendGrid facade share. */
#ifndef API_COMPAT_SENDGRID_H
#define API_COMPAT_SENDGRID_H

#include "api/json_read.h"
#include "gateway/batch.h"

/* A batch id is kept as a tag. */
#define API_SENDGRID_BATCH_TAG "batch:"

enum {
    API_SENDGRID_MAX_BATCH_ID = 100,
    /* Substitutions of one personalization: how many, octets of a text after them, and octets of
     * texts times substitutions that are looked at. */
    API_SENDGRID_MAX_SUBSTITUTIONS = 1000,
    API_SENDGRID_MAX_REPLACED = 16 << 20,
    API_SENDGRID_MAX_LOOKED_AT = 256 << 20
};

/* For POST /mail/send: a gw_split_fn that makes a message of each personalization, and the
 * gw_decode_item_fn for them. */
enum gw_status api_sendgrid_split(struct gw_arena *arena, struct gw_slice body,
                                  const struct cfg *cfg, struct gw_batch_items *out,
                                  struct gw_problems *problems);
enum gw_status api_sendgrid_decode_item(struct gw_arena *arena, const struct gw_batch_items *items,
                                        size_t index, const struct cfg *cfg, struct gw_draft *out,
                                        struct gw_problems *problems);

/* Replaces each name of @pairs in the draft's subject and texts by its value, literally. A problem
 * when it is too much. */
void api_sendgrid_substitute(struct gw_arena *arena, const struct gw_draft_pair *pairs, size_t n,
                             struct gw_draft *draft, struct gw_problems *problems);

#endif
