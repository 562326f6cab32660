/* SPDX-License-Identifier: MIT */
/* One HTTP request: its lifetime, what handlers read of it, and its answer.
 *
 * A request is a shared allocation of the HTTP library's pool for it, so the pool's end is our
 * dispose hook, whatever ended it: answer written, client gone, stream reset. */
#include <h2o.h>

#include "api/request.h"

#include <ctype.h>
#include <poll.h>
#include <stdio.h>

#include "api/connection.h"
#include "api/h2_guard.h"
#include "api/metrics.h"
#include "api/problem.h"
#include "api/query.h"
#include "api/routes.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"
#include "gateway/base/gw_random.h"

static void finish(struct api_request *r)
{
    if (r->answered)
        return;
    r->answered = true;
    r->context->in_flight--;
}

/* A streamed answer. In the request's pool. */
struct api_stream {
    h2o_generator_t generator; /* first */
    struct api_request *request;
    void (*on_ready)(void *data);
    void *data;
    char *chunk; /* heap, on its way; NULL: none is */
    bool ending;
};

static void on_dispose(void *data)
{
    struct api_request *r = data;
    finish(r);
    api_connection_of(r->h2o)->n_requests--;
    if (r->stream != NULL) {
        api_connection_of(r->h2o)->n_streams--;
        gw_free(r->stream->chunk);
    }
    r->context->body_bytes -= r->body.len;
    void (*on_gone)(void *) = r->on_gone;
    r->on_gone = NULL;
    if (on_gone != NULL)
        on_gone(r->on_gone_data);
    cfg_unref(&r->cfg);
}

static struct gw_slice slice_of(h2o_iovec_t v)
{
    return gw_slice_of(v.base, v.len);
}

struct api_request *api_request_new(struct api_context *context, struct st_h2o_req_t *h2o)
{
    struct api_request *r = h2o_mem_alloc_shared(&h2o->pool, sizeof(*r), on_dispose);
    *r = (struct api_request){.context = context,
                              .cfg = cfg_ref(context->cfg),
                              .method = slice_of(h2o->method),
                              .path = slice_of(h2o->path),
                              .body = slice_of(h2o->entity),
                              .has_body = h2o->version >= 0x200 || h2o->entity.base != NULL,
                              .target = slice_of(h2o->path),
                              .authority = slice_of(h2o->authority),
                              .params = {"", ""},
                              .param = "",
                              .h2o = h2o,
                              .started_us = gw_clock_mono_us()};
    if (h2o->query_at != SIZE_MAX && h2o->query_at < h2o->path.len) {
        r->path.len = h2o->query_at;
        r->query =
            gw_slice_of(h2o->path.base + h2o->query_at + 1, h2o->path.len - h2o->query_at - 1);
    }
    api_connection_of(h2o)->n_requests++;
    api_connection_of(h2o)->requests++;
    context->in_flight++;
    context->body_bytes += r->body.len;
    struct gw_slice given = {0};
    size_t n = api_request_headers(r, "x-request-id", &given, 1);
    api_request_id_choose(n == 1 ? given : (struct gw_slice){0}, r->id);
    if (api_request_headers(r, "traceparent", &given, 1) == 1 && api_traceparent_valid(given))
        memcpy(r->traceparent, given.data, given.len);
    return r;
}

static const char *body_limit_text(struct api_request *r)
{
    char text[96];
    int len = snprintf(text, sizeof(text), "The body is too large; at most %zu bytes are taken.",
                       r->context->cfg->limits.body_bytes);
    return api_request_strdup(r, gw_slice_of(text, (size_t)len));
}

bool api_request_refused(struct api_request *r, struct api_problem *problem_out)
{
    struct api_connection *c = api_connection_of(r->h2o);
    enum api_http1_fault fault = c->http1.fault;
    if (api_h2_guard_cut(r->h2o) == API_GUARD_BODY_BUDGET)
        fault = API_HTTP1_NO_ROOM;
    if (fault == API_HTTP1_SOUND)
        return false;
    *problem_out = (struct api_problem){
        .code = api_http1_fault_code(fault),
        .detail = fault == API_HTTP1_TOO_LARGE ? body_limit_text(r) : api_http1_fault_text(fault)};
    if (c->protocol == API_PROTOCOL_HTTP1) {
        r->h2o->http1_is_persistent = 0;
        api_connection_linger(c);
    }
    return true;
}

const char *api_request_tenant(const struct api_request *r)
{
    return r->api_key != NULL ? r->api_key->id : "";
}

