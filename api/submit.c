/* SPDX-License-Identifier: MIT */
/* Submitting a request's body, and the answers of what fails. One `pending` ties the request to the
 * gateway's work; whichever side ends first frees it and unhooks the other. */
#include "api/submit.h"

#include <string.h>

#include "api/http_fields.h"
#include "api/multipart.h"
#include "api/problem.h"
#include "api/submission_answer.h"
#include "gateway/base/gw_failpoint.h"
#include "gateway/base/gw_mem.h"

struct pending {
    struct api_request *request;
    struct gw_submission *submission;
    api_accepted_fn on_accepted;
    bool only_validate;
};

static bool is_form(const struct api_request *r)
{
    char boundary[API_MULTIPART_MAX_BOUNDARY + 1];
    struct gw_slice type = {.data = NULL};
    (void)api_request_headers(r, "content-type", &type, 1);
    return api_content_type_is_form(type, boundary, sizeof(boundary));
}

void api_submit_failed(struct api_request *r, const struct gw_submission_result *result)
{
    char text[API_SUBMISSION_DETAIL];
    struct api_problem problem =
        api_submission_problem(result, is_form(r) ? API_BAD_REQUEST : API_MALFORMED_JSON, text);
    api_problem_send(r, &problem);
}

static void on_submitted(const struct gw_submission_result *result, void *data)
{
    struct pending *p = data;
    if (result->status == GW_OK) {
        if (!p->only_validate)
            api_submission_log(p->request, result);
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
    p->only_validate = options->only_validate;
    api_request_hold(r, on_client_gone, p);
    struct gw_submit_options traced = *options;
    memcpy(traced.traceparent, r->traceparent, sizeof(traced.traceparent));
    p->submission = gw_gateway_submit(r->context->gateway, r->body, &traced, on_submitted, p);
}
