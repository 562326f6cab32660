/* SPDX-License-Identifier: MIT */
/* SES v1: the older API, whose requests are forms and whose answers are XML. It shares path, keys
 * and signatures with v2, and is what a POST to the root of the facade speaks.
 *
 * Spec: Amazon SES API Reference, 2010-12-01. */
#include <string.h>

#include "api/compat/ses.h"
#include "api/facade.h"
#include "api/routes.h"
#include "api/submit.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))
#define NAMESPACE   "http://ses.amazonaws.com/doc/2010-12-01/"

enum {
    MAX_ANSWER = 16 * 1024 /* a sentence of API_FACADE_MAX_MESSAGE, each octet escaped, and tags */
};

static const char xml_type[] = "text/xml";
static const char request_id_header[] = "x-amzn-requestid";

/* ---- errors: what an SDK retries is Throttling and every 5xx ---- */

static const struct api_facade_error errors[API_N_CODES] = {
    [API_BAD_REQUEST] = {400, "InvalidParameterValue", 0, NULL},
    [API_UNKNOWN_PARAMETER] = {400, "InvalidParameterValue", 0, NULL},
    [API_UNAUTHORIZED] = {403, "InvalidClientTokenId", 0, NULL},
    [API_INSUFFICIENT_SCOPE] = {403, "AccessDenied", 0, NULL},
    [API_SENDER_NOT_ALLOWED] = {400, "MessageRejected", 0, NULL},
    [API_METHOD_NOT_ALLOWED] = {405, "InvalidAction", 0, NULL},
    [API_IDEMPOTENCY_IN_PROGRESS] = {400, "Throttling", 0, NULL},
    [API_IDEMPOTENCY_KEY_REUSED] = {409, "InvalidParameterValue", 0,
                                    "This invocation id was used with another body in the last 24 "
                                    "hours."},
    [API_MALFORMED_JSON] = {400, "InvalidParameterValue", 0, NULL},
    [API_VALIDATION_FAILED] = {400, "InvalidParameterValue", 0, NULL},
    [API_RATE_LIMITED] = {400, "Throttling", 0, "Maximum sending rate exceeded."},
    [API_INTERNAL] = {500, "InternalFailure", 0, NULL},
    [API_STORAGE_FULL] = {503, "ServiceUnavailable", 0, NULL},
    [API_OVERLOADED] = {503, "ServiceUnavailable", 0, NULL},
    [API_DRAINING] = {503, "ServiceUnavailable", 0, NULL},
    [API_UNAVAILABLE] = {503, "ServiceUnavailable", 0, NULL},
};

#define NOT_VERIFIED \
    { \
        400, "MessageRejected", 0, "Email address is not verified. {path}: {detail}" \
    }

static const struct api_facade_rule rules[] = {
    {"/Source", GW_PROBLEM_DOMAIN, NOT_VERIFIED},
    {"/RawMessage.Data/headers/From", GW_PROBLEM_DOMAIN, NOT_VERIFIED},
    {"", GW_PROBLEM_SENDER, NOT_VERIFIED},
};

/* Fields that are missing are named by us. */
static const struct api_facade_field fields[] = {
    {"/from", "Source"},
    {"/to", "Destination.ToAddresses"},
    {"/subject", "Message.Subject"},
    {"/text", "Message.Body.Text"},
    {"/html", "Message.Body.Html"},
    {"/tags", "Tags"},
};

/* Why a signature is refused, in the words of either API. */
static const struct {
    const char *v2, *v1;
} signature_words[] = {
    {"UnrecognizedClientException", "InvalidClientTokenId"},
    {"MissingAuthenticationTokenException", "MissingAuthenticationToken"},
    {"IncompleteSignatureException", "IncompleteSignature"},
};

static const char *v1_name(const char *name)
{
    for (size_t i = 0; i < N_OF(signature_words); i++)
        if (strcmp(signature_words[i].v2, name) == 0)
            return signature_words[i].v1;
    return name;
}

/* ---- XML ---- */

static void add_text(struct gw_buf *out, const char *text)
{
    static const struct {
        char c;
        const char *entity;
    } entities[] = {{'<', "&lt;"}, {'>', "&gt;"}, {'&', "&amp;"}, {'"', "&quot;"}};
    for (; *text != '\0'; text++) {
        size_t i = 0;
        while (i < N_OF(entities) && entities[i].c != *text)
            i++;
        bool control = (unsigned char)*text < ' '; /* XML 1.0 has no way to say most of them */
        if (i < N_OF(entities))
            (void)gw_buf_add_str(out, entities[i].entity);
        else
            (void)gw_buf_add_char(out, control ? ' ' : *text);
    }
}

static void add_element(struct gw_buf *out, const char *name, const char *text)
{
    (void)gw_buf_printf(out, "<%s>", name);
    add_text(out, text);
    (void)gw_buf_printf(out, "</%s>", name);
}

static void render(const struct api_facade_refusal *refusal, struct gw_buf *out)
{
    bool ours = api_facade_status(refusal) >= 500;
    (void)gw_buf_add_str(out, "<ErrorResponse xmlns=\"" NAMESPACE "\"><Error>");
    add_element(out, "Type", ours ? "Receiver" : "Sender");
    add_element(out, "Code", v1_name(api_facade_name(refusal)));
    add_element(out, "Message", refusal->message);
    (void)gw_buf_add_str(out, "</Error>");
    add_element(out, "RequestId", refusal->request_id);
    (void)gw_buf_add_str(out, "</ErrorResponse>");
}

