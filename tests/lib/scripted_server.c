/* SPDX-License-Identifier: MIT */
/* Scripted SMTP server. */
#include "tests/lib/scripted_server.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"
#include "tests/lib/scripted_server_impl.h"

enum {
    LOG_SIZE = 64 * 1024 * 1024
};

/* --- Threads --- */

static void count_closed(struct test_server_conn *c)
{
    pthread_mutex_lock(&c->server->lock);
    c->server->n_closed++;
    pthread_cond_broadcast(&c->server->changed);
    pthread_mutex_unlock(&c->server->lock);
}

/* Half closed, which is closed to the peer, until that one goes: with input unread, close() would
 * be a reset. */
static void drain(struct test_server_conn *c)
{
    char unread[TEST_SERVER_LINE_SIZE];
    (void)shutdown(c->fd, SHUT_WR);
    count_closed(c);
    while (recv(c->fd, unread, sizeof(unread), 0) > 0) {
    }
}

static void *run_conn(void *arg)
{
    struct test_server_conn *c = arg;
    test_server_play(c);
    if (c->ssl != NULL && !c->reset && !c->cut)
        (void)SSL_shutdown(c->ssl);
    ERR_clear_error();
    test_server_note(c, c->in, c->in_len);
    bool half_closed = c->fin || c->cut;
    if (half_closed)
        drain(c);
    if (c->reset) {
        const struct linger now = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }
    pthread_mutex_lock(&c->server->lock);
    (void)close(c->fd);
    c->fd = -1;
    pthread_mutex_unlock(&c->server->lock);
    if (!half_closed)
        count_closed(c);
    SSL_free(c->ssl);
    c->ssl = NULL;
    return NULL;
}

static void *run_server(void *arg)
{
    struct test_server *s = arg;
    for (;;) {
        int fd = accept(s->fd, NULL, NULL);
        if (fd < 0)
            return NULL;
        pthread_mutex_lock(&s->lock);
        if (s->stopping || s->n_accepted == TEST_SERVER_MAX_CONNECTIONS) {
            pthread_mutex_unlock(&s->lock);
            (void)close(fd);
            continue;
        }
        struct test_server_conn *c = calloc(1, sizeof(*c));
        CHECK(c != NULL);
        size_t i = s->n_accepted;
        while (i >= TEST_SERVER_MAX_SCRIPTS || (i > 0 && s->config.scripts[i] == NULL))
            i--;
        const int on = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        c->server = s;
        c->fd = fd;
        c->script = s->config.scripts[i];
        s->conns[s->n_accepted] = c;
        s->n_accepted++;
        int rc = pthread_create(&c->thread, NULL, run_conn, c);
        CHECK(rc == 0);
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->lock);
    }
}

static void listen_anywhere(struct test_server *s)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(s->fd >= 0);
    if (s->config.window != 0) { /* before listen(): connections inherit it */
        CHECK(setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &s->config.window, sizeof(int)) == 0);
        CHECK(setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &s->config.window, sizeof(int)) == 0);
    }
    CHECK(bind(s->fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK(listen(s->fd, TEST_SERVER_MAX_CONNECTIONS) == 0);
    CHECK(getsockname(s->fd, (struct sockaddr *)&address, &len) == 0);
    s->port = ntohs(address.sin_port);
}

struct test_server *test_server_new(const struct test_server_config *config)
{
    struct test_server *s = calloc(1, sizeof(*s));
    CHECK(s != NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    s->config = *config;
    if (s->config.cert.san == NULL && s->config.cert.cn == NULL && s->config.cert.raw_dns == NULL)
        s->config.cert.san = test_server_names;
    gw_buf_init(&s->log, LOG_SIZE);
    gw_buf_init(&s->plain_log, LOG_SIZE);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    listen_anywhere(s);
    int rc = pthread_create(&s->thread, NULL, run_server, s);
    CHECK(rc == 0);
    return s;
}

void test_server_free(struct test_server *s)
{
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    for (size_t i = 0; i < s->n_accepted; i++)
        if (s->conns[i]->fd >= 0)
            (void)shutdown(s->conns[i]->fd, SHUT_RDWR);
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    (void)shutdown(s->fd, SHUT_RDWR);
    (void)pthread_join(s->thread, NULL);
    (void)close(s->fd);
    for (size_t i = 0; i < s->n_accepted; i++) {
        (void)pthread_join(s->conns[i]->thread, NULL);
        free(s->conns[i]);
    }
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    SSL_CTX_free(s->ctx);
    test_cert_free(&s->cert);
    gw_buf_deinit(&s->log);
    gw_buf_deinit(&s->plain_log);
    free(s);
}

uint16_t test_server_port(const struct test_server *s)
{
    return s->port;
}

void test_server_go(struct test_server *s)
{
    pthread_mutex_lock(&s->lock);
    s->go = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static size_t read_count(struct test_server *s, const size_t *what)
{
    pthread_mutex_lock(&s->lock);
    size_t n = *what;
    pthread_mutex_unlock(&s->lock);
    return n;
}

size_t test_server_accepted(struct test_server *s)
{
    return read_count(s, &s->n_accepted);
}

size_t test_server_closed(struct test_server *s)
{
    return read_count(s, &s->n_closed);
}

size_t test_server_messages(struct test_server *s)
{
    return read_count(s, &s->n_messages);
}

size_t test_server_quits(struct test_server *s)
{
    return read_count(s, &s->n_quits);
}

size_t test_server_waiting(struct test_server *s)
{
    return read_count(s, &s->n_waiting);
}

size_t test_server_resumed(struct test_server *s)
{
    return read_count(s, &s->n_resumed);
}

void test_server_wait_closed(struct test_server *s, size_t n)
{
    pthread_mutex_lock(&s->lock);
    while (s->n_closed < n)
        pthread_cond_wait(&s->changed, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

static char *copy_log(struct test_server *s, const struct gw_buf *log)
{
    pthread_mutex_lock(&s->lock);
    char *out = gw_memdup0(log->data, log->len);
    pthread_mutex_unlock(&s->lock);
    return out;
}

char *test_server_log(struct test_server *s)
{
    return copy_log(s, &s->log);
}

char *test_server_plain_log(struct test_server *s)
{
    return copy_log(s, &s->plain_log);
}
