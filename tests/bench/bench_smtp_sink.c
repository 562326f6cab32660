/* SPDX-License-Identifier: MIT */
/* A relay that takes every message and keeps none, cheap enough not to be what a benchmark
 * measures: one thread, epoll, one write per flight of replies.
 *
 *   bench_smtp_sink [--tls none|starttls|implicit] [--cert FILE --key FILE] [--chunking] [--auth]
 *
 * Prints `port=N` once it listens on 127.0.0.1, and a line of counters for every SIGUSR1:
 * `messages=… bytes=… connections=… handshakes=… resumed=… flights=…`. Ends on SIGTERM.
 *
 * Spec: RFC 5321, 2920, 3030, 3207, 4954; no message is ever refused. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include "gateway/base/gw_mem.h"

enum {
    IN_SIZE = 64 * 1024,
    OUT_SIZE = 16 * 1024,
    MAX_EVENTS = 256,
    BACKLOG = 1024,
    END_OF_DATA = 5 /* CRLF dot CRLF */
};

enum tls_mode {
    TLS_NONE,
    TLS_STARTTLS,
    TLS_IMPLICIT
};

enum mode {
    COMMANDS,
    CONTENT, /* after DATA */
    CHUNK,   /* after BDAT */
    AUTH_USERNAME,
    AUTH_PASSWORD
};

struct connection {
    int fd;
    SSL *ssl;
    enum mode mode;
    bool start_tls, quit, shaken;
    bool chunk_last;
    uint64_t chunk_left;
    size_t n_in, n_out, n_sent;
    char in[IN_SIZE], out[OUT_SIZE];
};

static struct {
    enum tls_mode tls;
    bool chunking, auth;
    const char *cert, *key;
    SSL_CTX *ssl;
    int epoll;
    uint64_t messages, bytes, connections, handshakes, resumed, flights;
} sink;

static _Noreturn void die(const char *what)
{
    (void)fprintf(stderr, "bench_smtp_sink: %s (last error: %d)\n", what, errno);
    exit(1);
}

/* ---- replies ---- */

static void say(struct connection *c, const char *text)
{
    size_t n = strlen(text);
    if (c->n_out + n > OUT_SIZE)
        c->quit = true;
    else {
        memcpy(c->out + c->n_out, text, n);
        c->n_out += n;
    }
}

static void say_capabilities(struct connection *c)
{
    say(c, "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n");
    if (sink.tls == TLS_STARTTLS && c->ssl == NULL)
        say(c, "250-STARTTLS\r\n");
    else if (sink.auth)
        say(c, "250-AUTH PLAIN LOGIN\r\n");
    if (sink.chunking)
        say(c, "250-CHUNKING\r\n");
    say(c, "250 SIZE 104857600\r\n");
}

static void taken(struct connection *c)
{
    sink.messages++;
    say(c, "250 2.0.0 Ok: taken\r\n");
}

/* ---- commands ---- */

static void on_ehlo(struct connection *c, const char *line)
{
    (void)line;
    say_capabilities(c);
}

static void on_ok(struct connection *c, const char *line)
{
    (void)line;
    say(c, "250 2.1.0 Ok\r\n");
}

static void on_data(struct connection *c, const char *line)
{
    (void)line;
    say(c, "354 go on\r\n");
    c->mode = CONTENT;
}

static void on_bdat(struct connection *c, const char *line)
{
    char *end = NULL;
    c->chunk_left = strtoull(line + strlen("BDAT"), &end, 10);
    c->chunk_last = strcasecmp(end, " LAST") == 0;
    c->mode = CHUNK;
}

static void on_auth(struct connection *c, const char *line)
{
    if (strcasecmp(line, "AUTH LOGIN") != 0) {
        say(c, "235 2.7.0 Ok\r\n");
        return;
    }
    say(c, "334 VXNlcm5hbWU6\r\n");
    c->mode = AUTH_USERNAME;
}

static void on_starttls(struct connection *c, const char *line)
{
    (void)line;
    say(c, "220 2.0.0 go on\r\n");
    c->start_tls = true;
}

static void on_quit(struct connection *c, const char *line)
{
    (void)line;
    say(c, "221 2.0.0 bye\r\n");
    c->quit = true;
}

static const struct {
    const char *verb;
    void (*run)(struct connection *c, const char *line);
} commands[] = {
    {"MAIL", on_ok},   {"RCPT", on_ok},   {"DATA", on_data},         {"BDAT", on_bdat},
    {"EHLO", on_ehlo}, {"AUTH", on_auth}, {"STARTTLS", on_starttls}, {"RSET", on_ok},
    {"NOOP", on_ok},   {"QUIT", on_quit},
};

