/* SPDX-License-Identifier: MIT */
/* Functions that the HTTP library calls through the dynamic linker and finds here first. Each looks
 * at what passes and goes on to the library's own.
 *
 * Alone in its file: the linker takes it because of `-u` (CMakeLists.txt), which also exports the
 * names and fails the build when one is missing; a test of a process without guard brings
 * definitions of its own instead. Whether all this is in effect is found out at start
 * (h2_selfcheck.c), not believed. */
#include <dlfcn.h>

#include <h2o.h>
#include <h2o/http1.h>
#include <h2o/http2.h>
#include <h2o/http2_internal.h>

#include "api/connection.h"
#include "api/h2_guard.h"
#include "api/http1_guard.h"
#include "api/large_buffer.h"
#include "api/small_buffer.h"

/* NOLINTBEGIN(readability-identifier-naming, readability-function-size): the libraries' names */

/* The definition that would have been found without ours. */
#define NEXT(name) \
    static __typeof__(&(name)) next; \
    if (next == NULL) \
    *(void **)&next = dlsym(RTLD_NEXT, #name)

#define EXPORTED __attribute__((visibility("default")))

EXPORTED int phr_parse_request(const char *buf, size_t len, const char **method, size_t *method_len,
                               const char **path, size_t *path_len, int *minor_version,
                               struct api_phr_field *headers, size_t *num_headers, size_t last_len);

EXPORTED void h2o_http1_accept(h2o_accept_ctx_t *ctx, h2o_socket_t *sock,
                               struct timeval connected_at)
{
    NEXT(h2o_http1_accept);
    api_connection_accept_begin(sock, API_PROTOCOL_HTTP1);
    next(ctx, sock, connected_at);
    api_connection_accept_end();
}

EXPORTED void h2o_http2_accept(h2o_accept_ctx_t *ctx, h2o_socket_t *sock,
                               struct timeval connected_at)
{
    NEXT(h2o_http2_accept);
    api_connection_accept_begin(sock, API_PROTOCOL_HTTP2);
    next(ctx, sock, connected_at);
    api_connection_accept_end();
}

EXPORTED void h2o_socket_read_start(h2o_socket_t *sock, h2o_socket_cb cb)
{
    NEXT(h2o_socket_read_start);
    next(sock, api_connection_on_read_start(sock, cb));
    api_connection_reads(sock);
}

EXPORTED void h2o_socket_close(h2o_socket_t *sock)
{
    NEXT(h2o_socket_close);
    api_connection_let_go(sock);
    next(sock);
}

EXPORTED ssize_t h2o_http2_decode_frame(h2o_http2_frame_t *frame, const uint8_t *src, size_t len,
                                        const h2o_http2_settings_t *host_settings,
                                        const char **err_desc)
{
    NEXT(h2o_http2_decode_frame);
    ssize_t consumed = next(frame, src, len, host_settings, err_desc);
    if (consumed < 0)
        return consumed;
    struct api_connection *c = api_connection_parsing(src);
    if (c == NULL)
        return H2O_HTTP2_ERROR_INTERNAL; /* nothing passes unseen */
    int error = api_h2_guard_frame(c, frame, err_desc);
    return error < 0 ? error : consumed;
}

EXPORTED int h2o_hpack_parse_headers(h2o_req_t *req, h2o_hpack_header_table_t *header_table,
                                     const uint8_t *src, size_t len, int *pseudo_header_exists_map,
                                     size_t *content_length, h2o_cache_digests_t **digests,
                                     const char **err_desc)
{
    NEXT(h2o_hpack_parse_headers);
    int rc = next(req, header_table, src, len, pseudo_header_exists_map, content_length, digests,
                  err_desc);
    bool trailers = pseudo_header_exists_map == NULL;
    return trailers ? rc : api_h2_guard_headers(req, *content_length, rc, err_desc);
}

EXPORTED void h2o_http2_conn_register_stream(h2o_http2_conn_t *conn, h2o_http2_stream_t *stream)
{
    NEXT(h2o_http2_conn_register_stream);
    next(conn, stream);
    api_connection_count_stream(conn->sock, true);
}

EXPORTED void h2o_http2_conn_unregister_stream(h2o_http2_conn_t *conn, h2o_http2_stream_t *stream)
{
    NEXT(h2o_http2_conn_unregister_stream);
    next(conn, stream);
    api_connection_count_stream(conn->sock, false);
}

int phr_parse_request(const char *buf, size_t len, const char **method, size_t *method_len,
                      const char **path, size_t *path_len, int *minor_version,
                      struct api_phr_field *headers, size_t *num_headers, size_t last_len)
{
    NEXT(phr_parse_request);
    int rc = next(buf, len, method, method_len, path, path_len, minor_version, headers, num_headers,
                  last_len);
    int guarded = api_http1_guard_head(buf, len, rc, headers, num_headers, minor_version);
    if (rc < 0 && guarded > 0) { /* something to answer, although nothing was understood */
        *method = "GET";
        *method_len = 3;
        *path = "/";
        *path_len = 1;
    }
    return guarded;
}

EXPORTED h2o_iovec_t h2o_buffer_reserve(h2o_buffer_t **inbuf, size_t min_guarantee)
{
    NEXT(h2o_buffer_reserve);
    api_small_buffer_begin(inbuf, min_guarantee);
    api_large_buffer_grow(inbuf, min_guarantee);
    return api_large_buffer_room(*inbuf, next(inbuf, min_guarantee), min_guarantee);
}

/* Writing nothing is an assertion in libuv, and the HTTP library does it when TLS failed under it.
 * It does not look at what this returns either: it would wait for ever for the end of the write. */
EXPORTED int uv_write(uv_write_t *req, uv_stream_t *handle, const uv_buf_t bufs[],
                      unsigned int nbufs, uv_write_cb cb)
{
    if (nbufs == 0)
        api_guard_note(NULL, API_GUARD_EMPTY_WRITE);
    int rc = nbufs == 0 ? UV_EINVAL : uv_write2(req, handle, bufs, nbufs, NULL, cb);
    if (rc != 0)
        api_connection_write_refused(handle);
    return rc;
}

/* NOLINTEND(readability-identifier-naming, readability-function-size) */
