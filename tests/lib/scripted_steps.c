/* SPDX-License-Identifier: MIT */
/* What a script of the scripted server says and does, step by step. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_check.h"
#include "tests/lib/scripted_server_impl.h"

enum {
    MAX_TEXT = 1 << 20,
    DRIP_MS = 10
};

/* --- Bytes --- */

static bool send_all(struct test_server_conn *c, const char *data, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t part = c->record != 0 && c->record < len - i ? c->record : len - i;
        ssize_t n = c->ssl != NULL ? SSL_write(c->ssl, data + i, (int)part)
                                   : send(c->fd, data + i, part, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        i += (size_t)n;
    }
    return true;
}

static bool send_line(struct test_server_conn *c, const char *text)
{
    char line[TEST_SERVER_LINE_SIZE];
    int n = snprintf(line, sizeof(line), "%s\r\n", text);
    return send_all(c, line, (size_t)n);
}

static bool fill(struct test_server_conn *c)
{
    char *at = c->in + c->in_len;
    size_t room = sizeof(c->in) - c->in_len;
    ssize_t n = c->ssl != NULL ? SSL_read(c->ssl, at, (int)room) : recv(c->fd, at, room, 0);
    if (n <= 0)
        return false;
    c->in_len += (size_t)n;
    return true;
}

void test_server_note(struct test_server_conn *c, const char *data, size_t len)
{
    pthread_mutex_lock(&c->server->lock);
    (void)gw_buf_add(&c->server->log, data, len);
    if (c->ssl == NULL)
        (void)gw_buf_add(&c->server->plain_log, data, len);
    pthread_mutex_unlock(&c->server->lock);
}

/* A line without CRLF, NUL-terminated. */
static bool read_line(struct test_server_conn *c, char out[TEST_SERVER_LINE_SIZE])
{
    char *end;
    while ((end = memchr(c->in, '\n', c->in_len)) == NULL)
        if (c->in_len == sizeof(c->in) || !fill(c))
            return false;
    size_t len = (size_t)(end - c->in) + 1;
    test_server_note(c, c->in, len);
    memcpy(out, c->in, len);
    while (len > 0 && (out[len - 1] == '\n' || out[len - 1] == '\r'))
        len--;
    out[len] = '\0';
    size_t used = (size_t)(end - c->in) + 1;
    memmove(c->in, end + 1, c->in_len - used);
    c->in_len -= used;
    return true;
}

static bool read_body(struct test_server_conn *c)
{
    char line[TEST_SERVER_LINE_SIZE];
    do {
        if (!read_line(c, line))
            return false;
    } while (strcmp(line, ".") != 0);
    return true;
}

/* --- An ordinary server --- */

