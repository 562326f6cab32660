/* SPDX-License-Identifier: MIT */
/* What operators and orchestrators ask: alive, ready, which version. Open to everyone. */
#include <stdio.h>

#include "api/door.h"
#include "api/json_write.h"
#include "api/problem.h"
#include "api/routes.h"

enum {
    MAX_HEALTH = 1024,
    MAX_DOOR = 256
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
    const char *why = "";
    char door[MAX_DOOR];
    char detail[MAX_HEALTH + MAX_DOOR];
    if (r->context->draining) {
        api_problem(r, API_DRAINING, "The server is shutting down.");
        return;
    }
    bool ready = gw_gateway_ready(r->context->gateway, &why);
    bool open = api_door_is_open(r->context->acceptor, door, sizeof(door));
    (void)snprintf(detail, sizeof(detail), "%s%s%s", ready ? "" : why, ready || open ? "" : "; ",
                   open ? "" : door);
    if (ready && open)
        answer_one(r, "status", "ready");
    else
        api_problem_send(r, &(struct api_problem){.code = API_UNAVAILABLE, .detail = detail});
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
