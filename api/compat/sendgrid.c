/* SPDX-License-Identifier: MIT */
/* The facade for SendGrid's v3 SDKs, and its way to send. */
#include "api/compat/sendgrid.h"

#include "api/compat/batch.h"
#include "api/facade.h"
#include "api/routes.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- errors ---- */

static const struct api_facade_error errors[API_N_CODES] = {
    [API_BAD_REQUEST] = {400, NULL, 0, NULL},
    [API_MALFORMED_JSON] = {400, NULL, 0, "Bad Request: {detail}"},
    [API_UNAUTHORIZED] = {401, NULL, 0,
                          "The provided authorization grant is invalid, expired, or revoked"},
    [API_INSUFFICIENT_SCOPE] = {403, NULL, 0, "access forbidden"},
    [API_SENDER_NOT_ALLOWED] = {403, NULL, 0, NULL},
    [API_MESSAGE_STATE] = {400, NULL, 0, NULL},
    [API_BODY_TOO_LARGE] = {413, NULL, 0, NULL},
    [API_VALIDATION_FAILED] = {400, NULL, 0, NULL},
    [API_RATE_LIMITED] = {429, NULL, 0, "too many requests"},
};

#define INVALID_ADDRESS \
    { \
        400, NULL, 0, "Does not contain a valid address." \
    }

static const struct api_facade_rule rules[] = {
    {"",
     GW_PROBLEM_SENDER,
     {403, NULL, 0, "The from address does not match a verified Sender Identity. {detail}"}},
    {"", GW_PROBLEM_ADDRESS, INVALID_ADDRESS},
    {"", GW_PROBLEM_DOMAIN, INVALID_ADDRESS},
    {"/from",
     GW_PROBLEM_REQUIRED,
     {400, NULL, 0,
      "The from object must be provided for every email send. It is an object that requires the "
      "email parameter, but may also contain a name parameter."}},
    {"", NULL, {400, NULL, 0, "{detail}"}}, /* the field stands beside it */
};

static void render_error(struct api_json *j, const char *message, const char *field)
{
    api_json_begin_object(j, NULL);
    api_json_str(j, "message", message);
    api_json_str(j, "field", field);
    api_json_null(j, "help");
    api_json_end_object(j);
}

static void render(const struct api_facade_refusal *refusal, struct gw_buf *out)
{
    const struct gw_problems *fields = refusal->problem->errors;
    struct api_json j = {.out = out};
    api_json_begin_object(&j, NULL);
    api_json_begin_array(&j, "errors");
    if (fields == NULL || fields->n == 0)
        render_error(&j, refusal->message, NULL);
    for (size_t i = 0; fields != NULL && i < fields->n; i++) {
        char message[API_FACADE_MAX_MESSAGE];
        char path[API_FACADE_MAX_MESSAGE];
        (void)api_facade_say_field(refusal->facade, &fields->items[i], message, path);
        render_error(&j, message, path[0] != '\0' ? path : NULL);
    }
    api_json_end_array(&j);
    api_json_end_object(&j);
}

const struct api_facade api_sendgrid_facade = {
    .name = "sendgrid",
    .errors = errors,
    .rules = rules,
    .n_rules = N_OF(rules),
    .authenticate = api_facade_bearer,
    .render = render,
    .content_type = "application/json",
};

/* ---- POST /v3/mail/send ---- */

static void view_taken(struct api_json *j, size_t index, const struct gw_message *m)
{
    (void)index;
    api_json_str(j, NULL, m->id);
}

/* One id stands for the request: that of its first message. */
static void answer_sent(struct api_request *r, const struct api_compat_results *results)
{
    static const char nothing_sent[] = "{}";
    if (results->rehearsed) {
        api_answer_static(r, 200, "application/json", gw_slice_str(nothing_sent));
        return;
    }
    struct gw_slice quoted = gw_slice_of(results->items[0].text, results->items[0].len);
    api_set_header(r, "x-message-id",
                   api_request_strdup(r, gw_slice_of(quoted.data + 1, quoted.len - 2)));
    api_answer_empty(r, 202);
}

static void send_mail(struct api_request *r)
{
    const struct api_compat_batch batch = {.split = api_sendgrid_split,
                                           .decode = api_sendgrid_decode_item,
                                           .strict = true,
                                           .taken = view_taken,
                                           .answer = answer_sent};
    api_compat_send_batch(r, &batch);
}

const struct api_route api_sendgrid_routes[] = {
    {"POST", "/compat/sendgrid/v3/mail/send", send_mail, CFG_SCOPE_SEND,
     API_ROUTE_JSON | API_ROUTE_JSON_BODY, NULL},
    {0},
};
