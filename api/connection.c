/* SPDX-License-Identifier: MIT */
/* Connections, from accept to the end of their descriptor. */
#include "api/connection.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

#include <h2o/http1.h>
#include <h2o/http2.h>

#include "api/h2_guard.h"
#include "api/h2_selfcheck.h"
#include "api/http1_guard.h"
#include "api/http_limits.h"
#include "api/linger.h"
#include "api/listener.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_mem.h"
#include "gateway/metrics.h"

/* The connection whose input the library parses now, or parsed last; NULL once it has closed. The
 * library reads from one connection at a time. */
static struct api_connection *current;
static struct api_acceptor *last_acceptor; /* of the newest connection; acceptors are never freed */

static void count(struct api_acceptor *a, int by)
{
    a->n_connections += (size_t)by;
    gw_metric_set(GW_METRIC_HTTP_CONNECTIONS, (int64_t)a->n_connections, NULL);
}

/* --- the end --- */

static void release(void *data)
{
    struct api_connection *c = data;
    struct api_acceptor *a = c->acceptor;
    count(a, -1);
    gw_list_remove(&c->link);
    api_peer_release(c->peer);
    SSL_CTX_free(c->tls);
    gw_free(c->farewell);
    gw_free(c);
    api_listener_resume(a);
}

static void on_closed(void *data)
{
    struct api_connection *c = data;
    if (current == c)
        current = NULL;
    if (h2o_timeout_is_linked(&c->first_octets))
        h2o_timeout_unlink(&c->first_octets);
    if (h2o_timeout_is_linked(&c->refused))
        h2o_timeout_unlink(&c->refused);
    api_connection_set_receiving(c, 0);
    c->sock = NULL;
    /* it counts as a connection until it has lingered, or the caps would not hold */
    if (c->linger_fd >= 0)
        api_linger_start(c->acceptor->h2o.loop, c->linger_fd, release, c);
    else
        release(c);
}

void api_connection_linger(struct api_connection *c)
{
    if (c->linger_fd < 0)
        c->linger_fd = fcntl(h2o_socket_get_fd(c->sock), F_DUPFD_CLOEXEC, 0);
}

void api_connection_let_go(const h2o_socket_t *sock)
{
    struct api_connection *c = api_connection_of_socket(sock);
    if (c != NULL)
        c->library_let_go = true;
}

void api_connection_end(struct api_connection *c, enum api_guard_reason reason)
{
    api_guard_note(c, reason);
    bool again = c->ending;
    c->ending = true;
    if (!again && api_http1_guard_answer_late(c, API_HTTP1_SLOW_BODY))
        return;
    int fd = h2o_socket_get_fd(c->sock);
    if (again || reason == API_GUARD_SEND_RATE) { /* what the kernel holds for the peer goes too */
        struct linger hard = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    }
    (void)shutdown(fd, SHUT_RDWR);
}

/* The peer has reset the connection, for instance, and the library wants to say good-bye in TLS. */
static void on_refused(h2o_timeout_entry_t *entry)
{
    struct api_connection *c = gw_list_entry(entry, struct api_connection, refused);
    h2o_socket_cb cb = c->sock->_cb.write;
    c->sock->_cb.write = NULL;
    if (cb != NULL)
        cb(c->sock, h2o_socket_error_io);
}

void api_connection_write_refused(const uv_stream_t *stream)
{
    struct api_acceptor *a = last_acceptor;
    if (a == NULL)
        return;
    gw_list_foreach (it, &a->connections) {
        struct api_connection *c = gw_list_entry(it, struct api_connection, link);
        if (c->sock == NULL || c->stream != stream || h2o_timeout_is_linked(&c->refused))
            continue;
        h2o_timeout_link(a->h2o.loop, &a->h2o.zero_timeout, &c->refused);
        return;
    }
}

/* --- the beginning --- */

static void on_silence(h2o_timeout_entry_t *entry)
{
    struct api_connection *c = gw_list_entry(entry, struct api_connection, first_octets);
    api_guard_note(c, API_GUARD_HANDSHAKE_TIMEOUT);
    h2o_socket_close(c->sock);
}

/* Decides by the first octets between HTTP/1 and HTTP/2 with prior knowledge. The library could do
 * that too, but only together with the deprecated `Upgrade: h2c`. */
