/* SPDX-License-Identifier: MIT */
/* GET /v1/messages, and /attempts, /events and /raw of one message. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/event_view.h"
#include "api/held_call.h"
#include "api/json_write.h"
#include "api/message_record.h"
#include "api/message_view.h"
#include "api/page.h"
#include "api/problem.h"
#include "api/routes.h"
#include "gateway/records.h"

enum {
    MAX_PAGE = 16 << 20 /* GW_LIST_MAX messages with API_LIST_MAX_RCPTS recipients each */
};

/* The request that @data looked something up for; NULL when it is answered with what failed. */
static struct api_request *end_look(void *data, enum gw_status status)
{
    struct api_request *r = api_held_call_end(data);
    if (status == GW_OK)
        return r;
    api_message_failed(r, status);
    return NULL;
}

/* ---- queries ---- */

static bool read_time(struct api_request *r, const char *name, int64_t *out)
{
    const char *text = api_request_query(r, name);
    if (text == NULL || gw_filter_time(text, out))
        return true;
    api_problem(r, API_UNKNOWN_PARAMETER,
                "%s must be a time such as 2026-12-01T09:00:00Z (RFC 3339).", name);
    return false;
}

static bool read_address(struct api_request *r, struct gw_arena *arena, const char *name,
                         const char **out)
{
    const char *text = api_request_query(r, name);
    if (text == NULL || gw_filter_address(arena, text, out))
        return true;
    api_problem(r, API_UNKNOWN_PARAMETER, "%s must be an address.", name);
    return false;
}

static bool read_status(struct api_request *r, const char **out)
{
    *out = api_request_query(r, "status");
    if (*out == NULL || gw_filter_status(*out))
        return true;
    api_problem(r, API_UNKNOWN_PARAMETER, "status must be a message's status, such as deferred.");
    return false;
}

/* ---- GET /v1/messages ---- */

static void on_page(enum gw_status status, struct gw_message *const *messages, size_t n,
                    int64_t cursor, void *data)
{
    struct api_request *r = end_look(data, status);
    if (r == NULL)
        return;
    struct api_page page;
    api_page_begin(&page, "messages", MAX_PAGE);
    for (size_t i = 0; i < n; i++)
        api_message_list_view(&page.json, messages[i], gw_gateway_durable(r->context->gateway));
    api_page_answer(&page, r, cursor);
}

static void list_messages(struct api_request *r)
{
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_list_query q = {.tenant = api_request_tenant(r),
                              .tag = api_request_query(r, "tag"),
                              .relay = api_request_query(r, "relay")};
    int64_t limit;
    if (api_page_read(r, GW_LIST_MAX, &limit, &q.cursor) && read_status(r, &q.status) &&
        read_address(r, arena, "recipient", &q.recipient) &&
        read_address(r, arena, "from", &q.from) && read_time(r, "since", &q.since_ms) &&
        read_time(r, "until", &q.until_ms)) {
        q.limit = (size_t)limit;
        struct api_held_call *l = api_held_call_new(r);
        l->call = gw_list_messages(r->context->gateway, &q, on_page, l);
    }
    gw_arena_free(&arena);
}

/* ---- GET /v1/messages/{id}/attempts ---- */

static void view_steps(struct api_json *j, const struct gw_attempt_log *a)
{
    api_json_begin_array(j, "steps");
    for (int i = 0; i < GW_N_STEPS; i++) {
        if (a->step_ms[i] < 0)
            continue;
        api_json_begin_object(j, NULL);
        api_json_str(j, "step", gw_step_name((enum gw_step)i));
        api_json_num(j, "ms", a->step_ms[i]);
        api_json_end_object(j);
    }
    api_json_end_array(j);
}

static void view_attempt(struct api_json *j, const struct gw_message *m,
                         const struct gw_attempt_log *a)
{
    api_json_begin_object(j, NULL);
    api_json_time(j, "started_at", a->started_at_ms);
    api_json_num(j, "duration_ms", a->duration_ms);
    api_json_str(j, "relay", a->relay);
    api_json_begin_array(j, "recipients");
    for (size_t i = 0; i < a->n_rcpts; i++)
        if (a->rcpts[i] < m->n_rcpts)
            api_json_str(j, NULL, m->rcpts[a->rcpts[i]].email);
    api_json_end_array(j);
    if (a->stage != NULL)
        api_json_str(j, "stage", a->stage);
    if (a->reason != NULL)
        api_json_str(j, "reason", a->reason);
    if (a->detail != NULL)
        api_json_str(j, "detail", a->detail);
    if (a->code != 0) {
        api_json_begin_object(j, "smtp");
        api_json_num(j, "code", a->code);
        if (a->enhanced != NULL && a->enhanced[0] != '\0')
            api_json_str(j, "enhanced", a->enhanced);
        if (a->text != NULL && a->text[0] != '\0')
            api_json_str(j, "text", a->text);
        api_json_end_object(j);
    }
    api_json_str(j, "tls", a->tls);
    api_json_bool(j, "uncertain", a->uncertain);
    api_json_bool(j, "reused_connection", a->reused_connection);
    view_steps(j, a);
    api_json_end_object(j);
}

