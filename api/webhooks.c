/* SPDX-License-Identifier: MIT */
/* GET /v1/webhooks[/{name}], POST /v1/webhooks/{name}/test, /pause, /resume, /replay. */
#include "gateway/webhooks.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/json_write.h"
#include "api/problem.h"
#include "api/routes.h"
#include "api/small_body.h"
#include "gateway/base/gw_mem.h"
#include "gateway/records.h"

enum {
    MAX_ANSWER = 1 << 20
};

static void view(struct api_json *j, const struct gw_webhook_view *v)
{
    char cursor[sizeof("9223372036854775807")];
    (void)snprintf(cursor, sizeof(cursor), "%" PRId64, v->cursor);
    api_json_begin_object(j, NULL);
    api_json_str(j, "name", v->name);
    api_json_str(j, "url", v->url);
    api_json_str(j, "state", v->state);
    if (v->failing_since_ms != 0)
        api_json_time(j, "failing_since", v->failing_since_ms);
    else
        api_json_null(j, "failing_since");
    api_json_num(j, "retries", (int64_t)v->n_retries);
    api_json_num(j, "in_flight", (int64_t)v->n_in_flight);
    api_json_str(j, "last_event_id", cursor);
    api_json_bool(j, "replaying", v->replaying);
    api_json_num(j, "delivered", (int64_t)v->delivered);
    api_json_num(j, "failed", (int64_t)v->failed);
    api_json_num(j, "dropped", (int64_t)v->dropped);
    if (v->error_at_ms != 0) {
        api_json_begin_object(j, "last_error");
        api_json_time(j, "at", v->error_at_ms);
        api_json_str(j, "detail", v->error);
        api_json_end_object(j);
    } else {
        api_json_null(j, "last_error");
    }
    api_json_end_object(j);
}

/* The index of the webhook that the path names; false: the request is answered. */
static bool find(struct api_request *r, size_t *out)
{
    struct gw_webhook_view v;
    for (size_t i = 0; i < gw_webhooks_count(r->context->gateway); i++) {
        gw_webhook_view(r->context->gateway, i, &v);
        *out = i;
        if (strcmp(v.name, r->param) == 0)
            return true;
    }
    api_problem(r, API_NOT_FOUND, "There is no webhook with this name.");
    return false;
}

static void answer(struct api_request *r, unsigned status, size_t index)
{
    struct gw_webhook_view v;
    struct gw_buf body;
    gw_buf_init(&body, MAX_ANSWER);
    struct api_json j = {.out = &body};
    gw_webhook_view(r->context->gateway, index, &v);
    view(&j, &v);
    api_answer_json(r, status, &body);
}

static void list_webhooks(struct api_request *r)
{
    struct gw_buf body;
    gw_buf_init(&body, MAX_ANSWER);
    struct api_json j = {.out = &body};
    api_json_begin_object(&j, NULL);
    api_json_begin_array(&j, "webhooks");
    for (size_t i = 0; i < gw_webhooks_count(r->context->gateway); i++) {
        struct gw_webhook_view v;
        gw_webhook_view(r->context->gateway, i, &v);
        view(&j, &v);
    }
    api_json_end_array(&j);
    api_json_end_object(&j);
    api_answer_json(r, 200, &body);
}

static void get_webhook(struct api_request *r)
{
    size_t index;
    if (find(r, &index))
        answer(r, 200, index);
}

static void pause_webhook(struct api_request *r)
{
    size_t index;
    if (!find(r, &index))
        return;
    gw_webhook_pause(r->context->gateway, index);
    answer(r, 200, index);
}

static void resume_webhook(struct api_request *r)
{
    size_t index;
    if (!find(r, &index))
        return;
    gw_webhook_resume(r->context->gateway, index);
    answer(r, 200, index);
}

/* ---- test ---- */

struct pending {
    struct api_request *request;
    struct gw_webhook_test *test;
};

static void on_client_gone(void *data)
{
    struct pending *p = data;
    gw_webhook_test_abandon(p->test);
    gw_free(p);
}

