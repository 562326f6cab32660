/* SPDX-License-Identifier: MIT */
/* What operators and orchestrators ask: alive, ready, which version. Open to everyone. */
#include "api/json_write.h"
#include "api/problem.h"
#include "api/routes.h"

enum {
    MAX_HEALTH = 1024
};

static void answer_one(struct api_request *r, const char *key, const char *value)
{
    struct gw_buf body;
    gw_buf_init(&body, MAX_HEALTH);
    struct api_json j = {.out = &body};
    api_json_begin_object(&j, NULL);
    api_json_str(&j, key, value);
    api_json_end_object(&j);
    api_answer_json(r, 200, &body);
}

static void get_livez(struct api_request *r)
{
    answer_one(r, "status", "ok");
}

static void get_readyz(struct api_request *r)
{
    const char *why = NULL;
    if (r->context->draining)
        api_problem(r, API_DRAINING, "The server is shutting down.");
    else if (gw_gateway_ready(r->context->gateway, &why))
        answer_one(r, "status", "ready");
    else
        api_problem(r, API_UNAVAILABLE, "%s", why != NULL ? why : "The gateway is not ready.");
}

static void get_version(struct api_request *r)
{
    struct gw_buf body;
    gw_buf_init(&body, MAX_HEALTH);
    struct api_json j = {.out = &body};
    api_json_begin_object(&j, NULL);
    api_json_str(&j, "name", "mailhatch");
    api_json_str(&j, "version", gw_gateway_version());
    api_json_end_object(&j);
    api_answer_json(r, 200, &body);
}

const struct api_route api_health_routes[] = {
    {"GET", "/livez", get_livez, 0, 0, NULL},
    {"GET", "/readyz", get_readyz, 0, 0, NULL},
    {"GET", "/version", get_version, 0, 0, NULL},
    {0},
};
