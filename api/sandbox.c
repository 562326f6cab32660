/* SPDX-License-Identifier: MIT */
/* /v1/sandbox/messages: what the sandbox relay caught, for the assertions of tests.
 *
 * Messages are parsed and written as JSON in the pool. While an answer is on its way, one `pending`
 * ties the request to the gateway's work: a wait for a message, or the reading of some. */
#include "gateway/sandbox.h"
#include "api/page.h"
#include "api/problem.h"
#include "api/routes.h"
#include "api/sandbox_view.h"
#include "gateway/base/gw_mem.h"

enum {
    DEFAULT_LIMIT = GW_SANDBOX_MAX_READING,
    DEFAULT_TIMEOUT_S = 10,
    MAX_TIMEOUT_S = 60 /* as Prefer: wait */
};

struct pending {
    struct api_request *request;
    struct gw_sandbox_wait *wait;
    struct gw_sandbox_reading *reading;
    int64_t timeout_s;
    const char *content_type;
};

static void on_client_gone(void *data)
{
    struct pending *p = data;
    if (p->wait != NULL)
        gw_sandbox_wait_cancel(p->wait);
    if (p->reading != NULL)
        gw_sandbox_reading_abandon(p->reading);
    gw_free(p);
}

/* The sandbox, or NULL and the request is answered. */
static struct gw_sandbox *sandbox_of(struct api_request *r)
{
    struct gw_sandbox *s = gw_gateway_sandbox(r->context->gateway);
    if (s == NULL)
        api_problem(r, API_NOT_FOUND,
                    "No sandbox relay is configured: give a relay the url `sandbox:`.");
    return s;
}

static void answer_no_message(struct api_request *r)
{
    api_problem(r, API_NOT_FOUND, "The sandbox has no message with this id.");
}

/* ---- reading ---- */

static void on_read(struct gw_buf *rendered, void *data)
{
    struct pending *p = data;
    api_set_header(p->request, "cache-control", "no-store");
    api_answer(p->request, 200, p->content_type, rendered);
    gw_free(p);
}

static void start_reading(struct pending *p, const struct gw_sandbox_query *query)
{
    struct gw_sandbox *s = gw_gateway_sandbox(p->request->context->gateway);
    p->reading = gw_sandbox_read(s, query, on_read, p);
    if (p->reading != NULL)
        return;
    api_problem(p->request, API_OVERLOADED, "Too much work in hand; ask again in a moment.");
    gw_free(p);
}

static struct pending *hold(struct api_request *r, const char *content_type)
{
    struct pending *p = gw_calloc(1, sizeof(*p));
    p->request = r;
    p->content_type = content_type;
    api_request_hold(r, on_client_gone, p);
    return p;
}

static void read_one(struct api_request *r, const char *content_type, unsigned what,
                     gw_sandbox_render_fn render)
{
    struct gw_sandbox *s = sandbox_of(r);
    struct gw_sandbox_item item;
    if (s == NULL)
        return;
    if (!gw_sandbox_find(s, r->param, &item))
        answer_no_message(r);
    else
        start_reading(hold(r, content_type), &(struct gw_sandbox_query){&item.id, 1, what, render});
}

static void get_message(struct api_request *r)
{
    read_one(r, "application/json", GW_MIME_READ_BODIES, api_sandbox_view_one);
}

static void get_raw(struct api_request *r)
{
    read_one(r, "message/rfc822", 0, api_sandbox_view_raw);
}

/* Index of the first message behind @cursor, the id that the last page ended with. It may have
 * been dropped since: ids rise with time. */
static size_t first_behind(const struct gw_sandbox *s, const char *cursor)
{
    struct gw_sandbox_item item;
    size_t i = 0;
    if (cursor == NULL)
        return 0;
    bool there = gw_sandbox_find(s, cursor, &item);
    while (gw_sandbox_at(s, i, &item)) {
        int order = strcmp(item.id, cursor);
        if (there ? order == 0 : order < 0)
            return i + there;
        i++;
    }
    return i;
}

