/* SPDX-License-Identifier: MIT */
/* What the HTTP face counts, and the page for Prometheus. Open to everyone, like the other answers
 * to machines that watch: it tells amounts and configured names, nothing about a message.
 *
 * Spec: Prometheus text exposition format 0.0.4. */
#include "api/metrics.h"

#include <stdio.h>

#include "api/connection.h"
#include "api/routes.h"
#include "gateway/base/gw_clock.h"
#include "gateway/metrics.h"
#include "gateway/process_metrics.h"

void api_metrics_answered(const struct api_request *r, unsigned status, int64_t duration_us)
{
    char code[16];
    (void)snprintf(code, sizeof(code), "%u", status);
    gw_metric_add(GW_METRIC_HTTP_REQUESTS, 1,
                  GW_LABELS(r->route != NULL ? r->route->pattern : "none", code));
    gw_metric_observe(GW_METRIC_HTTP_DURATION, duration_us, NULL);
}

static void answer_page(struct api_request *r)
{
    struct gw_buf page;
    gw_buf_init(&page, GW_METRICS_MAX_TEXT);
    gw_metrics_render(&page);
    api_set_header(r, "cache-control", "no-store");
    api_answer(r, 200, "text/plain; version=0.0.4; charset=utf-8", &page);
}

static void on_collected(void *data)
{
    answer_page(data);
}

static void on_gone(void *data)
{
    struct api_request *r = data;
    if (r->context->gateway != NULL)
        gw_gateway_collect_cancel(r->context->gateway);
}

static void get_metrics(struct api_request *r)
{
    struct gw_gateway *gateway = r->context->gateway;
    size_t receiving = api_connection_of(r->h2o)->acceptor->receiving_bytes;
    gw_metric_set(GW_METRIC_INFLIGHT, (int64_t)(r->context->body_bytes + receiving), NULL);
    gw_process_metrics_collect();
    if (gateway != NULL && gw_gateway_collect(gateway, on_collected, r))
        api_request_hold(r, on_gone, r);
    else
        answer_page(r);
}

const struct api_route api_metrics_routes[] = {
    {"GET", "/metrics", get_metrics, 0, 0, NULL},
    {0},
};
