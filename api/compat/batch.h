/* SPDX-License-Identifier: MIT */
/* Requests of a facade that are several messages. */
#ifndef API_COMPAT_BATCH_H
#define API_COMPAT_BATCH_H

#include "api/facade.h"
#include "api/json_write.h"
#include "gateway/batch.h"

/* One message: taken or refused, and what the facade wrote of it. */
struct api_compat_result {
    bool taken;
    char *text; /* JSON, of len octets */
    size_t len;
};
struct api_compat_results {
    size_t n, n_refused;
    bool rehearsed; /* the body asked for it: nothing was sent */
    const struct api_compat_result *items;
};

struct api_compat_batch {
    gw_split_fn split;
    gw_decode_item_fn decode;
    const char *idempotency_key; /* NULL: none */
    bool strict; /* one that is not taken, and nothing is sent: the request gets its refusal */
    const char *item_name; /* of a message, for a refusal of the whole that says which one; NULL:
                              the pointer says it */
    void (*taken)(struct api_json *j, size_t index, const struct gw_message *m);
    void (*refused)(struct api_json *j, size_t index, const struct api_facade_refusal *refusal);
    /* Answers @r. */
    void (*answer)(struct api_request *r, const struct api_compat_results *results);
};

/* Sends the body of @r. @batch is copied. A client that leaves does not cancel. */
void api_compat_send_batch(struct api_request *r, const struct api_compat_batch *batch);

/* For a gw_split_fn: @list, in @body or all of it, is a list of 1 to @max messages. */
enum gw_status api_compat_split_list(struct gw_arena *arena, struct gw_slice body,
                                     struct gw_slice list, size_t max, struct gw_batch_items *out,
                                     struct gw_problems *problems);

#endif
