/* SPDX-License-Identifier: MIT */
/* The HTTP/1 guard. */
#include "api/http1_guard.h"

#include <stdio.h>

#include "api/http_limits.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_mem.h"

enum {
    MAX_FIELDS = H2O_MAX_HEADERS,
    MAX_FAREWELL = 4096
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The library leaves white space behind values, which is not part of them (RFC 9110 sec. 5.5). */
static void trim(struct api_phr_field *f)
{
    while (f->value_len > 0 && is_blank(f->value[f->value_len - 1]))
        f->value_len--;
}

static enum api_http1_fault judge(const char *input, int head_len, struct api_phr_field *fields,
                                  size_t n_fields, int minor_version, struct api_http1_state *out)
{
    struct api_http1_field copies[MAX_FIELDS];
    for (size_t i = 0; i < n_fields; i++) {
        trim(&fields[i]);
        copies[i].name = gw_slice_of(fields[i].name, fields[i].name_len);
        copies[i].value = gw_slice_of(fields[i].value, fields[i].value_len);
    }
    return api_http1_judge(&(struct api_http1_head){.raw = gw_slice_of(input, (size_t)head_len),
                                                    .minor_version = minor_version,
                                                    .fields = copies,
                                                    .n_fields = n_fields},
                           out);
}

int api_http1_guard_head(const char *input, size_t len, int rc, struct api_phr_field *fields,
                         size_t *n_fields, int *minor_version)
{
    struct api_http1_state state = {0};
    struct api_connection *c = api_connection_parsing(input);
    enum api_http1_fault fault = API_HTTP1_SOUND;
    if (c == NULL || (rc == -2 && len <= API_MAX_HEAD))
        return rc;
    if (rc < 0)
        fault = rc == -2 ? API_HTTP1_HEAD : api_http1_diagnose(gw_slice_of(input, len));
    else
        fault = judge(input, rc, fields, *n_fields, *minor_version, &state);
    c->http1 = state;
    c->http1.body_octets = len - (rc > 0 ? (size_t)rc : len);
    c->http1.body_since_ms = gw_clock_mono_ms();
    c->body_octets += c->http1.body_octets;
    if (fault == API_HTTP1_SOUND)
        fault = state.content_length > c->acceptor->context->cfg->limits.body_bytes
                    ? API_HTTP1_TOO_LARGE
                : state.content_length > api_connection_room(c) ? API_HTTP1_NO_ROOM
                                                                : API_HTTP1_SOUND;
    if (fault == API_HTTP1_SOUND)
        return rc;
    api_guard_note(c, api_http1_fault_reason(fault));
    c->http1 = (struct api_http1_state){.fault = fault};
    *n_fields = 0;
    *minor_version = 1;
    return rc > 0 ? rc : (int)len;
}

bool api_http1_guard_read(struct api_connection *c)
{
    size_t read = c->sock->bytes_read;
    if (!c->http1.in_body)
        return true;
    c->http1.body_octets += read;
    c->body_octets += read;
    size_t most = c->sock->input->size * API_CHUNK_OVERHEAD_TIMES + API_CHUNK_OVERHEAD_OCTETS;
    enum api_http1_fault fault = c->http1.chunked && c->http1.body_octets > most ? API_HTTP1_CHUNKS
                                 : read > api_connection_room(c)                 ? API_HTTP1_NO_ROOM
                                                                                 : API_HTTP1_SOUND;
    if (fault == API_HTTP1_SOUND)
        return true;
    api_guard_note(c, api_http1_fault_reason(fault));
    return !api_http1_guard_answer_late(c, fault);
}

/* --- an answer that the library knows nothing of --- */

static size_t render(enum api_http1_fault fault, char **out)
{
    char id[API_MAX_REQUEST_ID + 1];
    const struct api_problem p = {.code = api_http1_fault_code(fault),
                                  .detail = api_http1_fault_text(fault)};
    char retry_after[48] = "";
    struct gw_buf body;
    gw_buf_init(&body, MAX_FAREWELL / 2);
    api_request_id_choose((struct gw_slice){0}, id);
    api_problem_render(&p, GW_SLICE_LIT(""), id, true, &body);
    if (api_problem_retry_after(&p) > 0)
        (void)snprintf(retry_after, sizeof(retry_after), "retry-after: %ld\r\n",
                       api_problem_retry_after(&p));
    unsigned status = api_code_status(p.code);
    char *text = gw_malloc(MAX_FAREWELL);
    int len =
        snprintf(text, MAX_FAREWELL,
                 "HTTP/1.1 %u %s\r\nConnection: close\r\nContent-Length: %zu\r\n"
                 "content-type: application/problem+json\r\nx-request-id: %s\r\n%s\r\n%.*s",
                 status, api_reason(status), body.len, id, retry_after, (int)body.len, body.data);
    gw_buf_deinit(&body);
    *out = text;
    return (size_t)len;
}

/* The library closes a connection whose reading fails, whatever it was doing. */
static void on_farewell_written(h2o_socket_t *sock, const char *err)
{
    struct api_connection *c = sock->on_close.data;
    (void)err;
    c->on_read(sock, "answered by us");
}

bool api_http1_guard_answer_late(struct api_connection *c, enum api_http1_fault fault)
{
    bool waiting = c->protocol == API_PROTOCOL_HTTP1 && !c->library_let_go && c->http1.in_body &&
                   !h2o_socket_is_writing(c->sock) && c->farewell == NULL;
    if (!waiting)
        return false;
    h2o_iovec_t bytes;
    bytes.len = render(fault, &c->farewell);
    bytes.base = c->farewell;
    c->ending = true;
    c->http1.in_body = false;
    h2o_socket_read_stop(c->sock);
    api_connection_linger(c);
    h2o_socket_write(c->sock, &bytes, 1, on_farewell_written);
    return true;
}
