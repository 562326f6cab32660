/* SPDX-License-Identifier: MIT */
/* Delivery: takes committed messages to the relays their routes name, applies the policy's
 * verdicts, records them, and brings deferred messages back when they fall due.
 *
 * Loop thread only. */
#ifndef GW_DELIVERY_H
#define GW_DELIVERY_H

#include <stddef.h>
#include <uv.h>

#include "gateway/message.h"
#include "gateway/setup.h"
#include "gateway/store.h"

struct gw_delivery;

/* What delivery works with; all borrowed and outliving it. */
struct gw_delivery_env {
    uv_loop_t *loop;
    const struct gw_setups *setups; /* attempts are made with the present one */
    struct gw_store *store;
    struct gw_workers *workers; /* frees large messages; NULL: the loop does */
    /* Whether the message is to be canceled instead of being tried. */
    bool (*wants_cancel)(const char *id, void *data);
    /* After each recorded attempt, with the state recorded; from the loop. */
    void (*on_recorded)(const struct gw_message *m, void *data);
    /* After work ended; lets the owner see whether gw_delivery_active() is 0. */
    void (*on_progress)(void *data);
    void *data;
};

struct gw_delivery *gw_delivery_new(const struct gw_delivery_env *env);

/* Attempt @m now; it is committed in the store and leased by us. Takes it over. */
void gw_delivery_start(struct gw_delivery *d, struct gw_message *m);
/* The first attempt at @m, planned before its commit: its recipients are `sending`, so that one
 * transaction stores the message and that an attempt at it begins. NULL: it cannot be planned yet,
 * or the store does not need it, and nothing has changed, and gw_delivery_start() is the way; or it
 * was found expired, and is settled.
 *
 * @m is borrowed. One of the next two follows. */
struct gw_attempt;
struct gw_attempt *gw_delivery_plan(struct gw_delivery *d, struct gw_message *m);
/* The commit succeeded: takes @m over and begins. Recipients that the store suppressed are left
 * out. */
void gw_delivery_go(struct gw_attempt *a);
/* It failed: the attempt is forgotten, @m is the caller's. */
void gw_delivery_unplan(struct gw_attempt *a);
/* Milliseconds for which @m, which is new, should be left to the store, because there is no room
 * for it in memory or its relay has enough in hand; 0: start it. */
int64_t gw_delivery_wait_ms(struct gw_delivery *d, const struct gw_message *m);
/* The store has new messages that wait for their time. */
void gw_delivery_wake(struct gw_delivery *d);
/* The relay of that name is worth trying again: what waits for it goes before its time, a little at
 * first (gateway/delivery_comeback.c). Does its work later. */
void gw_delivery_relay_up(struct gw_delivery *d, const char *relay);

/* A message with an attempt in hand, or NULL; borrowed until the loop runs again. */
const struct gw_message *gw_delivery_find(struct gw_delivery *d, const char *id);
/* End the attempt at @id, if one is in hand: what the relay has is recorded as it is, the rest is
 * canceled. on_recorded follows. */
void gw_delivery_cancel(struct gw_delivery *d, const char *id);
/* Attempts in hand, store calls included. */
size_t gw_delivery_active(const struct gw_delivery *d);

/* Nothing new is begun from now on. */
void gw_delivery_stop(struct gw_delivery *d);
/* Only when stopped and nothing is active. @on_closed from the loop; it is gone then. */
void gw_delivery_close(struct gw_delivery *d, void (*on_closed)(void *), void *data);

#endif