static void run_command(struct connection *c, const char *line)
{
    if (c->mode != COMMANDS) {
        say(c, c->mode == AUTH_USERNAME ? "334 UGFzc3dvcmQ6\r\n" : "235 2.7.0 Ok\r\n");
        c->mode = c->mode == AUTH_USERNAME ? AUTH_PASSWORD : COMMANDS;
        return;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strncasecmp(line, commands[i].verb, strlen(commands[i].verb)) == 0) {
            commands[i].run(c, line);
            return;
        }
    }
    say(c, "500 5.5.1 unknown\r\n");
}

/* ---- what comes in ---- */

/* Each takes what it can from @n bytes at @at and returns how many those were; 0: more is needed.
 */
static size_t take_command(struct connection *c, char *at, size_t n)
{
    char *lf = memchr(at, '\n', n);
    if (lf == NULL)
        return 0;
    *lf = '\0';
    if (lf > at && lf[-1] == '\r')
        lf[-1] = '\0';
    run_command(c, at);
    return (size_t)(lf - at) + 1;
}

/* Keeps the last bytes for the end to be seen across reads. The line end of DATA itself stands
 * before the content, so that an empty message is seen too. */
static size_t take_content(struct connection *c, char *at, size_t n)
{
    char *end = memmem(at, n, "\r\n.\r\n", END_OF_DATA);
    if (end == NULL && n >= 3 && memcmp(at, ".\r\n", 3) == 0)
        end = at - 2;
    if (end == NULL)
        return n >= END_OF_DATA ? n - (END_OF_DATA - 1) : 0;
    c->mode = COMMANDS;
    taken(c);
    return (size_t)(end + END_OF_DATA - at);
}

static size_t take_chunk(struct connection *c, size_t n)
{
    size_t used = c->chunk_left < n ? (size_t)c->chunk_left : n;
    c->chunk_left -= used;
    if (c->chunk_left == 0) {
        c->mode = COMMANDS;
        if (c->chunk_last)
            taken(c);
        else
            say(c, "250 2.0.0 Ok\r\n");
    }
    return used;
}

static void consume(struct connection *c)
{
    size_t at = 0;
    sink.flights++;
    while ((at < c->n_in || (c->mode == CHUNK && c->chunk_left == 0)) && !c->start_tls) {
        size_t n = c->n_in - at;
        size_t used = c->mode == CONTENT ? take_content(c, c->in + at, n)
                      : c->mode == CHUNK ? take_chunk(c, n)
                                         : take_command(c, c->in + at, n);
        if (used == 0 && (c->mode == CONTENT || n != 0))
            break;
        at += used;
    }
    sink.bytes += at;
    memmove(c->in, c->in + at, c->n_in - at);
    c->n_in -= at;
    if (c->n_in == IN_SIZE)
        c->quit = true;
}

/* ---- sockets ---- */

static void close_connection(struct connection *c)
{
    (void)close(c->fd);
    SSL_free(c->ssl);
    gw_free(c);
}

static void begin_tls(struct connection *c)
{
    c->ssl = SSL_new(sink.ssl);
    if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1)
        die("TLS");
    SSL_set_accept_state(c->ssl);
}