size_t api_request_headers(const struct api_request *r, const char *name, struct gw_slice *out,
                           size_t max)
{
    size_t n = 0;
    size_t name_len = strlen(name);
    const h2o_headers_t *headers = &r->h2o->headers;
    for (size_t i = 0; i < headers->size; i++) {
        const h2o_header_t *h = &headers->entries[i];
        if (!h2o_memis(h->name->base, h->name->len, name, name_len))
            continue;
        if (n < max)
            out[n] = slice_of(h->value);
        n++;
    }
    return n;
}

const char *api_request_query(struct api_request *r, const char *name)
{
    char value[API_MAX_QUERY_VALUE + 1];
    size_t len;
    if (!api_query_find(r->query, name, value, sizeof(value), &len))
        return NULL;
    return api_request_strdup(r, gw_slice_of(value, len));
}

struct gw_slice api_request_scheme(const struct api_request *r)
{
    return slice_of(r->h2o->scheme->name);
}

char *api_request_strdup(struct api_request *r, struct gw_slice s)
{
    char *copy = h2o_mem_alloc_pool(&r->h2o->pool, s.len + 1);
    memcpy(copy, s.data, s.len);
    copy[s.len] = '\0';
    return copy;
}

void api_request_hold(struct api_request *r, void (*on_gone)(void *data), void *data)
{
    PRE(!r->answered && on_gone != NULL);
    r->on_gone = on_gone;
    r->on_gone_data = data;
}

void api_request_release(struct api_request *r)
{
    r->on_gone = NULL;
}

void api_set_header(struct api_request *r, const char *name, const char *value)
{
    h2o_iovec_t copy = h2o_strdup(&r->h2o->pool, value, SIZE_MAX);
    h2o_add_header_by_str(&r->h2o->pool, &r->h2o->res.headers, name, strlen(name), 1, NULL,
                          copy.base, copy.len);
}

static void report_answer(const struct api_request *r, unsigned status)
{
    int64_t duration_us = gw_clock_mono_us() - r->started_us;
    api_metrics_answered(r, status, duration_us);
    enum gw_log_level level = status < 400 ? GW_LOG_DEBUG : GW_LOG_INFO;
    gw_log(level, "http_request", GW_LOG_STR("request_id", r->id),
           GW_LOG_STR("route", r->route != NULL ? r->route->pattern : ""),
           GW_LOG_NUM("status", status), GW_LOG_NUM("duration_us", duration_us),
           GW_LOG_STR("api_key", r->api_key != NULL ? r->api_key->id : ""),
           GW_LOG_STR("traceparent", r->traceparent));
}

/* Status and headers of whatever is answered. */
static void set_head(struct api_request *r, unsigned status, const char *content_type)
{
    h2o_req_t *h2o = r->h2o;
    report_answer(r, status);
    h2o->res.status = (int)status;
    h2o->res.reason = api_reason(status);
    if (content_type != NULL)
        api_set_header(r, "content-type", content_type);
    api_set_header(r, "x-request-id", r->id);
    api_set_header(r, "x-content-type-options", "nosniff");
    if (r->traceparent[0] != '\0')
        api_set_header(r, "traceparent", r->traceparent);
    if (r->context->draining)
        h2o->http1_is_persistent = 0;
}

/* The one place where whole answers leave. @body lives at least as long as the request's pool. */
static void send_answer(struct api_request *r, unsigned status, const char *content_type,
                        h2o_iovec_t body)
{
    static h2o_generator_t no_generator; /* nothing to proceed or stop: the answer is whole */
    h2o_req_t *h2o = r->h2o;
    if (gw_fails_check(!r->answered && r->stream == NULL))
        return;
    finish(r);
    r->on_gone = NULL;
    if (status != 204) /* RFC 9110 sec. 8.6 */
        h2o->res.content_length = body.len;
    set_head(r, status, content_type);
    bool head = gw_slice_is(r->method, "HEAD");
    h2o_start_response(h2o, &no_generator);
    h2o_send(h2o, &body, head || body.len == 0 ? 0 : 1, H2O_SEND_STATE_FINAL);
}

struct owned_body {
    char *data;
};

static void free_owned_body(void *data)
{
    gw_free(((struct owned_body *)data)->data);
}

void api_answer(struct api_request *r, unsigned status, const char *content_type,
                struct gw_buf *body)
{
    if (body->overflowed) {
        gw_buf_deinit(body);
        api_problem(r, API_INTERNAL, "The answer is larger than the server may send.");
        return;
    }
    struct owned_body *owned = h2o_mem_alloc_shared(&r->h2o->pool, sizeof(*owned), free_owned_body);
    h2o_iovec_t bytes;
    owned->data = gw_buf_take(body, &bytes.len);
    bytes.base = owned->data;
    gw_buf_deinit(body);
    send_answer(r, status, content_type, bytes);
}

