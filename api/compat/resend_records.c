/* SPDX-License-Identifier: MIT */
/* Resend's ways to look at mails that were sent, and to steer those that were not sent yet. */
#include <string.h>

#include "api/compat/records.h"
#include "api/compat/resend.h"
#include "api/json_read.h"
#include "api/problem.h"
#include "api/routes.h"
#include "api/small_body.h"
#include "gateway/base/gw_clock.h"
#include "gateway/prepare.h"

enum {
    DEFAULT_LIMIT = 20,
    MAX_LIMIT = 100,
    MAX_ANSWER = 8 << 20
};

/* Our status words, as `last_event`. */
static const struct {
    const char *status, *event;
} events[] = {
    {"scheduled", "scheduled"},        {"queued", "queued"},     {"sending", "queued"},
    {"deferred", "delivery_delayed"},  {"sent", "sent"},         {"partial", "sent"},
    {"rejected", "bounced"},           {"canceled", "canceled"}, {"suppressed", "suppressed"},
    {"uncertain", "delivery_delayed"}, {"expired", "failed"},    {"failed", "failed"},
};

static const char *last_event(const struct gw_message *m)
{
    const char *status = gw_message_status(m);
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        if (strcmp(events[i].status, status) == 0)
            return events[i].event;
    return status;
}

static void view_recipients(struct api_json *j, const char *key, const struct gw_message *m,
                            enum gw_rcpt_kind kind)
{
    api_json_begin_array(j, key);
    for (size_t i = 0; i < m->n_rcpts; i++)
        if (m->rcpts[i].kind == kind)
            api_json_str(j, NULL, m->rcpts[i].email);
    api_json_end_array(j);
}

static void view_fields(struct api_json *j, const struct gw_message *m)
{
    api_json_str(j, "id", m->id);
    api_json_str(j, "message_id", m->message_id);
    api_json_str(j, "from", m->from);
    view_recipients(j, "to", m, GW_RCPT_TO);
    view_recipients(j, "cc", m, GW_RCPT_CC);
    view_recipients(j, "bcc", m, GW_RCPT_BCC);
    api_json_str(j, "subject", m->subject);
    api_json_time(j, "created_at", m->created_at_ms);
    if (m->scheduled_at_ms > 0)
        api_json_time(j, "scheduled_at", m->scheduled_at_ms);
    else
        api_json_null(j, "scheduled_at");
    api_json_str(j, "last_event", last_event(m));
}

/* ---- GET /emails/{id} ---- */

static void view_tags(struct api_json *j, const struct gw_message *m)
{
    api_json_begin_array(j, "tags");
    for (size_t i = 0; i < m->n_tags; i++) {
        struct gw_slice tag = m->tags[i];
        size_t name = strcspn(tag.data, ":");
        api_json_begin_object(j, NULL);
        api_json_slice(j, "name", gw_slice_of(tag.data, name));
        api_json_str(j, "value", tag.data + name + (name < tag.len ? 1 : 0));
        api_json_end_object(j);
    }
    api_json_end_array(j);
}

static void answer_email(struct api_request *r, const struct gw_message *m)
{
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_read_message mail = {.n_headers = 0};
    (void)api_compat_read(arena, m, &mail);
    struct gw_buf body;
    gw_buf_init(&body, MAX_ANSWER);
    struct api_json j = {.out = &body};
    api_json_begin_object(&j, NULL);
    api_json_str(&j, "object", "email");
    view_fields(&j, m);
    api_json_begin_array(&j, "reply_to");
    for (size_t i = 0; i < mail.reply_to.n; i++)
        api_json_str(&j, NULL, mail.reply_to.items[i].email);
    api_json_end_array(&j);
    api_compat_text(&j, "text", mail.text);
    api_compat_text(&j, "html", mail.html);
    view_tags(&j, m);
    api_json_end_object(&j);
    api_answer_json(r, 200, &body);
    gw_arena_free(&arena);
}

static void get_email(struct api_request *r)
{
    api_compat_show(r, answer_email);
}

/* ---- GET /emails ---- */

static void begin_list(struct api_json *j)
{
    api_json_begin_object(j, NULL);
    api_json_str(j, "object", "list");
    api_json_begin_array(j, "data");
}

