/* SPDX-License-Identifier: MIT */
/* Who follows events, their questions to the store, and the events that are about no message. */
#include "gateway/events.h"

#include "gateway/base/gw_clock.h"
#include "gateway/gateway_internal.h"
#include "gateway/records_internal.h"

void gw_events_listen(struct gw_gateway *g, struct gw_event_listener *l)
{
    gw_list_push_back(&g->event_listeners, &l->link);
}

void gw_events_unlisten(struct gw_event_listener *l)
{
    gw_list_remove(&l->link);
}

void gw_events_written(void *gateway)
{
    struct gw_gateway *g = gateway;
    gw_list_foreach (it, &g->event_listeners) {
        struct gw_event_listener *l = gw_list_entry(it, struct gw_event_listener, link);
        l->on_news(l->data);
    }
}

static void on_events(enum gw_status status, const struct gw_event *events, size_t n, int64_t next,
                      bool more, void *data)
{
    struct gw_call *c = data;
    if (!c->abandoned)
        c->on_events(status, events, n, next, more, c->data);
    gw_call_end(c);
}

struct gw_call *gw_events_after(struct gw_gateway *g, const struct gw_event_query *query,
                                gw_store_events_cb cb, void *data)
{
    struct gw_call *c = gw_call_new(g, "", "", data);
    c->on_events = cb;
    g->store->engine->events_after(g->store, query, on_events, c);
    return c;
}

static void on_noted(enum gw_status status, void *data)
{
    struct gw_gateway *g = data;
    (void)status; /* the log says it, too */
    g->n_calls--;
    gw_gateway_progress(g);
}

void gw_event_note(struct gw_gateway *g, enum gw_event_type type, const char *subject,
                   const char *reason, const char *detail)
{
    struct gw_event e = {.type = type,
                         .at_ms = gw_clock_wall_ms(),
                         .subject = subject,
                         .reason = reason,
                         .tenant = "",
                         .message_status = "",
                         .enhanced = "",
                         .text = detail};
    g->n_calls++;
    g->store->engine->note(g->store, &e, on_noted, g);
}