void api_answer_json(struct api_request *r, unsigned status, struct gw_buf *body)
{
    api_set_header(r, "cache-control", "no-store");
    api_answer(r, status, "application/json", body);
}

void api_answer_static(struct api_request *r, unsigned status, const char *content_type,
                       struct gw_slice body)
{
    send_answer(r, status, content_type, h2o_iovec_init(body.data, body.len));
}

void api_answer_empty(struct api_request *r, unsigned status)
{
    send_answer(r, status, NULL, h2o_iovec_init(NULL, 0));
}

/* --- streamed answers --- */

static void send_last(struct api_request *r)
{
    finish(r);
    h2o_send(r->h2o, NULL, 0, H2O_SEND_STATE_FINAL);
}

static void on_proceed(h2o_generator_t *generator, h2o_req_t *h2o)
{
    struct api_stream *s = (struct api_stream *)(void *)generator;
    (void)h2o;
    gw_free(s->chunk);
    s->chunk = NULL;
    if (s->ending)
        send_last(s->request);
    else
        s->on_ready(s->data);
}

void api_stream_start(struct api_request *r, const char *content_type, void (*on_ready)(void *data),
                      void *data)
{
    PRE(!r->answered && r->on_gone != NULL && r->stream == NULL);
    r->stream = h2o_mem_alloc_pool(&r->h2o->pool, sizeof(*r->stream));
    *r->stream = (struct api_stream){
        .generator = {.proceed = on_proceed}, .request = r, .on_ready = on_ready, .data = data};
    api_connection_of(r->h2o)->n_streams++;
    if (r->h2o->version < 0x101)
        r->h2o->http1_is_persistent = 0; /* nothing but the close tells where it ends */
    set_head(r, 200, content_type);
    h2o_start_response(r->h2o, &r->stream->generator);
}

void api_stream_send(struct api_request *r, struct gw_buf *chunk)
{
    h2o_iovec_t bytes;
    PRE(r->stream->chunk == NULL && !r->stream->ending && chunk->len > 0 && !chunk->overflowed);
    r->stream->chunk = gw_buf_take(chunk, &bytes.len);
    bytes.base = r->stream->chunk;
    gw_buf_deinit(chunk);
    h2o_send(r->h2o, &bytes, 1, H2O_SEND_STATE_IN_PROGRESS);
}

bool api_stream_busy(const struct api_request *r)
{
    return r->stream->chunk != NULL;
}

void api_stream_end(struct api_request *r)
{
    r->on_gone = NULL;
    r->stream->ending = true;
    if (r->stream->chunk == NULL)
        send_last(r);
}

void api_stream_abort(struct api_request *r)
{
    api_connection_end(api_connection_of(r->h2o), API_GUARD_SEND_RATE);
}

bool api_stream_left(const struct api_request *r)
{
    h2o_socket_t *sock = api_connection_of(r->h2o)->sock;
    struct pollfd p = {.fd = h2o_socket_get_fd(sock), .events = POLLRDHUP};
    return poll(&p, 1, 0) == 1;
}

size_t api_stream_siblings(const struct api_request *r)
{
    return api_connection_of(r->h2o)->n_streams;
}

const char *api_reason(unsigned status)
{
    static const struct {
        unsigned status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {411, "Length Required"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
    };
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].status == status)
            return reasons[i].reason;
    }
    return "Unknown";
}

void api_request_id_choose(struct gw_slice given, char out[API_MAX_REQUEST_ID + 1])
{
    bool good = given.len > 0 && given.len <= API_MAX_REQUEST_ID;
    for (size_t i = 0; good && i < given.len; i++) {
        unsigned char c = (unsigned char)given.data[i];
        good = c < 0x80 && (isalnum(c) || c == '.' || c == '_' || c == '-');
    }
    if (!good) {
        gw_uuid_v7(gw_clock_wall_ms(), out);
        return;
    }
    memcpy(out, given.data, given.len);
    out[given.len] = '\0';
}

bool api_traceparent_valid(struct gw_slice value)
{
    static const char shape[] = "00-11111111111111111111111111111111-2222222222222222-00";
    if (value.len != API_TRACEPARENT_LENGTH || memcmp(value.data, "ff", 2) == 0)
        return false;
    bool trace_id = false;
    bool parent_id = false;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.data[i];
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (shape[i] == '-' ? c != '-' : !hex)
            return false;
        trace_id = trace_id || (shape[i] == '1' && c != '0');
        parent_id = parent_id || (shape[i] == '2' && c != '0');
    }
    return trace_id && parent_id;
}
