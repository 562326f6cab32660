/* SPDX-License-Identifier: MIT */
/* SendGrid's suppressions: one list of ours, shown and changed as the lists it has for each reason.
 */
#include <inttypes.h>

#include "api/compat/records.h"
#include "api/compat/suppressed.h"
#include "api/problem.h"
#include "api/routes.h"

enum {
    MAX_ANSWER = 128 * 1024,
    MAX_LIMIT = 500,
    LAST_YEAR_S = INT32_MAX
};

static void begin(struct api_json *j)
{
    api_json_begin_array(j, NULL);
}

static void end(struct api_json *j, const struct api_compat_listed *listed)
{
    (void)listed;
    api_json_end_array(j);
}

static void view(struct api_json *j, const struct gw_suppression *e)
{
    api_json_begin_object(j, NULL);
    api_json_num(j, "created", e->created_at_ms / 1000);
    api_json_str(j, "email", e->email);
    api_json_str(j, "reason", e->detail != NULL ? e->detail : "");
    api_json_str(j, "status", e->reason == GW_SUPPRESSION_BOUNCE ? "5.1.1" : "");
    api_json_end_object(j);
}

/* @email  NULL: all */
static void list(struct api_request *r, unsigned reasons, const char *email)
{
    int64_t limit;
    int64_t offset;
    int64_t since_s;
    int64_t until_s;
    if (!api_compat_number(r, "limit", 1, MAX_LIMIT, MAX_LIMIT, &limit) ||
        !api_compat_number(r, "offset", 0, API_COMPAT_MAX_SUPPRESSED, 0, &offset) ||
        !api_compat_number(r, "start_time", 0, LAST_YEAR_S, 0, &since_s) ||
        !api_compat_number(r, "end_time", 0, LAST_YEAR_S, 0, &until_s))
        return;
    const struct api_compat_suppressed what = {.reasons = reasons,
                                               .email = email,
                                               .since_ms = since_s * 1000,
                                               .until_ms = until_s > 0 ? (until_s + 1) * 1000 : 0,
                                               .offset = (size_t)offset,
                                               .take = (size_t)limit,
                                               .begin = begin,
                                               .item = view,
                                               .end = end};
    api_compat_list_suppressed(r, &what);
}

static const unsigned bounces = 1U << GW_SUPPRESSION_BOUNCE;
static const unsigned spam = 1U << GW_SUPPRESSION_COMPLAINT;
static const unsigned unsubscribes = 1U << GW_SUPPRESSION_UNSUBSCRIBE | 1U << GW_SUPPRESSION_MANUAL;
static const unsigned none = 1U << GW_N_SUPPRESSION_REASONS; /* nothing is listed for it here */

static void list_bounces(struct api_request *r)
{
    list(r, bounces, NULL);
}

static void get_bounce(struct api_request *r)
{
    list(r, bounces, r->param);
}

static void list_spam(struct api_request *r)
{
    list(r, spam, NULL);
}

static void get_spam(struct api_request *r)
{
    list(r, spam, r->param);
}

static void list_unsubscribes(struct api_request *r)
{
    list(r, unsubscribes, NULL);
}

static void get_unsubscribe(struct api_request *r)
{
    list(r, unsubscribes, r->param);
}

static void list_none(struct api_request *r)
{
    list(r, none, NULL);
}

/* ---- changes ---- */

static void answer_removed(struct api_request *r, const struct gw_suppression *entries, size_t n)
{
    (void)entries;
    if (n > 0)
        api_answer_empty(r, 204);
    else
        api_problem(r, API_NOT_FOUND, "not found");
}

static void delete_bounce(struct api_request *r)
{
    api_compat_unsuppress_one(r, bounces, r->param, answer_removed);
}

static void delete_spam(struct api_request *r)
{
    api_compat_unsuppress_one(r, spam, r->param, answer_removed);
}

static void delete_unsubscribe(struct api_request *r)
{
    api_compat_unsuppress_one(r, unsubscribes, r->param, answer_removed);
}

struct added {
    struct gw_field emails[API_COMPAT_MAX_ADDRESSES];
    size_t n;
};

