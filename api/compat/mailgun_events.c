/* SPDX-License-Identifier: MIT */
/* Mailgun's events: what became of each recipient of each message, newest message first and of each
 * the newest event first, in pages that it gives URLs for. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "api/compat/mailgun.h"
#include "api/compat/records.h"
#include "api/problem.h"
#include "api/routes.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

enum {
    MAX_PAGE = 300, /* messages; Mailgun's */
    DEFAULT_PAGE = 100,
    MAX_URL = 4096,
    MAX_SECONDS_DIGITS = 11
};

/* ---- events ---- */

struct kind {
    const char *event, *severity; /* severity NULL: it has none; event NULL: it is not shown */
};

static const struct kind kinds[GW_N_EVENT_TYPES] = {
    [GW_EVENT_QUEUED] = {"accepted", NULL},          [GW_EVENT_SENT] = {"delivered", NULL},
    [GW_EVENT_DEFERRED] = {"failed", "temporary"},   [GW_EVENT_UNCERTAIN] = {"failed", "temporary"},
    [GW_EVENT_REJECTED] = {"failed", "permanent"},   [GW_EVENT_EXPIRED] = {"failed", "permanent"},
    [GW_EVENT_SUPPRESSED] = {"failed", "permanent"}, [GW_EVENT_CANCELED] = {"rejected", NULL},
};

static void add_seconds(struct api_json *j, const char *key, int64_t wall_ms)
{
    char text[32];
    int len =
        snprintf(text, sizeof(text), "%" PRId64 ".%03d", wall_ms / 1000, (int)(wall_ms % 1000));
    api_json_raw(j, key, gw_slice_of(text, (size_t)len));
}

static void add_message(struct api_json *j, const struct gw_message *m)
{
    size_t len = strlen(m->message_id);
    bool bracketed = len > 2 && m->message_id[0] == '<';
    api_json_begin_object(j, "message");
    api_json_begin_object(j, "headers");
    api_json_slice(j, "message-id",
                   bracketed ? gw_slice_of(m->message_id + 1, len - 2)
                             : gw_slice_str(m->message_id));
    api_json_str(j, "from", m->from);
    api_json_str(j, "subject", m->subject);
    api_json_end_object(j);
    api_json_end_object(j);
}

/* @email  of a recipient of @m */
static void add_event(struct api_json *j, const struct gw_message *m, const struct gw_event *e,
                      const char *email, size_t number)
{
    struct kind kind = kinds[e->type];
    char id[64];
    (void)snprintf(id, sizeof(id), "%" PRId64 "-%zu", e->seq, number);
    api_json_begin_object(j, NULL);
    api_json_str(j, "event", kind.event);
    api_json_str(j, "id", id);
    add_seconds(j, "timestamp", e->at_ms);
    api_json_str(j, "recipient", email);
    api_json_str(j, "recipient-domain", strrchr(email, '@') + 1);
    if (kind.severity != NULL) {
        api_json_str(j, "severity", kind.severity);
        api_json_str(j, "reason", gw_category_name(e->category));
    }
    add_message(j, m);
    api_json_begin_object(j, "envelope");
    api_json_str(j, "sender", m->mail_from);
    api_json_str(j, "targets", email);
    api_json_end_object(j);
    api_json_begin_object(j, "delivery-status");
    api_json_num(j, "code", e->code);
    api_json_str(j, "message", e->text);
    api_json_num(j, "attempt-no", e->attempt);
    api_json_end_object(j);
    api_json_end_object(j);
}

/* An event of the whole message is one for each recipient. */
static void add_events(struct api_json *j, const struct gw_message *m, const struct gw_event *e,
                       const struct api_compat_list *list)
{
    const char *wanted = api_request_query(list->request, "event");
    const char *recipient = list->query.recipient;
    const char *kind = kinds[e->type].event;
    if (kind == NULL || (wanted != NULL && strcmp(wanted, kind) != 0))
        return;
    for (size_t i = 0; i < m->n_rcpts; i++) {
        const char *email = m->rcpts[i].email;
        bool about = e->email == NULL || strcmp(e->email, email) == 0;
        if (about && (recipient == NULL || strcmp(recipient, email) == 0))
            add_event(j, m, e, email, i);
    }
}

/* ---- pages ---- */

static void begin_page(struct api_json *j)
{
    api_json_begin_object(j, NULL);
    api_json_begin_array(j, "items");
}

