/* SPDX-License-Identifier: MIT */
/* Submitting a request's body, and the answers of what fails. One `pending` ties the request to the
 * gateway's work; whichever side ends first frees it and unhooks the other. */
#include "api/submit.h"

#include <stdio.h>

#include "api/http_fields.h"
#include "api/multipart.h"
#include "api/problem.h"
#include "gateway/base/gw_failpoint.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"

struct pending {
    struct api_request *request;
    struct gw_submission *submission;
    api_accepted_fn on_accepted;
};

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

static bool is_form(const struct api_request *r)
{
    char boundary[API_MULTIPART_MAX_BOUNDARY + 1];
    struct gw_slice type = {.data = NULL};
    (void)api_request_headers(r, "content-type", &type, 1);
    return api_content_type_is_form(type, boundary, sizeof(boundary));
}

void api_submit_failed(struct api_request *r, const struct gw_submission_result *result)
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
        p->on_accepted(p->request, result);
    } else {
        api_submit_failed(p->request, result);
    }
    GW_FAILPOINT("api.answered");
    gw_free(p);
}

static void on_client_gone(void *data)
{
    struct pending *p = data;
    gw_submission_abandon(p->submission);
    gw_free(p);
}

void api_submit(struct api_request *r, const struct gw_submit_options *options,
                api_accepted_fn on_accepted)
{
    struct pending *p = gw_calloc(1, sizeof(*p));
    p->request = r;
    p->on_accepted = on_accepted;
    api_request_hold(r, on_client_gone, p);
    p->submission = gw_gateway_submit(r->context->gateway, r->body, options, on_submitted, p);
}
