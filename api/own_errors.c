/* SPDX-License-Identifier: MIT */
/* The filter that turns the HTTP library's plain-text errors into problem documents. */
#include <h2o.h>

#include "api/own_errors.h"

#include <stdio.h>

#include "api/connection.h"
#include "api/facade.h"
#include "api/h2_guard.h"
#include "api/problem.h"

enum {
    MAX_OWN_ERROR = 4096
};

struct error_filter {
    h2o_filter_t super;
    struct api_context *context;
};

struct error_stream {
    h2o_ostream_t super;
    h2o_iovec_t document;
};

static enum api_code code_of(const h2o_req_t *req)
{
    enum api_guard_reason cut = api_h2_guard_cut(req);
    if (cut == API_GUARD_BODY_LIMIT)
        return API_BODY_TOO_LARGE;
    if (cut == API_GUARD_BODY_BUDGET)
        return API_OVERLOADED;
    switch (req->res.status) {
    case 404:
        return API_NOT_FOUND;
    case 413:
        return API_BODY_TOO_LARGE;
    case 417:
        return API_EXPECTATION_FAILED;
    default:
        return req->res.status < 500 ? API_BAD_REQUEST : API_INTERNAL;
    }
}

/* The library's text is replaced by ours; it always comes whole. */
static void send_document(h2o_ostream_t *stream, h2o_req_t *req, h2o_iovec_t *bufs, size_t n_bufs,
                          h2o_send_state_t state)
{
    struct error_stream *self = (struct error_stream *)(void *)stream;
    (void)bufs;
    size_t n = n_bufs > 0 && self->document.len > 0 ? 1 : 0;
    h2o_iovec_t document = self->document;
    self->document.len = 0;
    h2o_ostream_send_next(stream, req, &document, n, state);
}

/* The document of one error, and what goes with it. */
struct own_error {
    unsigned status;
    const char *content_type;
    h2o_iovec_t document;
};

/* As the facade says it that the path is in, if any. */
static void render_problem(h2o_req_t *req, const struct api_problem *p, const char *request_id,
                           struct own_error *out, struct gw_buf *text)
{
    struct gw_slice path =
        gw_slice_of(req->path.base, req->query_at < req->path.len ? req->query_at : req->path.len);
    const struct api_facade *f = api_facade_find(path, NULL);
    out->status = api_code_status(p->code);
    out->content_type = "application/problem+json";
    if (f == NULL) {
        api_problem_render(p, path, request_id, true, text);
        return;
    }
    char message[API_FACADE_MAX_MESSAGE];
    struct api_facade_refusal refusal;
    api_facade_say(f, p, request_id, message, &refusal);
    f->render(&refusal, text);
    out->status = api_facade_status(&refusal);
    out->content_type = f->content_type;
    const char *name = api_facade_name(&refusal);
    if (f->error_header != NULL && name != NULL)
        h2o_add_header_by_str(&req->pool, &req->res.headers, f->error_header,
                              strlen(f->error_header), 0, NULL, name, strlen(name));
}

static struct own_error render(h2o_req_t *req, const struct api_context *context,
                               enum api_code code, const char *request_id)
{
    struct own_error error;
    char detail[128] = "";
    struct api_problem p = {.code = code};
    if (code == API_BODY_TOO_LARGE) {
        (void)snprintf(detail, sizeof(detail),
                       "The body is too large; at most %zu bytes are taken.",
                       context->cfg->limits.body_bytes);
        p.detail = detail;
    }
    struct gw_buf text;
    gw_buf_init(&text, MAX_OWN_ERROR);
    render_problem(req, &p, request_id, &error, &text);
    error.document = h2o_strdup(&req->pool, text.data, text.len);
    gw_buf_deinit(&text);
    return error;
}

static void on_setup(h2o_filter_t *filter, h2o_req_t *req, h2o_ostream_t **slot)
{
    struct error_filter *self = (struct error_filter *)(void *)filter;
    /* Every answer of ours carries this header. */
    bool ours = h2o_find_header_by_str(&req->res.headers, H2O_STRLIT("x-request-id"), -1) != -1;
    if (!ours && req->res.status >= 400) {
        char request_id[API_MAX_REQUEST_ID + 1];
        api_request_id_choose((struct gw_slice){0}, request_id);
        h2o_iovec_t id = h2o_strdup(&req->pool, request_id, SIZE_MAX);
        enum api_code code = code_of(req);
        struct error_stream *stream = (void *)h2o_add_ostream(req, sizeof(*stream), slot);
        slot = &stream->super.next;
        stream->super.do_send = send_document;
        struct own_error error = render(req, self->context, code, request_id);
        stream->document = error.document;
        if (req->version < 0x200)
            api_connection_linger(api_connection_of(req)); /* the body may still be on its way */
        req->res.status = (int)error.status;
        req->res.reason = api_reason(error.status);
        req->res.content_length = stream->document.len;
        h2o_set_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, error.content_type,
                       strlen(error.content_type), 1);
        h2o_add_header_by_str(&req->pool, &req->res.headers, H2O_STRLIT("x-request-id"), 0, NULL,
                              id.base, id.len);
    }
    h2o_setup_next_ostream(req, slot);
}

void api_own_errors_register(struct st_h2o_pathconf_t *path, struct api_context *context)
{
    struct error_filter *filter = (void *)h2o_create_filter(path, sizeof(*filter));
    filter->super.on_setup_ostream = on_setup;
    filter->context = context;
}
