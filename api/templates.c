/* SPDX-License-Identifier: MIT */
/* GET /v1/templates, GET, PUT and DELETE /v1/templates/{name}. */
#include "gateway/templates.h"

#include "api/held_call.h"
#include "api/json_read.h"
#include "api/json_write.h"
#include "api/message_record.h"
#include "api/page.h"
#include "api/problem.h"
#include "api/routes.h"

enum {
    MAX_TEMPLATE_BODY = 1 << 20, /* octets of JSON for GW_MAX_TEMPLATE octets of texts; ours */
    MAX_ANSWER = 4 << 20         /* the texts, each octet escaped */
};

static void not_found(struct api_request *r)
{
    api_problem(r, API_NOT_FOUND, "There is no template of this name.");
}

static void view_text(struct api_json *j, const char *key, const char *text)
{
    if (text != NULL)
        api_json_str(j, key, text);
}

static void view(struct api_json *j, const struct gw_template *t)
{
    api_json_begin_object(j, NULL);
    api_json_str(j, "name", t->name);
    view_text(j, "subject", t->subject);
    view_text(j, "text", t->text);
    view_text(j, "html", t->html);
    api_json_num(j, "size", (int64_t)t->size_bytes);
    api_json_time(j, "created_at", t->created_at_ms);
    api_json_time(j, "updated_at", t->updated_at_ms);
    api_json_end_object(j);
}

static void answer_template(struct api_request *r, unsigned status, const struct gw_template *t)
{
    struct gw_buf body;
    gw_buf_init(&body, MAX_ANSWER);
    struct api_json j = {.out = &body};
    view(&j, t);
    api_answer_json(r, status, &body);
}

/* False: the request is answered. */
static bool check_name(struct api_request *r)
{
    bool valid = gw_template_name_valid(gw_slice_str(r->param));
    if (!valid)
        not_found(r);
    return valid;
}

/* ---- GET ---- */

static void on_page(enum gw_status status, const struct gw_template *templates, size_t n,
                    int64_t cursor, void *data)
{
    struct api_request *r = api_held_call_end(data);
    if (status != GW_OK) {
        api_message_failed(r, status);
        return;
    }
    struct api_page page;
    api_page_begin(&page, "templates", MAX_ANSWER);
    for (size_t i = 0; i < n; i++)
        view(&page.json, &templates[i]);
    api_page_answer(&page, r, cursor);
}

static void list_templates(struct api_request *r)
{
    struct gw_template_query q = {.tenant = api_request_tenant(r)};
    int64_t limit;
    if (!api_page_read(r, GW_TEMPLATES_MAX, &limit, &q.cursor))
        return;
    q.limit = (size_t)limit;
    struct api_held_call *p = api_held_call_new(r);
    p->call = gw_list_templates(r->context->gateway, &q, on_page, p);
}

static void on_template(enum gw_status status, const struct gw_template *templates, size_t n,
                        int64_t cursor, void *data)
{
    struct api_request *r = api_held_call_end(data);
    (void)cursor;
    if (status != GW_OK)
        api_message_failed(r, status);
    else if (n == 0)
        not_found(r);
    else
        answer_template(r, 200, &templates[0]);
}

static void get_template(struct api_request *r)
{
    const struct gw_template_query q = {
        .tenant = api_request_tenant(r), .name = r->param, .limit = 1};
    if (!check_name(r))
        return;
    struct api_held_call *p = api_held_call_new(r);
    p->call = gw_list_templates(r->context->gateway, &q, on_template, p);
}

/* ---- PUT ---- */

static enum gw_status decode(struct gw_arena *arena, struct gw_slice body,
                             struct gw_template_draft *out, struct gw_problems *problems)
{
    static const struct api_json_field fields[] = {
        {"subject", api_read_text, offsetof(struct gw_template_draft, subject), {0}},
        {"text", api_read_text, offsetof(struct gw_template_draft, text), {0}},
        {"html", api_read_text, offsetof(struct gw_template_draft, html), {0}},
    };
    struct api_json_target target = {
        .fields = fields, .n_fields = sizeof(fields) / sizeof(fields[0]), .into = out};
    enum gw_status status = api_read_document(arena, body, &target, problems);
    out->unread = target.unread;
    return status;
}

