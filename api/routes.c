/* SPDX-License-Identifier: MIT */
/* Dispatch: from a request to its handler, past everything that may refuse it. */
#include "api/routes.h"

#include <stdio.h>

#include "api/auth.h"
#include "api/body_hash.h"
#include "api/facade.h"
#include "api/http_fields.h"
#include "api/multipart.h"
#include "api/problem.h"
#include "api/query.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"

/* Every table of routes. A new file of handlers adds its line here. */
/* clang-format off */
const struct api_route *const api_route_tables[] = {
    api_messages_routes,
    api_batch_routes,
    api_validate_routes,
    api_message_control_routes,
    api_message_lists_routes,
    api_sandbox_routes,
    api_relays_routes,
    api_domains_routes,
    api_resend_routes,
    api_suppressions_routes,
    api_templates_routes,
    api_resend_records_routes,
    api_postmark_routes,
    api_postmark_records_routes,
    api_event_routes,
    api_sendgrid_routes,
    api_sendgrid_sends_routes,
    api_ses_routes,
    api_ses_query_routes,
    api_resend_suppressed_routes,
    api_postmark_suppressed_routes,
    api_sendgrid_suppressed_routes,
    api_mailgun_routes,
    api_ses_suppressed_routes,
    api_mailgun_suppressed_routes,
    api_mailgun_suppress_routes,
    api_mailgun_domains_routes,
    api_mailgun_events_routes,
    api_webhooks_routes,
    api_health_routes,
    api_metrics_routes,
    api_admin_routes,
    api_dashboard_routes,
};
/* clang-format on */

enum {
    N_TABLES = sizeof(api_route_tables) / sizeof(api_route_tables[0]),
    MAX_ALLOW = 64,
    MAX_HEADERS_READ = 8 /* instances of one header that we look at */
};

const size_t api_n_route_tables = N_TABLES;

static bool method_matches(const struct api_route *route, struct gw_slice method)
{
    return gw_slice_is(method, route->method) ||
           (gw_slice_is(method, "HEAD") && strcmp(route->method, "GET") == 0);
}

/* Adds the methods of @route to an Allow value. */
static void add_allow(char allow[MAX_ALLOW], const struct api_route *route)
{
    size_t len = strlen(allow);
    (void)snprintf(allow + len, MAX_ALLOW - len, "%s%s%s", len > 0 ? ", " : "", route->method,
                   strcmp(route->method, "GET") == 0 ? ", HEAD" : "");
}

/* What the guards found before the request was whole. */
static bool admit_sound(struct api_request *r)
{
    struct api_problem p = {.code = API_INTERNAL};
    if (!api_request_refused(r, &p))
        return true;
    api_problem_send(r, &p);
    return false;
}

/* Sets r->route and r->param, or answers 404 or 405. */
static bool find_route(struct api_request *r)
{
    char allow[MAX_ALLOW] = "";
    for (size_t t = 0; t < N_TABLES; t++) {
        for (const struct api_route *route = api_route_tables[t]; route->method != NULL; route++) {
            struct gw_slice params[API_MAX_PARAMS];
            if (!api_pattern_match(route->pattern, r->path, params))
                continue;
            if (!method_matches(route, r->method)) {
                add_allow(allow, route);
                continue;
            }
            r->route = route;
            for (size_t i = 0; i < API_MAX_PARAMS && params[i].len > 0; i++) {
                char *param = api_request_strdup(r, params[i]);
                api_path_decode(param);
                r->params[i] = param;
            }
            r->param = r->params[0];
            return true;
        }
    }
    if (allow[0] == '\0') {
        api_problem(r, API_NOT_FOUND, "%s",
                    r->facade == NULL ? "There is nothing at this path."
                                      : "Mailhatch does not offer this part of the provider's API: "
                                        "docs/compat.md tells what it does.");
        return false;
    }
    api_set_header(r, "allow", allow);
    api_problem(r, API_METHOD_NOT_ALLOWED, "This path answers to %s.", allow);
    return false;
}

