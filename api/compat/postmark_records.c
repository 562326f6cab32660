/* SPDX-License-Identifier: MIT */
/* Postmark's ways to look at mail that was sent, and its health checks. */
#include <stdio.h>
#include <string.h>

#include "api/compat/postmark.h"
#include "api/compat/records.h"
#include "api/problem.h"
#include "api/routes.h"

enum {
    MAX_COUNT = 500,
    MAX_OFFSET = 10000,
    MAX_ANSWER = 64 << 20, /* a message and its text */
    DATE_LENGTH = sizeof("2026-12-01") - 1,
    TIME_LENGTH = sizeof("2026-12-01T09:00:00") - 1
};

/* ---- one message ---- */

static const struct {
    const char *status, *shown, *asked; /* our word, theirs in records, theirs in filters */
} statuses[] = {
    {"sent", "Sent", "sent"},      {"partial", "Sent", NULL},   {"queued", "Queued", "queued"},
    {"scheduled", "Queued", NULL}, {"sending", "Queued", NULL}, {"deferred", "Queued", NULL},
    {"uncertain", "Queued", NULL},
};

static const char *shown_status(const struct gw_message *m)
{
    const char *status = gw_message_status(m);
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        if (strcmp(statuses[i].status, status) == 0)
            return statuses[i].shown;
    return "Processed";
}

static void view_recipients(struct api_json *j, const char *key, const struct gw_message *m,
                            enum gw_rcpt_kind kind)
{
    api_json_begin_array(j, key);
    for (size_t i = 0; i < m->n_rcpts; i++) {
        if (m->rcpts[i].kind != kind)
            continue;
        api_json_begin_object(j, NULL);
        api_json_str(j, "Email", m->rcpts[i].email);
        api_json_null(j, "Name");
        api_json_end_object(j);
    }
    api_json_end_array(j);
}

static void view_tags(struct api_json *j, const struct gw_message *m)
{
    static const size_t prefix = sizeof(API_POSTMARK_STREAM_TAG) - 1;
    const char *tag = NULL;
    const char *stream = API_POSTMARK_STREAM;
    for (size_t i = 0; i < m->n_tags; i++) {
        if (strncmp(m->tags[i].data, API_POSTMARK_STREAM_TAG, prefix) == 0)
            stream = m->tags[i].data + prefix;
        else
            tag = m->tags[i].data;
    }
    api_json_str(j, "Tag", tag);
    api_json_str(j, "MessageStream", stream);
}

static void view_metadata(struct api_json *j, const struct gw_message *m)
{
    api_json_begin_object(j, "Metadata");
    for (size_t i = 0; i < m->n_metadata; i++)
        api_json_member(j, m->metadata[i].name.value, m->metadata[i].value.value);
    api_json_end_object(j);
}

static void view_fields(struct api_json *j, const struct gw_message *m)
{
    api_json_str(j, "MessageID", m->id);
    view_tags(j, m);
    view_recipients(j, "To", m, GW_RCPT_TO);
    view_recipients(j, "Cc", m, GW_RCPT_CC);
    view_recipients(j, "Bcc", m, GW_RCPT_BCC);
    api_json_begin_array(j, "Recipients");
    for (size_t i = 0; i < m->n_rcpts; i++)
        api_json_str(j, NULL, m->rcpts[i].email);
    api_json_end_array(j);
    api_json_time(j, "ReceivedAt", m->created_at_ms);
    api_json_str(j, "From", m->from);
    api_json_str(j, "Subject", m->subject);
    api_json_str(j, "Status", shown_status(m));
    api_json_bool(j, "TrackOpens", false);
    api_json_str(j, "TrackLinks", "None");
    view_metadata(j, m);
    api_json_bool(j, "Sandboxed", false);
}

/* What became of whoever is not sent: Postmark has words for that. What the relay took is not
 * known to be delivered, so nothing is said of it. */
static void view_events(struct api_json *j, const struct gw_message *m)
{
    api_json_begin_array(j, "MessageEvents");
    for (size_t i = 0; i < m->n_rcpts; i++) {
        const struct gw_recipient *rcpt = &m->rcpts[i];
        bool bounced = rcpt->status == GW_RCPT_REJECTED || rcpt->status == GW_RCPT_EXPIRED;
        if (!bounced && rcpt->status != GW_RCPT_DEFERRED)
            continue;
        api_json_begin_object(j, NULL);
        api_json_str(j, "Recipient", rcpt->email);
        api_json_str(j, "Type", bounced ? "Bounced" : "Transient");
        api_json_time(j, "ReceivedAt", rcpt->updated_at_ms);
        api_json_begin_object(j, "Details");
        char said[16] = "";
        if (rcpt->smtp.code != 0)
            (void)snprintf(said, sizeof(said), "%d", rcpt->smtp.code);
        api_json_str(j, "DeliveryMessage",
                     rcpt->smtp.text != NULL && rcpt->smtp.text[0] != '\0' ? rcpt->smtp.text
                     : rcpt->detail != NULL                                ? rcpt->detail
                                                                           : said);
        api_json_str(j, "DestinationServer", rcpt->relay);
        api_json_end_object(j);
        api_json_end_object(j);
    }
    api_json_end_array(j);
}