static bool want_again(const struct connection *c, ssize_t rc)
{
    if (c->ssl == NULL)
        return errno == EAGAIN;
    int error = SSL_get_error(c->ssl, (int)rc);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

/* False: the connection is over. */
static bool flush(struct connection *c)
{
    while (c->n_sent < c->n_out) {
        const char *from = c->out + c->n_sent;
        size_t n = c->n_out - c->n_sent;
        ssize_t rc = c->ssl != NULL ? SSL_write(c->ssl, from, (int)n) : write(c->fd, from, n);
        if (rc <= 0)
            return want_again(c, rc);
        c->n_sent += (size_t)rc;
    }
    c->n_out = c->n_sent = 0;
    if (c->start_tls) {
        c->start_tls = false;
        begin_tls(c);
    }
    return !c->quit;
}

/* False: the connection is over. */
static bool serve(struct connection *c)
{
    for (;;) {
        char *to = c->in + c->n_in;
        size_t room = IN_SIZE - c->n_in;
        ssize_t rc = c->ssl != NULL ? SSL_read(c->ssl, to, (int)room) : read(c->fd, to, room);
        if (c->ssl != NULL && !c->shaken && SSL_is_init_finished(c->ssl)) {
            c->shaken = true;
            sink.handshakes++;
            sink.resumed += (uint64_t)SSL_session_reused(c->ssl);
            if (sink.tls == TLS_IMPLICIT)
                say(c, "220 sink ESMTP\r\n");
        }
        if (rc <= 0) {
            bool again = rc != 0 && want_again(c, rc); /* before a write says otherwise */
            return flush(c) && again;
        }
        c->n_in += (size_t)rc;
        consume(c);
        if (!flush(c))
            return false;
        bool maybe_more = c->ssl != NULL ? SSL_has_pending(c->ssl) != 0 : (size_t)rc == room;
        if (!maybe_more)
            return true;
    }
}

static void accept_all(int listener)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        int on = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        struct connection *c = gw_calloc(1, sizeof(*c));
        c->fd = fd;
        sink.connections++;
        struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(sink.epoll, EPOLL_CTL_ADD, fd, &ev) != 0)
            die("epoll_ctl");
        if (sink.tls == TLS_IMPLICIT)
            begin_tls(c);
        else
            say(c, "220 sink ESMTP\r\n");
        if (!flush(c))
            close_connection(c);
    }
}

static int listen_somewhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        die("listen");
    (void)printf("port=%u\n", (unsigned)ntohs(address.sin_port));
    (void)fflush(stdout);
    return fd;
}

static int take_signals(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGUSR1);
    (void)sigaddset(&set, SIGTERM);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
        die("pthread_sigmask");
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void on_signal(int fd)
{
    struct signalfd_siginfo info;
    while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGTERM)
            exit(0);
        (void)printf("messages=%lu bytes=%lu connections=%lu handshakes=%lu resumed=%lu "
                     "flights=%lu\n",
                     sink.messages, sink.bytes, sink.connections, sink.handshakes, sink.resumed,
                     sink.flights);
        (void)fflush(stdout);
    }
}

static void load_tls(void)
{
    sink.ssl = SSL_CTX_new(TLS_server_method());
    if (sink.ssl == NULL || SSL_CTX_use_certificate_chain_file(sink.ssl, sink.cert) != 1 ||
        SSL_CTX_use_PrivateKey_file(sink.ssl, sink.key, SSL_FILETYPE_PEM) != 1)
        die("certificate or key");
    (void)SSL_CTX_set_mode(sink.ssl,
                           SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

static enum tls_mode tls_mode_of(const char *name)
{
    static const char *const modes[] = {
        [TLS_NONE] = "none", [TLS_STARTTLS] = "starttls", [TLS_IMPLICIT] = "implicit"};
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        if (strcmp(modes[i], name) == 0)
            return (enum tls_mode)i;
    die("--tls none, starttls or implicit");
}

static void read_arguments(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--chunking") == 0)
            sink.chunking = true;
        else if (strcmp(argv[i], "--auth") == 0)
            sink.auth = true;
        else if (strcmp(argv[i], "--cert") == 0 && i++ < argc)
            sink.cert = value;
        else if (strcmp(argv[i], "--key") == 0 && i++ < argc)
            sink.key = value;
        else if (strcmp(argv[i], "--tls") == 0 && i++ < argc)
            sink.tls = tls_mode_of(value);
        else
            die("unknown argument");
    }
    if (sink.tls != TLS_NONE && (sink.cert == NULL || sink.key == NULL))
        die("TLS needs --cert and --key");
}

int main(int argc, char **argv)
{
    read_arguments(argc, argv);
    if (sink.tls != TLS_NONE)
        load_tls();
    (void)signal(SIGPIPE, SIG_IGN);
    int signals = take_signals();
    int listener = listen_somewhere();
    sink.epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event own[] = {{.events = EPOLLIN, .data.ptr = &listener},
                                {.events = EPOLLIN, .data.ptr = &signals}};
    if (epoll_ctl(sink.epoll, EPOLL_CTL_ADD, listener, &own[0]) != 0 ||
        epoll_ctl(sink.epoll, EPOLL_CTL_ADD, signals, &own[1]) != 0)
        die("epoll_ctl");
    for (;;) {
        struct epoll_event events[MAX_EVENTS];
        int n = epoll_wait(sink.epoll, events, MAX_EVENTS, -1);
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (events[i].data.ptr == &listener)
                accept_all(listener);
            else if (events[i].data.ptr == &signals)
                on_signal(signals);
            else if (!serve(c))
                close_connection(c);
        }
    }
}
