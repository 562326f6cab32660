/* SPDX-License-Identifier: MIT */
/* The facade for Resend's SDKs, and its way to send. */
#include "api/compat/resend.h"

#include "api/compat/batch.h"
#include "api/facade.h"
#include "api/idempotency.h"
#include "api/json_write.h"
#include "api/routes.h"
#include "api/submit.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

enum {
    MAX_ANSWER = 4 << 20
};

/* ---- errors ---- */

static const struct api_facade_error errors[API_N_CODES] = {
    [API_BAD_REQUEST] = {400, "validation_error", 0, NULL},
    [API_MALFORMED_JSON] = {400, "validation_error", 0, NULL},
    [API_UNKNOWN_PARAMETER] = {422, "validation_error", 0, NULL},
    [API_UNAUTHORIZED] = {403, "invalid_api_key", 0, "API key is invalid"},
    [API_INSUFFICIENT_SCOPE] = {401, "restricted_api_key", 0, NULL},
    [API_SENDER_NOT_ALLOWED] = {403, "validation_error", 0, NULL},
    [API_NOT_FOUND] = {404, "not_found", 0, NULL},
    [API_METHOD_NOT_ALLOWED] = {405, "method_not_allowed", 0, NULL},
    [API_NOT_ACCEPTABLE] = {406, "validation_error", 0, NULL},
    [API_BODY_GONE] = {404, "not_found", 0, NULL},
    [API_MESSAGE_STATE] = {422, "validation_error", 0, NULL},
    [API_IDEMPOTENCY_IN_PROGRESS] = {409, "concurrent_idempotent_requests", 0,
                                     "Same idempotency key used while original request is still "
                                     "in progress"},
    [API_LENGTH_REQUIRED] = {411, "validation_error", 0, NULL},
    [API_BODY_TOO_LARGE] = {413, "validation_error", 0, NULL},
    [API_UNSUPPORTED_MEDIA_TYPE] = {415, "validation_error", 0, NULL},
    [API_VALIDATION_FAILED] = {422, "validation_error", 0, NULL},
    [API_IDEMPOTENCY_KEY_REUSED] = {409, "invalid_idempotent_request", 0,
                                    "Same idempotency key used with a different request payload"},
    [API_RATE_LIMITED] = {429, "rate_limit_exceeded", 0, NULL},
    [API_INTERNAL] = {500, "internal_server_error", 0, NULL},
};

static const struct api_facade_error missing_key = {401, "missing_api_key", 0, "Missing API Key"};
static const struct api_facade_error bad_idempotency_key = {400, "invalid_idempotency_key", 0,
                                                            NULL};

#define INVALID_ADDRESS \
    { \
        422, "validation_error", 0, \
            "Invalid `{field}` field. The email address needs to follow the `email@example.com` " \
            "or `Name " \
            "<email@example.com>` format." \
    }

static const struct api_facade_rule rules[] = {
    {"/from", GW_PROBLEM_SENDER, {403, "validation_error", 0, NULL}},
    {"/attachments", NULL, {422, "invalid_attachment", 0, NULL}},
    {"", GW_PROBLEM_ADDRESS, INVALID_ADDRESS},
    {"", GW_PROBLEM_DOMAIN, INVALID_ADDRESS},
    {"", GW_PROBLEM_REQUIRED, {422, "missing_required_field", 0, "Missing `{path}` field."}},
};

static void render(const struct api_facade_refusal *refusal, struct gw_buf *out)
{
    struct api_json j = {.out = out};
    api_json_begin_object(&j, NULL);
    api_json_num(&j, "statusCode", api_facade_status(refusal));
    api_json_str(&j, "name", api_facade_name(refusal));
    api_json_str(&j, "message", refusal->message);
    api_json_end_object(&j);
}

static const struct cfg_api_key *authenticate(struct api_request *r, struct api_problem *why)
{
    struct gw_slice given;
    if (api_request_headers(r, "authorization", &given, 1) == 0)
        why->as = &missing_key;
    return api_facade_bearer(r, why);
}