static void answer_details(struct api_request *r, const struct gw_message *m)
{
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_read_message mail = {.n_headers = 0};
    bool read = api_compat_read(arena, m, &mail);
    struct gw_buf body;
    gw_buf_init(&body, MAX_ANSWER);
    struct api_json j = {.out = &body};
    api_json_begin_object(&j, NULL);
    view_fields(&j, m);
    api_compat_text(&j, "TextBody", mail.text);
    api_compat_text(&j, "HtmlBody", mail.html);
    api_compat_text(&j, "Body", read ? gw_message_content(m, &m->rcpts[0]) : gw_slice_of(NULL, 0));
    api_json_begin_array(&j, "Attachments");
    for (size_t i = 0; i < mail.n_attachments; i++)
        api_json_str(&j, NULL, mail.attachments[i].filename);
    api_json_end_array(&j);
    view_events(&j, m);
    api_json_end_object(&j);
    api_answer_json(r, 200, &body);
    gw_arena_free(&arena);
}

static void get_details(struct api_request *r)
{
    api_compat_show(r, answer_details);
}

static void answer_dump(struct api_request *r, const struct gw_message *m)
{
    struct gw_buf body;
    gw_buf_init(&body, MAX_ANSWER);
    struct api_json j = {.out = &body};
    api_json_begin_object(&j, NULL);
    api_compat_text(&j, "Body",
                    m->mime.len <= API_COMPAT_MAX_READ ? m->mime : (struct gw_slice){0});
    api_json_end_object(&j);
    api_answer_json(r, 200, &body);
}

static void get_dump(struct api_request *r)
{
    api_compat_show(r, answer_dump);
}

/* ---- lists ---- */

static void begin_list(struct api_json *j)
{
    api_json_begin_object(j, NULL);
    api_json_begin_array(j, "Messages");
}

static void view_item(struct api_json *j, const struct gw_message *m)
{
    api_json_begin_object(j, NULL);
    view_fields(j, m);
    api_json_begin_array(j, "Attachments");
    api_json_end_array(j);
    api_json_end_object(j);
}

static void end_list(struct api_json *j, size_t n, bool more, const struct api_compat_list *list)
{
    api_json_end_array(j);
    /* as many as are known of */
    api_json_num(j, "TotalCount", (int64_t)(list->offset + n + (more ? 1 : 0)));
    api_json_end_object(j);
}

/* A date, or a time with or without a zone; UTC when there is none. */
static bool read_date(struct api_request *r, const char *name, int64_t plus_ms, int64_t *out)
{
    const char *text = api_request_query(r, name);
    if (text == NULL)
        return true;
    char full[64];
    size_t len = strlen(text);
    const char *tail = len == DATE_LENGTH ? "T00:00:00Z" : len == TIME_LENGTH ? "Z" : "";
    (void)snprintf(full, sizeof(full), "%s%s", text, tail);
    if (gw_filter_time(full, out)) {
        *out += len == DATE_LENGTH ? plus_ms : 0;
        return true;
    }
    api_problem(r, API_UNKNOWN_PARAMETER, "%s must be a date such as 2026-12-01, or a time.", name);
    return false;
}

static bool read_status(struct api_request *r, const char **out)
{
    const char *text = api_request_query(r, "status");
    if (text == NULL)
        return true;
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (statuses[i].asked != NULL && strcmp(statuses[i].asked, text) == 0) {
            *out = statuses[i].status;
            return true;
        }
    }
    api_problem(r, API_UNKNOWN_PARAMETER, "status must be queued or sent.");
    return false;
}

/* Of tag and stream one can be looked for. */
static bool read_tag(struct api_request *r, const char **out)
{
    const char *tag = api_request_query(r, "tag");
    const char *stream = api_request_query(r, "messageStream");
    *out = tag;
    if (stream == NULL || strcmp(stream, API_POSTMARK_STREAM) == 0)
        return true;
    if (tag != NULL) {
        api_problem(r, API_UNKNOWN_PARAMETER,
                    "Lists of one tag in one stream are not made: ask for one of both.");
        return false;
    }
    struct gw_buf text;
    gw_buf_init(&text, API_MAX_QUERY_VALUE + sizeof(API_POSTMARK_STREAM_TAG));
    (void)gw_buf_printf(&text, API_POSTMARK_STREAM_TAG "%s", stream);
    *out = api_request_strdup(r, gw_buf_view(&text));
    gw_buf_deinit(&text);
    return true;
}