static bool admit_draining(struct api_request *r)
{
    if (!r->context->draining || r->route->scopes == 0)
        return true;
    api_problem(r, API_DRAINING, "The server is shutting down; ask again in a moment.");
    return false;
}

static bool admit_scope(struct api_request *r)
{
    if ((r->api_key->scopes & r->route->scopes) != 0)
        return true;
    api_problem(r, API_INSUFFICIENT_SCOPE, "The key lacks the scope that this needs (%s).",
                (r->route->scopes & CFG_SCOPE_SEND) != 0   ? "send"
                : (r->route->scopes & CFG_SCOPE_READ) != 0 ? "read"
                                                           : "admin");
    return false;
}

static bool admit_facade_key(struct api_request *r)
{
    struct api_problem why = {.code = API_UNAUTHORIZED};
    r->api_key = r->facade->authenticate(r, &why);
    if (r->api_key == NULL)
        api_problem_send(r, &why);
    return r->api_key != NULL;
}

static bool admit_key(struct api_request *r)
{
    const struct cfg *cfg = r->context->cfg;
    if (r->route->scopes == 0 || cfg->n_api_keys == 0)
        return true;
    struct gw_slice given;
    if (r->facade != NULL)
        return admit_facade_key(r) && admit_scope(r);
    if (api_request_headers(r, "authorization", &given, 1) == 1)
        r->api_key = api_auth_bearer(cfg, given);
    if (r->api_key == NULL) {
        api_set_header(r, "www-authenticate", "Bearer");
        api_problem(r, API_UNAUTHORIZED,
                    "Send one header `Authorization: Bearer <id>.<secret>` with a valid API key.");
        return false;
    }
    return admit_scope(r);
}

static bool admit_rate(struct api_request *r)
{
    if (r->api_key == NULL)
        return true;
    struct api_rate *rate = &r->context->rates[r->api_key - r->context->cfg->api_keys];
    int64_t retry_after_ms = 0;
    if (api_rate_take(rate, r->api_key->rate_per_s, gw_clock_mono_ms(), &retry_after_ms))
        return true;
    api_problem_send(r, &(struct api_problem){.code = API_RATE_LIMITED,
                                              .detail = "The key's request rate is used up.",
                                              .retry_after_s = (long)(retry_after_ms / 1000) + 1});
    return false;
}

static bool admit_query(struct api_request *r)
{
    struct gw_slice bad;
    if (r->route->scopes == 0 ||
        api_query_check(r->query, r->route->query, API_MAX_QUERY_VALUE, &bad))
        return true;
    /* The name is not repeated: a key that was put there by mistake stays out of the answer. */
    if (r->route->query == NULL)
        api_problem(
            r, API_UNKNOWN_PARAMETER,
            "This path takes no query parameters; API keys go in the Authorization header.");
    else
        api_problem(r, API_UNKNOWN_PARAMETER,
                    "A query parameter is unknown, repeated or malformed; known here: %s. API keys "
                    "go in the Authorization header.",
                    r->route->query);
    return false;
}

static bool admit_accept(struct api_request *r)
{
    struct gw_slice accept[MAX_HEADERS_READ];
    if ((r->route->flags & API_ROUTE_JSON) == 0)
        return true;
    size_t n = api_request_headers(r, "accept", accept, MAX_HEADERS_READ);
    if (api_accepts_json(accept, n < MAX_HEADERS_READ ? n : MAX_HEADERS_READ))
        return true;
    api_problem(r, API_NOT_ACCEPTABLE, "Accept must allow application/json.");
    return false;
}

static bool admit_body_size(struct api_request *r)
{
    size_t limit = r->context->cfg->limits.body_bytes;
    if (r->body.len > limit) {
        api_problem(r, API_BODY_TOO_LARGE, "The body has %zu bytes; at most %zu are taken.",
                    r->body.len, limit);
        return false;
    }
    return true;
}

