/* SPDX-License-Identifier: MIT */
/* SendGrid's batches of scheduled mail, and its health check. A batch is a tag: what is to happen
 * to it happens to what has the tag and was not tried yet, page by page until nothing is left. */
#include <string.h>

#include "api/compat/sendgrid.h"
#include "api/json_write.h"
#include "api/message_record.h"
#include "api/problem.h"
#include "api/routes.h"
#include "api/small_body.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_mem.h"
#include "gateway/records.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

enum {
    MAX_ANSWER = 16 * 1024
};

static void answer_batch(struct api_request *r, unsigned status, const char *id, const char *state)
{
    struct gw_buf body;
    gw_buf_init(&body, MAX_ANSWER);
    struct api_json j = {.out = &body};
    api_json_begin_object(&j, NULL);
    api_json_str(&j, "batch_id", id);
    if (state != NULL)
        api_json_str(&j, "status", state);
    api_json_end_object(&j);
    api_answer_json(r, status, &body);
}

/* ---- /v3/mail/batch ---- */

static void new_batch(struct api_request *r)
{
    char id[GW_UUID_SIZE];
    gw_uuid_v7(gw_clock_wall_ms(), id);
    answer_batch(r, 201, id, NULL);
}

static void get_batch(struct api_request *r)
{
    if (strlen(r->param) > API_SENDGRID_MAX_BATCH_ID)
        api_problem(r, API_BAD_REQUEST, "invalid batch id");
    else
        answer_batch(r, 200, r->param, NULL);
}

/* ---- /v3/user/scheduled_sends ---- */

typedef struct gw_call *(*change_fn)(struct gw_gateway *g, const char *tenant, const char *id,
                                     gw_record_cb cb, void *data);

/* A batch being gone through; the request ends it early by leaving. */
struct walk {
    struct api_request *request;
    struct gw_call *call;
    change_fn change; /* NULL: it is only looked at */
    void (*answer)(struct walk *w);
    const char *batch_id, *tag; /* the request's */
    const char *status;         /* "cancel", "pause": what was asked for, or was found */
    char (*ids)[GW_UUID_SIZE];  /* of the page */
    size_t n_ids, next;
    size_t n_changed;
    int64_t cursor; /* of the next page; 0: there is none */
};

static void free_walk(struct walk *w)
{
    gw_free(w->ids);
    gw_free(w);
}

static void on_client_gone(void *data)
{
    struct walk *w = data;
    gw_call_abandon(w->call);
    free_walk(w);
}

static void next_page(struct walk *w);

static void on_changed(enum gw_status status, const struct gw_message *m, void *data);

static void next_one(struct walk *w)
{
    struct api_request *r = w->request;
    if (w->next < w->n_ids) {
        w->call =
            w->change(r->context->gateway, api_request_tenant(r), w->ids[w->next++], on_changed, w);
    } else if (w->cursor != 0) {
        next_page(w);
    } else {
        w->answer(w);
        free_walk(w);
    }
}

/* A message that is final, gone, or being sent by now has nothing to change. */
static void on_changed(enum gw_status status, const struct gw_message *m, void *data)
{
    struct walk *w = data;
    (void)m;
    if (status == GW_OK || status == GW_INVALID || status == GW_NOTFOUND || status == GW_BUSY) {
        w->n_changed += status == GW_OK;
        next_one(w);
        return;
    }
    api_message_failed(w->request, status);
    free_walk(w);
}

static void look(struct walk *w, const struct gw_message *m)
{
    for (size_t i = 0; i < m->n_rcpts; i++) {
        if (gw_recipient_paused(&m->rcpts[i]))
            w->status = "pause";
        else if (m->rcpts[i].status == GW_RCPT_CANCELED && w->status == NULL)
            w->status = "cancel";
    }
}

static void on_page(enum gw_status status, struct gw_message *const *messages, size_t n,
                    int64_t cursor, void *data)
{
    struct walk *w = data;
    if (status != GW_OK) {
        api_message_failed(w->request, status);
        free_walk(w);
        return;
    }
    w->n_ids = w->change != NULL ? n : 0;
    w->next = 0;
    w->cursor = cursor;
    for (size_t i = 0; i < n; i++) {
        if (w->change != NULL)
            memcpy(w->ids[i], messages[i]->id, GW_UUID_SIZE);
        else
            look(w, messages[i]);
    }
    next_one(w);
}

