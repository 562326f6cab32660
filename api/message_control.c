/* SPDX-License-Identifier: MIT */
/* POST /v1/messages/{id}/cancel and /retry, PATCH /v1/messages/{id}. */
#include <string.h>

#include "api/held_call.h"
#include "api/message_record.h"
#include "api/problem.h"
#include "api/routes.h"
#include "api/small_body.h"
#include "gateway/base/gw_clock.h"
#include "gateway/prepare.h"
#include "gateway/records.h"

static void view(struct api_request *r, const struct gw_message *m)
{
    api_message_answer_view(r, 200, m);
}

static struct api_held_call *new_change(struct api_request *r, const char *too_late)
{
    struct api_held_call *c = api_held_call_new(r);
    c->view = view;
    c->too_late = too_late;
    return c;
}

static void cancel_message(struct api_request *r)
{
    if (!api_message_id_check(r))
        return;
    struct api_held_call *c = new_change(r, "Too late: every recipient is final.");
    c->call = gw_message_cancel(r->context->gateway, api_request_tenant(r), r->param,
                                api_held_call_on_record, c);
}

static void retry_message(struct api_request *r)
{
    if (!api_message_id_check(r))
        return;
    struct api_held_call *c = new_change(r, "There is no recipient to try again.");
    c->call = gw_message_retry(r->context->gateway, api_request_tenant(r), r->param,
                               api_held_call_on_record, c);
}

/* ---- PATCH ---- */

static const struct api_json_field patch_fields[] = {
    {"scheduled_at", api_read_text, 0, {"scheduledAt", "send_at", "sendAt"}},
};

/* The wall time asked for; 0: now. */
static int64_t patch_time(const struct gw_field *f, bool given, struct gw_problems *problems)
{
    static const int64_t day_ms = INT64_C(24) * 3600 * 1000;
    int64_t at = 0;
    if (!given)
        gw_problems_add(problems, "/scheduled_at", GW_PROBLEM_REQUIRED,
                        "Name a time, or null to send now.");
    else if (f->pointer == NULL) /* null */
        return 0;
    else if (!gw_filter_time(f->value.data, &at))
        gw_problems_add(problems, f->pointer, GW_PROBLEM_DATE,
                        "Must be a time such as 2026-12-01T09:00:00Z (RFC 3339).");
    else if (at > gw_clock_wall_ms() + GW_MAX_SCHEDULE_DAYS * day_ms)
        gw_problems_add(problems, f->pointer, GW_PROBLEM_DATE, "Must be within the next %d days.",
                        GW_MAX_SCHEDULE_DAYS);
    return at;
}

static void patch_message(struct api_request *r)
{
    if (!api_message_id_check(r))
        return;
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_problems problems;
    struct gw_field time = {.pointer = NULL};
    struct api_json_target target = {.fields = patch_fields, .n_fields = 1, .into = &time};
    if (!api_small_body_read(r, API_MAX_SMALL_BODY, arena, &target, &problems)) {
        gw_arena_free(&arena);
        return;
    }
    int64_t at = problems.n == 0 ? patch_time(&time, target.seen != 0, &problems) : 0;
    if (problems.n != 0) {
        api_problem_send(r, &(struct api_problem){.code = API_VALIDATION_FAILED,
                                                  .detail = "The change is not valid.",
                                                  .errors = &problems});
    } else {
        struct api_held_call *c =
            new_change(r, "Only a message that was not tried yet has a time to move.");
        c->call = gw_message_schedule(r->context->gateway, api_request_tenant(r), r->param, at,
                                      api_held_call_on_record, c);
    }
    gw_arena_free(&arena);
}

const struct api_route api_message_control_routes[] = {
    {"PATCH", "/v1/messages/{id}", patch_message, CFG_SCOPE_SEND,
     API_ROUTE_JSON | API_ROUTE_JSON_BODY, NULL},
    {"POST", "/v1/messages/{id}/cancel", cancel_message, CFG_SCOPE_SEND, API_ROUTE_JSON, NULL},
    {"POST", "/v1/messages/{id}/retry", retry_message, CFG_SCOPE_SEND, API_ROUTE_JSON, NULL},
    {0},
};
