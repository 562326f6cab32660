/* SPDX-License-Identifier: MIT */
/* SES's suppression list. Its entries are bounces or complaints. */
#include <limits.h>
#include <string.h>

#include "api/compat/records.h"
#include "api/compat/ses.h"
#include "api/compat/suppressed.h"
#include "api/json_read.h"
#include "api/problem.h"
#include "api/query.h"
#include "api/routes.h"
#include "api/small_body.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

enum {
    MAX_PAGE = 1000,
    MAX_WORD = 64
};

static const struct {
    const char *name;
    unsigned reasons;
    enum gw_suppression_reason put; /* as what it goes on the list */
} reasons[] = {
    {"BOUNCE", 1U << GW_SUPPRESSION_BOUNCE | 1U << GW_SUPPRESSION_MANUAL, GW_SUPPRESSION_BOUNCE},
    {"COMPLAINT", 1U << GW_SUPPRESSION_COMPLAINT | 1U << GW_SUPPRESSION_UNSUBSCRIBE,
     GW_SUPPRESSION_COMPLAINT},
};

static void add_entry(struct api_json *j, const char *key, const struct gw_suppression *e)
{
    api_json_begin_object(j, key);
    api_json_str(j, "EmailAddress", e->email);
    for (size_t i = 0; i < N_OF(reasons); i++)
        if ((reasons[i].reasons & 1U << e->reason) != 0)
            api_json_str(j, "Reason", reasons[i].name);
    api_json_num(j, "LastUpdateTime", e->created_at_ms / 1000);
    api_json_end_object(j);
}

/* ---- ListSuppressedDestinations ---- */

static void begin_list(struct api_json *j)
{
    api_json_begin_object(j, NULL);
    api_json_begin_array(j, "SuppressedDestinationSummaries");
}

static void list_item(struct api_json *j, const struct gw_suppression *e)
{
    add_entry(j, NULL, e);
}

static void end_list(struct api_json *j, const struct api_compat_listed *listed)
{
    api_json_end_array(j);
    if (listed->more)
        api_json_str(j, "NextToken", listed->last);
    api_json_end_object(j);
}

/* `Reason` may be given for each of several. */
static bool read_reasons(struct api_request *r, unsigned *out)
{
    char value[MAX_WORD];
    struct gw_slice rest = r->query;
    struct gw_slice name;
    size_t len;
    while (api_query_next(&rest, &name, value, sizeof(value), &len)) {
        if (!gw_slice_is(name, "Reason"))
            continue;
        size_t i = 0;
        while (i < N_OF(reasons) && strcmp(reasons[i].name, value) != 0)
            i++;
        if (i == N_OF(reasons)) {
            api_problem(r, API_UNKNOWN_PARAMETER, "Reason must be BOUNCE or COMPLAINT.");
            return false;
        }
        *out |= reasons[i].reasons;
    }
    return true;
}

static bool read_date(struct api_request *r, const char *name, int64_t *out)
{
    const char *text = api_request_query(r, name);
    if (text == NULL || gw_filter_time(text, out))
        return true;
    api_problem(r, API_UNKNOWN_PARAMETER, "%s must be a time (RFC 3339).", name);
    return false;
}

static void list_suppressed(struct api_request *r)
{
    int64_t size;
    struct api_compat_suppressed what = {.after = api_request_query(r, "NextToken"),
                                         .begin = begin_list,
                                         .item = list_item,
                                         .end = end_list};
    if (!read_reasons(r, &what.reasons) || !read_date(r, "StartDate", &what.since_ms) ||
        !read_date(r, "EndDate", &what.until_ms) ||
        !api_compat_number(r, "PageSize", 1, MAX_PAGE, MAX_PAGE, &size))
        return;
    what.take = (size_t)size;
    api_compat_list_suppressed(r, &what);
}

/* ---- GetSuppressedDestination ---- */

static void begin_one(struct api_json *j)
{
    api_json_begin_object(j, NULL);
}

