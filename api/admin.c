/* SPDX-License-Identifier: MIT */
/* Administration: load the configuration again. */
#include "api/json_write.h"
#include "api/problem.h"
#include "api/routes.h"

enum {
    MAX_ANSWER = 1024
};

static void on_reloaded(const struct api_reload_result *result, void *data)
{
    struct api_request *r = data;
    if (!result->ok) {
        api_problem_send(
            r, &(struct api_problem){.code = API_RELOAD_FAILED, .detail = result->detail});
        return;
    }
    struct gw_buf body;
    gw_buf_init(&body, MAX_ANSWER);
    struct api_json j = {.out = &body};
    api_json_begin_object(&j, NULL);
    api_json_str(&j, "status", "reloaded");
    api_json_begin_array(&j, "needs_restart");
    for (size_t i = 0; i < result->n_needs_restart; i++)
        api_json_str(&j, NULL, result->needs_restart[i]);
    api_json_end_array(&j);
    api_json_end_object(&j);
    api_answer_json(r, 200, &body);
}

static void on_gone(void *data)
{
    const struct api_request *r = data;
    if (r->context->reload.cancel != NULL)
        r->context->reload.cancel(r->context->reload.data);
}

static void post_reload(struct api_request *r)
{
    const struct api_reload_hook *hook = &r->context->reload;
    if (hook->start == NULL || !hook->start(hook->data, on_reloaded, r))
        api_problem(r, API_UNAVAILABLE, "The configuration is being loaded already.");
    else
        api_request_hold(r, on_gone, r);
}

const struct api_route api_admin_routes[] = {
    {"POST", "/v1/admin/reload", post_reload, CFG_SCOPE_ADMIN, API_ROUTE_JSON, NULL},
    {0},
};
