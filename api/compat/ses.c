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
    [API_STORAGE_FULL] = {503, "ServiceUnavailableException", 0, NULL},
    [API_OVERLOADED] = {503, "ServiceUnavailableException", 0, NULL},
    [API_DRAINING] = {503, "ServiceUnavailableException", 0, NULL},
    [API_UNAVAILABLE] = {503, "ServiceUnavailableException", 0, NULL},
};

#define NOT_VERIFIED \
    { \
        400, "MessageRejected", 0, "Email address is not verified: {path}: {detail}" \
    }

/* A sender whose domain is none is one that nobody verified: nodemailer's verify() sends as
 * invalid@invalid and wants to hear that. */
static const struct api_facade_rule rules[] = {
    {"/FromEmailAddress", GW_PROBLEM_DOMAIN, NOT_VERIFIED},
    {"/Content/Raw/Data/headers/From", GW_PROBLEM_DOMAIN, NOT_VERIFIED},
    {"", GW_PROBLEM_SENDER, NOT_VERIFIED},
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

/* ---- GetAccount ---- */

static void get_account(struct api_request *r)
{
    static const int64_t unlimited = -1; /* as SES says it */
    struct gw_buf body;
    gw_buf_init(&body, MAX_ANSWER);
    struct api_json j = {.out = &body};
    double rate_per_s = r->api_key != NULL ? r->api_key->rate_per_s : 0;
    bool sends = r->api_key == NULL || (r->api_key->scopes & CFG_SCOPE_SEND) != 0;
    api_json_begin_object(&j, NULL);
    api_json_bool(&j, "SendingEnabled", sends);
    api_json_bool(&j, "ProductionAccessEnabled", true);
    api_json_bool(&j, "DedicatedIpAutoWarmupEnabled", false);
    api_json_str(&j, "EnforcementStatus", "HEALTHY");
    api_json_begin_object(&j, "SendQuota");
    api_json_num(&j, "Max24HourSend", unlimited);
    if (rate_per_s > 0)
        api_json_real(&j, "MaxSendRate", rate_per_s);
    else
        api_json_num(&j, "MaxSendRate", unlimited);
    api_json_end_object(&j);
    api_json_begin_object(&j, "SuppressionAttributes");
    api_json_begin_array(&j, "SuppressedReasons");
    api_json_str(&j, NULL, "BOUNCE");
    api_json_str(&j, NULL, "COMPLAINT");
    api_json_end_array(&j);
    api_json_end_object(&j);
    api_json_end_object(&j);
    api_set_header(r, request_id_header, r->id);
    api_answer_json(r, 200, &body);
}

const struct api_route api_ses_routes[] = {
    {"POST", "/compat/ses/v2/email/outbound-emails", send_email, CFG_SCOPE_SEND,
     API_ROUTE_JSON | API_ROUTE_JSON_BODY, NULL},
    {"GET", "/compat/ses/v2/email/account", get_account, CFG_SCOPE_READ, API_ROUTE_JSON, NULL},
    {"POST", "/compat/ses/v2/email/outbound-bulk-emails", send_bulk_email, CFG_SCOPE_SEND,
     API_ROUTE_JSON | API_ROUTE_JSON_BODY, NULL},
    {0},
};