const struct api_facade api_resend_facade = {
    .name = "resend",
    .errors = errors,
    .other_name = "application_error",
    .rules = rules,
    .n_rules = N_OF(rules),
    .authenticate = authenticate,
    .render = render,
    .content_type = "application/json",
};

/* ---- POST /emails ---- */

static void view_id(struct api_json *j, const struct gw_message *m)
{
    api_json_begin_object(j, NULL);
    api_json_str(j, "id", m->id);
    api_json_end_object(j);
}

static void answer_accepted(struct api_request *r, const struct gw_submission_result *result)
{
    struct gw_buf body;
    gw_buf_init(&body, MAX_ANSWER);
    struct api_json j = {.out = &body};
    view_id(&j, result->message);
    api_answer_json(r, 200, &body);
}

/* False: the request is answered. */
static bool read_key(struct api_request *r, const char **out)
{
    const char *wrong = api_idempotency_read(r, out);
    if (wrong != NULL)
        api_problem_send(r, &(struct api_problem){.code = API_BAD_REQUEST,
                                                  .detail = wrong,
                                                  .as = &bad_idempotency_key});
    return wrong == NULL;
}

static void send_email(struct api_request *r)
{
    const char *key;
    if (!read_key(r, &key))
        return;
    struct gw_submit_options options = {.decode = api_resend_decode,
                                        .api_key = r->api_key,
                                        .route = r->route->pattern,
                                        .idempotency_key = key};
    api_submit(r, &options, answer_accepted);
}

/* ---- POST /emails/batch ---- */

static void view_taken(struct api_json *j, size_t index, const struct gw_message *m)
{
    (void)index;
    view_id(j, m);
}

static void view_refused(struct api_json *j, size_t index, const struct api_facade_refusal *refusal)
{
    api_json_begin_object(j, NULL);
    api_json_num(j, "index", (int64_t)index);
    api_json_str(j, "message", refusal->message);
    api_json_end_object(j);
}

static void view_results(struct api_json *j, const char *key, bool taken,
                         const struct api_compat_results *results)
{
    api_json_begin_array(j, key);
    for (size_t i = 0; i < results->n; i++)
        if (results->items[i].taken == taken)
            api_json_raw(j, NULL, gw_slice_of(results->items[i].text, results->items[i].len));
    api_json_end_array(j);
}

static void answer_batch(struct api_request *r, const struct api_compat_results *results)
{
    struct gw_buf body;
    gw_buf_init(&body, MAX_ANSWER);
    struct api_json j = {.out = &body};
    api_json_begin_object(&j, NULL);
    view_results(&j, "data", true, results);
    if (results->n_refused > 0)
        view_results(&j, "errors", false, results);
    api_json_end_object(&j);
    api_answer_json(r, 200, &body);
}

/* False: the request is answered. */
static bool read_validation(struct api_request *r, bool *strict_out)
{
    struct gw_slice mode;
    size_t n = api_request_headers(r, "x-batch-validation", &mode, 1);
    *strict_out = n == 0 || gw_slice_is(mode, "strict");
    if (n > 1 || (!*strict_out && !gw_slice_is(mode, "permissive"))) {
        api_problem(r, API_BAD_REQUEST, "x-batch-validation is strict or permissive.");
        return false;
    }
    return true;
}

static void send_batch(struct api_request *r)
{
    struct api_compat_batch batch = {.split = api_resend_split,
                                     .decode = api_resend_decode_item,
                                     .taken = view_taken,
                                     .refused = view_refused,
                                     .answer = answer_batch,
                                     .item_name = "Email"};
    if (read_validation(r, &batch.strict) && read_key(r, &batch.idempotency_key))
        api_compat_send_batch(r, &batch);
}

const struct api_route api_resend_routes[] = {
    {"POST", "/compat/resend/emails", send_email, CFG_SCOPE_SEND,
     API_ROUTE_JSON | API_ROUTE_JSON_BODY, NULL},
    {"POST", "/compat/resend/emails/batch", send_batch, CFG_SCOPE_SEND,
     API_ROUTE_JSON | API_ROUTE_JSON_BODY, NULL},
    {0},
};