static void on_first_octets(h2o_socket_t *sock, const char *err)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const size_t whole = sizeof(preface) - 1;
    struct api_connection *c = sock->on_close.data;
    if (err != NULL) {
        h2o_socket_close(sock);
        return;
    }
    size_t n = sock->input->size < whole ? sock->input->size : whole;
    bool http2 = api_h2_offered() && memcmp(sock->input->bytes, preface, n) == 0;
    if (n == 0 || (http2 && n < whole))
        return;
    h2o_timeout_unlink(&c->first_octets);
    h2o_socket_read_stop(sock);
    struct timeval connected_at = *h2o_get_timestamp(c->accept->ctx, NULL, NULL);
    if (http2)
        h2o_http2_accept(c->accept, sock, connected_at);
    else
        h2o_http1_accept(c->accept, sock, connected_at);
}

static void free_handle(uv_handle_t *handle)
{
    gw_free(handle);
}

void api_connection_open(struct api_acceptor *a, h2o_accept_ctx_t *accept, uv_stream_t *stream,
                         struct api_peer *peer)
{
    struct api_connection *c = gw_calloc(1, sizeof(*c));
    c->acceptor = a;
    c->peer = peer;
    c->accept = accept;
    c->stream = stream;
    c->linger_fd = -1;
    c->first_octets.cb = on_silence;
    c->refused.cb = on_refused;
    api_stall_init(&c->stall, gw_clock_mono_ms());
    gw_list_init(&c->waiting);
    gw_list_push_back(&a->connections, &c->link);
    count(a, 1);
    last_acceptor = a;
    c->sock = h2o_uv_socket_create(stream, free_handle);
    c->sock->on_close.cb = on_closed;
    c->sock->on_close.data = c;
    if (accept->ssl_ctx != NULL) {
        /* the library only does so with the first octets, and a reload may be before them */
        c->tls = SSL_CTX_up_ref(accept->ssl_ctx) == 1 ? accept->ssl_ctx : NULL;
        h2o_accept(accept, c->sock);
        return;
    }
    h2o_timeout_link(a->h2o.loop, &a->h2o.handshake_timeout, &c->first_octets);
    h2o_socket_read_start(c->sock, on_first_octets);
}

struct api_connection *api_connection_of_socket(const h2o_socket_t *sock)
{
    return sock->on_close.cb == on_closed ? sock->on_close.data : NULL;
}

struct api_connection *api_connection_of(const h2o_req_t *req)
{
    return req->conn->callbacks->get_socket(req->conn)->on_close.data;
}

/* --- between network and library --- */

/* Counts incomplete bodies anew after the library has taken what was read. */
static void measure(struct api_connection *c)
{
    size_t octets = 0;
    if (c->protocol == API_PROTOCOL_HTTP2) {
        struct api_h2_state state;
        api_h2_guard_look(c, &state);
        octets = state.receiving;
        if (state.closing) { /* it would go on to collect what it does not look at any more */
            h2o_socket_read_stop(c->sock);
            h2o_buffer_consume(&c->sock->input, c->sock->input->size);
        }
    } else if (c->http1.in_body) {
        octets = c->sock->input->size;
    }
    api_connection_set_receiving(c, octets);
}

static void on_read(h2o_socket_t *sock, const char *err)
{
    struct api_connection *c = sock->on_close.data;
    current = c;
    if (sock->bytes_read > 0)
        c->dark_octets = 0;
    if (err == NULL && c->protocol == API_PROTOCOL_HTTP1 && !api_http1_guard_read(c))
        return;
    c->on_read(sock, err);
    if (current == c && !c->library_let_go) /* else it is gone */
        measure(c);
}

/* Below the library. That there is nothing to read after all ends no connection, as the library
 * believes in TLS. What its peer says after its good-bye in TLS does: the library would keep it. */
static void on_octets(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    const h2o_socket_t *sock = stream->data;
    struct api_connection *c = sock->on_close.data;
    if (n == 0)
        return;
    if (n > 0 && c->dark_octets > API_MAX_DARK_OCTETS) {
        api_guard_note(c, API_GUARD_TLS_NO_DATA);
        n = UV_EPROTO;
    }
    if (n > 0 && c->tls != NULL)
        c->dark_octets += (size_t)n;
    c->read_cb(stream, n, buf);
}

void api_connection_reads(h2o_socket_t *sock)
{
    struct api_connection *c = api_connection_of_socket(sock);
    if (c == NULL || c->stream->read_cb == NULL || c->stream->read_cb == on_octets)
        return;
    c->read_cb = c->stream->read_cb;
    c->stream->read_cb = on_octets;
}

/* The library keeps the buffer of a large body as long as anything is behind that. */
static void give_back_input(h2o_socket_t *sock)
{
    h2o_buffer_t *old = sock->input;
    if (old->size == 0 || old->capacity <= API_IDLE_INPUT || old->size > old->capacity / 4)
        return;
    h2o_buffer_init(&sock->input, &h2o_socket_buffer_prototype);
    (void)h2o_buffer_reserve(&sock->input, old->size);
    memcpy(sock->input->bytes, old->bytes, old->size);
    sock->input->size = old->size;
    h2o_buffer_dispose(&old);
}

