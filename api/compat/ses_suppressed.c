/* SPDX-License-Identifier: MIT */
/* SES's reads of the suppression list. Its entries are bounces or complaints. */
#include <string.h>

#include "api/compat/records.h"
#include "api/compat/ses.h"
#include "api/compat/suppressed.h"
#include "api/problem.h"
#include "api/query.h"
#include "api/routes.h"

enum {
    MAX_PAGE = 1000,
    MAX_WORD = 64
};

static const struct {
    const char *name;
    unsigned reasons;
} reasons[] = {
    {"BOUNCE", 1U << GW_SUPPRESSION_BOUNCE | 1U << GW_SUPPRESSION_MANUAL},
    {"COMPLAINT", 1U << GW_SUPPRESSION_COMPLAINT | 1U << GW_SUPPRESSION_UNSUBSCRIBE},
};

static void add_entry(struct api_json *j, const char *key, const struct gw_suppression *e)
{
    api_json_begin_object(j, key);
    api_json_str(j, "EmailAddress", e->email);
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
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
        while (i < sizeof(reasons) / sizeof(reasons[0]) && strcmp(reasons[i].name, value) != 0)
            i++;
        if (i == sizeof(reasons) / sizeof(reasons[0])) {
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

#define LIST "/compat/ses/v2/email/suppression/addresses"

const struct api_route api_ses_suppressed_routes[] = {
    {"GET", LIST, list_suppressed, CFG_SCOPE_READ, API_ROUTE_JSON,
     "Reason* StartDate EndDate NextToken PageSize"},
    {"GET", LIST "/{EmailAddress}", get_suppressed, CFG_SCOPE_READ, API_ROUTE_JSON, NULL},
    {0},
};