static void list_messages(struct api_request *r)
{
    static const int64_t day_ms = INT64_C(24) * 3600 * 1000;
    struct api_compat_list list = {.begin = begin_list, .item = view_item, .end = end_list};
    struct gw_list_query *q = &list.query;
    int64_t count;
    int64_t offset;
    if (api_compat_number(r, "count", 1, MAX_COUNT, MAX_COUNT, &count) &&
        api_compat_number(r, "offset", 0, MAX_OFFSET - MAX_COUNT, 0, &offset) &&
        api_compat_address(r, "recipient", &q->recipient) &&
        api_compat_address(r, "fromEmail", &q->from) && read_tag(r, &q->tag) &&
        read_status(r, &q->status) && read_date(r, "fromDate", 0, &q->since_ms) &&
        read_date(r, "toDate", day_ms, &q->until_ms)) {
        list.offset = (size_t)offset;
        list.take = (size_t)count;
        api_compat_list(r, &list);
    }
}

/* ---- health ---- */

/* A rejected message is a bounce. */
static void begin_stats(struct api_json *j)
{
    api_json_begin_object(j, NULL);
}

static void view_nothing(struct api_json *j, const struct gw_message *m)
{
    (void)j;
    (void)m;
}

static void end_stats(struct api_json *j, size_t n, bool more, const struct api_compat_list *list)
{
    (void)more;
    (void)list;
    api_json_num(j, "InactiveMails", 0);
    api_json_begin_array(j, "Bounces");
    api_json_begin_object(j, NULL);
    api_json_str(j, "Name", "All");
    api_json_num(j, "Count", (int64_t)n);
    api_json_end_object(j);
    api_json_end_array(j);
    api_json_end_object(j);
}

static void get_delivery_stats(struct api_request *r)
{
    struct api_compat_list list = {.query = {.status = "rejected"},
                                   .take = API_COMPAT_MAX_WALK,
                                   .begin = begin_stats,
                                   .item = view_nothing,
                                   .end = end_stats};
    api_compat_list(r, &list);
}

static void get_server(struct api_request *r)
{
    static const char *const off[] = {"SmtpApiActivated",           "RawEmailEnabled",
                                      "PostFirstOpenOnly",          "TrackOpens",
                                      "IncludeBounceContentInHook", "EnableSmtpApiErrorHooks"};
    static const char *const none[] = {"ServerLink",    "InboundAddress", "InboundHookUrl",
                                       "BounceHookUrl", "OpenHookUrl",    "DeliveryHookUrl",
                                       "ClickHookUrl",  "InboundDomain",  "InboundHash"};
    struct gw_buf body;
    gw_buf_init(&body, MAX_ANSWER);
    struct api_json j = {.out = &body};
    api_json_begin_object(&j, NULL);
    api_json_num(&j, "ID", 1);
    api_json_str(&j, "Name", r->api_key != NULL ? r->api_key->name : "mailhatch");
    api_json_begin_array(&j, "ApiTokens");
    api_json_end_array(&j);
    api_json_str(&j, "Color", "Grey");
    api_json_str(&j, "DeliveryType", "Live");
    api_json_num(&j, "InboundSpamThreshold", 0);
    api_json_str(&j, "TrackLinks", "None");
    for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++)
        api_json_bool(&j, off[i], false);
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        api_json_str(&j, none[i], "");
    api_json_end_object(&j);
    api_answer_json(r, 200, &body);
}

const struct api_route api_postmark_records_routes[] = {
    {"GET", "/compat/postmark/messages/outbound", list_messages, CFG_SCOPE_READ, API_ROUTE_JSON,
     "count offset recipient fromEmail tag status fromDate toDate messageStream"},
    {"GET", "/compat/postmark/messages/outbound/{id}/details", get_details, CFG_SCOPE_READ,
     API_ROUTE_JSON, NULL},
    {"GET", "/compat/postmark/messages/outbound/{id}/dump", get_dump, CFG_SCOPE_READ,
     API_ROUTE_JSON, NULL},
    {"GET", "/compat/postmark/deliveryStats", get_delivery_stats, CFG_SCOPE_READ, API_ROUTE_JSON,
     NULL},
    {"GET", "/compat/postmark/deliverystats", get_delivery_stats, CFG_SCOPE_READ, API_ROUTE_JSON,
     NULL},
    {"GET", "/compat/postmark/server", get_server, CFG_SCOPE_READ, API_ROUTE_JSON, NULL},
    {0},
};
