/* SPDX-License-Identifier: MIT */
/* POST /v1/messages and GET /v1/messages/{id}.
 *
 * Both may wait. While they do, one `pending` ties the request to the gateway's work; whichever
 * side ends first frees it and unhooks the other: the gateway's callback answers the request, a
 * client that leaves abandons the work (which goes on). */
#include <stdio.h>

#include "api/http_fields.h"
#include "api/idempotency.h"
#include "api/message_answer.h"
#include "api/message_form.h"
#include "api/message_json.h"
#include "api/message_record.h"
#include "api/multipart.h"
#include "api/problem.h"
#include "api/routes.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_failpoint.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"

enum {
    MAX_PREFER = 8 /* Prefer headers looked at */
};

struct pending {
    struct api_request *request;
    struct gw_submission *submission; /* of a POST */
    struct gw_wait *wait;             /* of a GET */
    struct api_prefer prefer;
};

static struct pending *pending_new(struct api_request *r)
{
    struct gw_slice values[MAX_PREFER];
    struct pending *p = gw_calloc(1, sizeof(*p));
    p->request = r;
    size_t n = api_request_headers(r, "prefer", values, MAX_PREFER);
    api_prefer_parse(values, n < MAX_PREFER ? n : MAX_PREFER, &p->prefer);
    return p;
}

static void on_client_gone(void *data)
{
    struct pending *p = data;
    if (p->submission != NULL)
        gw_submission_abandon(p->submission);
    if (p->wait != NULL)
        gw_wait_cancel(p->wait);
    gw_free(p);
}

static void set_applied(struct api_request *r, const struct api_prefer *prefer)
{
    char applied[64];
    api_prefer_applied(prefer, applied, sizeof(applied));
    if (applied[0] != '\0')
        api_set_header(r, "preference-applied", applied);
}

static void answer_committed(struct api_request *r, const struct gw_submission_result *result,
                             const struct api_prefer *prefer)
{
    const struct gw_message *m = result->message;
    GW_FAILPOINT("api.answer");
    char location[sizeof("/v1/messages/") + GW_UUID_SIZE];
    (void)snprintf(location, sizeof(location), "/v1/messages/%s", m->id);
    api_set_header(r, "location", location);
    if (result->replayed)
        api_set_header(r, "idempotency-replayed", "true");
    set_applied(r, prefer);
    bool owner = prefer->wait_ms > 0 && result->settled && !gw_gateway_durable(r->context->gateway);
    struct api_message_answer a = api_message_answer(m, prefer, owner, gw_clock_wall_ms());
    if (!a.is_problem) {
        api_message_answer_view(r, a.status, m);
        return;
    }
    api_problem_send(
        r, &(struct api_problem){
               .code = a.code, .detail = a.detail, .message = m, .retry_after_s = a.retry_after_s});
}

static void answer_invalid(struct api_request *r, const struct gw_problems *problems)
{
    enum api_code code = API_VALIDATION_FAILED;
    for (size_t i = 0; i < problems->n; i++) {
        if (problems->items[i].code == GW_PROBLEM_SENDER)
            code = API_SENDER_NOT_ALLOWED;
    }
    char detail[96];
    size_t n = problems->n + problems->n_dropped;
    if (problems->n_dropped > 0)
        (void)snprintf(detail, sizeof(detail), "%zu problems; the first %zu are listed.", n,
                       problems->n);
    else
        (void)snprintf(detail, sizeof(detail), n == 1 ? "%zu problem." : "%zu problems.", n);
    api_problem_send(r, &(struct api_problem){.code = code, .detail = detail, .errors = problems});
}

/* Is the body a form? Its boundary, "" when it is none that may be, goes to @boundary. */
static bool form_boundary(const struct api_request *r,
                          char boundary[API_MULTIPART_MAX_BOUNDARY + 1])
{
    struct gw_slice type = {.data = NULL};
    (void)api_request_headers(r, "content-type", &type, 1);
    return api_content_type_is_form(type, boundary, API_MULTIPART_MAX_BOUNDARY + 1);
}

static bool is_form(const struct api_request *r)
{
    char boundary[API_MULTIPART_MAX_BOUNDARY + 1];
    return form_boundary(r, boundary);
}