static void next_page(struct walk *w)
{
    struct api_request *r = w->request;
    const struct gw_list_query query = {.tenant = api_request_tenant(r),
                                        .status = w->change != NULL ? "scheduled" : NULL,
                                        .tag = w->tag,
                                        .cursor = w->cursor,
                                        .limit = GW_LIST_MAX};
    w->call = gw_list_messages(r->context->gateway, &query, on_page, w);
}

static void walk(struct api_request *r, struct gw_slice batch_id, const struct walk *how)
{
    struct gw_buf tag;
    struct walk *w = gw_calloc(1, sizeof(*w));
    gw_buf_init(&tag, sizeof(API_SENDGRID_BATCH_TAG) + API_SENDGRID_MAX_BATCH_ID);
    (void)gw_buf_add_str(&tag, API_SENDGRID_BATCH_TAG);
    (void)gw_buf_add_slice(&tag, batch_id);
    *w = *how;
    w->request = r;
    w->batch_id = api_request_strdup(r, batch_id);
    w->tag = api_request_strdup(r, gw_buf_view(&tag));
    w->ids = gw_calloc(GW_LIST_MAX, sizeof(*w->ids));
    gw_buf_deinit(&tag);
    api_request_hold(r, on_client_gone, w);
    next_page(w);
}

static void answer_ordered(struct walk *w)
{
    answer_batch(w->request, 201, w->batch_id, w->status);
}

static void answer_done(struct walk *w)
{
    api_answer_empty(w->request, 204);
}

static void answer_resumed(struct walk *w)
{
    if (w->n_changed > 0)
        answer_done(w);
    else
        api_problem(w->request, API_NOT_FOUND, "batch id not found: nothing of it is paused");
}

static void answer_status(struct walk *w)
{
    struct gw_buf body;
    gw_buf_init(&body, MAX_ANSWER);
    struct api_json j = {.out = &body};
    api_json_begin_array(&j, NULL);
    if (w->status != NULL) {
        api_json_begin_object(&j, NULL);
        api_json_str(&j, "batch_id", w->batch_id);
        api_json_str(&j, "status", w->status);
        api_json_end_object(&j);
    }
    api_json_end_array(&j);
    api_answer_json(w->request, 200, &body);
}

struct order {
    struct gw_field batch_id, status;
};

static const struct {
    const char *status;
    change_fn change;
} orders[] = {{"cancel", gw_message_cancel}, {"pause", gw_message_pause}};

static bool is_batch_id(struct gw_slice id)
{
    return id.len > 0 && id.len <= API_SENDGRID_MAX_BATCH_ID;
}

/* Carries the order out, or says what is wrong with it. */
static void obey(struct api_request *r, const struct order *o, struct gw_problems *problems,
                 void (*answer)(struct walk *w))
{
    size_t i = 0;
    while (i < N_OF(orders) && !gw_slice_is(o->status.value, orders[i].status))
        i++;
    if (!is_batch_id(o->batch_id.value))
        gw_problems_add(problems, "/batch_id", GW_PROBLEM_REQUIRED, "invalid batch id");
    if (i == N_OF(orders))
        gw_problems_add(problems, "/status", GW_PROBLEM_VALUE, "status must be cancel or pause");
    if (problems->n > 0)
        api_problem_send(r,
                         &(struct api_problem){.code = API_VALIDATION_FAILED, .errors = problems});
    else
        walk(r, o->batch_id.value,
             &(struct walk){
                 .change = orders[i].change, .status = orders[i].status, .answer = answer});
}

static const struct api_json_field order_fields[] = {
    {"status", api_read_text, offsetof(struct order, status), {0}},
    {"batch_id", api_read_text, offsetof(struct order, batch_id), {0}},
};

