/* SPDX-License-Identifier: MIT */
/* The facade for Postmark's SDKs, and its way to send. */
#include "api/compat/postmark.h"

#include "api/auth.h"
#include "api/compat/batch.h"
#include "api/facade.h"
#include "api/json_write.h"
#include "api/routes.h"
#include "api/submit.h"
#include "gateway/base/gw_clock.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

enum {
    INACTIVE_RECIPIENT = 406, /* an ErrorCode of Postmark's */
    MAX_ANSWER = 4 << 20,
    MAX_NAMED = 256 * 1024 /* octets of the addresses that an answer repeats in one field */
};

/* ---- errors ---- */

/* The SDK makes a class of its own of status 422 with a number; of 400 and 413 it makes
 * UnknownError. The numbers are Postmark's API error codes. */
static const struct api_facade_error errors[API_N_CODES] = {
    [API_BAD_REQUEST] = {422, NULL, 300, NULL},
    [API_MALFORMED_JSON] = {422, NULL, 402, "Invalid JSON: {detail}"},
    [API_UNKNOWN_PARAMETER] = {422, NULL, 300, NULL},
    [API_UNAUTHORIZED] = {401, NULL, 10,
                          "The Server Token you provided in the X-Postmark-Server-Token request "
                          "header was invalid."},
    [API_INSUFFICIENT_SCOPE] = {401, NULL, 10, NULL},
    [API_SENDER_NOT_ALLOWED] = {422, NULL, 400, NULL},
    [API_NOT_FOUND] = {404, NULL, 701, NULL},
    [API_METHOD_NOT_ALLOWED] = {405, NULL, 405, NULL},
    [API_NOT_ACCEPTABLE] = {422, NULL, 409, NULL},
    [API_BODY_GONE] = {404, NULL, 701, NULL},
    [API_MESSAGE_STATE] = {422, NULL, 300, NULL},
    [API_LENGTH_REQUIRED] = {422, NULL, 402, NULL},
    [API_BODY_TOO_LARGE] = {422, NULL, 300, NULL},
    [API_UNSUPPORTED_MEDIA_TYPE] = {422, NULL, 409, NULL},
    [API_VALIDATION_FAILED] = {422, NULL, 300, NULL},
    [API_RATE_LIMITED] = {429, NULL, 429, NULL},
    [API_INTERNAL] = {500, NULL, 500, NULL},
};

static const struct api_facade_error missing_token = {
    401, NULL, 10,
    "No Account or Server API tokens were supplied in the HTTP headers. Please add a header for "
    "either X-Postmark-Server-Token or X-Postmark-Account-Token."};

#define INVALID_ADDRESS \
    { \
        422, NULL, 300, "Invalid '{field}' address: {detail}" \
    }

static const struct api_facade_rule rules[] = {
    {"/from", GW_PROBLEM_SENDER, {422, NULL, 400, NULL}},
    {"/From", GW_PROBLEM_SENDER, {422, NULL, 400, NULL}},
    {"", GW_PROBLEM_ADDRESS, INVALID_ADDRESS},
    {"", GW_PROBLEM_DOMAIN, INVALID_ADDRESS},
    {"/to", GW_PROBLEM_REQUIRED, {422, NULL, 300, "Zero recipients specified"}},
    {"",
     GW_PROBLEM_NO_TEMPLATE,
     {422, NULL, 1101,
      "The '{field}' is not valid or was not found: templates are kept by PUT /v1/templates."}},
    {"", GW_PROBLEM_VARIABLE, {422, NULL, 1109, "The Template data is missing: {path}: {detail}"}},
    {"", GW_PROBLEM_TYPE, {422, NULL, 403, "Incompatible JSON: {path}: {detail}"}},
    {"", GW_PROBLEM_UNKNOWN_FIELD, {422, NULL, 403, "Incompatible JSON: {path}: {detail}"}},
};

static const struct api_facade_field names[] = {
    {"/from", "From"},       {"/to", "To"},         {"/cc", "Cc"},
    {"/bcc", "Bcc"},         {"/text", "TextBody"}, {"/attachments", "Attachments"},
    {"/headers", "Headers"},
};

static void render(const struct api_facade_refusal *refusal, struct gw_buf *out)
{
    struct api_json j = {.out = out};
    int number = refusal->error->number;
    api_json_begin_object(&j, NULL);
    api_json_num(&j, "ErrorCode", number != 0 ? number : (int)api_facade_status(refusal));
    api_json_str(&j, "Message", refusal->message);
    api_json_end_object(&j);
}

static const struct cfg_api_key *authenticate(struct api_request *r, struct api_problem *why)
{
    struct gw_slice token;
    size_t n = api_request_headers(r, "x-postmark-server-token", &token, 1);
    if (n == 0)
        why->as = &missing_token;
    return n == 1 ? api_auth_token(r->context->cfg, token) : NULL;
}

const struct api_facade api_postmark_facade = {
    .name = "postmark",
    .errors = errors,
    .rules = rules,
    .n_rules = N_OF(rules),
    .fields = names,
    .n_fields = N_OF(names),
    .authenticate = authenticate,
    .render = render,
    .content_type = "application/json",
};

/* ---- POST /email ---- */

/* "a@b, c@d"; left out when there is none. */
static void view_named(struct api_json *j, const char *key, const struct gw_message *m,
                       enum gw_rcpt_kind kind)
{
    struct gw_buf text;
    gw_buf_init(&text, MAX_NAMED);
    for (size_t i = 0; i < m->n_rcpts; i++) {
        if (m->rcpts[i].kind != kind)
            continue;
        if (text.len > 0)
            (void)gw_buf_add_str(&text, ", ");
        (void)gw_buf_add_str(&text, m->rcpts[i].email);
    }
    if (text.len > 0)
        api_json_slice(j, key, gw_buf_view(&text));
    gw_buf_deinit(&text);
}