static void one_item(struct api_json *j, const struct gw_suppression *e)
{
    add_entry(j, "SuppressedDestination", e);
}

static void end_one(struct api_json *j, const struct api_compat_listed *listed)
{
    (void)listed;
    api_json_end_object(j);
}

static void get_suppressed(struct api_request *r)
{
    const struct api_compat_suppressed what = {.email = r->param,
                                               .must_exist = true,
                                               .take = 1,
                                               .begin = begin_one,
                                               .item = one_item,
                                               .end = end_one};
    api_compat_list_suppressed(r, &what);
}

/* ---- PutSuppressedDestination, DeleteSuppressedDestination ---- */

static void answer_nothing(struct api_request *r)
{
    static const char nothing[] = "{}";
    api_answer_static(r, 200, "application/json", gw_slice_str(nothing));
}

static void answer_put(struct api_request *r, const struct gw_suppression *entries, size_t n)
{
    (void)entries;
    (void)n;
    answer_nothing(r);
}

static void answer_deleted(struct api_request *r, const struct gw_suppression *entries, size_t n)
{
    (void)entries;
    if (n > 0)
        answer_nothing(r);
    else
        api_problem(r, API_NOT_FOUND, "Email address is not in the suppression list.");
}

struct put {
    struct gw_field email, reason;
};

static void check_put(const struct put *put, struct gw_arena *arena, struct gw_problems *problems,
                      struct gw_suppression *out)
{
    size_t i = 0;
    while (i < N_OF(reasons) && !gw_slice_is(put->reason.value, reasons[i].name))
        i++;
    if (i == N_OF(reasons))
        gw_problems_add(problems, "/Reason", GW_PROBLEM_VALUE, "Must be BOUNCE or COMPLAINT.");
    else
        out->reason = reasons[i].put;
    if (put->email.value.data == NULL || strlen(put->email.value.data) != put->email.value.len ||
        !gw_suppression_address(arena, put->email.value.data, &out->email))
        gw_problems_add(problems, "/EmailAddress", GW_PROBLEM_ADDRESS,
                        "Must be a bare address such as ann@example.org.");
}

static void put_suppressed(struct api_request *r)
{
    static const struct api_json_field fields[] = {
        {"EmailAddress", api_read_text, offsetof(struct put, email), {0}},
        {"Reason", api_read_text, offsetof(struct put, reason), {0}},
    };
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_problems problems;
    struct put put = {.email = {.pointer = NULL}};
    struct gw_suppression entry = {.email = NULL};
    struct api_json_target target = {.fields = fields, .n_fields = N_OF(fields), .into = &put};
    if (api_small_body_read(r, API_MAX_SMALL_BODY, arena, &target, &problems)) {
        if (problems.n == 0)
            check_put(&put, arena, &problems, &entry);
        if (problems.n > 0)
            api_problem_send(
                r, &(struct api_problem){.code = API_VALIDATION_FAILED, .errors = &problems});
        else
            api_compat_suppress_entries(r, &entry, 1, answer_put);
    }
    gw_arena_free(&arena);
}

static void delete_suppressed(struct api_request *r)
{
    api_compat_unsuppress_one(r, UINT_MAX, r->param, answer_deleted);
}

#define LIST "/compat/ses/v2/email/suppression/addresses"

const struct api_route api_ses_suppressed_routes[] = {
    {"GET", LIST, list_suppressed, CFG_SCOPE_READ, API_ROUTE_JSON,
     "Reason* StartDate EndDate NextToken PageSize"},
    {"PUT", LIST, put_suppressed, CFG_SCOPE_SEND, API_ROUTE_JSON | API_ROUTE_JSON_BODY, NULL},
    {"GET", LIST "/{EmailAddress}", get_suppressed, CFG_SCOPE_READ, API_ROUTE_JSON, NULL},
    {"DELETE", LIST "/{EmailAddress}", delete_suppressed, CFG_SCOPE_SEND, API_ROUTE_JSON, NULL},
    {0},
};
