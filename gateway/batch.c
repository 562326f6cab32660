/* SPDX-License-Identifier: MIT */
/* Several messages in one request: the window, and the answers. */
#include "gateway/batch.h"

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"
#include "gateway/batch_internal.h"
#include "gateway/discard.h"
#include "gateway/taken_body.h"

enum {
    ARENA_SIZE = 64 * 1024
};

struct gw_batch {
    struct gw_arrival arrival;
    struct gw_work work;
    struct gw_gateway *gateway;
    struct gw_setup *setup; /* the one it began with */
    struct gw_batch_options options;
    bool abandoned;
    char *key; /* heap, or NULL */
    struct gw_taken_body body;
    /* of the pool: */
    enum gw_status status;
    struct gw_arena *arena; /* items, problems */
    struct gw_problems problems;
    struct gw_batch_items items;
    /* on the loop: */
    struct gw_batch_item *each; /* of items.items */
    size_t n_begun, n_preparing, n_working, n_ended;
    bool advancing;
    /* taken whole: */
    struct gw_store_new *gathered; /* heap; what the store is given */
    size_t n_gathered, gathered_bytes;
    size_t n_waiting;      /* of the gathered, neither told what the store said nor discarded */
    bool failed;           /* an item: none is stored */
    bool given;            /* to the store */
    enum gw_status stored; /* what it said */
    size_t n_told;         /* items that were looked at whether they have to be told of it */
};

static void free_work(struct gw_batch *b)
{
    gw_discard_arena(b->gateway->workers, &b->arena);
    gw_discard_heap(b->gateway->workers, b->body.data, b->body.len);
    b->body = (struct gw_taken_body){.data = NULL};
}

static void free_batch(struct gw_batch *b)
{
    struct gw_gateway *g = b->gateway;
    free_work(b);
    gw_free(b->each);
    gw_free(b->gathered);
    gw_free(b->key);
    gw_setup_unref(&b->setup);
    gw_free(b);
    g->n_calls--;
    gw_gateway_progress(g);
}

static void end(struct gw_batch *b, enum gw_status status)
{
    struct gw_batch_result result = {
        .status = status, .n = b->items.n, .rehearsed = b->items.rehearse};
    if (status == GW_INVALID || status == GW_PROTO)
        result.problems = &b->problems;
    else if (status != GW_OK)
        result.detail = gw_submission_detail(status);
    if (!b->abandoned)
        b->options.on_done(&result, b->options.data);
    free_batch(b);
}

/* ---- the items ---- */

static void on_item(const struct gw_submission_result *result, void *data);

static void begin_item(struct gw_batch *b, size_t index)
{
    struct gw_batch_item *item = &b->each[index];
    struct gw_submit_options options = {.api_key = b->options.api_key,
                                        .wait_ms = b->options.wait_ms,
                                        .route = b->options.route,
                                        .idempotency_key = b->key,
                                        .rehearse = b->items.rehearse};
    memcpy(options.traceparent, b->options.traceparent, sizeof(options.traceparent));
    *item = (struct gw_batch_item){.batch = b, .index = index, .preparing = true, .working = true};
    b->n_preparing++;
    b->n_working++;
    item->submission = gw_submission_of_item(b->gateway, b->setup, item, &options, on_item, item);
    gw_submission_begin(item->submission);
}

/* ---- taken whole ---- */

static void advance(struct gw_batch *b);

/* What the store said goes to a few items at a time: the mail of each begins. */
static void tell_stored(struct gw_arrival *a)
{
    struct gw_batch *b = gw_list_entry(a, struct gw_batch, arrival);
    b->advancing = true; /* until these are told */
    for (size_t n = 0; b->n_told < b->items.n && n < GW_BATCH_TOLD; b->n_told++) {
        struct gw_batch_item *item = &b->each[b->n_told];
        if (!item->gathered)
            continue;
        item->gathered = false;
        b->n_waiting--;
        n++;
        gw_submission_stored(item->submission, b->stored);
    }
    b->advancing = false;
    if (b->n_told < b->items.n)
        gw_gateway_arrive(b->gateway, a, tell_stored);
    else
        advance(b);
}

static void on_all_stored(enum gw_status status, void *data)
{
    struct gw_batch *b = data;
    b->stored = status;
    tell_stored(&b->arrival);
}

static void store_all(struct gw_batch *b)
{
    struct gw_store *store = b->gateway->store;
    b->given = true;
    store->engine->commit_all(store, b->gathered, b->n_gathered, on_all_stored, b);
}

static void discard_all(struct gw_batch *b)
{
    b->advancing = true;
    for (size_t i = 0; i < b->items.n; i++) {
        struct gw_batch_item *item = &b->each[i];
        if (!item->gathered)
            continue;
        item->gathered = false;
        b->n_waiting--;
        gw_submission_discard(item->submission);
    }
    b->advancing = false;
    advance(b);
}

bool gw_batch_item_is_of_whole(const struct gw_batch_item *item)
{
    return item->batch->options.whole && item->batch->items.n > 1;
}

/* ---- one after the other ---- */

/* Begins what has room; ends the batch when nothing is left. */
static void advance(struct gw_batch *b)
{
    if (b->advancing)
        return;
    b->advancing = true;
    while (b->n_begun < b->items.n && b->n_preparing < GW_BATCH_PREPARING &&
           b->n_working < GW_BATCH_WINDOW)
        begin_item(b, b->n_begun++);
    b->advancing = false;
    if (b->n_begun < b->items.n || b->n_working != 0)
        return;
    free_work(b); /* what is left only waits */
    if (b->n_waiting > 0 && !b->given) {
        if (b->failed)
            discard_all(b);
        else if (b->n_waiting + b->n_ended == b->items.n)
            store_all(b);
    } else if (b->n_ended == b->items.n) {
        end(b, GW_OK);
    }
}