static void answer_failed(struct api_request *r, const struct gw_submission_result *result)
{
    switch (result->status) {
    case GW_INVALID:
        answer_invalid(r, result->problems);
        break;
    case GW_PROTO:
        api_problem(r, is_form(r) ? API_BAD_REQUEST : API_MALFORMED_JSON, "%s",
                    result->problems->items[0].detail);
        break;
    case GW_BUSY:
        api_problem(r, API_OVERLOADED, "Too much work in hand; ask again in a moment.");
        break;
    case GW_CLOSED:
        api_problem(r, API_DRAINING, "The server is shutting down; ask again in a moment.");
        break;
    case GW_CONFLICT:
        api_problem(r, API_IDEMPOTENCY_IN_PROGRESS,
                    "A request with this Idempotency-Key is still being prepared; ask again in a "
                    "moment, or with Prefer: wait.");
        break;
    case GW_EXISTS:
        api_problem(r, API_IDEMPOTENCY_KEY_REUSED,
                    "This Idempotency-Key was used with another body in the last 24 hours.");
        break;
    case GW_OK:
    case GW_TOOBIG:
    case GW_NOTFOUND:
    case GW_IO:
    case GW_DNS:
    case GW_TLS:
    case GW_TIMEOUT:
    case GW_CANCELED:
    case GW_UNSUPPORTED:
    case GW_DENIED:
    case GW_CRYPTO:
    case GW_INTERNAL:
        api_problem(r, API_INTERNAL, "%s",
                    result->detail != NULL ? result->detail : gw_status_text(result->status));
        break;
    }
}

/* Ties the request to the message: what follows in the log carries the message's id. */
static void log_accepted(const struct api_request *r, const struct gw_submission_result *result)
{
    gw_log(GW_LOG_INFO, "message_accepted", GW_LOG_STR("message", result->message->id),
           GW_LOG_STR("request_id", r->id), GW_LOG_STR("traceparent", r->traceparent),
           GW_LOG_STR("api_key", api_request_tenant(r)),
           GW_LOG_NUM("recipients", result->message->n_rcpts),
           GW_LOG_STR("replayed", result->replayed ? "yes" : "no"));
}

static void on_submitted(const struct gw_submission_result *result, void *data)
{
    struct pending *p = data;
    if (result->status == GW_OK) {
        log_accepted(p->request, result);
        answer_committed(p->request, result, &p->prefer);
    } else {
        answer_failed(p->request, result);
    }
    GW_FAILPOINT("api.answered");
    gw_free(p);
}

/* Of the two types of bodies; NULL: the request is answered. */
static gw_decode_fn decoder_of(struct api_request *r)
{
    char boundary[API_MULTIPART_MAX_BOUNDARY + 1];
    if (!form_boundary(r, boundary))
        return api_message_json_decode;
    if (api_multipart_begins(r->body, boundary))
        return api_message_form_decode;
    api_problem(r, API_BAD_REQUEST,
                "The body does not start with the boundary that Content-Type names.");
    return NULL;
}

static void post_message(struct api_request *r)
{
    GW_FAILPOINT("api.received");
    const char *key;
    gw_decode_fn decode = decoder_of(r);
    if (decode == NULL || !api_idempotency_key(r, &key))
        return;
    struct pending *p = pending_new(r);
    struct gw_submit_options options = {.decode = decode,
                                        .api_key = r->api_key,
                                        .wait_ms = p->prefer.wait_ms,
                                        .route = r->route->pattern,
                                        .idempotency_key = key};
    api_request_hold(r, on_client_gone, p);
    p->submission = gw_gateway_submit(r->context->gateway, r->body, &options, on_submitted, p);
}

static void on_found(const struct gw_message *m, void *data)
{
    struct pending *p = data;
    p->prefer.strict = false;
    if (m == NULL) {
        api_message_not_found(p->request);
    } else {
        set_applied(p->request, &p->prefer);
        api_message_answer_view(p->request, 200, m);
    }
    gw_free(p);
}

static void get_message(struct api_request *r)
{
    if (!api_message_id_check(r))
        return;
    struct pending *p = pending_new(r);
    api_request_hold(r, on_client_gone, p);
    p->wait = gw_gateway_wait(r->context->gateway, api_request_tenant(r), r->param, GW_WAIT_CHANGE,
                              p->prefer.wait_ms, on_found, p);
}

const struct api_route api_messages_routes[] = {
    {"POST", "/v1/messages", post_message, CFG_SCOPE_SEND,
     API_ROUTE_JSON | API_ROUTE_JSON_BODY | API_ROUTE_FORM_BODY, NULL},
    {"GET", "/v1/messages/{id}", get_message, CFG_SCOPE_READ, API_ROUTE_JSON, NULL},
    {0},
};
