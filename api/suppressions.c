/* SPDX-License-Identifier: MIT */
/* GET and POST /v1/suppressions, GET and DELETE /v1/suppressions/{email}. */
#include "gateway/suppressions.h"

#include <string.h>

#include "api/held_call.h"
#include "api/json_write.h"
#include "api/message_record.h"
#include "api/page.h"
#include "api/problem.h"
#include "api/routes.h"
#include "api/small_body.h"

enum {
    MAX_ANSWER = 4 << 20 /* GW_SUPPRESSIONS_MAX entries with the longest detail, escaped */
};

static void not_found(struct api_request *r)
{
    api_problem(r, API_NOT_FOUND, "The address is not on the suppression list.");
}

static void view(struct api_json *j, const struct gw_suppression *e)
{
    api_json_begin_object(j, NULL);
    api_json_str(j, "email", e->email);
    api_json_str(j, "reason", gw_suppression_reason_name(e->reason));
    if (e->detail != NULL)
        api_json_str(j, "detail", e->detail);
    if (e->message_id != NULL)
        api_json_str(j, "message_id", e->message_id);
    api_json_time(j, "created_at", e->created_at_ms);
    api_json_end_object(j);
}

static void answer_entry(struct api_request *r, unsigned status, const struct gw_suppression *e)
{
    struct gw_buf body;
    gw_buf_init(&body, MAX_ANSWER);
    struct api_json j = {.out = &body};
    view(&j, e);
    api_answer_json(r, status, &body);
}

/* ---- GET /v1/suppressions ---- */

static void on_page(enum gw_status status, const struct gw_suppression *entries, size_t n,
                    int64_t cursor, void *data)
{
    struct api_request *r = api_held_call_end(data);
    if (status != GW_OK) {
        api_message_failed(r, status);
        return;
    }
    struct api_page page;
    api_page_begin(&page, "suppressions", MAX_ANSWER);
    for (size_t i = 0; i < n; i++)
        view(&page.json, &entries[i]);
    api_page_answer(&page, r, cursor);
}

static bool read_reason(struct api_request *r, int *out)
{
    const char *word = api_request_query(r, "reason");
    enum gw_suppression_reason reason;
    if (word == NULL)
        return true;
    if (!gw_suppression_reason_find(word, &reason)) {
        api_problem(r, API_UNKNOWN_PARAMETER,
                    "reason must be manual, bounce, complaint or unsubscribe.");
        return false;
    }
    *out = (int)reason;
    return true;
}

static void list_suppressions(struct api_request *r)
{
    struct gw_suppression_query q = {.tenant = api_request_tenant(r), .reason = -1};
    int64_t limit;
    if (!api_page_read(r, GW_SUPPRESSIONS_MAX, &limit, &q.cursor) || !read_reason(r, &q.reason))
        return;
    q.limit = (size_t)limit;
    struct api_held_call *p = api_held_call_new(r);
    p->call = gw_list_suppressions(r->context->gateway, &q, on_page, p);
}

/* ---- POST /v1/suppressions ---- */

struct post {
    struct gw_field email, reason, detail;
};

static const struct api_json_field post_fields[] = {
    {"email", api_read_text, offsetof(struct post, email), {0}},
    {"reason", api_read_text, offsetof(struct post, reason), {0}},
    {"detail", api_read_text, offsetof(struct post, detail), {0}},
};

static void check_post(const struct post *post, struct gw_arena *arena,
                       struct gw_problems *problems, struct gw_suppression *out)
{
    const struct gw_field *f = &post->email;
    if (f->value.data == NULL)
        gw_problems_add(problems, "/email", GW_PROBLEM_REQUIRED, "The address is missing.");
    else if (strlen(f->value.data) != f->value.len ||
             !gw_suppression_address(arena, f->value.data, &out->email))
        gw_problems_add(problems, f->pointer, GW_PROBLEM_ADDRESS,
                        "Must be a bare address such as ann@example.org.");
    f = &post->reason;
    if (f->value.data != NULL && (strlen(f->value.data) != f->value.len ||
                                  !gw_suppression_reason_find(f->value.data, &out->reason)))
        gw_problems_add(problems, f->pointer, GW_PROBLEM_VALUE,
                        "Must be manual, bounce, complaint or unsubscribe.");
    f = &post->detail;
    if (f->value.len > GW_MAX_SUPPRESSION_DETAIL)
        gw_problems_add(problems, f->pointer, GW_PROBLEM_TOO_LONG,
                        "Must have at most %d characters.", GW_MAX_SUPPRESSION_DETAIL);
    else if (f->value.data != NULL && strlen(f->value.data) != f->value.len)
        gw_problems_add(problems, f->pointer, GW_PROBLEM_VALUE, "Must not hold a NUL.");
    else
        out->detail = f->value.data;
}

