/* SPDX-License-Identifier: MIT */
/* A client socket whose waits run the loop of the server under test. */
#include "tests/lib/line_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/base/gw_clock.h"

enum {
    DEADLINE_MS = 20 * 1000,
    PIECE = 16 * 1024
};

/* One turn of the loop; sleeps until something happens, at most a few ms. */
static void turn(uv_loop_t *loop, int fd, int64_t deadline_ms)
{
    struct pollfd fds[2] = {{.fd = uv_backend_fd(loop), .events = POLLIN},
                            {.fd = fd, .events = POLLIN}};
    (void)uv_run(loop, UV_RUN_NOWAIT);
    (void)poll(fds, fd >= 0 ? 2 : 1, 2);
    if (gw_clock_mono_ms() > deadline_ms)
        fail_msg("nothing happened for %d ms", DEADLINE_MS);
}

static int64_t deadline(void)
{
    return gw_clock_mono_ms() + DEADLINE_MS;
}

void line_client_run_until(uv_loop_t *loop, const bool *flag)
{
    int64_t until = deadline();
    while (!*flag)
        turn(loop, -1, until);
}

void line_client_connect(struct line_client *c, uv_loop_t *loop, uint16_t port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memset(c, 0, sizeof(*c));
    c->loop = loop;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(c->fd >= 0);
    assert_int_equal(connect(c->fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(fcntl(c->fd, F_SETFL, O_NONBLOCK), 0);
}

static void send_raw(struct line_client *c, const char *data, size_t len)
{
    int64_t until = deadline();
    while (len > 0) {
        ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL);
        if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
            return; /* the server has closed; the test looks at what came before */
        assert_true(n >= 0 || errno == EAGAIN);
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        }
        turn(c->loop, -1, until);
    }
}

static void flush_tls(struct line_client *c)
{
    struct gw_buf out;
    gw_buf_init(&out, SMTP_TLS_MAX_BUFFERED);
    if (smtp_tls_output_size(c->tls) > 0) {
        smtp_tls_swap_output(c->tls, &out);
        send_raw(c, out.data, out.len);
    }
    gw_buf_deinit(&out);
}

static void keep(struct line_client *c, const char *data, size_t len)
{
    assert_true(c->n_got + len < sizeof(c->got));
    memcpy(c->got + c->n_got, data, len);
    c->n_got += len;
    c->got[c->n_got] = '\0';
}

static void keep_decrypted(struct line_client *c)
{
    char piece[PIECE];
    size_t n;
    while (smtp_tls_read(c->tls, piece, sizeof(piece), &n) == SMTP_TLS_OK)
        keep(c, piece, n);
}

/* Octets from the socket; 0: none now. */
static size_t receive_raw(struct line_client *c, char *piece, size_t size)
{
    ssize_t n = recv(c->fd, piece, size, 0);
    if (n > 0)
        return (size_t)n;
    if (n == 0 || errno != EAGAIN)
        c->closed = true;
    return 0;
}

static void receive(struct line_client *c)
{
    char piece[PIECE];
    size_t n = receive_raw(c, piece, sizeof(piece));
    if (n == 0)
        return;
    if (c->tls == NULL) {
        keep(c, piece, n);
        return;
    }
    assert_int_equal(smtp_tls_feed(c->tls, piece, n), SMTP_TLS_OK);
    keep_decrypted(c);
}

void line_client_start_tls(struct line_client *c, const char *ca_pem)
{
    struct gw_err err;
    char path[] = "/tmp/line_client_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, ca_pem, strlen(ca_pem)), strlen(ca_pem));
    (void)close(fd);
    struct smtp_tls_client_config config = {
        .verify = SMTP_VERIFY_FULL, .ca_file = path, .server_name = "localhost"};
    assert_int_equal(smtp_tls_client_context(&config, &c->context, &err), GW_OK);
    (void)unlink(path);
    c->tls = smtp_tls_new(c->context);
    int64_t until = deadline();
    enum smtp_tls_status st;
    while ((st = smtp_tls_handshake(c->tls)) == SMTP_TLS_MORE) {
        char piece[PIECE];
        flush_tls(c);
        turn(c->loop, c->fd, until);
        size_t n = receive_raw(c, piece, sizeof(piece));
        assert_false(c->closed);
        if (n > 0)
            assert_int_equal(smtp_tls_feed(c->tls, piece, n), SMTP_TLS_OK);
    }
    assert_int_equal(st, SMTP_TLS_OK);
    flush_tls(c);
    keep_decrypted(c);
}

void line_client_send(struct line_client *c, const char *data, size_t len)
{
    if (c->tls == NULL) {
        send_raw(c, data, len);
        return;
    }
    assert_int_equal(smtp_tls_write(c->tls, data, len), SMTP_TLS_OK);
    flush_tls(c);
}

void line_client_expect(struct line_client *c, const char *text)
{
    int64_t until = deadline();
    while (strstr(c->got, text) == NULL) {
        if (c->closed)
            fail_msg("closed before \"%s\", after \"%s\"", text, c->got);
        receive(c);
        turn(c->loop, c->fd, until);
    }
}

void line_client_ask(struct line_client *c, const char *line, const char *text)
{
    c->n_got = 0;
    c->got[0] = '\0';
    line_client_send(c, line, strlen(line));
    line_client_expect(c, text);
}

void line_client_expect_close(struct line_client *c)
{
    int64_t until = deadline();
    while (!c->closed) {
        receive(c);
        turn(c->loop, c->fd, until);
    }
}

void line_client_close(struct line_client *c)
{
    smtp_tls_free(&c->tls);
    smtp_tls_context_free(&c->context);
    (void)close(c->fd);
}
