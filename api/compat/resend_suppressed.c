/* SPDX-License-Identifier: MIT */
/* Resend's suppressions. The id of an entry is its address. */
#include <string.h>

#include "api/compat/records.h"
#include "api/compat/suppressed.h"
#include "api/json_read.h"
#include "api/problem.h"
#include "api/routes.h"

enum {
    DEFAULT_LIMIT = 20,
    MAX_LIMIT = 100,
    MAX_ANSWER = 128 * 1024
};

/* ---- reads ---- */

static const struct {
    enum gw_suppression_reason reason;
    const char *origin;
} origins[] = {
    {GW_SUPPRESSION_BOUNCE, "bounce"},
    {GW_SUPPRESSION_COMPLAINT, "complaint"},
    {GW_SUPPRESSION_MANUAL, "manual"},
    {GW_SUPPRESSION_UNSUBSCRIBE, "manual"},
};

static void view_fields(struct api_json *j, const struct gw_suppression *e)
{
    const char *origin = NULL;
    for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++)
        if (origins[i].reason == e->reason)
            origin = origins[i].origin;
    api_json_str(j, "id", e->email);
    api_json_str(j, "email", e->email);
    api_json_str(j, "origin", origin);
    api_json_str(j, "source_id", e->message_id);
    api_json_time(j, "created_at", e->created_at_ms);
}

static void begin_list(struct api_json *j)
{
    api_json_begin_object(j, NULL);
    api_json_str(j, "object", "list");
    api_json_begin_array(j, "data");
}

static void view_item(struct api_json *j, const struct gw_suppression *e)
{
    api_json_begin_object(j, NULL);
    view_fields(j, e);
    api_json_end_object(j);
}

static void end_list(struct api_json *j, const struct api_compat_listed *listed)
{
    api_json_end_array(j);
    api_json_bool(j, "has_more", listed->more);
    api_json_end_object(j);
}

static bool read_origin(struct api_request *r, unsigned *mask)
{
    const char *word = api_request_query(r, "origin");
    *mask = 0;
    for (size_t i = 0; word != NULL && i < sizeof(origins) / sizeof(origins[0]); i++)
        if (strcmp(origins[i].origin, word) == 0)
            *mask |= 1U << origins[i].reason;
    if (word == NULL || *mask != 0)
        return true;
    api_problem(r, API_UNKNOWN_PARAMETER, "origin is bounce, complaint or manual.");
    return false;
}

static void list(struct api_request *r)
{
    struct api_compat_suppressed what = {.after = api_request_query(r, "after"),
                                         .begin = begin_list,
                                         .item = view_item,
                                         .end = end_list};
    int64_t limit;
    if (!api_compat_number(r, "limit", 1, MAX_LIMIT, DEFAULT_LIMIT, &limit) ||
        !read_origin(r, &what.reasons))
        return;
    what.take = (size_t)limit;
    api_compat_list_suppressed(r, &what);
}

static void begin_one(struct api_json *j)
{
    api_json_begin_object(j, NULL);
    api_json_str(j, "object", "suppression");
}

static void end_one(struct api_json *j, const struct api_compat_listed *listed)
{
    (void)listed;
    api_json_end_object(j);
}

static void get_one(struct api_request *r)
{
    const struct api_compat_suppressed what = {.email = r->param,
                                               .must_exist = true,
                                               .take = 1,
                                               .begin = begin_one,
                                               .item = view_fields,
                                               .end = end_one};
    api_compat_list_suppressed(r, &what);
}

/* ---- changes ---- */

struct change {
    struct gw_field emails[API_COMPAT_MAX_ADDRESSES];
    size_t n;
};

static void read_emails(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct change *c = target;
    if (!json_is_array(value)) {
        api_read_wrong_type(r, value, pointer, "a list");
        return;
    }
    if (json_array_size(value) > API_COMPAT_MAX_ADDRESSES) {
        gw_problems_add(r->problems, pointer, GW_PROBLEM_TOO_MANY, "At most %d are taken.",
                        API_COMPAT_MAX_ADDRESSES);
        return;
    }
    for (size_t i = 0; i < json_array_size(value); i++)
        api_read_text(r, json_array_get(value, i), api_json_pointer_index(r->arena, pointer, i),
                      &c->emails[c->n++]);
}