static void list_messages(struct api_request *r)
{
    struct gw_sandbox *s = sandbox_of(r);
    const char *ids[GW_SANDBOX_MAX_READING];
    struct gw_sandbox_item item;
    int64_t limit = DEFAULT_LIMIT;
    size_t n = 0;
    if (s == NULL || !api_page_number(r, "limit", 0, GW_SANDBOX_MAX_READING, &limit))
        return;
    size_t first = first_behind(s, api_request_query(r, "cursor"));
    while (n < (size_t)limit && gw_sandbox_at(s, first + n, &item))
        ids[n++] = item.id;
    bool more = n > 0 && gw_sandbox_at(s, first + n, &item);
    const struct gw_sandbox_query query = {
        .ids = ids, .n = n, .render = more ? api_sandbox_view_page : api_sandbox_view_last_page};
    start_reading(hold(r, "application/json"), &query);
}

/* ---- waiting ---- */

static void on_waited(const struct gw_sandbox_item *item, void *data)
{
    struct pending *p = data;
    p->wait = NULL;
    if (item != NULL) {
        start_reading(
            p, &(struct gw_sandbox_query){&item->id, 1, GW_MIME_READ_BODIES, api_sandbox_view_one});
        return;
    }
    if (p->request->context->draining)
        api_problem(p->request, API_DRAINING,
                    "The server is shutting down; ask again in a moment.");
    else
        api_problem(p->request, API_NOT_FOUND, "No such message came within %d s.",
                    (int)p->timeout_s);
    gw_free(p);
}

static void wait_for_message(struct api_request *r)
{
    struct gw_sandbox *s = sandbox_of(r);
    int64_t timeout_s = DEFAULT_TIMEOUT_S;
    if (s == NULL || !api_page_number(r, "timeout", 0, MAX_TIMEOUT_S, &timeout_s))
        return;
    struct pending *p = hold(r, "application/json");
    p->timeout_s = timeout_s;
    p->wait = gw_sandbox_wait(s, api_request_query(r, "to"), api_request_query(r, "subject"),
                              timeout_s * 1000, on_waited, p);
    if (p->wait != NULL)
        return;
    api_problem(r, API_OVERLOADED, "%d requests wait for messages already.", GW_SANDBOX_MAX_WAITS);
    gw_free(p);
}

/* ---- deleting ---- */

static void delete_message(struct api_request *r)
{
    struct gw_sandbox *s = sandbox_of(r);
    if (s == NULL)
        return;
    if (gw_sandbox_delete(s, r->param))
        api_answer_empty(r, 204);
    else
        answer_no_message(r);
}

static void delete_all(struct api_request *r)
{
    struct gw_sandbox *s = sandbox_of(r);
    if (s == NULL)
        return;
    gw_sandbox_clear(s);
    api_answer_empty(r, 204);
}

#define MESSAGES "/v1/sandbox/messages"

/* The sandbox holds the mail of all keys: docs/decisions/030. */
const struct api_route api_sandbox_routes[] = {
    {"GET", MESSAGES, list_messages, CFG_SCOPE_ADMIN, API_ROUTE_JSON, "limit cursor"},
    {"GET", MESSAGES "/wait", wait_for_message, CFG_SCOPE_ADMIN, API_ROUTE_JSON,
     "to subject timeout"},
    {"GET", MESSAGES "/{id}", get_message, CFG_SCOPE_ADMIN, API_ROUTE_JSON, NULL},
    {"GET", MESSAGES "/{id}/raw", get_raw, CFG_SCOPE_ADMIN, 0, NULL},
    {"DELETE", MESSAGES, delete_all, CFG_SCOPE_ADMIN, 0, NULL},
    {"DELETE", MESSAGES "/{id}", delete_message, CFG_SCOPE_ADMIN, 0, NULL},
    {0},
};
