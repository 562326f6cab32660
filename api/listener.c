/* SPDX-License-Identifier: MIT */
/* Listeners and the first steps of a connection. */
#include "api/listener.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/listener_tls.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"

enum {
    REFUSED_LOG_MS = 1000 /* a flood of connections is one line a second */
};

struct api_listener {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    const struct cfg_listen *config;
    struct api_acceptor *acceptor;
    h2o_accept_ctx_t accept;
    struct gw_list paused; /* in acceptor->paused while it waits for a descriptor */
    uint16_t port;
    bool closing;
};

static void free_handle(uv_handle_t *handle)
{
    gw_free(handle);
}

/* --- accepting --- */

/* Under all caps? *peer_out stays NULL for Unix sockets, whose peers all look the same. */
static bool admit(struct api_listener *l, uv_stream_t *stream, struct api_peer **peer_out)
{
    struct api_acceptor *a = l->acceptor;
    const struct cfg_limits *limits = &a->context->cfg->limits;
    enum api_guard_reason reason = API_GUARD_N_REASONS;
    struct sockaddr_storage address;
    int len = sizeof(address);
    struct sockaddr *sa = (struct sockaddr *)&address;
    *peer_out = NULL;
    if (a->n_connections >= limits->connections) {
        reason = API_GUARD_CONNECTIONS;
        a->full_at_ms = gw_clock_mono_ms();
    } else if (l->config->kind != CFG_LISTEN_UNIX) {
        if (uv_tcp_getpeername((uv_tcp_t *)stream, sa, &len) != 0)
            return false;
        *peer_out = api_peers_take(&a->peers, sa, limits->connections_per_peer);
        if (*peer_out == NULL)
            reason = API_GUARD_CONNECTIONS_PER_PEER;
        else if (l->accept.ssl_ctx != NULL &&
                 !api_peer_may_handshake(*peer_out, gw_clock_mono_ms()))
            reason = API_GUARD_HANDSHAKE_RATE;
    }
    if (reason == API_GUARD_N_REASONS)
        return true;
    api_peer_release(*peer_out);
    api_guard_note(NULL, reason);
    if (a->refused_logged_ms + REFUSED_LOG_MS <= gw_clock_mono_ms()) {
        a->refused_logged_ms = gw_clock_mono_ms();
        gw_log(GW_LOG_WARN, "connection_refused", GW_LOG_STR("reason", api_guard_name(reason)),
               GW_LOG_NUM("connections", a->n_connections));
    }
    return false;
}

static void accept_one(struct api_listener *l)
{
    struct api_peer *peer;
    bool is_unix = l->config->kind == CFG_LISTEN_UNIX;
    uv_stream_t *stream = gw_calloc(1, is_unix ? sizeof(uv_pipe_t) : sizeof(uv_tcp_t));
    uv_loop_t *loop = l->uv.handle.loop;
    int rc = is_unix ? uv_pipe_init(loop, (uv_pipe_t *)stream, 0)
                     : uv_tcp_init(loop, (uv_tcp_t *)stream);
    if (rc != 0) {
        gw_free(stream);
        return;
    }
    if (uv_accept(&l->uv.stream, stream) != 0 || !admit(l, stream, &peer)) {
        uv_close((uv_handle_t *)stream, free_handle);
        return;
    }
    if (!is_unix) {
        unsigned user_timeout_ms = (unsigned)l->acceptor->context->cfg->limits.idle_timeout_ms;
        uv_os_fd_t fd = -1;
        (void)uv_tcp_nodelay((uv_tcp_t *)stream, 1);
        (void)uv_fileno((uv_handle_t *)stream, &fd);
        /* what a vanished peer was sent is not kept for the kernel's quarter of an hour */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms,
                         sizeof(user_timeout_ms));
    }
    api_connection_open(l->acceptor, &l->accept, stream, peer);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct api_listener *l = listener->data;
    struct api_acceptor *a = l->acceptor;
    if (status != 0 || l->closing)
        return;
    if (a->n_connections < a->max_fds) {
        accept_one(l);
        return;
    }
    /* libuv takes no further connection until this one is accepted */
    gw_list_push_back(&a->paused, &l->paused);
    gw_log(GW_LOG_WARN, "accept_paused", GW_LOG_STR("reason", "file descriptors"),
           GW_LOG_NUM("connections", a->n_connections));
}

void api_listener_resume(struct api_acceptor *a)
{
    while (!gw_list_empty(&a->paused) && a->n_connections < a->max_fds) {
        struct api_listener *l = gw_list_entry(a->paused.next, struct api_listener, paused);
        gw_list_remove(&l->paused);
        accept_one(l);
    }
}

/* --- opening --- */

static enum gw_status listen_error(const struct cfg_listen *c, int rc, struct gw_err *err)
{
    const char *hint = rc == UV_EADDRINUSE      ? "; stop whatever uses it or choose another"
                       : rc == UV_EADDRNOTAVAIL ? "; this machine does not have that address"
                       : rc == UV_EACCES        ? "; this user may not use it"
                       : rc == UV_ENOENT        ? "; create the directory first"
                                                : "";
    return gw_err_set(err, GW_IO, "listen %s: %s%s", c->address, uv_strerror(rc), hint);
}

