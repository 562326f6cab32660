/* SPDX-License-Identifier: MIT */
/* Changes that people ask for. The store makes them when no attempt is in hand. A cancel does not
 * wait for that by itself: it ends the attempt and asks again when the attempt is recorded. */
#include "gateway/gateway_internal.h"
#include "gateway/message_change.h"
#include "gateway/records_internal.h"

static void ask(struct gw_call *c);

static void end_with(struct gw_call *c, enum gw_status status, const struct gw_message *m)
{
    if (!c->abandoned)
        c->on_record(status, m, c->data);
    gw_call_end(c);
}

/* Refused by the change itself: the caller sees how the message is. */
static void on_refused(enum gw_status status, struct gw_message *m, void *data)
{
    end_with(data, status == GW_OK ? GW_INVALID : status, m);
    gw_message_free(&m);
}

static void on_changed(enum gw_status status, struct gw_message *m, void *data)
{
    struct gw_call *c = data;
    struct gw_gateway *g = c->gateway;
    bool waits = status == GW_BUSY && c->change == gw_change_cancel;
    if (waits && g->state == GW_RUNNING) {
        gw_id_table_add(&g->cancels, &c->node, c->id);
        gw_delivery_cancel(g->delivery, c->id);
    } else if (status == GW_INVALID) {
        g->store->engine->get(g->store, c->tenant, c->id, on_refused, c);
    } else {
        if (status == GW_OK) {
            gw_waits_changed(&g->waits, m);
            gw_delivery_wake(g->delivery);
        }
        end_with(c, waits ? GW_CLOSED : status, m);
    }
    gw_message_free(&m);
}

static void ask(struct gw_call *c)
{
    struct gw_store *store = c->gateway->store;
    struct gw_store_change change = {c->change, &c->change_arg};
    store->engine->update(store, c->tenant, c->id, &change, on_changed, c);
}

bool gw_control_wants_cancel(struct gw_gateway *g, const char *id)
{
    return gw_id_table_find(&g->cancels, id) != NULL;
}

void gw_control_recorded(struct gw_gateway *g, const char *id)
{
    struct gw_id_node *n;
    while ((n = gw_id_table_find(&g->cancels, id)) != NULL) {
        gw_list_remove(&n->link);
        ask(gw_list_entry(n, struct gw_call, node));
    }
}

void gw_control_end_all(struct gw_gateway *g)
{
    for (size_t i = 0; i < GW_ID_TABLE_BUCKETS; i++)
        while (!gw_list_empty(&g->cancels.buckets[i]))
            end_with(gw_list_entry(g->cancels.buckets[i].next, struct gw_call, node.link),
                     GW_CLOSED, NULL);
}

static struct gw_call *start(struct gw_call *c, gw_record_cb cb, gw_store_change_fn change,
                             int64_t arg)
{
    c->on_record = cb;
    c->change = change;
    c->change_arg = arg;
    ask(c);
    return c;
}

struct gw_call *gw_message_cancel(struct gw_gateway *g, const char *tenant, const char *id,
                                  gw_record_cb cb, void *data)
{
    return start(gw_call_new(g, tenant, id, data), cb, gw_change_cancel, 0);
}

struct gw_call *gw_message_retry(struct gw_gateway *g, const char *tenant, const char *id,
                                 gw_record_cb cb, void *data)
{
    int64_t lifetime_ms = g->cfg->retry.max_age_ms;
    return start(gw_call_new(g, tenant, id, data), cb, gw_change_retry, lifetime_ms);
}

struct gw_call *gw_message_schedule(struct gw_gateway *g, const char *tenant, const char *id,
                                    int64_t at_ms, gw_record_cb cb, void *data)
{
    return start(gw_call_new(g, tenant, id, data), cb, gw_change_schedule, at_ms);
}

struct gw_call *gw_message_pause(struct gw_gateway *g, const char *tenant, const char *id,
                                 gw_record_cb cb, void *data)
{
    return start(gw_call_new(g, tenant, id, data), cb, gw_change_pause, 0);
}

struct gw_call *gw_message_unpause(struct gw_gateway *g, const char *tenant, const char *id,
                                   gw_record_cb cb, void *data)
{
    return start(gw_call_new(g, tenant, id, data), cb, gw_change_unpause, 0);
}
