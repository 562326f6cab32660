/* SPDX-License-Identifier: MIT */
/* POST /v1/messages/batch: many messages, one answer with a result for each.
 *
 * Each result is written when it comes; at the end they are joined in the order of the messages. A
 * client that leaves abandons the answer; the messages go their way. */
#include "gateway/batch.h"

#include "api/batch_json.h"
#include "api/idempotency.h"
#include "api/json_write.h"
#include "api/message_view.h"
#include "api/routes.h"
#include "api/submission_answer.h"
#include "gateway/base/gw_mem.h"

enum {
    /* Ours; a result over them says less (the list of recipients or of problems is left out), so
     * that what one request makes us hold and send is bounded. */
    MAX_RCPTS_SHOWN = 10000,
    MAX_ERRORS_SHOWN = 10000,
    MAX_BATCH_ANSWER = 32 << 20
};

struct result {
    char *text; /* heap; NULL: none yet */
    size_t len;
};

struct pending {
    struct api_request *request;
    struct gw_batch *batch;
    struct api_prefer prefer;
    size_t n_accepted, n_failed, n_rcpts, n_errors;
    struct result results[GW_BATCH_MAX_ITEMS];
};

static void free_pending(struct pending *p)
{
    for (size_t i = 0; i < GW_BATCH_MAX_ITEMS; i++)
        gw_free(p->results[i].text);
    gw_free(p);
}

static void on_client_gone(void *data)
{
    struct pending *p = data;
    gw_batch_abandon(p->batch);
    free_pending(p);
}

/* ---- one result ---- */

static void write_problem(struct pending *p, struct api_problem *problem, struct gw_buf *out)
{
    static const struct gw_problems none = {.n = 0};
    const struct api_request *r = p->request;
    if (problem->errors != NULL) {
        p->n_errors += problem->errors->n;
        if (p->n_errors > MAX_ERRORS_SHOWN)
            problem->errors = &none;
    }
    if (problem->message != NULL) {
        p->n_rcpts += problem->message->n_rcpts;
        if (p->n_rcpts > MAX_RCPTS_SHOWN)
            problem->message = NULL;
    }
    (void)gw_buf_add_str(out, ",\"problem\":");
    api_problem_render(problem, r->path, r->id, gw_gateway_durable(r->context->gateway), out);
}

static void write_message(struct pending *p, const struct gw_submission_result *result,
                          struct gw_buf *out)
{
    struct api_json j = {.out = out, .need_comma = true};
    if (result->replayed)
        api_json_bool(&j, "replayed", true);
    p->n_rcpts += result->message->n_rcpts;
    api_message_batch_view(&j, "message", result->message,
                           gw_gateway_durable(p->request->context->gateway),
                           p->n_rcpts <= MAX_RCPTS_SHOWN);
}

static void on_item(size_t index, const struct gw_submission_result *result, void *data)
{
    struct pending *p = data;
    struct gw_buf out;
    char text[API_SUBMISSION_DETAIL];
    unsigned status = 0;
    struct api_problem problem;
    bool failed = true;
    if (result->status == GW_OK) {
        api_submission_log(p->request, result);
        failed = api_submission_stored(p->request, result, &p->prefer, &status, &problem);
    } else {
        problem = api_submission_problem(result, API_MALFORMED_JSON, text);
    }
    if (failed)
        status = api_code_status(problem.code);
    p->n_accepted += result->status == GW_OK ? 1 : 0;
    p->n_failed += result->status == GW_OK ? 0 : 1;
    gw_buf_init(&out, MAX_BATCH_ANSWER);
    (void)gw_buf_printf(&out, "{\"index\":%zu,\"status\":%u", index, status);
    if (failed)
        write_problem(p, &problem, &out);
    else
        write_message(p, result, &out);
    (void)gw_buf_add_str(&out, "}");
    p->results[index].text = gw_buf_take(&out, &p->results[index].len);
    gw_buf_deinit(&out);
}

/* ---- the answer ---- */

static void answer(struct pending *p, size_t n)
{
    struct gw_buf out;
    gw_buf_init(&out, MAX_BATCH_ANSWER);
    (void)gw_buf_printf(&out, "{\"accepted\":%zu,\"failed\":%zu,\"results\":[", p->n_accepted,
                        p->n_failed);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            (void)gw_buf_add_str(&out, ",");
        (void)gw_buf_add(&out, p->results[i].text, p->results[i].len);
    }
    (void)gw_buf_add_str(&out, "]}");
    api_set_preference_applied(p->request, &p->prefer);
    api_answer_json(p->request, 200, &out);
}

static void on_done(const struct gw_batch_result *result, void *data)
{
    struct pending *p = data;
    if (result->status == GW_OK) {
        answer(p, result->n);
    } else {
        char text[API_SUBMISSION_DETAIL];
        const struct gw_submission_result failed = {
            .status = result->status, .problems = result->problems, .detail = result->detail};
        struct api_problem problem = api_submission_problem(&failed, API_MALFORMED_JSON, text);
        api_problem_send(p->request, &problem);
    }
    free_pending(p);
}

static void post_batch(struct api_request *r)
{
    const char *key;
    if (!api_idempotency_key(r, &key))
        return;
    struct pending *p = gw_calloc(1, sizeof(*p));
    p->request = r;
    p->prefer = api_request_prefer(r);
    struct gw_batch_options options = {.split = api_batch_json_split,
                                       .decode = api_batch_json_decode,
                                       .on_item = on_item,
                                       .on_done = on_done,
                                       .data = p,
                                       .api_key = r->api_key,
                                       .wait_ms = p->prefer.wait_ms,
                                       .route = r->route->pattern,
                                       .idempotency_key = key};
    memcpy(options.traceparent, r->traceparent, sizeof(options.traceparent));
    api_request_hold(r, on_client_gone, p);
    p->batch = gw_gateway_submit_batch(r->context->gateway, r->body, &options);
}

const struct api_route api_batch_routes[] = {
    {"POST", "/v1/messages/batch", post_batch, CFG_SCOPE_SEND, API_ROUTE_JSON | API_ROUTE_JSON_BODY,
     NULL},
    {0},
};