static void on_tested(const struct gw_webhook_test_result *result, void *data)
{
    struct pending *p = data;
    struct gw_buf body;
    gw_buf_init(&body, MAX_ANSWER);
    struct api_json j = {.out = &body};
    api_json_begin_object(&j, NULL);
    api_json_bool(&j, "ok", result->ok);
    if (result->http_status != 0)
        api_json_num(&j, "http_status", result->http_status);
    else
        api_json_null(&j, "http_status");
    api_json_num(&j, "duration_ms", result->duration_ms);
    api_json_str(&j, "detail", result->detail);
    api_json_end_object(&j);
    api_answer_json(p->request, 200, &body);
    gw_free(p);
}

static void test_webhook(struct api_request *r)
{
    size_t index;
    if (!find(r, &index))
        return;
    struct pending *p = gw_calloc(1, sizeof(*p));
    p->request = r;
    p->test = gw_webhook_test(r->context->gateway, index, on_tested, p);
    if (p->test == NULL) {
        gw_free(p);
        api_problem(r, API_OVERLOADED, "Too many calls are in hand; ask again in a moment.");
        return;
    }
    api_request_hold(r, on_client_gone, p);
}

/* ---- replay ---- */

struct range {
    struct gw_field since, until;
};

static const struct api_json_field range_fields[] = {
    {"since", api_read_text, offsetof(struct range, since), {0}},
    {"until", api_read_text, offsetof(struct range, until), {0}},
};

static void read_time(const struct gw_field *f, int64_t *out, struct gw_problems *problems)
{
    if (f->value.data != NULL && !gw_filter_time(f->value.data, out))
        gw_problems_add(problems, f->pointer, GW_PROBLEM_DATE,
                        "Must be a time such as 2026-12-01T09:00:00Z (RFC 3339).");
}

static bool read_range(struct api_request *r, int64_t *since_ms, int64_t *until_ms)
{
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_problems problems;
    struct range range = {0};
    struct api_json_target target = {.fields = range_fields, .n_fields = 2, .into = &range};
    bool good = api_small_body_read(r, API_MAX_SMALL_BODY, arena, &target, &problems);
    if (good) {
        if (problems.n == 0 && range.since.value.data == NULL)
            gw_problems_add(&problems, "/since", GW_PROBLEM_REQUIRED, "The time is missing.");
        read_time(&range.since, since_ms, &problems);
        read_time(&range.until, until_ms, &problems);
        good = problems.n == 0;
        if (!good)
            api_problem_send(r, &(struct api_problem){.code = API_VALIDATION_FAILED,
                                                      .detail = "The range is not valid.",
                                                      .errors = &problems});
    }
    gw_arena_free(&arena);
    return good;
}

static void replay_webhook(struct api_request *r)
{
    size_t index;
    int64_t since_ms = 0;
    int64_t until_ms = 0;
    if (!find(r, &index) || !read_range(r, &since_ms, &until_ms))
        return;
    if (gw_webhook_replay(r->context->gateway, index, since_ms, until_ms))
        answer(r, 202, index);
    else
        api_problem(r, API_UNAVAILABLE, "The webhook is not ready yet; ask again in a moment.");
}

const struct api_route api_webhooks_routes[] = {
    {"GET", "/v1/webhooks", list_webhooks, CFG_SCOPE_ADMIN, API_ROUTE_JSON, NULL},
    {"GET", "/v1/webhooks/{name}", get_webhook, CFG_SCOPE_ADMIN, API_ROUTE_JSON, NULL},
    {"POST", "/v1/webhooks/{name}/test", test_webhook, CFG_SCOPE_ADMIN, API_ROUTE_JSON, NULL},
    {"POST", "/v1/webhooks/{name}/pause", pause_webhook, CFG_SCOPE_ADMIN, API_ROUTE_JSON, NULL},
    {"POST", "/v1/webhooks/{name}/resume", resume_webhook, CFG_SCOPE_ADMIN, API_ROUTE_JSON, NULL},
    {"POST", "/v1/webhooks/{name}/replay", replay_webhook, CFG_SCOPE_ADMIN,
     API_ROUTE_JSON | API_ROUTE_JSON_BODY, NULL},
    {0},
};