static void on_suppressed(enum gw_status status, const struct gw_suppression *entries, size_t n,
                          int64_t n_new, void *data)
{
    struct api_request *r = api_held_call_end(data);
    if (status == GW_OK && n == 1)
        answer_entry(r, n_new != 0 ? 201 : 200, &entries[0]);
    else
        api_message_failed(r, status);
}

static void post_suppression(struct api_request *r)
{
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_problems problems;
    struct post post = {0};
    struct gw_suppression entry = {.reason = GW_SUPPRESSION_MANUAL};
    struct api_json_target target = {.fields = post_fields,
                                     .n_fields = sizeof(post_fields) / sizeof(post_fields[0]),
                                     .into = &post};
    if (!api_small_body_read(r, API_MAX_SMALL_BODY, arena, &target, &problems)) {
        gw_arena_free(&arena);
        return;
    }
    if (problems.n == 0)
        check_post(&post, arena, &problems, &entry);
    if (problems.n != 0) {
        api_problem_send(r, &(struct api_problem){.code = API_VALIDATION_FAILED,
                                                  .detail = "The suppression is not valid.",
                                                  .errors = &problems});
    } else {
        struct api_held_call *p = api_held_call_new(r);
        p->call =
            gw_suppress(r->context->gateway, api_request_tenant(r), &entry, 1, on_suppressed, p);
    }
    gw_arena_free(&arena);
}

/* ---- /v1/suppressions/{email} ---- */

static void on_entry(enum gw_status status, const struct gw_suppression *entries, size_t n,
                     int64_t cursor, void *data)
{
    struct api_request *r = api_held_call_end(data);
    (void)cursor;
    if (status != GW_OK)
        api_message_failed(r, status);
    else if (n == 0)
        not_found(r);
    else
        answer_entry(r, 200, &entries[0]);
}

static void on_unsuppressed(enum gw_status status, const struct gw_suppression *entries, size_t n,
                            int64_t cursor, void *data)
{
    struct api_request *r = api_held_call_end(data);
    (void)entries;
    (void)n;
    (void)cursor;
    if (status == GW_OK)
        api_answer_empty(r, 204);
    else if (status == GW_NOTFOUND)
        not_found(r);
    else
        api_message_failed(r, status);
}

static void get_suppression(struct api_request *r)
{
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_suppression_query q = {.tenant = api_request_tenant(r), .reason = -1, .limit = 1};
    if (gw_suppression_address(arena, r->param, &q.email)) {
        struct api_held_call *p = api_held_call_new(r);
        p->call = gw_list_suppressions(r->context->gateway, &q, on_entry, p);
    } else {
        not_found(r);
    }
    gw_arena_free(&arena);
}

static void delete_suppression(struct api_request *r)
{
    struct gw_arena *arena = gw_arena_new(0);
    const char *email;
    if (gw_suppression_address(arena, r->param, &email)) {
        struct api_held_call *p = api_held_call_new(r);
        p->call = gw_unsuppress(r->context->gateway, api_request_tenant(r), &email, 1,
                                on_unsuppressed, p);
    } else {
        not_found(r);
    }
    gw_arena_free(&arena);
}

const struct api_route api_suppressions_routes[] = {
    {"GET", "/v1/suppressions", list_suppressions, CFG_SCOPE_READ, API_ROUTE_JSON,
     "reason limit cursor"},
    {"POST", "/v1/suppressions", post_suppression, CFG_SCOPE_SEND,
     API_ROUTE_JSON | API_ROUTE_JSON_BODY, NULL},
    {"GET", "/v1/suppressions/{email}", get_suppression, CFG_SCOPE_READ, API_ROUTE_JSON, NULL},
    {"DELETE", "/v1/suppressions/{email}", delete_suppression, CFG_SCOPE_SEND, API_ROUTE_JSON,
     NULL},
    {0},
};