static enum gw_status bind_tcp(struct api_listener *l, struct gw_err *err)
{
    const struct cfg_listen *c = l->config;
    struct sockaddr_storage address;
    unsigned flags = 0;
    int rc = uv_ip4_addr(c->host, c->port, (struct sockaddr_in *)&address);
    if (rc != 0) {
        rc = uv_ip6_addr(c->host, c->port, (struct sockaddr_in6 *)&address);
        flags = UV_TCP_IPV6ONLY;
    }
    if (rc == 0)
        rc = uv_tcp_bind(&l->uv.tcp, (struct sockaddr *)&address, flags);
    if (rc == 0)
        rc = uv_listen(&l->uv.stream, API_LISTEN_BACKLOG, on_connection);
    int len = sizeof(address);
    if (rc == 0)
        rc = uv_tcp_getsockname(&l->uv.tcp, (struct sockaddr *)&address, &len);
    if (rc != 0)
        return listen_error(c, rc, err);
    l->port =
        ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&address)->sin6_port
                                            : ((struct sockaddr_in *)(void *)&address)->sin_port);
    return GW_OK;
}

/* A socket file that nobody listens on is left over from a process that died: remove it. */
static enum gw_status remove_stale_socket(const struct cfg_listen *c, struct gw_err *err)
{
    struct stat st;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (lstat(c->path, &st) != 0)
        return GW_OK; /* bind() tells the rest */
    if (!S_ISSOCK(st.st_mode))
        return gw_err_set(err, GW_IO, "listen %s: the file exists and is not a socket", c->address);
    memcpy(address.sun_path, c->path, strlen(c->path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return gw_err_errno(err, GW_IO, errno, "listen %s", c->address);
    int rc = connect(fd, (struct sockaddr *)&address, sizeof(address));
    int connect_errno = errno;
    (void)close(fd);
    if (rc == 0 || connect_errno != ECONNREFUSED)
        return gw_err_set(err, GW_IO, "listen %s: another process listens on this socket",
                          c->address);
    if (unlink(c->path) != 0)
        return gw_err_errno(err, GW_IO, errno, "listen %s: remove the stale socket", c->address);
    return GW_OK;
}

static enum gw_status bind_unix(struct api_listener *l, struct gw_err *err)
{
    const struct cfg_listen *c = l->config;
    const size_t max_path = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;
    if (strlen(c->path) > max_path)
        return gw_err_set(err, GW_IO, "listen %s: the path has %zu bytes; at most %zu are possible",
                          c->address, strlen(c->path), max_path);
    enum gw_status status = remove_stale_socket(c, err);
    if (status != GW_OK)
        return status;
    /* The umask gives the file its mode from birth: chmod after bind would leave a gap. */
    mode_t before = umask(0777 & ~(mode_t)c->mode);
    int rc = uv_pipe_bind(&l->uv.pipe, c->path);
    (void)umask(before);
    if (rc == 0)
        rc = uv_listen(&l->uv.stream, API_LISTEN_BACKLOG, on_connection);
    return rc == 0 ? GW_OK : listen_error(c, rc, err);
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct api_listener *l = handle->data;
    SSL_CTX_free(l->accept.ssl_ctx);
    gw_free(l);
}

static void on_listener_stopped(uv_handle_t *handle)
{
    (void)handle; /* accepted connections go on using l->accept and its TLS context */
}

enum gw_status api_listener_open(uv_loop_t *loop, const struct cfg_listen *config,
                                 struct api_acceptor *acceptor, struct api_listener **out,
                                 struct gw_err *err)
{
    struct api_listener *l = gw_calloc(1, sizeof(*l));
    *out = NULL;
    l->config = config;
    l->acceptor = acceptor;
    l->accept.ctx = &acceptor->h2o;
    bool is_unix = config->kind == CFG_LISTEN_UNIX;
    int rc = is_unix ? uv_pipe_init(loop, &l->uv.pipe, 0) : uv_tcp_init(loop, &l->uv.tcp);
    if (rc != 0) {
        gw_free(l);
        return listen_error(config, rc, err);
    }
    l->uv.handle.data = l;
    enum gw_status status = GW_OK;
    if (config->cert_file != NULL)
        status = api_listener_tls_new(config, &l->accept.ssl_ctx, err);
    if (status == GW_OK)
        status = is_unix ? bind_unix(l, err) : bind_tcp(l, err);
    if (status != GW_OK) {
        api_listener_abort(l);
        return status;
    }
    *out = l;
    return GW_OK;
}

void api_listener_abort(struct api_listener *l)
{
    l->closing = true;
    uv_close(&l->uv.handle, on_listener_closed);
}

void api_listener_start(struct api_listener *l, h2o_hostconf_t **hosts)
{
    l->accept.hosts = hosts;
}

enum gw_status api_listener_load_tls(const struct api_listener *l, SSL_CTX **out,
                                     struct gw_err *err)
{
    *out = NULL;
    return l->config->cert_file != NULL ? api_listener_tls_new(l->config, out, err) : GW_OK;
}

void api_listener_set_tls(struct api_listener *l, SSL_CTX *tls)
{
    SSL_CTX_free(l->accept.ssl_ctx); /* connections hold theirs */
    l->accept.ssl_ctx = tls;
}

uint16_t api_listener_port(const struct api_listener *l)
{
    return l->port;
}

void api_listener_close(struct api_listener *l)
{
    if (l->closing)
        return;
    l->closing = true;
    gw_list_remove(&l->paused);
    uv_close(&l->uv.handle, on_listener_stopped);
}
