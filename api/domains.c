/* SPDX-License-Identifier: MIT */
/* GET /v1/domains/{domain}/check.
 *
 * A check is answered later; a client that leaves abandons it. */
#include "gateway/domain_admin.h"

#include "api/domain_view.h"
#include "api/problem.h"
#include "api/routes.h"
#include "gateway/base/gw_mem.h"
#include "gateway/prepare.h"

enum {
    MAX_ANSWER = 256 << 10 /* eight keys and every problem, escaped */
};

struct pending {
    struct api_request *request;
    struct gw_domain_call *call;
};

static void on_client_gone(void *data)
{
    struct pending *p = data;
    gw_domain_call_abandon(p->call);
    gw_free(p);
}

static void on_checked(const struct gw_domain_report *report, const struct gw_err *err, void *data)
{
    struct pending *p = data;
    if (report == NULL) {
        api_problem(p->request, API_UNAVAILABLE, "The check cannot be made: %s", err->text);
    } else {
        struct gw_buf body;
        gw_buf_init(&body, MAX_ANSWER);
        struct api_json j = {.out = &body};
        api_domain_view(&j, NULL, report);
        api_answer_json(p->request, 200, &body);
    }
    gw_free(p);
}

/* A domain in @text, NULL in it: none. False after adding a problem. */
static bool read_domain(struct gw_problems *problems, const char *pointer, const char *text,
                        const char **out)
{
    struct gw_err err;
    *out = NULL;
    if (text == NULL || gw_domain_name(problems->arena, gw_slice_str(text), out, &err) == GW_OK)
        return true;
    gw_problems_add(problems, pointer, GW_PROBLEM_DOMAIN, "Not a domain: %s.", err.text);
    return false;
}

static bool read_request(struct api_request *r, struct gw_problems *problems,
                         struct gw_domain_request *out)
{
    struct gw_ip ip;
    *out = (struct gw_domain_request){.ip = api_request_query(r, "ip"),
                                      .timeout_ms = GW_DOMAIN_CHECK_MS};
    (void)read_domain(problems, "/path/domain", r->param, &out->domain);
    (void)read_domain(problems, "/query/mail_from", api_request_query(r, "mail_from"),
                      &out->mail_domain);
    if (out->ip != NULL && !gw_ip_parse(out->ip, &ip))
        gw_problems_add(problems, "/query/ip", GW_PROBLEM_VALUE,
                        "Not an IPv4 or IPv6 address, such as 192.0.2.1.");
    return problems->n == 0;
}

/* A key that may only send as some sees what concerns those. */
static bool may_see(const struct api_request *r, const char *domain)
{
    return r->api_key == NULL || (r->api_key->scopes & CFG_SCOPE_ADMIN) != 0 ||
           gw_prepare_domain_allowed(r->api_key, domain);
}

static void start(struct api_request *r, const struct gw_domain_request *request)
{
    if (!may_see(r, request->domain)) {
        api_problem(r, API_SENDER_NOT_ALLOWED, "The API key may not send from this domain.");
        return;
    }
    struct pending *p = gw_calloc(1, sizeof(*p));
    p->request = r;
    p->call = gw_domain_call_start(r->context->gateway, request, on_checked, p);
    if (p->call == NULL) {
        gw_free(p);
        api_problem(r, API_OVERLOADED, "Too many checks are running; ask again in a moment.");
        return;
    }
    api_request_hold(r, on_client_gone, p);
}

static void check_domain(struct api_request *r)
{
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_problems problems;
    struct gw_domain_request request;
    gw_problems_init(&problems, arena);
    if (read_request(r, &problems, &request))
        start(r, &request);
    else
        api_problem_send(r,
                         &(struct api_problem){.code = API_VALIDATION_FAILED, .errors = &problems});
    gw_arena_free(&arena);
}

const struct api_route api_domains_routes[] = {
    {"GET", "/v1/domains/{domain}/check", check_domain, CFG_SCOPE_READ | CFG_SCOPE_ADMIN,
     API_ROUTE_JSON, "ip mail_from"},
    {0},
};