const struct api_facade api_ses_query_facade = {
    .name = "ses",
    .at_root = true,
    .errors = errors,
    .other_name = "InvalidParameterValue",
    .rules = rules,
    .n_rules = N_OF(rules),
    .fields = fields,
    .n_fields = N_OF(fields),
    .authenticate = api_ses_authenticate,
    .render = render,
    .content_type = xml_type,
    .hashes_body = true,
    .request_id_header = request_id_header,
};

/* <ActionResponse><ActionResult>…, where the result is @names and @values. */
static void answer(struct api_request *r, const char *action, const char *const *names,
                   const char *const *values, size_t n)
{
    struct gw_buf body;
    gw_buf_init(&body, MAX_ANSWER);
    (void)gw_buf_printf(&body, "<%sResponse xmlns=\"" NAMESPACE "\"><%sResult>", action, action);
    for (size_t i = 0; i < n; i++)
        add_element(&body, names[i], values[i]);
    (void)gw_buf_printf(&body, "</%sResult><ResponseMetadata>", action);
    add_element(&body, "RequestId", r->id);
    (void)gw_buf_printf(&body, "</ResponseMetadata></%sResponse>", action);
    api_set_header(r, request_id_header, r->id);
    api_set_header(r, "cache-control", "no-store");
    api_answer(r, 200, xml_type, &body);
}

/* ---- actions ---- */

static void answer_sent(struct api_request *r, const char *action, const struct gw_message *m)
{
    static const char *const names[] = {"MessageId"};
    const char *const values[] = {m->id};
    answer(r, action, names, values, N_OF(names));
}

static void answer_email(struct api_request *r, const struct gw_submission_result *result)
{
    answer_sent(r, "SendEmail", result->message);
}

static void answer_raw_email(struct api_request *r, const struct gw_submission_result *result)
{
    answer_sent(r, "SendRawEmail", result->message);
}

static void submit(struct api_request *r, gw_decode_fn decode,
                   void (*accepted)(struct api_request *r,
                                    const struct gw_submission_result *result))
{
    struct gw_submit_options options = {.decode = decode,
                                        .api_key = r->api_key,
                                        .route = r->route->pattern,
                                        .idempotency_key = api_ses_idempotency_key(r)};
    api_submit(r, &options, accepted);
}

static void send_email(struct api_request *r)
{
    submit(r, api_ses_decode_email, answer_email);
}

static void send_raw_email(struct api_request *r)
{
    submit(r, api_ses_decode_raw_email, answer_raw_email);
}

static void send_template(struct api_request *r)
{
    api_problem(r, API_BAD_REQUEST,
                "This action fills a stored template, which this API does not offer: call "
                "SendEmail for each destination.");
}

/* -1 is SES's way to say that there is no limit. */
static void get_send_quota(struct api_request *r)
{
    static const char *const names[] = {"Max24HourSend", "MaxSendRate", "SentLast24Hours"};
    double rate_per_s = r->api_key != NULL ? r->api_key->rate_per_s : 0;
    char rate[32];
    (void)snprintf(rate, sizeof(rate), "%.3f", rate_per_s > 0 ? rate_per_s : -1.0);
    const char *const values[] = {"-1.0", rate, "0.0"};
    answer(r, "GetSendQuota", names, values, N_OF(names));
}

static void get_sending_enabled(struct api_request *r)
{
    static const char *const names[] = {"Enabled"};
    static const char *const values[] = {"true"};
    answer(r, "GetAccountSendingEnabled", names, values, N_OF(names));
}

static const struct {
    const char *name;
    void (*handle)(struct api_request *r);
} actions[] = {
    {"SendEmail", send_email},
    {"SendRawEmail", send_raw_email},
    {"SendTemplatedEmail", send_template},
    {"SendBulkTemplatedEmail", send_template},
    {"GetSendQuota", get_send_quota},
    {"GetAccountSendingEnabled", get_sending_enabled},
};

static const struct api_facade_error invalid_action = {400, "InvalidAction", 0, NULL};

/* The value of the parameter Action, wherever it stands: SDKs put it last, behind a message of
 * megabytes. Encoded values have no `&`. */
static struct gw_slice find_action(struct gw_slice body)
{
    static const char name[] = "Action=";
    const size_t name_len = sizeof(name) - 1;
    while (body.len > 0) {
        const char *amp = memchr(body.data, '&', body.len);
        size_t len = amp != NULL ? (size_t)(amp - body.data) : body.len;
        if (len >= name_len && memcmp(body.data, name, name_len) == 0)
            return gw_slice_of(body.data + name_len, len - name_len);
        size_t skip = amp != NULL ? len + 1 : len;
        body = gw_slice_of(body.data + skip, body.len - skip);
    }
    return body;
}

static void act(struct api_request *r)
{
    struct gw_slice action = find_action(r->body);
    for (size_t i = 0; i < N_OF(actions); i++) {
        if (gw_slice_is(action, actions[i].name)) {
            actions[i].handle(r);
            return;
        }
    }
    api_problem_send(r, &(struct api_problem){
                            .code = API_BAD_REQUEST,
                            .detail = "The action is none of SendEmail, SendRawEmail, GetSendQuota "
                                      "and GetAccountSendingEnabled.",
                            .as = &invalid_action});
}

const struct api_route api_ses_query_routes[] = {
    {"POST", "/compat/ses", act, CFG_SCOPE_SEND, API_ROUTE_URLENCODED_BODY, NULL},
    {0},
};