static void on_attempts(enum gw_status status, const struct gw_message *m,
                        const struct gw_attempt_log *attempts, size_t n, void *data)
{
    struct api_request *r = end_look(data, status);
    if (r == NULL)
        return;
    struct api_page page;
    api_page_begin(&page, "attempts", API_MAX_MESSAGE_ANSWER);
    for (size_t i = n; i > 0; i--)
        view_attempt(&page.json, m, &attempts[i - 1]);
    api_page_answer(&page, r, 0);
}

static void get_attempts(struct api_request *r)
{
    if (!api_message_id_check(r))
        return;
    struct api_held_call *l = api_held_call_new(r);
    l->call =
        gw_message_attempts(r->context->gateway, api_request_tenant(r), r->param, on_attempts, l);
}

/* ---- GET /v1/messages/{id}/events ---- */

static void on_history(enum gw_status status, const struct gw_event *events, size_t n,
                       int64_t before, void *data)
{
    struct api_request *r = end_look(data, status);
    if (r == NULL)
        return;
    struct api_page page;
    api_page_begin(&page, "events", API_MAX_MESSAGE_ANSWER);
    for (size_t i = 0; i < n; i++)
        api_event_view(&page.json, NULL, &events[i]);
    api_page_answer(&page, r, before);
}

static void get_events(struct api_request *r)
{
    int64_t limit;
    int64_t cursor;
    if (!api_message_id_check(r) || !api_page_read(r, GW_EVENTS_MAX, &limit, &cursor))
        return;
    struct api_held_call *l = api_held_call_new(r);
    struct gw_history_query query = {
        .tenant = api_request_tenant(r), .id = r->param, .before = cursor, .limit = (size_t)limit};
    l->call = gw_message_history(r->context->gateway, &query, on_history, l);
}

/* ---- GET /v1/messages/{id}/raw ---- */

static void on_raw(enum gw_status status, const struct gw_message *m, void *data)
{
    struct api_request *r = end_look(data, status);
    if (r == NULL)
        return;
    if (m->mime.data == NULL) {
        api_problem(r, API_BODY_GONE, "The message's body is not kept any more.");
        return;
    }
    const char *wanted = api_request_query(r, "recipient");
    const struct gw_recipient *rcpt = NULL;
    for (size_t i = 0; i < m->n_rcpts && rcpt == NULL; i++)
        if (wanted == NULL || strcasecmp(m->rcpts[i].email, wanted) == 0)
            rcpt = &m->rcpts[i];
    if (rcpt == NULL) {
        api_problem(r, API_NOT_FOUND, "The message has no such recipient.");
        return;
    }
    struct gw_slice content = gw_message_content(m, rcpt);
    struct gw_buf body;
    gw_buf_init(&body, content.len);
    (void)gw_buf_add_slice(&body, content);
    api_answer(r, 200, "message/rfc822", &body);
}

static void get_raw(struct api_request *r)
{
    if (!api_message_id_check(r))
        return;
    struct api_held_call *l = api_held_call_new(r);
    l->call = gw_message_raw(r->context->gateway, api_request_tenant(r), r->param, on_raw, l);
}

const struct api_route api_message_lists_routes[] = {
    {"GET", "/v1/messages", list_messages, CFG_SCOPE_READ, API_ROUTE_JSON,
     "status recipient from tag relay since until limit cursor"},
    {"GET", "/v1/messages/{id}/attempts", get_attempts, CFG_SCOPE_READ, API_ROUTE_JSON, NULL},
    {"GET", "/v1/messages/{id}/events", get_events, CFG_SCOPE_READ, API_ROUTE_JSON, "limit cursor"},
    {"GET", "/v1/messages/{id}/raw", get_raw, CFG_SCOPE_READ, 0, "recipient"},
    {0},
};
