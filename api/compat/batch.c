/* SPDX-License-Identifier: MIT */
/* Several messages at once. Each result is written when it comes; at the end the facade joins them.
 * A strict batch is taken whole: one that fails, and nothing is sent.
 *
 * Failure: a body that is no list of messages is one refusal; a client that leaves abandons the
 * answer, the messages go their way. */
#include "api/compat/batch.h"

#include <stdio.h>

#include "api/json_split.h"
#include "api/routes.h"
#include "api/submission_answer.h"
#include "gateway/base/gw_mem.h"

enum {
    MAX_RESULT = 256 * 1024 /* octets of what is written of one message */
};

struct run {
    struct api_request *request;
    struct api_compat_batch how;
    struct gw_batch *batch;
    struct api_compat_result *results; /* each text is heap */
    size_t n_refused;
    /* of the first message that was refused: */
    size_t failed_index;
    char *failed_detail; /* heap; NULL: none was */
    enum api_code failed_code;
    struct gw_arena *arena;
    struct gw_problems failed_fields;
};

static void free_run(struct run *run)
{
    for (size_t i = 0; i < GW_BATCH_MAX_ITEMS; i++)
        gw_free(run->results[i].text);
    gw_free(run->results);
    gw_arena_free(&run->arena);
    gw_free(run->failed_detail);
    gw_free(run);
}

static void on_client_gone(void *data)
{
    struct run *run = data;
    gw_batch_abandon(run->batch);
    free_run(run);
}

/* ---- one message ---- */

static void keep_failure(struct run *run, size_t index, const struct api_problem *p)
{
    if (run->failed_detail != NULL && run->failed_index < index)
        return;
    gw_free(run->failed_detail);
    gw_arena_free(&run->arena);
    run->arena = gw_arena_new(0);
    run->failed_index = index;
    run->failed_code = p->code;
    run->failed_detail = gw_strdup(p->detail != NULL ? p->detail : api_code_title(p->code));
    gw_problems_init(&run->failed_fields, run->arena);
    for (size_t i = 0; p->errors != NULL && i < p->errors->n; i++)
        gw_problems_add(&run->failed_fields, p->errors->items[i].pointer, p->errors->items[i].code,
                        "%s", p->errors->items[i].detail);
}

static void write_refused(struct run *run, struct api_json *j, size_t index,
                          const struct api_problem *p)
{
    char message[API_FACADE_MAX_MESSAGE];
    struct api_facade_refusal refusal;
    api_facade_say(run->request->facade, p, run->request->id, message, &refusal);
    run->how.refused(j, index, &refusal);
}

static void on_item(size_t index, const struct gw_submission_result *result, void *data)
{
    struct run *run = data;
    char text[API_SUBMISSION_DETAIL];
    struct gw_buf out;
    gw_buf_init(&out, MAX_RESULT);
    struct api_json j = {.out = &out};
    bool taken = result->status == GW_OK;
    if (taken) {
        if (!result->rehearsed)
            api_submission_log(run->request, result);
        run->how.taken(&j, index, result->message);
    } else {
        struct api_problem p = api_submission_problem(result, API_MALFORMED_JSON, text);
        run->n_refused++;
        if (run->how.strict)
            keep_failure(run, index, &p);
        else
            write_refused(run, &j, index, &p);
    }
    run->results[index].taken = taken;
    run->results[index].text = gw_buf_take(&out, &run->results[index].len);
    gw_buf_deinit(&out);
}

/* ---- the end ---- */

/* The request is refused for one message. */
static void answer_failure(struct run *run)
{
    char said[API_FACADE_MAX_MESSAGE];
    char message[API_FACADE_MAX_MESSAGE];
    struct api_facade_refusal refusal;
    struct api_problem p = {.code = run->failed_code, .detail = run->failed_detail};
    if (run->failed_fields.n > 0)
        p.errors = &run->failed_fields;
    struct api_facade_error error;
    if (run->how.item_name != NULL) {
        api_facade_say(run->request->facade, &p, run->request->id, said, &refusal);
        (void)snprintf(message, sizeof(message), "%s %zu: %.900s", run->how.item_name,
                       run->failed_index, said);
        error = *refusal.error;
        error.status = api_facade_status(&refusal);
        error.message = message;
        p.as = &error;
    }
    api_problem_send(run->request, &p);
}

static void on_done(const struct gw_batch_result *result, void *data)
{
    struct run *run = data;
    if (result->status != GW_OK) {
        char text[API_SUBMISSION_DETAIL];
        const struct gw_submission_result failed = {
            .status = result->status, .problems = result->problems, .detail = result->detail};
        struct api_problem p = api_submission_problem(&failed, API_MALFORMED_JSON, text);
        api_problem_send(run->request, &p);
    } else if (run->failed_detail != NULL) {
        answer_failure(run);
    } else {
        const struct api_compat_results results = {.n = result->n,
                                                   .n_refused = run->n_refused,
                                                   .rehearsed = result->rehearsed,
                                                   .items = run->results};
        run->how.answer(run->request, &results);
    }
    free_run(run);
}

void api_compat_send_batch(struct api_request *r, const struct api_compat_batch *batch)
{
    struct run *run = gw_calloc(1, sizeof(*run));
    run->request = r;
    run->how = *batch;
    run->results = gw_calloc(GW_BATCH_MAX_ITEMS, sizeof(*run->results));
    struct gw_batch_options options = {.split = run->how.split,
                                       .decode = run->how.decode,
                                       .on_item = on_item,
                                       .on_done = on_done,
                                       .data = run,
                                       .api_key = r->api_key,
                                       .route = r->route->pattern,
                                       .idempotency_key = run->how.idempotency_key,
                                       .whole = run->how.strict};
    memcpy(options.traceparent, r->traceparent, sizeof(options.traceparent));
    api_request_hold(r, on_client_gone, run);
    run->batch = gw_gateway_submit_batch(r->context->gateway, r->body, &options);
}

enum gw_status api_compat_split_list(struct gw_arena *arena, struct gw_slice body,
                                     struct gw_slice list, size_t max, struct gw_batch_items *out,
                                     struct gw_problems *problems)
{
    struct gw_err err;
    struct gw_slice *items = GW_ARENA_ARRAY(arena, struct gw_slice, max);
    enum gw_status status = api_json_split_array(body, list, items, max, &out->n, &err);
    out->items = items;
    if (status == GW_PROTO)
        gw_problems_add(problems, "", GW_PROBLEM_VALUE, "%s", err.text);
    else if (status == GW_INVALID)
        gw_problems_add(problems, "", GW_PROBLEM_TYPE, "Must be a list.");
    else if (out->n == 0)
        gw_problems_add(problems, "", GW_PROBLEM_REQUIRED, "At least one message is required.");
    else if (out->n > max)
        gw_problems_add(problems, "", GW_PROBLEM_TOO_MANY, "At most %zu messages are taken.", max);
    return status == GW_OK && problems->n > 0 ? GW_INVALID : status;
}
