/* SPDX-License-Identifier: MIT */
/* The facade for Mailgun's SDKs, and its ways to send. */
#include "api/compat/mailgun.h"

#include "api/auth.h"
#include "api/facade.h"
#include "api/http_fields.h"
#include "api/idempotency.h"
#include "api/json_write.h"
#include "api/multipart.h"
#include "api/routes.h"
#include "api/submit.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

enum {
    MAX_ANSWER = 8192
};

/* ---- errors: a status and a sentence ---- */

static const struct api_facade_error errors[API_N_CODES] = {
    [API_UNAUTHORIZED] = {401, NULL, 0, "Forbidden"},
    [API_VALIDATION_FAILED] = {400, NULL, 0, NULL},
    [API_IDEMPOTENCY_KEY_REUSED] = {409, NULL, 0, NULL},
};

#define INVALID_ADDRESS \
    { \
        400, NULL, 0, "'{field}' parameter is not a valid address. please check documentation" \
    }

static const struct api_facade_rule rules[] = {
    {"", GW_PROBLEM_SENDER, {403, NULL, 0, "'{field}' parameter: {detail}"}},
    {"", GW_PROBLEM_ADDRESS, INVALID_ADDRESS},
    {"", GW_PROBLEM_DOMAIN, INVALID_ADDRESS},
    {"/text",
     GW_PROBLEM_REQUIRED,
     {400, NULL, 0, "Need at least one of 'text' or 'html' parameters specified"}},
    {"", GW_PROBLEM_REQUIRED, {400, NULL, 0, "'{field}' parameter is missing"}},
    {"", GW_PROBLEM_VARIABLE, {400, NULL, 0, "'{field}' parameter: {path}: {detail}"}},
    {"", NULL, {400, NULL, 0, "'{field}' parameter: {detail}"}},
};

/* What prepare names by our words. */
static const struct api_facade_field fields[] = {
    {"/attachments", "attachment"},
    {"/tags", "o:tag"},
    {"/metadata", "v:"},
    {"/headers", "h:"},
    {"/reply_to", "h:Reply-To"},
    {"/scheduled_at", "o:deliverytime"},
    {"/recipients", "recipient-variables"},
};

static void render(const struct api_facade_refusal *refusal, struct gw_buf *out)
{
    struct api_json j = {.out = out};
    api_json_begin_object(&j, NULL);
    api_json_str(&j, "message", refusal->message);
    api_json_end_object(&j);
}

/* Basic api:<id>.<secret> */
static const struct cfg_api_key *authenticate(struct api_request *r, struct api_problem *why)
{
    struct gw_slice given;
    (void)why;
    if (api_request_headers(r, "authorization", &given, 1) != 1)
        return NULL;
    return api_auth_basic(r->context->cfg, given, "api");
}

const struct api_facade api_mailgun_facade = {
    .name = "mailgun",
    .errors = errors,
    .rules = rules,
    .n_rules = N_OF(rules),
    .fields = fields,
    .n_fields = N_OF(fields),
    .authenticate = authenticate,
    .render = render,
    .content_type = "application/json",
};

/* ---- POST /v3/{domain}/messages, /v3/{domain}/messages.mime ---- */

static void answer_accepted(struct api_request *r, const struct gw_submission_result *result)
{
    struct gw_buf body;
    gw_buf_init(&body, MAX_ANSWER);
    struct api_json j = {.out = &body};
    api_json_begin_object(&j, NULL);
    api_json_str(&j, "id", result->message->message_id);
    api_json_str(&j, "message", "Queued. Thank you.");
    api_json_end_object(&j);
    api_answer_json(r, 200, &body);
}

static void submit(struct api_request *r, gw_decode_fn multipart, gw_decode_fn urlencoded)
{
    char boundary[API_MULTIPART_MAX_BOUNDARY + 1];
    struct gw_slice type = {0};
    const char *key;
    (void)api_request_headers(r, "content-type", &type, 1);
    bool is_form = api_content_type_is_form(type, boundary, sizeof(boundary));
    if (is_form && !api_multipart_begins(r->body, boundary)) {
        api_problem(r, API_BAD_REQUEST,
                    "The body does not start with the boundary that Content-Type names.");
        return;
    }
    if (!api_idempotency_key(r, &key))
        return;
    struct gw_submit_options options = {.decode = is_form ? multipart : urlencoded,
                                        .api_key = r->api_key,
                                        .route = r->route->pattern,
                                        .idempotency_key = key};
    api_submit(r, &options, answer_accepted);
}

static void send_message(struct api_request *r)
{
    submit(r, api_mailgun_decode_multipart, api_mailgun_decode_urlencoded);
}

static void send_mime(struct api_request *r)
{
    submit(r, api_mailgun_decode_mime, api_mailgun_decode_mime);
}

enum {
    FORM = API_ROUTE_JSON | API_ROUTE_FORM_BODY
};

const struct api_route api_mailgun_routes[] = {
    {"POST", "/compat/mailgun/v3/{domain}/messages", send_message, CFG_SCOPE_SEND,
     FORM | API_ROUTE_URLENCODED_BODY, NULL},
    {"POST", "/compat/mailgun/v3/{domain}/messages.mime", send_mime, CFG_SCOPE_SEND, FORM, NULL},
    {0},
};
