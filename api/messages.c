/* SPDX-License-Identifier: MIT */
/* POST /v1/messages and GET /v1/messages/{id}.
 *
 * Both may wait. While a GET does, one `pending` ties the request to the gateway's wait; whichever
 * side ends first frees it and unhooks the other. */
#include <stdio.h>

#include "api/http_fields.h"
#include "api/idempotency.h"
#include "api/message_body.h"
#include "api/message_form.h"
#include "api/message_json.h"
#include "api/message_mime.h"
#include "api/message_record.h"
#include "api/multipart.h"
#include "api/problem.h"
#include "api/routes.h"
#include "api/submission_answer.h"
#include "api/submit.h"
#include "gateway/base/gw_failpoint.h"
#include "gateway/base/gw_mem.h"

struct pending {
    struct api_request *request;
    struct gw_wait *wait;
    struct api_prefer prefer;
};

static void on_client_gone(void *data)
{
    struct pending *p = data;
    gw_wait_cancel(p->wait);
    gw_free(p);
}

static void answer_committed(struct api_request *r, const struct gw_submission_result *result)
{
    const struct gw_message *m = result->message;
    struct api_prefer prefer = api_request_prefer(r);
    GW_FAILPOINT("api.answer");
    char location[sizeof("/v1/messages/") + GW_UUID_SIZE];
    (void)snprintf(location, sizeof(location), "/v1/messages/%s", m->id);
    api_set_header(r, "location", location);
    if (result->replayed)
        api_set_header(r, "idempotency-replayed", "true");
    api_set_preference_applied(r, &prefer);
    unsigned status;
    struct api_problem problem;
    if (api_submission_stored(r, result, &prefer, &status, &problem))
        api_problem_send(r, &problem);
    else
        api_message_answer_view(r, status, m);
}

/* Is the body a form? Its boundary, "" when it is none that may be, goes to @boundary. */
static bool form_boundary(const struct api_request *r,
                          char boundary[API_MULTIPART_MAX_BOUNDARY + 1])
{
    struct gw_slice type = {.data = NULL};
    (void)api_request_headers(r, "content-type", &type, 1);
    return api_content_type_is_form(type, boundary, API_MULTIPART_MAX_BOUNDARY + 1);
}

static bool is_mime(const struct api_request *r)
{
    struct gw_slice type = {.data = NULL};
    return api_request_headers(r, "content-type", &type, 1) == 1 && api_content_type_is_mime(type);
}

bool api_message_body(struct api_request *r, struct gw_submit_options *options)
{
    char boundary[API_MULTIPART_MAX_BOUNDARY + 1];
    if (is_mime(r)) {
        options->decode_beside = api_message_mime_decode;
        options->beside = r->query;
        return true;
    }
    if (r->query.len > 0) {
        api_problem(r, API_UNKNOWN_PARAMETER,
                    "Only a message/rfc822 body takes query parameters; API keys go in the "
                    "Authorization header.");
        return false;
    }
    bool form = form_boundary(r, boundary);
    options->decode = form ? api_message_form_decode : api_message_json_decode;
    if (!form || api_multipart_begins(r->body, boundary))
        return true;
    api_problem(r, API_BAD_REQUEST,
                "The body does not start with the boundary that Content-Type names.");
    return false;
}

static void post_message(struct api_request *r)
{
    GW_FAILPOINT("api.received");
    const char *key;
    struct gw_submit_options options = {.api_key = r->api_key, .route = r->route->pattern};
    if (!api_message_body(r, &options) || !api_idempotency_key(r, &key))
        return;
    options.wait_ms = api_request_prefer(r).wait_ms;
    options.idempotency_key = key;
    api_submit(r, &options, answer_committed);
}

static void on_found(const struct gw_message *m, void *data)
{
    struct pending *p = data;
    p->prefer.strict = false;
    if (m == NULL) {
        api_message_not_found(p->request);
    } else {
        api_set_preference_applied(p->request, &p->prefer);
        api_message_answer_view(p->request, 200, m);
    }
    gw_free(p);
}

static void get_message(struct api_request *r)
{
    if (!api_message_id_check(r))
        return;
    struct pending *p = gw_calloc(1, sizeof(*p));
    p->request = r;
    p->prefer = api_request_prefer(r);
    api_request_hold(r, on_client_gone, p);
    struct gw_wait_query query = {.tenant = api_request_tenant(r),
                                  .id = r->param,
                                  .what = GW_WAIT_CHANGE,
                                  .timeout_ms = p->prefer.wait_ms};
    p->wait = gw_gateway_wait(r->context->gateway, &query, on_found, p);
}

const struct api_route api_messages_routes[] = {
    {"POST", "/v1/messages", post_message, CFG_SCOPE_SEND,
     API_ROUTE_JSON | API_ROUTE_JSON_BODY | API_ROUTE_FORM_BODY | API_ROUTE_MIME_BODY,
     API_MESSAGE_MIME_QUERY},
    {"GET", "/v1/messages/{id}", get_message, CFG_SCOPE_READ, API_ROUTE_JSON, NULL},
    {0},
};