static void view_item(struct api_json *j, const struct gw_message *m)
{
    api_json_begin_object(j, NULL);
    view_fields(j, m);
    api_json_begin_array(j, "reply_to");
    api_json_end_array(j);
    api_json_end_object(j);
}

static void end_list(struct api_json *j, size_t n, bool more, const struct api_compat_list *list)
{
    (void)n;
    (void)list;
    api_json_end_array(j);
    api_json_bool(j, "has_more", more);
    api_json_end_object(j);
}

static void list_emails(struct api_request *r)
{
    int64_t limit;
    if (!api_compat_number(r, "limit", 1, MAX_LIMIT, DEFAULT_LIMIT, &limit))
        return;
    if (api_request_query(r, "before") != NULL) {
        api_problem(
            r, API_UNKNOWN_PARAMETER,
            "Lists go from the newest mail to older ones: page with `after`, not `before`.");
        return;
    }
    struct api_compat_list list = {.after = api_request_query(r, "after"),
                                   .take = (size_t)limit,
                                   .begin = begin_list,
                                   .item = view_item,
                                   .end = end_list};
    api_compat_list(r, &list);
}

/* ---- PATCH /emails/{id}, POST /emails/{id}/cancel ---- */

static void answer_changed(struct api_request *r, const struct gw_message *m)
{
    struct gw_buf body;
    gw_buf_init(&body, MAX_ANSWER);
    struct api_json j = {.out = &body};
    api_json_begin_object(&j, NULL);
    api_json_str(&j, "object", "email");
    api_json_str(&j, "id", m->id);
    api_json_end_object(&j);
    api_answer_json(r, 200, &body);
}

static void cancel_email(struct api_request *r)
{
    api_compat_cancel(r, "Email can no longer be canceled: it was sent or given up already.",
                      answer_changed);
}

/* The time asked for, or a problem. */
static int64_t read_time(struct gw_field *f, struct gw_problems *problems)
{
    static const int64_t day_ms = INT64_C(24) * 3600 * 1000;
    int64_t now_ms = gw_clock_wall_ms();
    int64_t at = 0;
    if (f->value.data == NULL)
        gw_problems_add(problems, "/scheduled_at", GW_PROBLEM_REQUIRED, "Name a time.");
    else if (!api_resend_time(f->value, now_ms, &at))
        gw_problems_add(problems, f->pointer, GW_PROBLEM_DATE,
                        "Must be a time such as 2026-12-01T09:00:00Z, or such as `in 2 hours`.");
    else if (at > now_ms + GW_MAX_SCHEDULE_DAYS * day_ms)
        gw_problems_add(problems, f->pointer, GW_PROBLEM_DATE, "Must be within the next %d days.",
                        GW_MAX_SCHEDULE_DAYS);
    return at;
}

static void patch_email(struct api_request *r)
{
    static const struct api_json_field fields[] = {
        {"scheduled_at", api_read_text, 0, {"scheduledAt"}}};
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_problems problems;
    struct gw_field time = {.pointer = NULL};
    struct api_json_target target = {.fields = fields, .n_fields = 1, .into = &time};
    bool read = api_small_body_read(r, API_MAX_SMALL_BODY, arena, &target, &problems);
    int64_t at = read && problems.n == 0 ? read_time(&time, &problems) : 0;
    if (read && problems.n > 0)
        api_problem_send(r,
                         &(struct api_problem){.code = API_VALIDATION_FAILED, .errors = &problems});
    else if (read)
        api_compat_schedule(r, at, "Email can no longer be moved: it was tried already.",
                            answer_changed);
    gw_arena_free(&arena);
}

const struct api_route api_resend_records_routes[] = {
    {"GET", "/compat/resend/emails", list_emails, CFG_SCOPE_READ, API_ROUTE_JSON,
     "limit after before"},
    {"GET", "/compat/resend/emails/{id}", get_email, CFG_SCOPE_READ, API_ROUTE_JSON, NULL},
    {"PATCH", "/compat/resend/emails/{id}", patch_email, CFG_SCOPE_SEND,
     API_ROUTE_JSON | API_ROUTE_JSON_BODY, NULL},
    {"POST", "/compat/resend/emails/{id}/cancel", cancel_email, CFG_SCOPE_SEND, API_ROUTE_JSON,
     NULL},
    {0},
};
