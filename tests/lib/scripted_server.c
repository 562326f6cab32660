/* SPDX-License-Identifier: MIT */
/* Scripted SMTP server. */
#include "tests/lib/scripted_server.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
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

enum {
    MAX_CONNECTIONS = 256,
    LINE_SIZE = 4096,
    LOG_SIZE = 64 * 1024 * 1024,
    DRIP_MS = 10
};

static const char ordinary_names[] = "DNS:localhost,IP:127.0.0.1";

struct conn {
    struct test_server *server;
    pthread_t thread;
    int fd;
    SSL *ssl;
    const char *script;
    char in[LINE_SIZE];
    size_t in_len;
    bool reset, cut, fin;
};

struct test_server {
    struct test_server_config config;
    struct test_cert cert;
    SSL_CTX *ctx;
    int fd;
    uint16_t port;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct conn *conns[MAX_CONNECTIONS];
    size_t n_accepted, n_closed, n_messages, n_quits, n_waiting;
    bool go, stopping;
    struct gw_buf log, plain_log;
};

/* --- Bytes --- */

static bool send_all(struct conn *c, const char *data, size_t len)
{
    for (size_t i = 0; i < len;) {
        ssize_t n = c->ssl != NULL ? SSL_write(c->ssl, data + i, (int)(len - i))
                                   : send(c->fd, data + i, len - i, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        i += (size_t)n;
    }
    return true;
}

static bool send_line(struct conn *c, const char *text)
{
    char line[LINE_SIZE];
    int n = snprintf(line, sizeof(line), "%s\r\n", text);
    return send_all(c, line, (size_t)n);
}

static bool fill(struct conn *c)
{
    char *at = c->in + c->in_len;
    size_t room = sizeof(c->in) - c->in_len;
    ssize_t n = c->ssl != NULL ? SSL_read(c->ssl, at, (int)room) : recv(c->fd, at, room, 0);
    if (n <= 0)
        return false;
    c->in_len += (size_t)n;
    return true;
}

static void note(struct conn *c, const char *data, size_t len)
{
    pthread_mutex_lock(&c->server->lock);
    (void)gw_buf_add(&c->server->log, data, len);
    if (c->ssl == NULL)
        (void)gw_buf_add(&c->server->plain_log, data, len);
    pthread_mutex_unlock(&c->server->lock);
}

/* A line without CRLF, NUL-terminated. */
static bool read_line(struct conn *c, char out[LINE_SIZE])
{
    char *end;
    while ((end = memchr(c->in, '\n', c->in_len)) == NULL)
        if (c->in_len == sizeof(c->in) || !fill(c))
            return false;
    size_t len = (size_t)(end - c->in) + 1;
    note(c, c->in, len);
    memcpy(out, c->in, len);
    while (len > 0 && (out[len - 1] == '\n' || out[len - 1] == '\r'))
        len--;
    out[len] = '\0';
    size_t used = (size_t)(end - c->in) + 1;
    memmove(c->in, end + 1, c->in_len - used);
    c->in_len -= used;
    return true;
}

static bool read_body(struct conn *c)
{
    char line[LINE_SIZE];
    do {
        if (!read_line(c, line))
            return false;
    } while (strcmp(line, ".") != 0);
    return true;
}

/* --- An ordinary server --- */

static void count(struct conn *c, size_t *what)
{
    pthread_mutex_lock(&c->server->lock);
    (*what)++;
    pthread_cond_broadcast(&c->server->changed);
    pthread_mutex_unlock(&c->server->lock);
}

static const struct {
    const char *command, *reply;
} replies[] = {
    {"EHLO", "250 PIPELINING"}, {"MAIL", "250 2.1.0 ok"}, {"RCPT", "250 2.1.5 ok"},
    {"DATA", "354 go on"},      {"RSET", "250 2.0.0 ok"}, {"NOOP", "250 2.0.0 ok"},
    {"QUIT", "221 2.0.0 bye"},  {"AUTH", "235 2.7.0 ok"}, {"", "500 5.5.1 what?"},
};

static const char *reply_to(const char *line)
{
    size_t i = 0;
    while (strncasecmp(line, replies[i].command, strlen(replies[i].command)) != 0)
        i++;
    return replies[i].reply;
}

/* False when the connection is over. */
static bool serve(struct conn *c, int n_transactions)
{
    char line[LINE_SIZE];
    int n = 0;
    while (n_transactions == 0 || n < n_transactions) {
        if (!read_line(c, line))
            return false;
        bool quits = strncasecmp(line, "QUIT", 4) == 0;
        if (quits)
            count(c, &c->server->n_quits);
        if (!send_line(c, reply_to(line)) || quits)
            return false;
        if (strncasecmp(line, "DATA", 4) == 0) {
            if (!read_body(c))
                return false;
            count(c, &c->server->n_messages); /* before the client can know */
            if (!send_line(c, "250 2.0.0 queued as 4711"))
                return false;
            n++;
        }
    }
    return true;
}

/* --- Steps --- */

static SSL_CTX *ctx_of(struct test_server *s);

static bool start_tls(struct conn *c)
{
    c->ssl = SSL_new(ctx_of(c->server));
    CHECK(c->ssl != NULL && SSL_set_fd(c->ssl, c->fd) == 1);
    return SSL_accept(c->ssl) == 1;
}

/* @text with \r \n \xNN replaced; its length. */
static size_t unescape(const char *text, char out[LINE_SIZE])
{
    size_t n = 0;
    for (const char *p = text; *p != '\0'; p++) {
        if (p[0] == '\\' && p[1] == 'x') {
            const char hex[3] = {p[2], p[3], '\0'};
            out[n++] = (char)strtol(hex, NULL, 16);
            p += 3;
        } else if (p[0] == '\\') {
            out[n++] = p[1] == 'r' ? '\r' : '\n';
            p++;
        } else {
            out[n++] = *p;
        }
    }
    return n;
}

static bool send_escaped(struct conn *c, const char *text)
{
    char out[LINE_SIZE];
    return send_all(c, out, unescape(text, out));
}

/* Past TLS, if there is any. */
static bool send_raw(struct conn *c, const char *text)
{
    char out[LINE_SIZE];
    size_t n = unescape(text, out);
    return send(c->fd, out, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static bool flood(struct conn *c, const char *args)
{
    char *text = NULL;
    long n = strtol(args, &text, 10);
    char out[LINE_SIZE];
    size_t len = unescape(text + 1, out);
    while (n-- > 0)
        if (!send_all(c, out, len))
            return false;
    return true;
}

static bool hang(struct conn *c)
{
    do {
        note(c, c->in, c->in_len);
        c->in_len = 0;
    } while (fill(c));
    return false;
}

static bool read_octets(struct conn *c, size_t n)
{
    while (n > 0) {
        if (c->in_len == 0 && !fill(c))
            return false;
        size_t take = c->in_len < n ? c->in_len : n;
        memmove(c->in, c->in + take, c->in_len - take);
        c->in_len -= take;
        n -= take;
    }
    return true;
}

/* True once the peer has closed. */
static bool peer_is_gone(struct conn *c, int wait_ms)
{
    struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};
    return poll(&p, 1, wait_ms) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

static bool stall(struct conn *c)
{
    while (!peer_is_gone(c, -1)) {
    }
    return false;
}

static bool drip(struct conn *c, const char *text)
{
    while (!peer_is_gone(c, DRIP_MS)) {
        if (!send_all(c, text, 1))
            return false;
        if (text[1] != '\0')
            text++;
    }
    return false;
}

static bool wait_for_go(struct conn *c)
{
    pthread_mutex_lock(&c->server->lock);
    c->server->n_waiting++;
    while (!c->server->go && !c->server->stopping)
        pthread_cond_wait(&c->server->changed, &c->server->lock);
    pthread_mutex_unlock(&c->server->lock);
    return true;
}

static bool step(struct conn *c, const char *s)
{
    char line[LINE_SIZE];
    if (strncmp(s, "S: ", 3) == 0)
        return send_line(c, s + 3);
    if (strncmp(s, "R: ", 3) == 0)
        return send_escaped(c, s + 3);
    if (strncmp(s, "C: ", 3) == 0)
        return read_line(c, line) && strncasecmp(line, s + 3, strlen(s + 3)) == 0;
    if (strncmp(s, "SERVE", 5) == 0)
        return serve(c, (int)strtol(s + 5, NULL, 10));
    if (strcmp(s, "TLS") == 0)
        return start_tls(c);
    if (strcmp(s, "TLSEND") == 0)
        return SSL_shutdown(c->ssl) >= 0;
    if (strcmp(s, "BODY") == 0)
        return read_body(c);
    if (strcmp(s, "HANG") == 0)
        return hang(c);
    if (strcmp(s, "STALL") == 0)
        return stall(c);
    if (strncmp(s, "READ ", 5) == 0)
        return read_octets(c, strtoul(s + 5, NULL, 10));
    if (strncmp(s, "DRIP ", 5) == 0)
        return drip(c, s + 5);
    if (strncmp(s, "FLOOD ", 6) == 0)
        return flood(c, s + 6);
    if (strncmp(s, "RAW ", 4) == 0)
        return send_raw(c, s + 4);
    if (strcmp(s, "WAIT") == 0)
        return wait_for_go(c);
    c->reset = strcmp(s, "RST") == 0;
    c->cut = strcmp(s, "CUT") == 0;
    c->fin = strcmp(s, "FIN") == 0;
    return false;
}

static void play(struct conn *c)
{
    char s[LINE_SIZE];
    const char *at = c->script;
    while (*at != '\0') {
        size_t len = strcspn(at, "\n");
        CHECK(len < sizeof(s));
        memcpy(s, at, len);
        s[len] = '\0';
        if (!step(c, s))
            return;
        at += len + (at[len] == '\n' ? 1 : 0);
    }
}

/* --- Threads --- */

static void count_closed(struct conn *c)
{
    pthread_mutex_lock(&c->server->lock);
    c->server->n_closed++;
    pthread_cond_broadcast(&c->server->changed);
    pthread_mutex_unlock(&c->server->lock);
}

/* Half closed, which is closed to the peer, until that one goes: with input unread, close() would
 * be a reset. */
static void drain(struct conn *c)
{
    char unread[LINE_SIZE];
    (void)shutdown(c->fd, SHUT_WR);
    count_closed(c);
    while (recv(c->fd, unread, sizeof(unread), 0) > 0) {
    }
}

static void *run_conn(void *arg)
{
    struct conn *c = arg;
    play(c);
    if (c->ssl != NULL && !c->reset && !c->cut)
        (void)SSL_shutdown(c->ssl);
    ERR_clear_error();
    note(c, c->in, c->in_len);
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
        if (s->stopping || s->n_accepted == MAX_CONNECTIONS) {
            pthread_mutex_unlock(&s->lock);
            (void)close(fd);
            continue;
        }
        struct conn *c = calloc(1, sizeof(*c));
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

static SSL_CTX *make_ctx(struct test_server *s)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    CHECK(ctx != NULL);
    SSL_CTX_set_security_level(ctx, 0);
    CHECK(SSL_CTX_set_cipher_list(ctx, "ALL:@SECLEVEL=0") == 1);
    CHECK(SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION) == 1);
    CHECK(SSL_CTX_set_max_proto_version(ctx, s->config.max_tls_version) == 1);
    BIO *pem = BIO_new_mem_buf(s->cert.cert_pem, -1);
    X509 *x = PEM_read_bio_X509(pem, NULL, NULL, NULL);
    CHECK(SSL_CTX_use_certificate(ctx, x) == 1);
    X509_free(x);
    while ((x = PEM_read_bio_X509(pem, NULL, NULL, NULL)) != NULL)
        CHECK(SSL_CTX_add0_chain_cert(ctx, x) == 1);
    BIO_free(pem);
    ERR_clear_error();
    pem = BIO_new_mem_buf(s->cert.key_pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(pem, NULL, NULL, NULL);
    CHECK(SSL_CTX_use_PrivateKey(ctx, key) == 1);
    EVP_PKEY_free(key);
    BIO_free(pem);
    return ctx;
}

static bool is_ordinary(const struct test_server_config *c)
{
    const struct test_cert_spec *t = &c->cert;
    return c->max_tls_version == 0 && t->cn == NULL && strcmp(t->san, ordinary_names) == 0 &&
           t->from_day == 0 && t->to_day == 0 && t->rsa_bits == 0 && !t->self_signed &&
           !t->intermediate && !t->sha1;
}

static SSL_CTX *new_ctx(struct test_server *s)
{
    s->cert = test_ca_issue(s->config.cert);
    return make_ctx(s);
}

/* Made when it is needed first. All ordinary servers of a process share one, as it takes longer to
 * make than most tests to run. */
static SSL_CTX *ctx_of(struct test_server *s)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static SSL_CTX *ordinary;
    pthread_mutex_lock(&lock);
    if (s->ctx == NULL && is_ordinary(&s->config)) {
        if (ordinary == NULL)
            ordinary = new_ctx(s);
        CHECK(SSL_CTX_up_ref(ordinary) == 1);
        s->ctx = ordinary;
    } else if (s->ctx == NULL) {
        s->ctx = new_ctx(s);
    }
    pthread_mutex_unlock(&lock);
    return s->ctx;
}

static void listen_anywhere(struct test_server *s)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(s->fd >= 0);
    CHECK(bind(s->fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK(listen(s->fd, MAX_CONNECTIONS) == 0);
    CHECK(getsockname(s->fd, (struct sockaddr *)&address, &len) == 0);
    s->port = ntohs(address.sin_port);
}

struct test_server *test_server_new(const struct test_server_config *config)
{
    struct test_server *s = calloc(1, sizeof(*s));
    CHECK(s != NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    s->config = *config;
    if (s->config.cert.san == NULL && s->config.cert.cn == NULL)
        s->config.cert.san = ordinary_names;
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