static void order(struct api_request *r, size_t n_fields, void (*answer)(struct walk *w))
{
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_problems problems;
    struct order o = {.batch_id = {.value = gw_slice_str(r->param)}};
    struct api_json_target target = {.fields = order_fields, .n_fields = n_fields, .into = &o};
    if (api_small_body_read(r, API_MAX_SMALL_BODY, arena, &target, &problems)) {
        if (target.unread)
            api_problem_send(
                r, &(struct api_problem){.code = API_VALIDATION_FAILED, .errors = &problems});
        else
            obey(r, &o, &problems, answer);
    }
    gw_arena_free(&arena);
}

static void post_scheduled(struct api_request *r)
{
    order(r, N_OF(order_fields), answer_ordered);
}

/* The batch is that of the path. */
static void patch_scheduled(struct api_request *r)
{
    order(r, 1, answer_done);
}

static void get_scheduled(struct api_request *r)
{
    if (is_batch_id(gw_slice_str(r->param)))
        walk(r, gw_slice_str(r->param), &(struct walk){.answer = answer_status});
    else
        api_problem(r, API_BAD_REQUEST, "invalid batch id");
}

static void delete_scheduled(struct api_request *r)
{
    const struct walk how = {.change = gw_message_unpause, .answer = answer_resumed};
    if (is_batch_id(gw_slice_str(r->param)))
        walk(r, gw_slice_str(r->param), &how);
    else
        api_problem(r, API_BAD_REQUEST, "invalid batch id");
}

/* ---- GET /v3/scopes ---- */

static void get_scopes(struct api_request *r)
{
    static const struct {
        unsigned scope;
        const char *name;
    } scopes[] = {
        {CFG_SCOPE_SEND, "mail.send"},
        {CFG_SCOPE_SEND, "mail.batch.create"},
        {CFG_SCOPE_SEND, "mail.batch.read"},
        {CFG_SCOPE_SEND, "user.scheduled_sends.create"},
        {CFG_SCOPE_SEND, "user.scheduled_sends.read"},
        {CFG_SCOPE_SEND, "user.scheduled_sends.update"},
        {CFG_SCOPE_SEND, "user.scheduled_sends.delete"},
        {CFG_SCOPE_READ, "suppression.read"},
        {CFG_SCOPE_SEND, "suppression.delete"},
    };
    struct gw_buf body;
    gw_buf_init(&body, MAX_ANSWER);
    struct api_json j = {.out = &body};
    api_json_begin_object(&j, NULL);
    api_json_begin_array(&j, "scopes");
    for (size_t i = 0; i < N_OF(scopes); i++)
        if (r->api_key == NULL || (r->api_key->scopes & scopes[i].scope) != 0)
            api_json_str(&j, NULL, scopes[i].name);
    api_json_end_array(&j);
    api_json_end_object(&j);
    api_answer_json(r, 200, &body);
}

#define SCHEDULED "/compat/sendgrid/v3/user/scheduled_sends"

const struct api_route api_sendgrid_sends_routes[] = {
    {"POST", "/compat/sendgrid/v3/mail/batch", new_batch, CFG_SCOPE_SEND, API_ROUTE_JSON, NULL},
    {"GET", "/compat/sendgrid/v3/mail/batch/{id}", get_batch, CFG_SCOPE_SEND, API_ROUTE_JSON, NULL},
    {"POST", SCHEDULED, post_scheduled, CFG_SCOPE_SEND, API_ROUTE_JSON | API_ROUTE_JSON_BODY, NULL},
    {"GET", SCHEDULED "/{batch_id}", get_scheduled, CFG_SCOPE_SEND, API_ROUTE_JSON, NULL},
    {"PATCH", SCHEDULED "/{batch_id}", patch_scheduled, CFG_SCOPE_SEND,
     API_ROUTE_JSON | API_ROUTE_JSON_BODY, NULL},
    {"DELETE", SCHEDULED "/{batch_id}", delete_scheduled, CFG_SCOPE_SEND, API_ROUTE_JSON, NULL},
    {"GET", "/compat/sendgrid/v3/scopes", get_scopes,
     CFG_SCOPE_SEND | CFG_SCOPE_READ | CFG_SCOPE_ADMIN, API_ROUTE_JSON, NULL},
    {0},
};
