/* SPDX-License-Identifier: MIT */
/* Following what happens. Loop thread only. */
#ifndef GW_EVENTS_H
#define GW_EVENTS_H

#include "gateway/base/gw_list.h"
#include "gateway/records.h"

/* Told when events were written. The owner's memory; zeroed before its first use. */
struct gw_event_listener {
    struct gw_list link;
    void (*on_news)(void *data); /* from the loop; may not add or take away listeners */
    void *data;
};
void gw_events_listen(struct gw_gateway *g, struct gw_event_listener *l);
/* Idempotent. */
void gw_events_unlisten(struct gw_event_listener *l);

/* As gw_store_engine.events_after. */
struct gw_call *gw_events_after(struct gw_gateway *g, const struct gw_event_query *query,
                                gw_store_events_cb cb, void *data);

#endif