static void read_email(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct change *c = target;
    api_read_text(r, value, pointer, &c->emails[0]);
    c->n = 1;
}

static void view_id(struct api_json *j, const char *email, bool deleted)
{
    api_json_begin_object(j, NULL);
    api_json_str(j, "object", "suppression");
    api_json_str(j, "id", email);
    if (deleted)
        api_json_bool(j, "deleted", true);
    api_json_end_object(j);
}

static void answer_ids(struct api_request *r, const struct gw_suppression *entries, size_t n,
                       bool deleted)
{
    struct gw_buf body;
    gw_buf_init(&body, MAX_ANSWER);
    struct api_json j = {.out = &body};
    api_json_begin_object(&j, NULL);
    api_json_begin_array(&j, "data");
    for (size_t i = 0; i < n; i++)
        view_id(&j, entries[i].email, deleted);
    api_json_end_array(&j);
    api_json_end_object(&j);
    api_answer_json(r, 200, &body);
}

static void answer_added(struct api_request *r, const struct gw_suppression *entries, size_t n)
{
    answer_ids(r, entries, n, false);
}

static void answer_removed(struct api_request *r, const struct gw_suppression *entries, size_t n)
{
    answer_ids(r, entries, n, true);
}

static void answer_one(struct api_request *r, const struct gw_suppression *entries, size_t n)
{
    struct gw_buf body;
    if (n == 0) {
        api_problem(r, API_NOT_FOUND, "The address is not on the suppression list.");
        return;
    }
    gw_buf_init(&body, MAX_ANSWER);
    struct api_json j = {.out = &body};
    view_id(&j, entries[0].email, gw_slice_is(r->method, "DELETE"));
    api_answer_json(r, 200, &body);
}

static void add_one(struct api_request *r)
{
    static const struct api_json_field fields[] = {{"email", read_email, 0, {0}}};
    struct gw_arena *arena = gw_arena_new(0);
    struct change *c = GW_ARENA_NEW(arena, struct change);
    api_compat_change_suppressed(
        r, &(struct api_compat_addresses){arena, fields, c, c->emails, &c->n, "/email"},
        api_compat_suppress, answer_one);
    gw_arena_free(&arena);
}

static void change_many(struct api_request *r, bool add)
{
    static const struct api_json_field fields[] = {{"emails", read_emails, 0, {"ids"}}};
    struct gw_arena *arena = gw_arena_new(0);
    struct change *c = GW_ARENA_NEW(arena, struct change);
    api_compat_change_suppressed(
        r, &(struct api_compat_addresses){arena, fields, c, c->emails, &c->n, "/emails"},
        add ? api_compat_suppress : api_compat_unsuppress, add ? answer_added : answer_removed);
    gw_arena_free(&arena);
}

static void add_many(struct api_request *r)
{
    change_many(r, true);
}

static void remove_many(struct api_request *r)
{
    change_many(r, false);
}

static void remove_one(struct api_request *r)
{
    struct gw_arena *arena = gw_arena_new(0);
    const char *email = NULL;
    if (gw_suppression_address(arena, r->param, &email))
        api_compat_unsuppress(r, &email, 1, answer_one);
    else
        api_problem(r, API_NOT_FOUND, "The address is not on the suppression list.");
    gw_arena_free(&arena);
}

#define LIST "/compat/resend/suppressions"

const struct api_route api_resend_suppressed_routes[] = {
    {"GET", LIST, list, CFG_SCOPE_READ, API_ROUTE_JSON, "limit after origin"},
    {"POST", LIST, add_one, CFG_SCOPE_SEND, API_ROUTE_JSON | API_ROUTE_JSON_BODY, NULL},
    {"GET", LIST "/{id}", get_one, CFG_SCOPE_READ, API_ROUTE_JSON, NULL},
    {"DELETE", LIST "/{id}", remove_one, CFG_SCOPE_SEND, API_ROUTE_JSON, NULL},
    {"POST", LIST "/batch/add", add_many, CFG_SCOPE_SEND, API_ROUTE_JSON | API_ROUTE_JSON_BODY,
     NULL},
    {"POST", LIST "/batch/remove", remove_many, CFG_SCOPE_SEND,
     API_ROUTE_JSON | API_ROUTE_JSON_BODY, NULL},
    {0},
};
