/* SPDX-License-Identifier: MIT */
/* A process in which the library's calls do not reach the guard: the definitions here take the
 * place of api/interpose.c's and only go on to the library's. HTTP/2 must not be offered then. */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define H2O_USE_LIBUV 1
#include <h2o.h>
#include <h2o/http1.h>
#include <h2o/http2.h>

#include "api/h2_selfcheck.h"

/* NOLINTBEGIN(readability-identifier-naming, readability-function-size): the libraries' names */

#define NEXT(name) \
    static __typeof__(&(name)) next; \
    if (next == NULL) \
    *(void **)&next = dlsym(RTLD_NEXT, #name)

#define EXPORTED __attribute__((visibility("default")))

EXPORTED void h2o_http1_accept(h2o_accept_ctx_t *ctx, h2o_socket_t *sock,
                               struct timeval connected_at)
{
    NEXT(h2o_http1_accept);
    next(ctx, sock, connected_at);
}

EXPORTED void h2o_http2_accept(h2o_accept_ctx_t *ctx, h2o_socket_t *sock,
                               struct timeval connected_at)
{
    NEXT(h2o_http2_accept);
    next(ctx, sock, connected_at);
}

EXPORTED void h2o_socket_read_start(h2o_socket_t *sock, h2o_socket_cb cb)
{
    NEXT(h2o_socket_read_start);
    next(sock, cb);
}

EXPORTED void h2o_socket_close(h2o_socket_t *sock)
{
    NEXT(h2o_socket_close);
    next(sock);
}

EXPORTED ssize_t h2o_http2_decode_frame(void *frame, const uint8_t *src, size_t len,
                                        const void *settings, const char **err_desc);
ssize_t h2o_http2_decode_frame(void *frame, const uint8_t *src, size_t len, const void *settings,
                               const char **err_desc)
{
    NEXT(h2o_http2_decode_frame);
    return next(frame, src, len, settings, err_desc);
}

EXPORTED int h2o_hpack_parse_headers(h2o_req_t *req, void *table, const uint8_t *src, size_t len,
                                     int *pseudo_headers, size_t *content_length, void *digests,
                                     const char **err_desc);
int h2o_hpack_parse_headers(h2o_req_t *req, void *table, const uint8_t *src, size_t len,
                            int *pseudo_headers, size_t *content_length, void *digests,
                            const char **err_desc)
{
    NEXT(h2o_hpack_parse_headers);
    return next(req, table, src, len, pseudo_headers, content_length, digests, err_desc);
}

EXPORTED int phr_parse_request(const char *buf, size_t len, const char **method, size_t *method_len,
                               const char **path, size_t *path_len, int *minor_version,
                               void *headers, size_t *num_headers, size_t last_len);
int phr_parse_request(const char *buf, size_t len, const char **method, size_t *method_len,
                      const char **path, size_t *path_len, int *minor_version, void *headers,
                      size_t *num_headers, size_t last_len)
{
    NEXT(phr_parse_request);
    return next(buf, len, method, method_len, path, path_len, minor_version, headers, num_headers,
                last_len);
}

EXPORTED void h2o_http2_conn_register_stream(void *conn, void *stream);
void h2o_http2_conn_register_stream(void *conn, void *stream)
{
    NEXT(h2o_http2_conn_register_stream);
    next(conn, stream);
}

EXPORTED void h2o_http2_conn_unregister_stream(void *conn, void *stream);
void h2o_http2_conn_unregister_stream(void *conn, void *stream)
{
    NEXT(h2o_http2_conn_unregister_stream);
    next(conn, stream);
}

EXPORTED int uv_write(uv_write_t *req, uv_stream_t *handle, const uv_buf_t bufs[],
                      unsigned int nbufs, uv_write_cb cb)
{
    return uv_write2(req, handle, bufs, nbufs, NULL, cb);
}

EXPORTED h2o_iovec_t h2o_buffer_reserve(h2o_buffer_t **inbuf, size_t min_guarantee)
{
    NEXT(h2o_buffer_reserve);
    return next(inbuf, min_guarantee);
}

/* NOLINTEND(readability-identifier-naming, readability-function-size) */

static void http2_is_off_when_the_guard_is_not_in_effect(void **state)
{
    (void)state;
    assert_true(api_h2_offered());
    assert_false(api_h2_selfcheck());
    assert_false(api_h2_offered());
    assert_false(api_h2_selfcheck());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http2_is_off_when_the_guard_is_not_in_effect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
