/* SPDX-License-Identifier: MIT */
/* Checks of domains in hand: counted, and ended when the gateway closes. */
#include "gateway/domain_admin.h"

#include "gateway/base/gw_mem.h"
#include "gateway/gateway_internal.h"

struct gw_domain_call {
    struct gw_list link; /* in gateway.domain_calls */
    struct gw_gateway *gateway;
    struct gw_domain_check *check;
    gw_domain_check_cb on_done;
    void *data;
};

static void on_done(const struct gw_domain_report *report, const struct gw_err *err, void *data)
{
    const struct gw_domain_call *call = data;
    call->on_done(report, err, call->data);
}

static void on_gone(void *data)
{
    struct gw_domain_call *call = data;
    struct gw_gateway *g = call->gateway;
    gw_list_remove(&call->link);
    g->n_domain_calls--;
    g->n_calls--;
    gw_free(call);
    gw_gateway_progress(g);
}

struct gw_domain_call *gw_domain_call_start(struct gw_gateway *g,
                                            const struct gw_domain_request *request,
                                            gw_domain_check_cb done, void *data)
{
    if (g->n_domain_calls >= GW_MAX_DOMAIN_CHECKS || g->state != GW_RUNNING)
        return NULL;
    struct gw_domain_call *call = gw_calloc(1, sizeof(*call));
    call->gateway = g;
    call->on_done = done;
    call->data = data;
    gw_list_push_back(&g->domain_calls, &call->link);
    g->n_domain_calls++;
    g->n_calls++;
    call->check = gw_domain_check_start(g->loop, g->cfg, g->setups.now->dkim, request, on_done,
                                        on_gone, call);
    return call;
}

void gw_domain_call_abandon(struct gw_domain_call *call)
{
    gw_domain_check_cancel(call->check);
}

void gw_domain_calls_hurry(struct gw_gateway *g)
{
    gw_list_foreach_safe (it, &g->domain_calls)
        gw_domain_check_hurry(gw_list_entry(it, struct gw_domain_call, link)->check);
}