static bool is_form(struct gw_slice value)
{
    char boundary[API_MULTIPART_MAX_BOUNDARY + 1];
    return api_content_type_is_form(value, boundary, sizeof(boundary));
}

static const struct {
    unsigned flag;
    bool (*is)(struct gw_slice content_type);
    const char *name;
} body_types[] = {
    {API_ROUTE_JSON_BODY, api_content_type_is_json, "application/json, in UTF-8"},
    {API_ROUTE_FORM_BODY, is_form, "multipart/form-data with a boundary"},
    {API_ROUTE_MIME_BODY, api_content_type_is_mime, "message/rfc822"},
    {API_ROUTE_URLENCODED_BODY, api_content_type_is_urlencoded,
     "application/x-www-form-urlencoded"},
};

enum {
    N_BODY_TYPES = sizeof(body_types) / sizeof(body_types[0]),
    ANY_BODY =
        API_ROUTE_JSON_BODY | API_ROUTE_FORM_BODY | API_ROUTE_MIME_BODY | API_ROUTE_URLENCODED_BODY,
    MAX_TYPES_TEXT = 256
};

static void refuse_body_type(struct api_request *r)
{
    char text[MAX_TYPES_TEXT] = "";
    for (size_t i = 0; i < N_BODY_TYPES; i++) {
        size_t len = strlen(text);
        if ((r->route->flags & body_types[i].flag) != 0)
            (void)snprintf(text + len, sizeof(text) - len, "%s%s", len > 0 ? ", or " : "",
                           body_types[i].name);
    }
    api_problem(r, API_UNSUPPORTED_MEDIA_TYPE, "Content-Type must be %s.", text);
}

static bool admit_body_type(struct api_request *r)
{
    struct gw_slice value;
    if ((r->route->flags & ANY_BODY) == 0)
        return true;
    if (!r->has_body) {
        api_problem(r, API_LENGTH_REQUIRED,
                    "Send a body with Content-Length or Transfer-Encoding: chunked.");
        return false;
    }
    size_t n = api_request_headers(r, "content-encoding", &value, 1);
    if (n > 1 || (n == 1 && !gw_slice_eq_nocase(value, GW_SLICE_LIT("identity")))) {
        api_problem(r, API_UNSUPPORTED_MEDIA_TYPE, "Compressed bodies are not taken.");
        return false;
    }
    if (api_request_headers(r, "content-type", &value, 1) == 1) {
        for (size_t i = 0; i < N_BODY_TYPES; i++)
            if ((r->route->flags & body_types[i].flag) != 0 && body_types[i].is(value))
                return true;
    }
    refuse_body_type(r);
    return false;
}

static bool admit_load(struct api_request *r)
{
    /* Only bodies make load that lasts; body_bytes counts this request's own too. */
    if (r->body.len == 0 || r->context->body_bytes <= r->context->cfg->limits.inflight_bytes)
        return true;
    api_problem(r, API_OVERLOADED,
                "Too many bytes of requests are in hand; ask again in a moment.");
    return false;
}

static void pass_gates(struct api_request *r)
{
    /* In this order: who may not ask learns nothing about what would be wrong with the request. */
    static bool (*const gates[])(struct api_request *) = {
        admit_sound, find_route,   admit_draining,  admit_key,       admit_rate,
        admit_query, admit_accept, admit_body_size, admit_body_type, admit_load};
    cfg_unref(&r->cfg); /* its body may have been hashed meanwhile, which takes turns */
    r->cfg = cfg_ref(r->context->cfg);
    for (size_t i = 0; i < sizeof(gates) / sizeof(gates[0]); i++) {
        if (!gates[i](r))
            return;
    }
    r->route->handle(r);
}

void api_dispatch(struct api_request *r)
{
    api_facade_enter(r);
    if (r->facade != NULL && r->facade->hashes_body)
        api_body_hash(r, pass_gates);
    else
        pass_gates(r);
}
