/* SPDX-License-Identifier: MIT */
/* Problem documents. */
#include "api/problem.h"

#include <stdarg.h>
#include <stdio.h>

#include "api/facade.h"
#include "api/json_write.h"
#include "api/message_view.h"

enum {
    MAX_DOCUMENT = 16 << 20, /* a message with many recipients inside */
    DETAIL_SIZE = 512
};

struct code_info {
    const char *name;
    unsigned status;
    const char *title;
    bool retryable;
};

static const struct code_info codes[API_N_CODES] = {
#define API_CODE_INFO(name, code, status, title, retryable) \
    [name] = {(code), (status), (title), (retryable)},
    API_CODE_TABLE(API_CODE_INFO)
#undef API_CODE_INFO
};

unsigned api_code_status(enum api_code code)
{
    return codes[code].status;
}

const char *api_code_name(enum api_code code)
{
    return codes[code].name;
}

const char *api_code_title(enum api_code code)
{
    return codes[code].title;
}

long api_problem_retry_after(const struct api_problem *p)
{
    unsigned status = codes[p->code].status;
    if (p->retry_after_s > 0)
        return p->retry_after_s;
    if (p->code == API_DRAINING)
        return API_RETRY_AFTER_DRAIN_S;
    if (p->code == API_STORAGE_FULL)
        return API_RETRY_AFTER_FULL_S;
    return (status == 409 && codes[p->code].retryable) || status == 429 || status == 503
               ? API_RETRY_AFTER_OVERLOAD_S
               : 0;
}

static void render_errors(struct api_json *j, const struct gw_problems *problems)
{
    api_json_begin_array(j, "errors");
    for (size_t i = 0; i < problems->n; i++) {
        const struct gw_problem *p = &problems->items[i];
        api_json_begin_object(j, NULL);
        api_json_str(j, "pointer", p->pointer);
        api_json_str(j, "code", p->code);
        api_json_str(j, "detail", p->detail);
        api_json_end_object(j);
    }
    api_json_end_array(j);
}

void api_problem_render(const struct api_problem *p, struct gw_slice instance,
                        const char *request_id, bool durable, struct gw_buf *out)
{
    const struct code_info *code = &codes[p->code];
    struct api_json j = {.out = out};
    if (instance.len > API_MAX_INSTANCE)
        instance.len = API_MAX_INSTANCE;
    api_json_begin_object(&j, NULL);
    api_json_str(&j, "type", "about:blank");
    api_json_str(&j, "title", code->title);
    api_json_num(&j, "status", code->status);
    api_json_str(&j, "code", code->name);
    api_json_str(&j, "detail", p->detail != NULL ? p->detail : code->title);
    api_json_slice(&j, "instance", instance);
    api_json_str(&j, "request_id", request_id);
    api_json_bool(&j, "retryable", code->retryable);
    if (p->errors != NULL)
        render_errors(&j, p->errors);
    if (p->message != NULL)
        api_message_view(&j, "message", p->message, durable);
    api_json_end_object(&j);
}

void api_problem_send(struct api_request *r, const struct api_problem *p)
{
    long retry_after_s = api_problem_retry_after(p);
    if (retry_after_s > 0) {
        char seconds[24];
        (void)snprintf(seconds, sizeof(seconds), "%ld", retry_after_s);
        api_set_header(r, "retry-after", seconds);
    }
    if (r->facade != NULL) {
        api_facade_refuse(r, p);
        return;
    }
    struct gw_buf body;
    gw_buf_init(&body, MAX_DOCUMENT);
    bool durable = p->message != NULL && gw_gateway_durable(r->context->gateway);
    api_problem_render(p, r->path, r->id, durable, &body);
    api_answer(r, codes[p->code].status, "application/problem+json", &body);
}

void api_problem(struct api_request *r, enum api_code code, const char *fmt, ...)
{
    char detail[DETAIL_SIZE];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(detail, sizeof(detail), fmt, ap);
    va_end(ap);
    api_problem_send(r, &(struct api_problem){.code = code, .detail = detail});
}
