/* SPDX-License-Identifier: MIT */
/* SendGrid's batches of scheduled mail, and its health check. A batch is a tag: taking it back
 * takes back what has the tag and was not tried yet, page by page until nothing is left. */
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

/* ---- POST /v3/user/scheduled_sends ---- */

/* A batch being taken back; the request ends it early by leaving. */
struct taking_back {
    struct api_request *request;
    struct gw_call *call;
    const char *batch_id, *tag; /* the request's */
    char (*ids)[GW_UUID_SIZE];  /* of the page */
    size_t n_ids, next;
};

static void free_taking(struct taking_back *t)
{
    gw_free(t->ids);
    gw_free(t);
}

static void on_client_gone(void *data)
{
    struct taking_back *t = data;
    gw_call_abandon(t->call);
    free_taking(t);
}

static void next_page(struct taking_back *t);

static void on_canceled(enum gw_status status, const struct gw_message *m, void *data);

static void next_one(struct taking_back *t)
{
    struct api_request *r = t->request;
    if (t->next < t->n_ids)
        t->call = gw_message_cancel(r->context->gateway, api_request_tenant(r), t->ids[t->next++],
                                    on_canceled, t);
    else
        next_page(t);
}

/* A message that is final, or gone, by now has nothing to take back. */
static void on_canceled(enum gw_status status, const struct gw_message *m, void *data)
{
    struct taking_back *t = data;
    (void)m;
    if (status == GW_OK || status == GW_INVALID || status == GW_NOTFOUND) {
        next_one(t);
        return;
    }
    api_message_failed(t->request, status);
    free_taking(t);
}

static void on_page(enum gw_status status, struct gw_message *const *messages, size_t n,
                    int64_t cursor, void *data)
{
    struct taking_back *t = data;
    (void)cursor;
    if (status != GW_OK) {
        api_message_failed(t->request, status);
        free_taking(t);
        return;
    }
    t->n_ids = n;
    t->next = 0;
    for (size_t i = 0; i < n; i++)
        memcpy(t->ids[i], messages[i]->id, GW_UUID_SIZE);
    if (n > 0) {
        next_one(t);
        return;
    }
    answer_batch(t->request, 201, t->batch_id, "cancel");
    free_taking(t);
}

/* Those before are not scheduled any more, so that the first page always has the rest. */
static void next_page(struct taking_back *t)
{
    struct api_request *r = t->request;
    const struct gw_list_query query = {.tenant = api_request_tenant(r),
                                        .status = "scheduled",
                                        .tag = t->tag,
                                        .limit = GW_LIST_MAX};
    t->call = gw_list_messages(r->context->gateway, &query, on_page, t);
}

static void take_back(struct api_request *r, struct gw_slice batch_id)
{
    struct gw_buf tag;
    struct taking_back *t = gw_calloc(1, sizeof(*t));
    gw_buf_init(&tag, sizeof(API_SENDGRID_BATCH_TAG) + API_SENDGRID_MAX_BATCH_ID);
    (void)gw_buf_add_str(&tag, API_SENDGRID_BATCH_TAG);
    (void)gw_buf_add_slice(&tag, batch_id);
    *t = (struct taking_back){.request = r,
                              .batch_id = api_request_strdup(r, batch_id),
                              .tag = api_request_strdup(r, gw_buf_view(&tag)),
                              .ids = gw_calloc(GW_LIST_MAX, sizeof(*t->ids))};
    gw_buf_deinit(&tag);
    api_request_hold(r, on_client_gone, t);
    next_page(t);
}

struct order {
    struct gw_field batch_id, status;
};

static void check_order(const struct order *o, struct gw_problems *problems)
{
    if (o->batch_id.value.len == 0 || o->batch_id.value.len > API_SENDGRID_MAX_BATCH_ID)
        gw_problems_add(problems, "/batch_id", GW_PROBLEM_REQUIRED, "invalid batch id");
    if (gw_slice_is(o->status.value, "pause"))
        gw_problems_add(problems, "/status", GW_PROBLEM_UNSUPPORTED,
                        "Mailhatch cannot pause a batch; cancel it.");
    else if (!gw_slice_is(o->status.value, "cancel"))
        gw_problems_add(problems, "/status", GW_PROBLEM_VALUE, "status must be cancel");
}

static void post_scheduled(struct api_request *r)
{
    static const struct api_json_field fields[] = {
        {"batch_id", api_read_text, offsetof(struct order, batch_id), {0}},
        {"status", api_read_text, offsetof(struct order, status), {0}},
    };
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_problems problems;
    struct order order = {.batch_id = {.pointer = NULL}};
    struct api_json_target target = {.fields = fields, .n_fields = 2, .into = &order};
    if (api_small_body_read(r, API_MAX_SMALL_BODY, arena, &target, &problems)) {
        if (!target.unread)
            check_order(&order, &problems);
        if (problems.n > 0)
            api_problem_send(
                r, &(struct api_problem){.code = API_VALIDATION_FAILED, .errors = &problems});
        else
            take_back(r, order.batch_id.value);
    }
    gw_arena_free(&arena);
}

/* ---- GET /v3/scopes ---- */

static void get_scopes(struct api_request *r)
{
    static const struct {
        unsigned scope;
        const char *name;
    } scopes[] = {
        {CFG_SCOPE_SEND, "mail.send"},        {CFG_SCOPE_SEND, "mail.batch.create"},
        {CFG_SCOPE_SEND, "mail.batch.read"},  {CFG_SCOPE_SEND, "user.scheduled_sends.create"},
        {CFG_SCOPE_READ, "suppression.read"},
    };
    struct gw_buf body;
    gw_buf_init(&body, MAX_ANSWER);
    struct api_json j = {.out = &body};
    api_json_begin_object(&j, NULL);
    api_json_begin_array(&j, "scopes");
    for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++)
        if (r->api_key == NULL || (r->api_key->scopes & scopes[i].scope) != 0)
            api_json_str(&j, NULL, scopes[i].name);
    api_json_end_array(&j);
    api_json_end_object(&j);
    api_answer_json(r, 200, &body);
}

const struct api_route api_sendgrid_sends_routes[] = {
    {"POST", "/compat/sendgrid/v3/mail/batch", new_batch, CFG_SCOPE_SEND, API_ROUTE_JSON, NULL},
    {"GET", "/compat/sendgrid/v3/mail/batch/{id}", get_batch, CFG_SCOPE_SEND, API_ROUTE_JSON, NULL},
    {"POST", "/compat/sendgrid/v3/user/scheduled_sends", post_scheduled, CFG_SCOPE_SEND,
     API_ROUTE_JSON | API_ROUTE_JSON_BODY, NULL},
    {"GET", "/compat/sendgrid/v3/scopes", get_scopes,
     CFG_SCOPE_SEND | CFG_SCOPE_READ | CFG_SCOPE_ADMIN, API_ROUTE_JSON, NULL},
    {0},
};
