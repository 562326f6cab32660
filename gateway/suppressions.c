/* SPDX-License-Identifier: MIT */
/* Suppression lists on behalf of the HTTP face. */
#include "gateway/suppressions.h"

#include "gateway/gateway_internal.h"
#include "gateway/records_internal.h"

bool gw_suppression_address(struct gw_arena *arena, const char *in, const char **out)
{
    const char *wire;
    if (!gw_filter_address(arena, in, &wire))
        return false;
    *out = gw_suppression_email(arena, wire);
    return true;
}

static void on_entries(enum gw_status status, const struct gw_suppression *entries, size_t n,
                       int64_t cursor, void *data)
{
    struct gw_call *c = data;
    if (!c->abandoned)
        c->on_suppressions(status, entries, n, cursor, c->data);
    gw_call_end(c);
}

static struct gw_call *new_call(struct gw_gateway *g, const char *tenant,
                                gw_store_suppressions_cb cb, void *data)
{
    struct gw_call *c = gw_call_new(g, tenant, "", data);
    c->on_suppressions = cb;
    return c;
}

struct gw_call *gw_suppress(struct gw_gateway *g, const char *tenant,
                            const struct gw_suppression *entries, size_t n,
                            gw_store_suppressions_cb cb, void *data)
{
    struct gw_call *c = new_call(g, tenant, cb, data);
    g->store->engine->suppress(g->store, tenant, entries, n, on_entries, c);
    return c;
}

struct gw_call *gw_unsuppress(struct gw_gateway *g, const char *tenant, const char *const *emails,
                              size_t n, gw_store_suppressions_cb cb, void *data)
{
    struct gw_call *c = new_call(g, tenant, cb, data);
    g->store->engine->unsuppress(g->store, tenant, emails, n, on_entries, c);
    return c;
}

struct gw_call *gw_list_suppressions(struct gw_gateway *g, const struct gw_suppression_query *query,
                                     gw_store_suppressions_cb cb, void *data)
{
    struct gw_call *c = new_call(g, query->tenant, cb, data);
    g->store->engine->suppressions(g->store, query, on_entries, c);
    return c;
}