static void read_emails(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct added *a = target;
    if (!json_is_array(value))
        api_read_wrong_type(r, value, pointer, "a list");
    else if (json_array_size(value) > API_COMPAT_MAX_ADDRESSES)
        gw_problems_add(r->problems, pointer, GW_PROBLEM_TOO_MANY, "At most %d are taken.",
                        API_COMPAT_MAX_ADDRESSES);
    else
        for (size_t i = 0; i < json_array_size(value); i++)
            api_read_text(r, json_array_get(value, i), api_json_pointer_index(r->arena, pointer, i),
                          &a->emails[a->n++]);
}

static void answer_added(struct api_request *r, const struct gw_suppression *entries, size_t n)
{
    struct gw_buf body;
    gw_buf_init(&body, MAX_ANSWER);
    struct api_json j = {.out = &body};
    api_json_begin_object(&j, NULL);
    api_json_begin_array(&j, "recipient_emails");
    for (size_t i = 0; i < n; i++)
        api_json_str(&j, NULL, entries[i].email);
    api_json_end_array(&j);
    api_json_end_object(&j);
    api_answer_json(r, 201, &body);
}

static void unsubscribe(struct api_request *r, const char *const *emails, size_t n,
                        api_compat_entries_fn answer)
{
    struct gw_suppression entries[API_COMPAT_MAX_ADDRESSES];
    for (size_t i = 0; i < n; i++)
        entries[i] =
            (struct gw_suppression){.email = emails[i], .reason = GW_SUPPRESSION_UNSUBSCRIBE};
    api_compat_suppress_entries(r, entries, n, answer);
}

static void add_unsubscribes(struct api_request *r)
{
    static const struct api_json_field fields[] = {{"recipient_emails", read_emails, 0, {0}}};
    struct gw_arena *arena = gw_arena_new(0);
    struct added *a = GW_ARENA_NEW(arena, struct added);
    api_compat_change_suppressed(
        r, &(struct api_compat_addresses){arena, fields, a, a->emails, &a->n, "/recipient_emails"},
        unsubscribe, answer_added);
    gw_arena_free(&arena);
}

#define LISTS  "/compat/sendgrid/v3/suppression/"
#define GLOBAL "/compat/sendgrid/v3/asm/suppressions/global"
#define PAGE   "limit offset start_time end_time"

const struct api_route api_sendgrid_suppressed_routes[] = {
    {"GET", LISTS "bounces", list_bounces, CFG_SCOPE_READ, API_ROUTE_JSON, PAGE},
    {"GET", LISTS "bounces/{email}", get_bounce, CFG_SCOPE_READ, API_ROUTE_JSON, NULL},
    {"GET", LISTS "spam_reports", list_spam, CFG_SCOPE_READ, API_ROUTE_JSON, PAGE},
    {"GET", LISTS "spam_reports/{email}", get_spam, CFG_SCOPE_READ, API_ROUTE_JSON, NULL},
    {"GET", LISTS "unsubscribes", list_unsubscribes, CFG_SCOPE_READ, API_ROUTE_JSON, PAGE},
    {"GET", GLOBAL "/{email}", get_unsubscribe, CFG_SCOPE_READ, API_ROUTE_JSON, NULL},
    {"POST", GLOBAL, add_unsubscribes, CFG_SCOPE_SEND, API_ROUTE_JSON | API_ROUTE_JSON_BODY, NULL},
    {"DELETE", GLOBAL "/{email}", delete_unsubscribe, CFG_SCOPE_SEND, API_ROUTE_JSON, NULL},
    {"DELETE", LISTS "bounces/{email}", delete_bounce, CFG_SCOPE_SEND, API_ROUTE_JSON, NULL},
    {"DELETE", LISTS "spam_reports/{email}", delete_spam, CFG_SCOPE_SEND, API_ROUTE_JSON, NULL},
    {"GET", LISTS "blocks", list_none, CFG_SCOPE_READ, API_ROUTE_JSON, PAGE},
    {"GET", LISTS "invalid_emails", list_none, CFG_SCOPE_READ, API_ROUTE_JSON, PAGE},
    {0},
};