static void count(struct test_server_conn *c, size_t *what)
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
static bool serve(struct test_server_conn *c, int n_transactions)
{
    char line[TEST_SERVER_LINE_SIZE];
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

/* @text with \r \n \xNN replaced; its length. */
static size_t unescape(const char *text, char out[TEST_SERVER_LINE_SIZE])
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

static bool send_escaped(struct test_server_conn *c, const char *text)
{
    char out[TEST_SERVER_LINE_SIZE];
    return send_all(c, out, unescape(text, out));
}

/* Past TLS, if there is any. */
static bool send_raw(struct test_server_conn *c, const char *text)
{
    char out[TEST_SERVER_LINE_SIZE];
    size_t n = unescape(text, out);
    return send(c->fd, out, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static bool flood(struct test_server_conn *c, const char *args)
{
    char *text = NULL;
    long n = strtol(args, &text, 10);
    char out[TEST_SERVER_LINE_SIZE];
    size_t len = unescape(text + 1, out);
    while (n-- > 0)
        if (!send_all(c, out, len))
            return false;
    return true;
}

static bool hang(struct test_server_conn *c)
{
    do {
        test_server_note(c, c->in, c->in_len);
        c->in_len = 0;
    } while (fill(c));
    return false;
}

static bool read_octets(struct test_server_conn *c, size_t n)
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
static bool peer_is_gone(struct test_server_conn *c, int wait_ms)
{
    struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};
    return poll(&p, 1, wait_ms) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

static bool stall(struct test_server_conn *c)
{
    while (!peer_is_gone(c, -1)) {
    }
    return false;
}

static bool drip(struct test_server_conn *c, const char *text)
{
    while (!peer_is_gone(c, DRIP_MS)) {
        if (!send_all(c, text, 1))
            return false;
        if (text[1] != '\0')
            text++;
    }
    return false;
}

static bool wait_for_go(struct test_server_conn *c)
{
    pthread_mutex_lock(&c->server->lock);
    c->server->n_waiting++;
    while (!c->server->go && !c->server->stopping)
        pthread_cond_wait(&c->server->changed, &c->server->lock);
    pthread_mutex_unlock(&c->server->lock);
    return true;
}

/* --- The words of a script --- */

static bool expect_line(struct test_server_conn *c, const char *prefix)
{
    char line[TEST_SERVER_LINE_SIZE];
    return read_line(c, line) && strncasecmp(line, prefix, strlen(prefix)) == 0;
}

static bool step_serve(struct test_server_conn *c, const char *args)
{
    return serve(c, (int)strtol(args, NULL, 10));
}

static bool step_body(struct test_server_conn *c, const char *args)
{
    (void)args;
    return read_body(c);
}

static bool step_hang(struct test_server_conn *c, const char *args)
{
    (void)args;
    return hang(c);
}

static bool step_stall(struct test_server_conn *c, const char *args)
{
    (void)args;
    return stall(c);
}

static bool step_read(struct test_server_conn *c, const char *args)
{
    return read_octets(c, strtoul(args, NULL, 10));
}

static bool step_wait(struct test_server_conn *c, const char *args)
{
    (void)args;
    return wait_for_go(c);
}

/* The peer must neither speak nor go for so many ms. */
static bool step_quiet(struct test_server_conn *c, const char *args)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN | POLLRDHUP};
    bool unread = c->in_len > 0 || (c->ssl != NULL && SSL_has_pending(c->ssl) == 1);
    return !unread && poll(&p, 1, (int)strtol(args, NULL, 10)) == 0;
}

/* n lines in one write. */
static bool step_lines(struct test_server_conn *c, const char *args)
{
    char *text = NULL;
    long n = strtol(args, &text, 10);
    struct gw_buf all;
    gw_buf_init(&all, MAX_TEXT);
    while (n-- > 0)
        CHECK(gw_buf_printf(&all, "%s\r\n", text + 1) == GW_OK);
    bool ok = send_all(c, all.data, all.len);
    gw_buf_deinit(&all);
    return ok;
}

/* n lines are read, and each is answered by so many octets before the next is looked at. */
static bool step_each(struct test_server_conn *c, const char *args)
{
    char *size = NULL;
    char line[TEST_SERVER_LINE_SIZE];
    char reply[TEST_SERVER_LINE_SIZE] = "250 ";
    long n = strtol(args, &size, 10);
    unsigned long len = strtoul(size, NULL, 10);
    CHECK(len > 4 && len < sizeof(reply));
    memset(reply + 4, 'x', len - 4);
    while (n-- > 0)
        if (!read_line(c, line) || !send_line(c, reply))
            return false;
    return true;
}

static bool step_records(struct test_server_conn *c, const char *args)
{
    c->record = strtoul(args, NULL, 10);
    return true;
}

static bool step_pieces(struct test_server_conn *c, const char *args)
{
    c->piece = strtoul(args, NULL, 10);
    return true;
}

static bool step_reset(struct test_server_conn *c, const char *args)
{
    (void)args;
    c->reset = true;
    return false;
}

static bool step_cut(struct test_server_conn *c, const char *args)
{
    (void)args;
    c->cut = true;
    return false;
}

static bool step_fin(struct test_server_conn *c, const char *args)
{
    (void)args;
    c->fin = true;
    return false;
}

static const struct {
    const char *word;
    bool (*run)(struct test_server_conn *c, const char *args);
} steps[] = {
    {"S:", send_line},
    {"R:", send_escaped},
    {"C:", expect_line},
    {"SERVE", step_serve},
    {"TLS", test_server_start_tls},
    {"TLSEND", test_server_end_tls},
    {"KEYS", test_server_update_keys},
    {"RENEG", test_server_renegotiate},
    {"RECORDS", step_records},
    {"PIECES", step_pieces},
    {"BODY", step_body},
    {"HANG", step_hang},
    {"STALL", step_stall},
    {"READ", step_read},
    {"DRIP", drip},
    {"FLOOD", flood},
    {"LINES", step_lines},
    {"EACH", step_each},
    {"RAW", send_raw},
    {"WAIT", step_wait},
    {"QUIET", step_quiet},
    {"RST", step_reset},
    {"CUT", step_cut},
    {"FIN", step_fin},
};

static bool step(struct test_server_conn *c, const char *s)
{
    size_t len = strcspn(s, " ");
    const char *args = s + len + (s[len] == ' ' ? 1 : 0);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (strlen(steps[i].word) == len && memcmp(s, steps[i].word, len) == 0)
            return steps[i].run(c, args);
    return gw_fails_check(false); /* a word that is none */
}

void test_server_play(struct test_server_conn *c)
{
    char s[TEST_SERVER_LINE_SIZE];
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
