/* SPDX-License-Identifier: MIT */
/* The HTTP/2 guard: tells the policy the scene, and carries out its verdict on the library's frame.
 *
 * This file and h2_selfcheck.c alone read the library's internal structures. */
#include <h2o.h>
#include <h2o/http1.h>
#include <h2o/http2.h>
#include <h2o/http2_internal.h>

#include "api/h2_guard.h"

#include "api/connection.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_list.h"

_Static_assert((int)API_H2_DATA == H2O_HTTP2_FRAME_TYPE_DATA, "frame types are the library's");
_Static_assert((int)API_H2_CONTINUATION == H2O_HTTP2_FRAME_TYPE_CONTINUATION, "frame types");

static h2o_http2_conn_t *library_side(const struct api_connection *c)
{
    return c->sock->data;
}

static const h2o_http2_stream_t *stream_of(const h2o_req_t *req)
{
    const char *at = (const char *)req - offsetof(h2o_http2_stream_t, req);
    return (const h2o_http2_stream_t *)(const void *)at;
}

static enum api_h2_stream standing(const h2o_http2_stream_t *stream)
{
    if (stream == NULL || stream->state == H2O_HTTP2_STREAM_STATE_IDLE)
        return API_H2_STREAM_NONE;
    if (stream->state <= H2O_HTTP2_STREAM_STATE_RECV_BODY)
        return API_H2_STREAM_RECEIVING;
    return stream->state == H2O_HTTP2_STREAM_STATE_END_STREAM ? API_H2_STREAM_CLOSING
                                                              : API_H2_STREAM_ANSWERING;
}

/* --- verdicts --- */

/* What the library takes for an answer to a PING it did not send, and ignores. */
static void make_harmless(h2o_http2_frame_t *f)
{
    static const uint8_t nothing[8];
    *f = (h2o_http2_frame_t){.length = sizeof(nothing),
                             .type = H2O_HTTP2_FRAME_TYPE_PING,
                             .flags = H2O_HTTP2_FRAME_FLAG_ACK,
                             .payload = nothing};
}

/* Octets that the library will not see were still sent against the connection's window: account
 * for them as the library does, or the peer would run dry. */
static void give_back(h2o_http2_conn_t *conn, size_t octets)
{
    const ssize_t full = H2O_HTTP2_SETTINGS_HOST.initial_window_size;
    ssize_t left = conn->_input_window._avail - (ssize_t)octets;
    if (left * 2 < full) {
        h2o_http2_encode_window_update_frame(&conn->_write.buf, 0, (int32_t)(full - left));
        h2o_http2_conn_request_write(conn);
        left = full;
    }
    conn->_input_window._avail = left;
}

static void end_request(struct api_connection *c, h2o_http2_conn_t *conn,
                        h2o_http2_stream_t *stream, h2o_http2_frame_t *f,
                        const struct api_h2_verdict *v)
{
    PRE(stream != NULL); /* only the frames of a stream are judged so */
    const struct api_h2_frame whole = {f->length, f->stream_id, f->type, f->flags, f->payload};
    const uint8_t *data;
    size_t len;
    (void)api_h2_data(&whole, &data, &len);
    give_back(conn, f->length - v->keep);
    f->payload = data;
    f->length = (uint32_t)v->keep;
    f->flags = H2O_HTTP2_FRAME_FLAG_END_STREAM;
    stream->_expected_content_length = SIZE_MAX;
    if ((whole.flags & H2O_HTTP2_FRAME_FLAG_END_STREAM) == 0 || v->reason != API_GUARD_BODY_LIMIT)
        api_h2_mark_cut(&c->h2, f->stream_id, v->reason);
}

static void strip_priority(h2o_http2_frame_t *f)
{
    const struct api_h2_frame whole = {f->length, f->stream_id, f->type, f->flags, f->payload};
    const uint8_t *block;
    size_t len;
    (void)api_h2_field_block(&whole, &block, &len);
    f->payload = block;
    f->length = (uint32_t)len;
    f->flags &= (uint8_t) ~(H2O_HTTP2_FRAME_FLAG_PRIORITY | H2O_HTTP2_FRAME_FLAG_PADDED);
}

/* The library asserts that no stream that waits for its last write gets a window again. */
static void settle_closing(h2o_http2_conn_t *conn)
{
    for (khiter_t i = 0; i < kh_end(conn->streams); i++) {
        if (!kh_exist(conn->streams, i))
            continue;
        h2o_http2_stream_t *stream = kh_val(conn->streams, i);
        if (standing(stream) == API_H2_STREAM_CLOSING && stream->output_window._avail <= 0)
            stream->output_window._avail = 1;
    }
}

