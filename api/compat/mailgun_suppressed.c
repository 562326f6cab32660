/* SPDX-License-Identifier: MIT */
/* Mailgun's reads of suppressions: one list of ours, shown as the lists it has for each reason, in
 * pages that it gives URLs for. */
#include <ctype.h>
#include <string.h>

#include "api/compat/mailgun.h"
#include "api/compat/records.h"
#include "api/compat/suppressed.h"
#include "api/facade.h"
#include "api/problem.h"
#include "api/routes.h"
#include "gateway/base/gw_clock.h"

enum {
    MAX_PAGE = 1000,
    DEFAULT_PAGE = 100,
    MAX_URL = 1024
};

static void begin_page(struct api_json *j)
{
    api_json_begin_object(j, NULL);
    api_json_begin_array(j, "items");
}

/* @detail  the words, behind a code or not */
static void add_error(struct api_json *j, const char *detail)
{
    size_t n = strspn(detail, "0123456789");
    bool coded = n == API_MAILGUN_CODE_DIGITS && (detail[n] == ' ' || detail[n] == '\0');
    api_json_slice(j, "code", coded ? gw_slice_of(detail, n) : GW_SLICE_LIT("550"));
    api_json_str(j, "error", coded ? detail + n + strspn(detail + n, " ") : detail);
}

/* What an entry of the list for its reason has. */
static void add_fields(struct api_json *j, const struct gw_suppression *e)
{
    char text[GW_TIME_RFC5322_SIZE];
    gw_time_rfc5322(e->created_at_ms, text);
    api_json_str(j, "address", e->email);
    if (e->reason == GW_SUPPRESSION_BOUNCE) {
        add_error(j, e->detail != NULL ? e->detail : "");
    } else if (e->reason == GW_SUPPRESSION_COMPLAINT) {
        api_json_num(j, "count", 1);
    } else {
        api_json_begin_array(j, "tags");
        api_json_str(j, NULL, "*");
        api_json_end_array(j);
    }
    api_json_str(j, "created_at", text);
}

static void page_item(struct api_json *j, const struct gw_suppression *e)
{
    api_json_begin_object(j, NULL);
    add_fields(j, e);
    api_json_end_object(j);
}

/* ---- pages ---- */

/* @address  the page behind it; NULL: the first page */
static void add_url(struct api_json *j, const char *key, struct api_request *r, const char *address)
{
    static const char plain[] = "-._~@";
    const char *limit = api_request_query(r, "limit");
    struct gw_buf url;
    gw_buf_init(&url, MAX_URL);
    (void)gw_buf_add_slice(&url, api_request_scheme(r));
    (void)gw_buf_add_str(&url, "://");
    (void)gw_buf_add_slice(&url, r->authority);
    for (size_t i = 0; i < r->target.len && r->target.data[i] != '?'; i++)
        (void)gw_buf_add_char(&url, r->target.data[i]);
    (void)gw_buf_printf(&url, "?page=%s", address != NULL ? "next" : "first");
    if (limit != NULL)
        (void)gw_buf_printf(&url, "&limit=%s", limit);
    if (address != NULL)
        (void)gw_buf_add_str(&url, "&address=");
    for (const char *c = address; c != NULL && *c != '\0'; c++) {
        bool is_plain = isalnum((unsigned char)*c) || strchr(plain, *c) != NULL;
        (void)gw_buf_printf(&url, is_plain ? "%c" : "%%%02X", (unsigned char)*c);
    }
    api_json_slice(j, key, gw_buf_view(&url));
    gw_buf_deinit(&url);
}

/* There is always a next page; behind the last entry it is empty. We go forwards only. */
static void end_page(struct api_json *j, const struct api_compat_listed *listed)
{
    struct api_request *r = listed->request;
    const char *last = listed->last != NULL ? listed->last : api_request_query(r, "address");
    api_json_end_array(j);
    api_json_begin_object(j, "paging");
    add_url(j, "first", r, NULL);
    add_url(j, "next", r, last);
    add_url(j, "previous", r, NULL);
    add_url(j, "last", r, last);
    api_json_end_object(j);
    api_json_end_object(j);
}

static void list(struct api_request *r, unsigned reasons)
{
    int64_t limit;
    const char *page = api_request_query(r, "page");
    const char *address = api_request_query(r, "address");
    bool next = page != NULL && strcmp(page, "next") == 0;
    if ((page != NULL && !next && strcmp(page, "first") != 0) || next != (address != NULL)) {
        api_problem(r, API_UNKNOWN_PARAMETER,
                    "page is first, or next with the address before the page.");
        return;
    }
    if (!api_compat_number(r, "limit", 1, MAX_PAGE, DEFAULT_PAGE, &limit))
        return;
    const struct api_compat_suppressed what = {.reasons = reasons,
                                               .after = address,
                                               .take = (size_t)limit,
                                               .begin = begin_page,
                                               .item = page_item,
                                               .end = end_page};
    api_compat_list_suppressed(r, &what);
}

/* ---- one entry ---- */

static void begin_one(struct api_json *j)
{
    api_json_begin_object(j, NULL);
}

static void end_one(struct api_json *j, const struct api_compat_listed *listed)
{
    (void)listed;
    api_json_end_object(j);
}

static void get(struct api_request *r, unsigned reasons)
{
    const struct api_compat_suppressed what = {.reasons = reasons,
                                               .email = r->params[1],
                                               .must_exist = true,
                                               .take = 1,
                                               .begin = begin_one,
                                               .item = add_fields,
                                               .end = end_one};
    api_compat_list_suppressed(r, &what);
}

/* ---- routes ---- */

static const unsigned none = 1U << GW_N_SUPPRESSION_REASONS; /* nothing is listed for it here */

static void list_bounces(struct api_request *r)
{
    list(r, API_MAILGUN_BOUNCES);
}

static void get_bounce(struct api_request *r)
{
    get(r, API_MAILGUN_BOUNCES);
}

static void list_complaints(struct api_request *r)
{
    list(r, API_MAILGUN_COMPLAINTS);
}

static void get_complaint(struct api_request *r)
{
    get(r, API_MAILGUN_COMPLAINTS);
}

static void list_unsubscribes(struct api_request *r)
{
    list(r, API_MAILGUN_UNSUBSCRIBES);
}

static void get_unsubscribe(struct api_request *r)
{
    get(r, API_MAILGUN_UNSUBSCRIBES);
}

static void list_none(struct api_request *r)
{
    list(r, none);
}

#define LISTS "/compat/mailgun/v3/{domain}/"
#define PAGE  "limit page address"

const struct api_route api_mailgun_suppressed_routes[] = {
    {"GET", LISTS "bounces", list_bounces, CFG_SCOPE_READ, API_ROUTE_JSON, PAGE},
    {"GET", LISTS "bounces/{address}", get_bounce, CFG_SCOPE_READ, API_ROUTE_JSON, NULL},
    {"GET", LISTS "complaints", list_complaints, CFG_SCOPE_READ, API_ROUTE_JSON, PAGE},
    {"GET", LISTS "complaints/{address}", get_complaint, CFG_SCOPE_READ, API_ROUTE_JSON, NULL},
    {"GET", LISTS "unsubscribes", list_unsubscribes, CFG_SCOPE_READ, API_ROUTE_JSON, PAGE},
    {"GET", LISTS "unsubscribes/{address}", get_unsubscribe, CFG_SCOPE_READ, API_ROUTE_JSON, NULL},
    {"GET", LISTS "whitelists", list_none, CFG_SCOPE_READ, API_ROUTE_JSON, PAGE},
    {0},
};
