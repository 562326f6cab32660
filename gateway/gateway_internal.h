/* SPDX-License-Identifier: MIT */
/* What the gateway consists of; shared by its files only. */
#ifndef GW_GATEWAY_INTERNAL_H
#define GW_GATEWAY_INTERNAL_H

#include "gateway/delivery.h"
#include "gateway/gateway.h"
#include "gateway/relay_news.h"
#include "gateway/sandbox.h"
#include "gateway/setup.h"
#include "gateway/store.h"
#include "gateway/template_cache.h"
#include "gateway/waits.h"
#include "gateway/webhooks.h"
#include "gateway/workers.h"

enum gw_gateway_state {
    GW_RUNNING,
    GW_DRAINING,
    GW_CLOSING_PARTS,
    GW_CLOSED_PARTS
};

/* Something that begins at the next turn of the loop, so that no answer of it comes from inside the
 * call that made it. */
struct gw_arrival {
    struct gw_list link;
    void (*begin)(struct gw_arrival *a);
};

struct gw_gateway {
    uv_loop_t *loop;
    struct gw_setups setups;
    const struct cfg *cfg; /* the present setup's */
    struct gw_sandbox *sandbox;
    struct gw_store *store;
    struct gw_workers *workers;
    struct gw_delivery *delivery;
    struct gw_waits waits;
    struct gw_template_cache templates;
    struct gw_id_table flights; /* submissions that lead, by idempotency key */
    struct gw_id_table cancels; /* calls that wait for an attempt to end, by message id */
    struct gw_list checks;      /* of relays, running */
    size_t n_checks;
    struct gw_list domain_calls; /* struct gw_domain_call */
    size_t n_domain_calls;
    struct gw_list arrivals;      /* struct gw_arrival */
    struct gw_webhooks *webhooks; /* NULL: there is no face that delivers */
    struct gw_list event_listeners;
    struct gw_relay_news relay_news;
    uv_idle_t idle;
    size_t n_calls; /* store calls and submissions in hand */
    enum gw_gateway_state state;
    size_t n_parts_open;        /* while closing: parts whose on_closed is to come */
    int64_t store_failed_at_ms; /* monotonic; 0: the last thing it was given it has kept */
    char why[1024];             /* text behind gw_gateway_ready() */
    bool asking_store;          /* for its numbers, see gw_gateway_collect() */
    void (*on_collected)(void *);
    void *collected_data;
    void (*on_closed)(void *);
    void *closed_data;
};

/* relay_check.c: they end soon. */
void gw_relay_checks_end(struct gw_gateway *g);

/* domain_admin.c: they end soon. */
void gw_domain_calls_hurry(struct gw_gateway *g);

/* gateway.c: @begin is called with @a at the next turn of the loop. */
void gw_gateway_arrive(struct gw_gateway *g, struct gw_arrival *a,
                       void (*begin)(struct gw_arrival *a));

/* events.c: writes an event about a relay or a webhook. */
void gw_event_note(struct gw_gateway *g, enum gw_event_type type, const char *subject,
                   const char *reason, const char *detail);

/* events.c: tells the listeners; @gateway is the gateway. */
void gw_events_written(void *gateway);

/* control.c: whether somebody wants @id canceled that is, or is about to be, in hand. */
bool gw_control_wants_cancel(struct gw_gateway *g, const char *id);
/* An attempt at @id is recorded: changes that waited for it can be made. */
void gw_control_recorded(struct gw_gateway *g, const char *id);
/* Answer whoever waits, as we are closing. */
void gw_control_end_all(struct gw_gateway *g);

/* health.c: what the store said to something it was to keep. */
void gw_gateway_store_said(struct gw_gateway *g, enum gw_status status);

/* A counter dropped: go on with closing if that was the last. */
void gw_gateway_progress(void *gateway);

#endif
