/* SPDX-License-Identifier: MIT */
/* Several messages in one request.
 *
 * Happy path: body → pool (split into items) → each item goes the way of a submission of its own
 * (decode, prepare, store), some at a time, so that the pool's threads share the work, the store
 * groups what it commits, and others find room between → an answer per item as it comes → one at
 * the end.
 * Failure: a body that cannot be split is one answer; an item that fails is that item's answer and
 * nobody else's.
 *
 * A batch that is taken whole: items that are prepared wait for the others; then one transaction
 * stores all of them. When one fails, none is stored, and those that did not are rehearsed.
 *
 * With an idempotency key each item has a key of its own (the request's, and its index) and its own
 * fingerprint: a batch that is sent again with some items mended sends only those.
 *
 * Loop thread only; callbacks as in gateway/gateway.h. */
#ifndef GW_BATCH_H
#define GW_BATCH_H

#include "gateway/gateway.h"

enum {
    GW_BATCH_MAX_ITEMS = 1000,
    GW_BATCH_PREPARING = 32, /* items in the pool at a time: others find room between */
    GW_BATCH_WINDOW = 128,   /* items between the pool and the disk at a time: commits are large */
    GW_BATCH_TOLD = 8,       /* items of one commit whose mail starts in one turn of the loop */
    /* Octets of the messages of a batch that is taken whole: all are in memory until the last is
     * prepared. Ours. */
    GW_BATCH_MAX_WHOLE = 128 << 20
};

/* What a body was split into. */
struct gw_batch_items {
    size_t n;                     /* 1 to GW_BATCH_MAX_ITEMS */
    const struct gw_slice *items; /* the octets of each; part of its fingerprint */
    struct gw_slice shared;       /* octets that all depend on; part of every fingerprint */
    const void *data;             /* the splitter's own; nobody changes it any more */
    bool rehearse;                /* the body says that nothing is to be sent */
};

/* Runs in a pool thread. @arena  of @out, the problems' texts, and items.data
 * GW_OK, or GW_INVALID or GW_PROTO with problems as gw_decode_fn: then no item is looked at. */
typedef enum gw_status (*gw_split_fn)(struct gw_arena *arena, struct gw_slice body,
                                      const struct cfg *cfg, struct gw_batch_items *out,
                                      struct gw_problems *problems);
/* Like gw_decode_fn, for the item @index. Runs in pool threads, for several items at a time.
 * @problems  whoever wants pointers into the whole document sets problems->base first */
typedef enum gw_status (*gw_decode_item_fn)(struct gw_arena *arena,
                                            const struct gw_batch_items *items, size_t index,
                                            const struct cfg *cfg, struct gw_draft *out,
                                            struct gw_problems *problems);

/* The answer of an item, as of a submission; GW_PROTO too is that item's only. */
typedef void (*gw_batch_item_cb)(size_t index, const struct gw_submission_result *result,
                                 void *data);
/* The last call. GW_OK: all @n items are answered. Else status, problems and detail are those of a
 * submission that failed, and no item was looked at. */
struct gw_batch_result {
    enum gw_status status;
    size_t n;
    bool rehearsed; /* nothing was kept, as the body asked for */
    const struct gw_problems *problems;
    const char *detail;
};
typedef void (*gw_batch_done_cb)(const struct gw_batch_result *result, void *data);

struct gw_batch_options {
    gw_split_fn split;
    gw_decode_item_fn decode;
    gw_batch_item_cb on_item;
    gw_batch_done_cb on_done;
    void *data;
    /* as in struct gw_submit_options; each item waits for itself: */
    const struct cfg_api_key *api_key;
    int64_t wait_ms;
    const char *route;
    char traceparent[GW_TRACEPARENT_SIZE];
    const char *idempotency_key;
    /* All items are taken, or none. Then wait_ms is 0: an item must not follow that of an equal
     * batch, which may wait for one that follows ours. */
    bool whole;
};

struct gw_batch;
/* @body  as in gw_gateway_submit()
 * Returns a handle that is valid until on_done. */
struct gw_batch *gw_gateway_submit_batch(struct gw_gateway *g, struct gw_slice body,
                                         const struct gw_batch_options *options);
/* No callback comes any more; the work goes on. */
void gw_batch_abandon(struct gw_batch *b);

#endif
