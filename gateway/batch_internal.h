/* SPDX-License-Identifier: MIT */
/* Between gateway/batch.c and gateway/submission.c: an item of a batch as a submission. */
#ifndef GW_BATCH_INTERNAL_H
#define GW_BATCH_INTERNAL_H

#include "gateway/batch.h"
#include "gateway/gateway_internal.h"

/* One item; its submission borrows it. */
struct gw_batch_item {
    struct gw_batch *batch;
    size_t index;
    struct gw_submission *submission; /* NULL: not begun, or answered */
    bool preparing;                   /* begun, and not given to the store yet */
    bool working;                     /* begun, neither stored, failed nor gathered yet */
    bool gathered;                    /* prepared, waits for the others of a whole batch */
};

/* batch.c; in the pool: */
enum gw_status gw_batch_item_decode(const struct gw_batch_item *item, struct gw_arena *arena,
                                    struct gw_draft *out, struct gw_problems *problems);
void gw_batch_item_fingerprint(const struct gw_batch_item *item,
                               unsigned char out[GW_FINGERPRINT_SIZE]);
/* Octets that it is made of. */
size_t gw_batch_item_size(const struct gw_batch_item *item);
/* On the loop: the store has it to commit. */
void gw_batch_item_prepared(struct gw_batch_item *item);
/* On the loop: it is stored, and its answer held. */
void gw_batch_item_stored(struct gw_batch_item *item);
/* Is it of a batch that is taken whole? */
bool gw_batch_item_is_of_whole(const struct gw_batch_item *item);
/* On the loop, of such a batch: it is prepared and waits to be stored with the others.
 * GW_OK: gw_submission_stored() or gw_submission_discard() will be called, maybe at once.
 * GW_CANCELED: another one failed already. GW_TOOBIG: they are too large together. */
enum gw_status gw_batch_item_gather(struct gw_batch_item *item,
                                    const struct gw_store_new *given) GW_NODISCARD;

/* submission.c: a submission of @item in @setup (referenced), to be begun with
 * gw_submission_begin(), which may answer at once. @options  decode is not used; the key is copied
 */
struct gw_submission *gw_submission_of_item(struct gw_gateway *g, struct gw_setup *setup,
                                            struct gw_batch_item *item,
                                            const struct gw_submit_options *options,
                                            gw_submission_cb on_done, void *data);
void gw_submission_begin(struct gw_submission *s);
/* Its answer is not to be held when it has not come to that yet. */
void gw_submission_hurry(struct gw_submission *s);
/* The store said @status to what it was given. */
void gw_submission_stored(struct gw_submission *s, enum gw_status status);
/* It is not stored, because of another one. */
void gw_submission_discard(struct gw_submission *s);
/* Of two texts together. */
void gw_fingerprint_both(struct gw_slice a, struct gw_slice b,
                         unsigned char out[GW_FINGERPRINT_SIZE]);
/* What is said about errors that have no problems to list. */
const char *gw_submission_detail(enum gw_status status);

#endif