int api_h2_guard_frame(struct api_connection *c, struct st_h2o_http2_frame_t *f,
                       const char **err_desc)
{
    h2o_http2_conn_t *conn = library_side(c);
    h2o_http2_stream_t *stream =
        f->stream_id != 0 ? h2o_http2_conn_get_stream(conn, f->stream_id) : NULL;
    const struct api_h2_frame frame = {f->length, f->stream_id, f->type, f->flags, f->payload};
    const struct api_h2_scene scene = {
        .stream = standing(stream),
        .window = stream != NULL ? stream->output_window._avail : 0,
        .streams = c->n_h2_streams,
        .all_streams = c->acceptor->n_h2_streams,
        .body = stream != NULL && stream->_req_body != NULL ? stream->_req_body->size : 0,
        .body_limit = c->acceptor->context->cfg->limits.body_bytes,
        .room = api_connection_room(c),
        .now_ms = gw_clock_mono_ms()};
    struct api_h2_verdict v = api_h2_judge(&c->h2, &frame, &scene);
    bool harms = v.action == API_H2_KILL || v.action == API_H2_END;
    if (v.reason != API_GUARD_N_REASONS)
        api_guard_note(harms ? c : NULL, v.reason);
    switch (v.action) {
    case API_H2_PASS:
        break;
    case API_H2_STRIP:
        strip_priority(f);
        break;
    case API_H2_DISCARD:
        give_back(conn, f->length);
        make_harmless(f);
        return 0;
    case API_H2_IGNORE:
        make_harmless(f);
        return 0;
    case API_H2_END:
        end_request(c, conn, stream, f, &v);
        break;
    case API_H2_SETTLE:
        settle_closing(conn);
        break;
    case API_H2_KILL:
        *err_desc = api_guard_name(v.reason);
        return H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM;
    }
    if (f->type == H2O_HTTP2_FRAME_TYPE_HEADERS)
        c->end_stream = (f->flags & H2O_HTTP2_FRAME_FLAG_END_STREAM) != 0;
    if (f->type == H2O_HTTP2_FRAME_TYPE_DATA && scene.stream == API_H2_STREAM_RECEIVING) {
        c->body_octets += f->length;
        api_connection_set_receiving(c, c->receiving + f->length);
    }
    return 0;
}

/* --- headers --- */

int api_h2_guard_headers(const h2o_req_t *req, size_t content_length, int rc, const char **err_desc)
{
    struct api_connection *c = api_connection_of(req);
    const struct api_context *context = c->acceptor->context;
    enum api_guard_reason reason = API_GUARD_N_REASONS; /* the library's */
    if (rc == 0 && c->end_stream && content_length != SIZE_MAX && content_length > 0) {
        *err_desc = "content-length without a body"; /* RFC 9113 sec. 8.1.1 */
        rc = H2O_HTTP2_ERROR_INVALID_HEADER_CHAR;
    } else if (rc == 0 && content_length != SIZE_MAX) {
        size_t limit = context->cfg->limits.body_bytes;
        reason = content_length > limit                    ? API_GUARD_BODY_LIMIT
                 : content_length > api_connection_room(c) ? API_GUARD_BODY_BUDGET
                                                           : API_GUARD_N_REASONS;
        if (reason == API_GUARD_N_REASONS)
            return 0;
        api_guard_note(c, reason);
        *err_desc = api_guard_name(reason);
        rc = H2O_HTTP2_ERROR_INVALID_HEADER_CHAR;
    }
    /* The one error that is answered, not reset. The answer leaves while the body may still come: a
     * reset would overtake it. */
    if (rc == H2O_HTTP2_ERROR_INVALID_HEADER_CHAR)
        api_h2_mark_cut(&c->h2, stream_of(req)->stream_id, reason);
    return rc;
}

enum api_guard_reason api_h2_guard_cut(const h2o_req_t *req)
{
    enum api_guard_reason reason = API_GUARD_N_REASONS;
    const struct api_connection *c = api_connection_of(req);
    if (c->protocol != API_PROTOCOL_HTTP2 ||
        !api_h2_is_cut(&c->h2, stream_of(req)->stream_id, &reason))
        return API_GUARD_N_REASONS;
    return reason;
}

/* --- what the sweeper asks --- */

static bool waits_for_window(const h2o_http2_stream_t *stream)
{
    return stream->state == H2O_HTTP2_STREAM_STATE_SEND_BODY_IS_FINAL ||
           (stream->state == H2O_HTTP2_STREAM_STATE_SEND_BODY && stream->_data.size != 0);
}

static int64_t age_ms(const h2o_http2_conn_t *conn, const h2o_http2_stream_t *stream)
{
    struct timeval now = *h2o_get_timestamp(conn->super.ctx, NULL, NULL);
    const struct timeval *then = &stream->req.timestamps.request_begin_at;
    return (int64_t)(now.tv_sec - then->tv_sec) * 1000 + (now.tv_usec - then->tv_usec) / 1000;
}

void api_h2_guard_look(const struct api_connection *c, struct api_h2_state *out)
{
    const h2o_http2_conn_t *conn = library_side(c);
    *out = (struct api_h2_state){.closing = conn->state == H2O_HTTP2_CONN_STATE_IS_CLOSING};
    for (khiter_t i = 0; i < kh_end(conn->streams); i++) {
        if (!kh_exist(conn->streams, i))
            continue;
        const h2o_http2_stream_t *stream = kh_val(conn->streams, i);
        out->n_streams++;
        out->wants_write = out->wants_write || waits_for_window(stream);
        if (standing(stream) != API_H2_STREAM_RECEIVING)
            continue;
        int64_t age = age_ms(conn, stream);
        out->n_receiving++;
        out->receiving += stream->_req_body != NULL ? stream->_req_body->size : 0;
        if (age > out->oldest_receiving_ms)
            out->oldest_receiving_ms = age;
    }
}

bool api_h2_guard_retire(const struct api_connection *c)
{
    struct api_h2_state state;
    h2o_http2_conn_t *conn = library_side(c);
    api_h2_guard_look(c, &state);
    if (state.n_receiving > 0 || conn->state != H2O_HTTP2_CONN_STATE_OPEN)
        return false;
    h2o_http2_encode_goaway_frame(&conn->_write.buf, conn->pull_stream_ids.max_open,
                                  H2O_HTTP2_ERROR_NONE, h2o_iovec_init(H2O_STRLIT("age")));
    h2o_http2_conn_request_write(conn);
    conn->state = H2O_HTTP2_CONN_STATE_HALF_CLOSED;
    return true;
}