/* @id  of the message before the page, "": the first page */
static void add_url(struct api_json *j, const char *key, struct api_request *r, const char *id)
{
    static const char events[] = "/events";
    const char *at = memmem(r->target.data, r->target.len, events, sizeof(events) - 1);
    struct gw_buf url;
    gw_buf_init(&url, MAX_URL);
    (void)gw_buf_add_slice(&url, api_request_scheme(r));
    (void)gw_buf_add_str(&url, "://");
    (void)gw_buf_add_slice(&url, r->authority);
    if (at != NULL)
        (void)gw_buf_add(&url, r->target.data, (size_t)(at - r->target.data));
    (void)gw_buf_printf(&url, "%s%s%s", events, id[0] != '\0' ? "/" : "", id);
    if (r->query.len > 0)
        (void)gw_buf_add_char(&url, '?');
    (void)gw_buf_add_slice(&url, r->query);
    api_json_slice(j, key, gw_buf_view(&url));
    gw_buf_deinit(&url);
}

/* There is always a next page; behind the oldest message it is empty. */
static void end_page(struct api_json *j, size_t n, bool more, const struct api_compat_list *list)
{
    const char *last = n > 0 ? list->last : list->after != NULL ? list->after : "";
    (void)more;
    api_json_end_array(j);
    api_json_begin_object(j, "paging");
    add_url(j, "first", list->request, "");
    add_url(j, "next", list->request, last);
    add_url(j, "previous", list->request, "");
    add_url(j, "last", list->request, last);
    api_json_end_object(j);
    api_json_end_object(j);
}

/* Seconds since 1970, or RFC 2822. */
static bool read_time(struct api_request *r, struct gw_arena *arena, const char *name, int64_t *out)
{
    const char *text = api_request_query(r, name);
    size_t digits = 0;
    int64_t seconds = 0;
    if (text == NULL)
        return true;
    for (; isdigit((unsigned char)text[digits]) && digits <= MAX_SECONDS_DIGITS; digits++)
        seconds = seconds * 10 + (text[digits] - '0');
    *out = seconds * 1000;
    if (digits > 0 && digits <= MAX_SECONDS_DIGITS && (text[digits] == '\0' || text[digits] == '.'))
        return true;
    const char *time = api_mailgun_time(arena, gw_slice_str(text));
    if (time != NULL && gw_filter_time(time, out))
        return true;
    api_problem(r, API_UNKNOWN_PARAMETER, "%s must be seconds since 1970 or an RFC 2822 time.",
                name);
    return false;
}

static bool check_event(struct api_request *r)
{
    const char *event = api_request_query(r, "event");
    if (event == NULL)
        return true;
    for (size_t i = 0; i < N_OF(kinds); i++)
        if (kinds[i].event != NULL && strcmp(kinds[i].event, event) == 0)
            return true;
    api_problem(r, API_UNKNOWN_PARAMETER, "event must be accepted, delivered, failed or rejected.");
    return false;
}

/* Newest first only: that is what lists are made for. */
static bool read_order(struct api_request *r)
{
    const char *ascending = api_request_query(r, "ascending");
    if (ascending == NULL || strcmp(ascending, "no") == 0)
        return true;
    api_problem(r, API_UNKNOWN_PARAMETER, "Events come newest first: ascending may only be no.");
    return false;
}

static void list_events(struct api_request *r)
{
    struct api_compat_list list = {.begin = begin_page, .event = add_events, .end = end_page};
    struct gw_list_query *q = &list.query;
    struct gw_arena *arena = gw_arena_new(0);
    int64_t limit;
    int64_t times[2] = {0, 0};
    if (api_compat_number(r, "limit", 1, MAX_PAGE, DEFAULT_PAGE, &limit) && read_order(r) &&
        check_event(r) && read_time(r, arena, "begin", &times[0]) &&
        read_time(r, arena, "end", &times[1]) &&
        api_compat_address(r, "recipient", &q->recipient) &&
        api_compat_address(r, "from", &q->from)) {
        bool backwards = times[1] != 0 && times[0] > times[1];
        q->since_ms = times[backwards];
        q->until_ms = times[!backwards];
        q->tag = api_request_query(r, "tags");
        list.after = r->params[1][0] != '\0' ? r->params[1] : NULL;
        list.take = (size_t)limit;
        api_compat_list(r, &list);
    }
    gw_arena_free(&arena);
}

static const char parameters[] = "begin end ascending limit event recipient from tags";

const struct api_route api_mailgun_events_routes[] = {
    {"GET", "/compat/mailgun/v3/{domain}/events", list_events, CFG_SCOPE_READ, API_ROUTE_JSON,
     parameters},
    {"GET", "/compat/mailgun/v3/{domain}/events/{page}", list_events, CFG_SCOPE_READ,
     API_ROUTE_JSON, parameters},
    {0},
};