static void too_many(struct api_request *r)
{
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_problems problems;
    gw_problems_init(&problems, arena);
    gw_problems_add(&problems, "", GW_PROBLEM_TOO_MANY,
                    "A key may have at most %d templates, and %d octets of texts in all.",
                    GW_MAX_TEMPLATES, GW_MAX_TEMPLATES_SIZE);
    api_problem_send(r, &(struct api_problem){.code = API_VALIDATION_FAILED,
                                              .detail = "There are too many templates.",
                                              .errors = &problems});
    gw_arena_free(&arena);
}

static void on_put(const struct gw_template_put_result *result, void *data)
{
    struct api_request *r = api_held_call_end(data);
    if (result->status == GW_OK && result->template != NULL)
        answer_template(r, result->is_new ? 201 : 200, result->template);
    else if (result->status == GW_PROTO)
        api_problem(r, API_MALFORMED_JSON, "%s", result->problems->items[0].detail);
    else if (result->status == GW_INVALID)
        api_problem_send(r, &(struct api_problem){.code = API_VALIDATION_FAILED,
                                                  .detail = "The template is not valid.",
                                                  .errors = result->problems});
    else if (result->status == GW_TOOBIG)
        too_many(r);
    else
        api_message_failed(r, result->status);
}

static void refuse_name(struct api_request *r)
{
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_problems problems;
    gw_problems_init(&problems, arena);
    gw_problems_add(&problems, "/path/name", GW_PROBLEM_VALUE,
                    "A template's name has 1 to %d of A-Z a-z 0-9 . _ -", GW_MAX_TEMPLATE_NAME);
    api_problem_send(r, &(struct api_problem){.code = API_VALIDATION_FAILED,
                                              .detail = "The name is not valid.",
                                              .errors = &problems});
    gw_arena_free(&arena);
}

static void put_template(struct api_request *r)
{
    const struct gw_template_given given = {
        .tenant = api_request_tenant(r), .name = r->param, .body = r->body, .decode = decode};
    if (!gw_template_name_valid(gw_slice_str(r->param))) {
        refuse_name(r);
        return;
    }
    if (r->body.len > MAX_TEMPLATE_BODY) {
        api_problem(r, API_BODY_TOO_LARGE, "The body has %zu bytes; at most %d are taken here.",
                    r->body.len, MAX_TEMPLATE_BODY);
        return;
    }
    struct api_held_call *p = api_held_call_new(r);
    p->call = gw_put_template(r->context->gateway, &given, on_put, p);
}

/* ---- DELETE ---- */

static void on_deleted(enum gw_status status, void *data)
{
    struct api_request *r = api_held_call_end(data);
    if (status == GW_OK)
        api_answer_empty(r, 204);
    else if (status == GW_NOTFOUND)
        not_found(r);
    else
        api_message_failed(r, status);
}

static void delete_template(struct api_request *r)
{
    if (!check_name(r))
        return;
    struct api_held_call *p = api_held_call_new(r);
    p->call =
        gw_delete_template(r->context->gateway, api_request_tenant(r), r->param, on_deleted, p);
}

const struct api_route api_templates_routes[] = {
    {"GET", "/v1/templates", list_templates, CFG_SCOPE_READ, API_ROUTE_JSON, "limit cursor"},
    {"GET", "/v1/templates/{name}", get_template, CFG_SCOPE_READ, API_ROUTE_JSON, NULL},
    {"PUT", "/v1/templates/{name}", put_template, CFG_SCOPE_SEND,
     API_ROUTE_JSON | API_ROUTE_JSON_BODY, NULL},
    {"DELETE", "/v1/templates/{name}", delete_template, CFG_SCOPE_SEND, API_ROUTE_JSON, NULL},
    {0},
};
