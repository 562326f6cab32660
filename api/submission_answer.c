/* SPDX-License-Identifier: MIT */
/* What submissions are answered with. */
#include "api/submission_answer.h"

#include <stdio.h>

#include "api/message_answer.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_log.h"

enum {
    MAX_PREFER = 8 /* Prefer headers looked at */
};

static struct api_problem invalid(const struct gw_problems *problems,
                                  char text[API_SUBMISSION_DETAIL])
{
    enum api_code code = API_VALIDATION_FAILED;
    for (size_t i = 0; i < problems->n; i++) {
        if (problems->items[i].code == GW_PROBLEM_SENDER)
            code = API_SENDER_NOT_ALLOWED;
    }
    size_t n = problems->n + problems->n_dropped;
    if (problems->n_dropped > 0)
        (void)snprintf(text, API_SUBMISSION_DETAIL, "%zu problems; the first %zu are listed.", n,
                       problems->n);
    else
        (void)snprintf(text, API_SUBMISSION_DETAIL, n == 1 ? "%zu problem." : "%zu problems.", n);
    return (struct api_problem){.code = code, .detail = text, .errors = problems};
}

struct api_problem api_submission_problem(const struct gw_submission_result *result,
                                          enum api_code malformed, char text[API_SUBMISSION_DETAIL])
{
    struct api_problem p = {.code = API_INTERNAL};
    switch (result->status) {
    case GW_INVALID:
        return invalid(result->problems, text);
    case GW_PROTO:
        p.code = malformed;
        p.detail = result->problems->items[0].detail;
        break;
    case GW_BUSY:
        p.code = API_OVERLOADED;
        p.detail = "Too much work in hand; ask again in a moment.";
        break;
    case GW_FULL:
        p.code = API_STORAGE_FULL;
        p.detail = "The disk of the message store has no room; what was accepted is delivered.";
        break;
    case GW_TOOBIG:
        p.code = API_BODY_TOO_LARGE;
        p.detail = result->detail;
        break;
    case GW_CLOSED:
        p.code = API_DRAINING;
        p.detail = "The server is shutting down; ask again in a moment.";
        break;
    case GW_CONFLICT:
        p.code = API_IDEMPOTENCY_IN_PROGRESS;
        p.detail = "A request with this Idempotency-Key is still being prepared; ask again in a "
                   "moment, or with Prefer: wait.";
        break;
    case GW_EXISTS:
        p.code = API_IDEMPOTENCY_KEY_REUSED;
        p.detail = "This Idempotency-Key was used with another body in the last 24 hours.";
        break;
    case GW_OK:
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
        p.detail = result->detail != NULL ? result->detail : gw_status_text(result->status);
        break;
    }
    return p;
}

bool api_submission_stored(const struct api_request *r, const struct gw_submission_result *result,
                           const struct api_prefer *prefer, unsigned *status_out,
                           struct api_problem *problem_out)
{
    const struct gw_message *m = result->message;
    bool owner = prefer->wait_ms > 0 && result->settled && !gw_gateway_durable(r->context->gateway);
    struct api_message_answer a = api_message_answer(m, prefer, owner, gw_clock_wall_ms());
    *status_out = a.status;
    *problem_out = (struct api_problem){
        .code = a.code, .detail = a.detail, .message = m, .retry_after_s = a.retry_after_s};
    return a.is_problem;
}

void api_submission_log(const struct api_request *r, const struct gw_submission_result *result)
{
    gw_log(GW_LOG_INFO, "message_accepted", GW_LOG_STR("message", result->message->id),
           GW_LOG_STR("request_id", r->id), GW_LOG_STR("traceparent", r->traceparent),
           GW_LOG_STR("api_key", api_request_tenant(r)),
           GW_LOG_NUM("recipients", result->message->n_rcpts),
           GW_LOG_STR("replayed", result->replayed ? "yes" : "no"));
}

struct api_prefer api_request_prefer(const struct api_request *r)
{
    struct api_prefer prefer = {0};
    struct gw_slice values[MAX_PREFER];
    size_t n = api_request_headers(r, "prefer", values, MAX_PREFER);
    api_prefer_parse(values, n < MAX_PREFER ? n : MAX_PREFER, &prefer);
    return prefer;
}

void api_set_preference_applied(struct api_request *r, const struct api_prefer *prefer)
{
    char applied[64];
    api_prefer_applied(prefer, applied, sizeof(applied));
    if (applied[0] != '\0')
        api_set_header(r, "preference-applied", applied);
}