h2o_socket_cb api_connection_on_read_start(h2o_socket_t *sock, h2o_socket_cb cb)
{
    struct api_connection *c = api_connection_of_socket(sock);
    if (c == NULL || c->protocol == API_PROTOCOL_NONE || c->library_let_go)
        return cb;
    give_back_input(sock);
    current = c; /* the library may go on with input that is here already */
    if (cb != on_read)
        c->on_read = cb;
    return on_read;
}

void api_connection_accept_begin(h2o_socket_t *sock, enum api_protocol protocol)
{
    struct api_connection *c = api_connection_of_socket(sock);
    if (c == NULL)
        return;
    c->protocol = protocol;
    current = c;
}

void api_connection_accept_end(void)
{
    if (current != NULL && !current->library_let_go)
        measure(current);
}

struct api_connection *api_connection_parsing(const void *input)
{
    if (current != NULL && input == current->sock->input->bytes)
        return current;
    /* While it parsed one connection's input the library turned to another one. */
    if (last_acceptor == NULL)
        return NULL;
    gw_list_foreach (it, &last_acceptor->connections) {
        struct api_connection *c = gw_list_entry(it, struct api_connection, link);
        if (c->sock != NULL && input == c->sock->input->bytes)
            return c;
    }
    return NULL;
}

/* --- budgets --- */

size_t api_connection_room(const struct api_connection *c)
{
    const struct api_acceptor *a = c->acceptor;
    const struct cfg_limits *limits = &a->context->cfg->limits;
    size_t share = limits->inflight_bytes / API_CONNECTION_SHARE;
    share = share > limits->body_bytes ? share : limits->body_bytes;
    size_t used = a->receiving_bytes + a->context->body_bytes;
    size_t left = used < limits->inflight_bytes ? limits->inflight_bytes - used : 0;
    size_t own = c->receiving < share ? share - c->receiving : 0;
    bool many = c->protocol == API_PROTOCOL_HTTP2; /* bodies at a time */
    return many && own < left ? own : left;
}

void api_connection_set_receiving(struct api_connection *c, size_t octets)
{
    c->acceptor->receiving_bytes += octets - c->receiving;
    c->receiving = octets;
}

void api_connection_count_stream(const h2o_socket_t *sock, bool opened)
{
    struct api_connection *c = api_connection_of_socket(sock);
    if (c == NULL)
        return;
    c->n_h2_streams += opened ? 1 : (size_t)-1;
    c->acceptor->n_h2_streams += opened ? 1 : (size_t)-1;
}

/* --- for the sweeper and the log --- */

void api_connection_look(const struct api_connection *c, int64_t now_ms,
                         struct api_stall_facts *out)
{
    struct api_h2_state h2 = {0};
    bool held = c->protocol != API_PROTOCOL_NONE && !c->library_let_go;
    if (held && c->protocol == API_PROTOCOL_HTTP2)
        api_h2_guard_look(c, &h2);
    bool http1 = held && c->protocol == API_PROTOCOL_HTTP1;
    bool http1_body = http1 && c->http1.in_body;
    *out = (struct api_stall_facts){
        .now_ms = now_ms,
        .hello = c->protocol == API_PROTOCOL_NONE && !c->library_let_go,
        .head = http1 && c->n_requests == 0 && !http1_body && c->sock->input->size > 0,
        .body = http1_body || h2.n_receiving > 0,
        .send = h2.wants_write || (http1 && h2o_socket_is_writing(c->sock)),
        .work = c->n_requests > 0,
        .closing = c->library_let_go || h2.closing || c->ending,
        .requests = c->requests,
        .body_octets = c->body_octets,
        .sent_octets = c->sock->bytes_written - uv_stream_get_write_queue_size(c->stream),
        .oldest_body_ms = http1_body ? now_ms - c->http1.body_since_ms : h2.oldest_receiving_ms};
}

void api_connection_peer_text(const struct api_connection *c, char *out, size_t size)
{
    struct sockaddr_storage address;
    int len = sizeof(address);
    char ip[INET6_ADDRSTRLEN] = "";
    if (c->peer == NULL) {
        (void)snprintf(out, size, "unix");
        return;
    }
    if (uv_tcp_getpeername((const uv_tcp_t *)(const void *)c->stream, (struct sockaddr *)&address,
                           &len) == 0)
        (void)uv_ip_name((struct sockaddr *)&address, ip, sizeof(ip));
    (void)snprintf(out, size, "%s", ip);
}
