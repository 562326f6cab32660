/* SPDX-License-Identifier: MIT */
/* Where messages live. One interface, several engines; the engine is chosen at start.
 *
 * Every call returns at once; its callback comes exactly once, from the loop, never from inside the
 * call. Messages given in are borrowed until the callback; messages given out belong to the callee
 * (gw_message_free). */
#ifndef GW_STORE_H
#define GW_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "gateway/base/gw_status.h"
#include "gateway/message.h"

struct gw_store;

enum {
    GW_FINGERPRINT_SIZE = 32,
    GW_IDEMPOTENCY_KEPT_MS = 24 * 60 * 60 * 1000
};

/* What makes a repeated request recognisable; kept GW_IDEMPOTENCY_KEPT_MS. */
struct gw_idempotency {
    const char *key; /* tenant, route and the client's key, one text */
    unsigned char fingerprint[GW_FINGERPRINT_SIZE]; /* SHA-256 of the request's body */
};

/* @id  of the message that the key stands for, valid during the callback; NULL: GW_NOTFOUND */
typedef void (*gw_store_idempotency_cb)(enum gw_status status, const char *id,
                                        const unsigned char *fingerprint, void *data);
typedef void (*gw_store_done_cb)(enum gw_status status, void *data);
typedef void (*gw_store_message_cb)(enum gw_status status, struct gw_message *m, void *data);

/* What an engine does. All pointers set. */
struct gw_store_engine {
    const char *name;
    bool durable; /* a commit survives the process */
    /* A new message, and in the same transaction the key it was sent with (NULL: none). GW_OK: it
     * is stored (durable engines: synced). GW_BUSY: full, try later. */
    void (*commit)(struct gw_store *s, const struct gw_message *m,
                   const struct gw_idempotency *idempotency, gw_store_done_cb cb, void *data);
    /* What is stored for a key. @key is copied. */
    void (*idempotency_find)(struct gw_store *s, const char *key, gw_store_idempotency_cb cb,
                             void *data);
    /* An attempt is about to be made: the state of all recipients of @m (`sending`, attempts
     * counted) is stored first, so that a crash cannot forget it. Engines that are not durable do
     * nothing. */
    void (*begin)(struct gw_store *s, const struct gw_message *m, gw_store_done_cb cb, void *data);
    /* The present state of all recipients of @m replaces the stored one. When all are final the
     * body may be dropped. GW_NOTFOUND when the message is gone. */
    void (*record)(struct gw_store *s, const struct gw_message *m, gw_store_done_cb cb, void *data);
    /* A copy without the body, visible to @tenant ("" sees all). GW_NOTFOUND. */
    void (*get)(struct gw_store *s, const char *tenant, const char *id, gw_store_message_cb cb,
                void *data);
    /* Up to @max messages with body whose next_attempt_ms ≤ @now_ms and that are not leased; leased
     * by this until recorded. @cb once per message and once with GW_NOTFOUND at the end. */
    void (*lease_due)(struct gw_store *s, int64_t now_ms, size_t max, gw_store_message_cb cb,
                      void *data);
    /* Wall time of the earliest next attempt, 0 when there is none. */
    int64_t (*next_due_ms)(struct gw_store *s);
    void (*close)(struct gw_store *s, gw_store_done_cb cb, void *data);
};

/* Engines embed this first. */
struct gw_store {
    const struct gw_store_engine *engine;
};

enum {
    GW_STORE_MEMORY_MAX_MESSAGES = 100000, /* kept in memory, final ones evicted oldest first */
};

/* The memory engine: nothing survives the process. Bodies of at most @max_bytes in all wait for
 * delivery; over it commit says GW_BUSY. */
enum gw_status gw_store_memory_new(uv_loop_t *loop, size_t max_bytes, struct gw_store **out);

#endif
