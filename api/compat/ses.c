/* SPDX-License-Identifier: MIT */
/* The facade for AWS's SDKs of SES v2: how it refuses, and its ways to send. */
#include "api/compat/ses.h"

#include "api/facade.h"
#include "api/json_write.h"
#include "api/routes.h"
#include "api/submit.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

enum {
    MAX_ANSWER = 1024
};

static const char request_id_header[] = "x-amzn-requestid";

/* ---- errors: what an SDK retries is TooManyRequests, LimitExceeded and every 5xx ---- */

static const struct api_facade_error errors[API_N_CODES] = {
    [API_BAD_REQUEST] = {400, "BadRequestException", 0, NULL},
    [API_MALFORMED_JSON] = {400, "BadRequestException", 0, NULL},
    [API_UNKNOWN_PARAMETER] = {400, "BadRequestException", 0, NULL},
    [API_UNAUTHORIZED] = {403, "UnrecognizedClientException", 0, NULL},
    [API_INSUFFICIENT_SCOPE] = {403, "AccessDeniedException", 0, NULL},
    [API_SENDER_NOT_ALLOWED] = {400, "MessageRejected", 0, NULL},
    [API_NOT_FOUND] = {404, "NotFoundException", 0, NULL},
    [API_METHOD_NOT_ALLOWED] = {405, "UnknownOperationException", 0, NULL},
    [API_IDEMPOTENCY_IN_PROGRESS] = {429, "TooManyRequestsException", 0, NULL},
    [API_VALIDATION_FAILED] = {400, "BadRequestException", 0, NULL},
    [API_IDEMPOTENCY_KEY_REUSED] = {409, "ConflictException", 0,
                                    "This invocation id was used with another body in the last 24 "
                                    "hours."},
    [API_RATE_LIMITED] = {429, "TooManyRequestsException", 0, NULL},
    [API_INTERNAL] = {500, "InternalServiceErrorException", 0, NULL},
    [API_OVERLOADED] = {503, "ServiceUnavailableException", 0, NULL},
    [API_DRAINING] = {503, "ServiceUnavailableException", 0, NULL},
    [API_UNAVAILABLE] = {503, "ServiceUnavailableException", 0, NULL},
};

static const struct api_facade_rule rules[] = {
    {"",
     GW_PROBLEM_SENDER,
     {400, "MessageRejected", 0, "Email address is not verified: {field}: {detail}"}},
};

/* Fields that are missing are named by us. */
static const struct api_facade_field fields[] = {
    {"/from", "FromEmailAddress"},          {"/to", "Destination.ToAddresses"},
    {"/subject", "Content.Simple.Subject"}, {"/text", "Content.Simple.Body.Text"},
    {"/html", "Content.Simple.Body.Html"},  {"/attachments", "Content.Simple.Attachments"},
    {"/headers", "Content.Simple.Headers"}, {"/tags", "EmailTags"},
};

static void render(const struct api_facade_refusal *refusal, struct gw_buf *out)
{
    struct api_json j = {.out = out};
    api_json_begin_object(&j, NULL);
    api_json_str(&j, "message", refusal->message);
    api_json_end_object(&j);
}

const struct api_facade api_ses_facade = {
    .name = "ses",
    .errors = errors,
    .other_name = "BadRequestException",
    .rules = rules,
    .n_rules = N_OF(rules),
    .fields = fields,
    .n_fields = N_OF(fields),
    .authenticate = api_ses_authenticate,
    .render = render,
    .content_type = "application/json",
    .hashes_body = true,
    .error_header = "x-amzn-errortype",
    .request_id_header = request_id_header,
};

/* ---- SendEmail ---- */

static void answer_accepted(struct api_request *r, const struct gw_submission_result *result)
{
    struct gw_buf body;
    gw_buf_init(&body, MAX_ANSWER);
    struct api_json j = {.out = &body};
    api_json_begin_object(&j, NULL);
    api_json_str(&j, "MessageId", result->message->id);
    api_json_end_object(&j);
    api_set_header(r, request_id_header, r->id);
    api_answer_json(r, 200, &body);
}

static void send_email(struct api_request *r)
{
    struct gw_submit_options options = {.decode = api_ses_decode,
                                        .api_key = r->api_key,
                                        .route = r->route->pattern,
                                        .idempotency_key = api_ses_idempotency_key(r)};
    api_submit(r, &options, answer_accepted);
}

static void send_bulk_email(struct api_request *r)
{
    api_problem(r, API_BAD_REQUEST,
                "SendBulkEmail fills a stored template, which this API does not offer: call "
                "SendEmail for each destination.");
}

const struct api_route api_ses_routes[] = {
    {"POST", "/compat/ses/v2/email/outbound-emails", send_email, CFG_SCOPE_SEND,
     API_ROUTE_JSON | API_ROUTE_JSON_BODY, NULL},
    {"POST", "/compat/ses/v2/email/outbound-bulk-emails", send_bulk_email, CFG_SCOPE_SEND,
     API_ROUTE_JSON | API_ROUTE_JSON_BODY, NULL},
    {0},
};