/* @before, the addresses that are suppressed, @behind. */
static void view_inactive(struct api_json *j, const struct gw_message *m, const char *before,
                          const char *behind)
{
    struct gw_buf text;
    const char *separator = before;
    gw_buf_init(&text, MAX_NAMED);
    for (size_t i = 0; i < m->n_rcpts; i++) {
        if (m->rcpts[i].status != GW_RCPT_SUPPRESSED)
            continue;
        (void)gw_buf_add_str(&text, separator);
        (void)gw_buf_add_str(&text, m->rcpts[i].email);
        separator = ", ";
    }
    (void)gw_buf_add_str(&text, behind);
    api_json_slice(j, "Message", gw_buf_view(&text));
    gw_buf_deinit(&text);
}

static size_t n_suppressed(const struct gw_message *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n_rcpts; i++)
        n += m->rcpts[i].status == GW_RCPT_SUPPRESSED;
    return n;
}

/* Nobody is left to send to. The SDK reads the addresses out of the sentence. */
static void view_nobody(struct api_json *j, const struct gw_message *m)
{
    api_json_begin_object(j, NULL);
    api_json_num(j, "ErrorCode", INACTIVE_RECIPIENT);
    view_inactive(j, m,
                  "You tried to send to recipient(s) that have been marked as inactive. Found "
                  "inactive addresses: ",
                  ". Inactive recipients are ones that have generated a hard bounce, a spam "
                  "complaint, or a manual suppression.");
    api_json_end_object(j);
}

void api_postmark_view_accepted(struct api_json *j, const struct gw_message *m)
{
    size_t n_inactive = n_suppressed(m);
    if (n_inactive == m->n_rcpts) {
        view_nobody(j, m);
        return;
    }
    api_json_begin_object(j, NULL);
    view_named(j, "To", m, GW_RCPT_TO);
    view_named(j, "Cc", m, GW_RCPT_CC);
    view_named(j, "Bcc", m, GW_RCPT_BCC);
    api_json_time(j, "SubmittedAt", m->created_at_ms);
    api_json_str(j, "MessageID", m->id);
    api_json_num(j, "ErrorCode", 0);
    if (n_inactive > 0)
        view_inactive(j, m, "Message OK, but will not deliver to these inactive addresses: ", ".");
    else
        api_json_str(j, "Message", "OK");
    api_json_end_object(j);
}

static void answer_accepted(struct api_request *r, const struct gw_submission_result *result)
{
    struct gw_buf body;
    gw_buf_init(&body, MAX_ANSWER);
    struct api_json j = {.out = &body};
    api_postmark_view_accepted(&j, result->message);
    api_answer_json(r, n_suppressed(result->message) < result->message->n_rcpts ? 200 : 422, &body);
}

static void send_decoded(struct api_request *r, gw_decode_fn decode)
{
    struct gw_submit_options options = {
        .decode = decode, .api_key = r->api_key, .route = r->route->pattern};
    api_submit(r, &options, answer_accepted);
}

static void send_email(struct api_request *r)
{
    send_decoded(r, api_postmark_decode);
}

static void send_template(struct api_request *r)
{
    send_decoded(r, api_postmark_decode_template);
}

/* ---- POST /email/batch ---- */

static void view_taken(struct api_json *j, size_t index, const struct gw_message *m)
{
    (void)index;
    api_postmark_view_accepted(j, m);
}

static void view_refused(struct api_json *j, size_t index, const struct api_facade_refusal *refusal)
{
    (void)index;
    render(refusal, j->out);
}

static void answer_batch(struct api_request *r, const struct api_compat_results *results)
{
    struct gw_buf body;
    gw_buf_init(&body, MAX_ANSWER);
    struct api_json j = {.out = &body};
    api_json_begin_array(&j, NULL);
    for (size_t i = 0; i < results->n; i++)
        api_json_raw(&j, NULL, gw_slice_of(results->items[i].text, results->items[i].len));
    api_json_end_array(&j);
    api_answer_json(r, 200, &body);
}

static void send_split(struct api_request *r, gw_split_fn split, gw_decode_item_fn decode)
{
    const struct api_compat_batch batch = {.split = split,
                                           .decode = decode,
                                           .taken = view_taken,
                                           .refused = view_refused,
                                           .answer = answer_batch};
    api_compat_send_batch(r, &batch);
}

static void send_batch(struct api_request *r)
{
    send_split(r, api_postmark_split, api_postmark_decode_item);
}

static void send_templates(struct api_request *r)
{
    send_split(r, api_postmark_split_templates, api_postmark_decode_template_item);
}

const struct api_route api_postmark_routes[] = {
    {"POST", "/compat/postmark/email", send_email, CFG_SCOPE_SEND,
     API_ROUTE_JSON | API_ROUTE_JSON_BODY, NULL},
    {"POST", "/compat/postmark/email/batch", send_batch, CFG_SCOPE_SEND,
     API_ROUTE_JSON | API_ROUTE_JSON_BODY, NULL},
    {"POST", "/compat/postmark/email/withTemplate", send_template, CFG_SCOPE_SEND,
     API_ROUTE_JSON | API_ROUTE_JSON_BODY, NULL},
    {"POST", "/compat/postmark/email/batchWithTemplates", send_templates, CFG_SCOPE_SEND,
     API_ROUTE_JSON | API_ROUTE_JSON_BODY, NULL},
    {0},
};
