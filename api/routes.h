/* SPDX-License-Identifier: MIT */
/* The routes: which handler answers which method and path, and what must hold before it is called.
 *
 * A file of handlers exports one table, ended by an entry without method, and routes.c lists the
 * tables:
 *
 *     const struct api_route api_example_routes[] = {
 *         {"GET", "/v1/example/{id}", get_example, CFG_SCOPE_READ, API_ROUTE_JSON, NULL},
 *         {"GET", "/v1/example", list_examples, CFG_SCOPE_READ, API_ROUTE_JSON, "limit cursor"},
 *         {0}};
 *
 * Before a handler runs, dispatch has refused: unknown paths (404) and methods (405), requests
 * while draining (503), missing or wrong keys and scopes (401, 403), too many requests (429), query
 * parameters that the route does not name (400), an Accept that excludes JSON (406), bodies over
 * the limit (413) or of another type (411, 415), and overload (503). GET routes answer HEAD too. */
#ifndef API_ROUTES_H
#define API_ROUTES_H

#include "api/path.h"
#include "api/request.h"

enum {
    API_ROUTE_JSON = 1,             /* answers JSON: Accept is honoured */
    API_ROUTE_JSON_BODY = 2,        /* takes an application/json body */
    API_ROUTE_FORM_BODY = 4,        /* takes a multipart/form-data body */
    API_ROUTE_MIME_BODY = 8,        /* takes a message/rfc822 body */
    API_ROUTE_URLENCODED_BODY = 16, /* takes an application/x-www-form-urlencoded body */
};

typedef void (*api_handler_fn)(struct api_request *r);

struct api_route {
    const char *method;
    const char *pattern; /* path; {name} matches one segment, at most API_MAX_PARAMS of them */
    api_handler_fn handle;
    unsigned scopes;   /* CFG_SCOPE_* of which the key needs one; 0: open to everyone */
    unsigned flags;    /* API_ROUTE_* */
    const char *query; /* of the query parameters, as api_query_check() takes them; NULL: none */
};

extern const struct api_route api_messages_routes[];
extern const struct api_route api_batch_routes[];
extern const struct api_route api_validate_routes[];
extern const struct api_route api_message_control_routes[];
extern const struct api_route api_message_lists_routes[];
extern const struct api_route api_health_routes[];
extern const struct api_route api_metrics_routes[];
extern const struct api_route api_admin_routes[];
extern const struct api_route api_dashboard_routes[];
extern const struct api_route api_sandbox_routes[];
extern const struct api_route api_relays_routes[];
extern const struct api_route api_domains_routes[];
extern const struct api_route api_resend_routes[];
extern const struct api_route api_suppressions_routes[];
extern const struct api_route api_templates_routes[];
extern const struct api_route api_resend_records_routes[];
extern const struct api_route api_postmark_routes[];
extern const struct api_route api_postmark_records_routes[];
extern const struct api_route api_event_routes[];
extern const struct api_route api_sendgrid_routes[];
extern const struct api_route api_sendgrid_sends_routes[];
extern const struct api_route api_ses_routes[];
extern const struct api_route api_ses_query_routes[];
extern const struct api_route api_resend_suppressed_routes[];
extern const struct api_route api_postmark_suppressed_routes[];
extern const struct api_route api_sendgrid_suppressed_routes[];
extern const struct api_route api_mailgun_routes[];
extern const struct api_route api_ses_suppressed_routes[];
extern const struct api_route api_mailgun_suppressed_routes[];
extern const struct api_route api_mailgun_suppress_routes[];
extern const struct api_route api_mailgun_domains_routes[];
extern const struct api_route api_mailgun_events_routes[];
extern const struct api_route api_webhooks_routes[];

/* All of them. */
extern const struct api_route *const api_route_tables[];
extern const size_t api_n_route_tables;

/* Finds the route and calls its handler, or answers with a problem. */
void api_dispatch(struct api_request *r);

#endif
