/* SPDX-License-Identifier: MIT */
/* A server on a loopback port and a client in the same thread: every wait runs the server's loop.
 * Include it once per test executable, next to fake_gateway.h. */
#ifndef TESTS_UNIT_API_HTTP_HELPER_H
#define TESTS_UNIT_API_HTTP_HELPER_H

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/server.h"
#include "gateway/base/gw_clock.h"

enum {
    HTTP_HELPER_DEADLINE_MS = 20000
};

static inline int http_connect(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

/* Sends a request whose answer is to end the connection. @headers: lines, each ended by CRLF */
static inline int http_send(uint16_t port, const char *line, const char *headers)
{
    char head[2048];
    int fd = http_connect(port);
    int len = snprintf(head, sizeof(head), "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n",
                       line, headers);
    assert_int_equal(send(fd, head, (size_t)len, MSG_NOSIGNAL), len);
    return fd;
}

/* Everything up to the end of the connection, which is closed then. */
static inline void http_receive(uv_loop_t *loop, int fd, char *out, size_t size)
{
    size_t len = 0;
    int64_t deadline = gw_clock_mono_ms() + HTTP_HELPER_DEADLINE_MS;
    ssize_t n = 1;
    while (n != 0 && gw_clock_mono_ms() < deadline) {
        (void)uv_run(loop, UV_RUN_NOWAIT);
        n = recv(fd, out + len, size - 1 - len, MSG_DONTWAIT);
        assert_true(n >= 0 || errno == EAGAIN);
        len += n > 0 ? (size_t)n : 0;
    }
    assert_int_equal(n, 0);
    out[len] = '\0';
    (void)close(fd);
}

static inline void http_ask(uv_loop_t *loop, uint16_t port, const char *line, const char *headers,
                            char *out, size_t size)
{
    http_receive(loop, http_send(port, line, headers), out, size);
}

#endif
