/* SPDX-License-Identifier: MIT */
/* The least that a transaction with a relay can take: a blocking client on warm STARTTLS
 * connections, MAIL, RCPT and DATA in one flight, content and dot in the next; nothing is checked
 * but the replies' first digits. With several connections each does its part in turn, so that
 * nothing waits and nothing is asked of the kernel but two writes and two reads a transaction.
 *
 *   bench_smtp_client PORT N [CONNECTIONS]   prints `p50_us=… p99_us=… cpu_us=…` of N transactions,
 *                                            on one connection if not told, after as many or 200
 *                                            to warm up
 *
 * Spec: RFC 5321, 2920, 3207, 4954. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "gateway/base/gw_mem.h"

enum {
    CONTENT_SIZE = 2560, /* of a message of 2 KB with header and signature */
    LINE = 76,
    WARM_UP = 200,
    FLIGHT_REPLIES = 3,
    BUFFER = 8192,
    MAX_CONNECTIONS = 1024
};

struct connection {
    int fd;
    SSL *ssl;
};

static struct {
    SSL_CTX *tls;
    struct connection all[MAX_CONNECTIONS];
    size_t n;
    char content[CONTENT_SIZE + 8];
    size_t content_len;
} client;

static _Noreturn void die(const char *what)
{
    (void)fprintf(stderr, "bench_smtp_client: %s\n", what);
    exit(1);
}

static void put(const struct connection *c, const char *bytes, size_t n)
{
    ssize_t rc =
        c->ssl != NULL ? SSL_write(c->ssl, bytes, (int)n) : send(c->fd, bytes, n, MSG_NOSIGNAL);
    if (rc != (ssize_t)n)
        die("write");
}

/* Reads until @n_replies last lines of replies of class 2 or 3 have come. */
static void expect(const struct connection *c, unsigned n_replies)
{
    char in[BUFFER];
    size_t n = 0;
    size_t line = 0;
    while (n_replies > 0) {
        size_t room = sizeof(in) - n;
        ssize_t rc =
            c->ssl != NULL ? SSL_read(c->ssl, in + n, (int)room) : recv(c->fd, in + n, room, 0);
        if (rc <= 0)
            die("read");
        n += (size_t)rc;
        for (char *lf; (lf = memchr(in + line, '\n', n - line)) != NULL;) {
            if (in[line] != '2' && in[line] != '3')
                die("refused");
            n_replies -= in[line + 3] == ' ' ? 1 : 0;
            line = (size_t)(lf - in) + 1;
        }
    }
}

static void say(const struct connection *c, const char *text)
{
    put(c, text, strlen(text));
    expect(c, 1);
}

static void connect_to(struct connection *c, uint16_t port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0 ||
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0)
        die("connect");
    expect(c, 1);
    say(c, "EHLO bench\r\n");
    say(c, "STARTTLS\r\n");
    SSL *ssl = SSL_new(client.tls);
    if (ssl == NULL || SSL_set_fd(ssl, c->fd) != 1 || SSL_connect(ssl) != 1)
        die("TLS");
    c->ssl = ssl;
    say(c, "EHLO bench\r\n");
    say(c, "AUTH PLAIN AHVzZXIAc2VjcmV0\r\n");
}

static void make_content(void)
{
    while (client.content_len < CONTENT_SIZE) {
        client.content[client.content_len++] = 'x';
        if (client.content_len % LINE == 0) {
            client.content[client.content_len - 2] = '\r';
            client.content[client.content_len - 1] = '\n';
        }
    }
    memcpy(client.content + client.content_len, "\r\n.\r\n", 5);
    client.content_len += 5;
}

/* One transaction on each connection. */
static void transact(void)
{
    static const char flight[] =
        "MAIL FROM:<billing@example.com>\r\nRCPT TO:<ann@example.org>\r\nDATA\r\n";
    for (size_t i = 0; i < client.n; i++)
        put(&client.all[i], flight, sizeof(flight) - 1);
    for (size_t i = 0; i < client.n; i++) {
        expect(&client.all[i], FLIGHT_REPLIES);
        put(&client.all[i], client.content, client.content_len);
    }
    for (size_t i = 0; i < client.n; i++)
        expect(&client.all[i], 1);
}

static double clock_us(clockid_t id)
{
    struct timespec t;
    (void)clock_gettime(id, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y ? 1 : 0;
}

int main(int argc, char **argv)
{
    size_t n = argc == 3 || argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
    client.n = argc == 4 ? strtoul(argv[3], NULL, 10) : 1;
    if (n == 0 || client.n == 0 || client.n > MAX_CONNECTIONS)
        die("usage: bench_smtp_client PORT N [CONNECTIONS]");
    client.tls = SSL_CTX_new(TLS_client_method());
    if (client.tls == NULL)
        die("TLS");
    (void)SSL_CTX_set_mode(client.tls, SSL_MODE_RELEASE_BUFFERS); /* as the relay object does */
    make_content();
    for (size_t i = 0; i < client.n; i++)
        connect_to(&client.all[i], (uint16_t)strtoul(argv[1], NULL, 10));
    size_t rounds = (n + client.n - 1) / client.n;
    for (size_t i = 0; i < WARM_UP && i < rounds; i++)
        transact();
    double *us = gw_calloc(rounds, sizeof(*us));
    double cpu = clock_us(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t i = 0; i < rounds; i++) {
        double began = clock_us(CLOCK_MONOTONIC);
        transact();
        us[i] = clock_us(CLOCK_MONOTONIC) - began;
    }
    cpu = clock_us(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    qsort(us, rounds, sizeof(*us), by_value);
    (void)printf("p50_us=%.1f p99_us=%.1f cpu_us=%.1f\n", us[rounds / 2], us[rounds * 99 / 100],
                 cpu / (double)(rounds * client.n));
    gw_free(us);
    return 0;
}