static void stop_preparing(struct gw_batch_item *item)
{
    item->batch->n_preparing -= item->preparing ? 1 : 0;
    item->preparing = false;
}

static void stop_working(struct gw_batch_item *item)
{
    stop_preparing(item);
    item->batch->n_working -= item->working ? 1 : 0;
    item->working = false;
}

static void on_item(const struct gw_submission_result *result, void *data)
{
    struct gw_batch_item *item = data;
    struct gw_batch *b = item->batch;
    item->submission = NULL;
    if (!b->abandoned)
        b->options.on_item(item->index, result, b->options.data);
    stop_working(item);
    b->n_ended++;
    b->failed = b->failed || result->status != GW_OK;
    advance(b);
}

enum gw_status gw_batch_item_gather(struct gw_batch_item *item, const struct gw_store_new *given)
{
    struct gw_batch *b = item->batch;
    if (b->failed)
        return GW_CANCELED;
    b->gathered_bytes += gw_arena_size(given->m->arena);
    if (b->gathered_bytes > GW_BATCH_MAX_WHOLE)
        return GW_TOOBIG;
    if (b->gathered == NULL)
        b->gathered = gw_calloc(b->items.n, sizeof(*b->gathered));
    b->gathered[b->n_gathered++] = *given;
    item->gathered = true;
    b->n_waiting++;
    stop_working(item);
    advance(b);
    return GW_OK;
}

void gw_batch_item_prepared(struct gw_batch_item *item)
{
    stop_preparing(item);
    advance(item->batch);
}

void gw_batch_item_stored(struct gw_batch_item *item)
{
    stop_working(item);
    advance(item->batch);
}

enum gw_status gw_batch_item_decode(const struct gw_batch_item *item, struct gw_arena *arena,
                                    struct gw_draft *out, struct gw_problems *problems)
{
    const struct gw_batch *b = item->batch;
    enum gw_status status =
        b->options.decode(arena, &b->items, item->index, b->setup->cfg, out, problems);
    out->borrows_body = true; /* it is not the item's to free */
    return status;
}

size_t gw_batch_item_size(const struct gw_batch_item *item)
{
    const struct gw_batch_items *items = &item->batch->items;
    return items->shared.len + items->items[item->index].len;
}

void gw_batch_item_fingerprint(const struct gw_batch_item *item,
                               unsigned char out[GW_FINGERPRINT_SIZE])
{
    const struct gw_batch_items *items = &item->batch->items;
    gw_fingerprint_both(items->shared, items->items[item->index], out);
}

/* ---- the way in ---- */

static void run_split(struct gw_work *w)
{
    struct gw_batch *b = gw_list_entry(w, struct gw_batch, work);
    b->arena = gw_arena_new(ARENA_SIZE);
    gw_problems_init(&b->problems, b->arena);
    b->status = b->options.split(b->arena, gw_slice_of(b->body.data, b->body.len), b->setup->cfg,
                                 &b->items, &b->problems);
}

static void on_split(struct gw_work *w)
{
    struct gw_batch *b = gw_list_entry(w, struct gw_batch, work);
    if (b->status != GW_OK) {
        b->items.n = 0;
        end(b, b->status);
        return;
    }
    CHECK(b->items.n > 0 && b->items.n <= GW_BATCH_MAX_ITEMS);
    b->each = gw_calloc(b->items.n, sizeof(*b->each));
    advance(b);
}

static void begin(struct gw_arrival *a)
{
    struct gw_batch *b = gw_list_entry(a, struct gw_batch, arrival);
    enum gw_status st = GW_CLOSED;
    if (!gw_taken_body_go_on(&b->body)) {
        gw_gateway_arrive(b->gateway, a, begin);
        return;
    }
    b->work = (struct gw_work){
        .run = run_split, .done = on_split, .is_long = b->body.len >= GW_WORK_LONG_BYTES};
    if (b->gateway->state == GW_RUNNING)
        st = gw_workers_submit(b->gateway->workers, &b->work);
    if (st != GW_OK)
        end(b, st);
}

struct gw_batch *gw_gateway_submit_batch(struct gw_gateway *g, struct gw_slice body,
                                         const struct gw_batch_options *options)
{
    PRE(!options->whole || options->wait_ms == 0);
    struct gw_batch *b = gw_calloc(1, sizeof(*b));
    b->gateway = g;
    b->setup = gw_setup_ref(g->setups.now);
    b->options = *options;
    if (options->idempotency_key != NULL)
        b->key = gw_strdup(options->idempotency_key);
    gw_taken_body_start(&b->body, body);
    g->n_calls++;
    gw_gateway_arrive(g, &b->arrival, begin);
    return b;
}

void gw_batch_abandon(struct gw_batch *b)
{
    b->abandoned = true;
    b->options.wait_ms = 0;
    if (b->body.left.len > 0) { /* it was never given to us whole */
        gw_list_remove(&b->arrival.link);
        free_batch(b);
        return;
    }
    b->advancing = true; /* until all are told */
    for (size_t i = 0; i < b->n_begun; i++) {
        struct gw_batch_item *item = &b->each[i];
        if (item->submission == NULL)
            continue;
        if (item->working || item->gathered) {
            gw_submission_hurry(item->submission);
            continue;
        }
        gw_submission_abandon(item->submission);
        item->submission = NULL;
        b->n_ended++;
    }
    b->advancing = false;
    if (b->each != NULL)
        advance(b);
}
