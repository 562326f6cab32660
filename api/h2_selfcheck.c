/* SPDX-License-Identifier: MIT */
/* The self-check of the HTTP/2 guard: a real connection on a loop of its own. */
#include "api/h2_selfcheck.h"

#include <dlfcn.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/connection.h"
#include "api/h2_guard.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"

enum {
    DEADLINE_MS = 1000,
    BODY_OCTETS = 3
};

/* Preface, SETTINGS, PING, a POST whose body is not complete, three octets of it. */
static const char opening[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                              "\0\0\0\x04\0\0\0\0\0"
                              "\0\0\x08\x06\0\0\0\0\0selfchec"
                              "\0\0\x06\x01\x04\0\0\0\x01\x83\x86\x84\x41\x01x"
                              "\0\0\x03\0\0\0\0\0\x01"
                              "abc";

struct check {
    uv_loop_t loop;
    h2o_globalconf_t config;
    h2o_accept_ctx_t accept;
    int peer_fd;
};

static bool offered = true;

bool api_h2_offered(void)
{
    return offered;
}

/* Guard and library tell the same: one stream, whose body so far is what was sent. */
static const char *look(struct api_acceptor *a)
{
    struct api_h2_state state;
    struct api_connection *c = gw_list_entry(a->connections.next, struct api_connection, link);
    if (gw_list_empty(&a->connections) || c->protocol != API_PROTOCOL_HTTP2)
        return "the library's accept function does not come here";
    if (c->h2.buckets[API_H2_BUDGET_CONTROL].spent < 1)
        return "the library's frames do not come here";
    api_h2_guard_look(c, &state);
    if (c->n_h2_streams != 1)
        return "the library's streams do not come here";
    if (state.n_streams != 1 || state.n_receiving != 1 || state.receiving != BODY_OCTETS ||
        c->receiving != BODY_OCTETS)
        return "the library's structures are not as expected";
    __typeof__(&uv_write) found;
    *(void **)&found = dlsym(RTLD_DEFAULT, "uv_write");
    if (found != &uv_write)
        return "the library's writes do not come here";
    return NULL;
}

static const char *open_connection(struct check *k, struct api_acceptor *a)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
        return "no socket pair";
    k->peer_fd = fds[0];
    uv_pipe_t *stream = gw_calloc(1, sizeof(*stream));
    if (uv_pipe_init(&k->loop, stream, 0) != 0 || uv_pipe_open(stream, fds[1]) != 0 ||
        write(k->peer_fd, opening, sizeof(opening) - 1) != (ssize_t)sizeof(opening) - 1)
        return "no connection"; /* the process is about to fail anyway */
    api_connection_open(a, &k->accept, (uv_stream_t *)stream, NULL);
    return NULL;
}

/* Turns the loop until @done says so; false after the deadline. */
static bool turn_until(struct check *k, bool (*done)(struct api_acceptor *), struct api_acceptor *a)
{
    int64_t deadline = gw_clock_mono_us() + (int64_t)DEADLINE_MS * 1000;
    while (!done(a) && gw_clock_mono_us() < deadline)
        (void)uv_run(&k->loop, UV_RUN_NOWAIT);
    return done(a);
}

static bool seen(struct api_acceptor *a)
{
    return look(a) == NULL;
}

static bool closed(struct api_acceptor *a)
{
    return a->n_connections == 0;
}

static const char *run(struct check *k, struct api_acceptor *a)
{
    const char *fault = open_connection(k, a);
    if (fault == NULL && !turn_until(k, seen, a))
        fault = look(a);
    (void)close(k->peer_fd);
    return turn_until(k, closed, a) || fault != NULL ? fault : "the connection does not end";
}

bool api_h2_selfcheck(void)
{
    static const struct cfg cfg = {.limits = {.body_bytes = 1024, .inflight_bytes = 1024}};
    static const struct api_context context = {.cfg = &cfg};
    static struct api_acceptor acceptor; /* outlives the check: connections know their acceptor */
    static bool done;
    if (done)
        return offered;
    done = true;
    struct check *k = gw_calloc(1, sizeof(*k));
    acceptor.context = &context;
    acceptor.max_fds = 1;
    gw_list_init(&acceptor.connections);
    gw_list_init(&acceptor.paused);
    (void)uv_loop_init(&k->loop);
    h2o_config_init(&k->config);
    (void)h2o_config_register_host(&k->config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_context_init(&acceptor.h2o, &k->loop, &k->config);
    k->accept = (h2o_accept_ctx_t){.ctx = &acceptor.h2o, .hosts = k->config.hosts};
    const char *fault = run(k, &acceptor);
    offered = fault == NULL;
    if (!offered)
        gw_log(GW_LOG_ERROR, "http2_off", GW_LOG_STR("detail", fault));
    h2o_context_dispose(&acceptor.h2o);
    (void)uv_run(&k->loop, UV_RUN_NOWAIT);
    (void)uv_loop_close(&k->loop);
    h2o_config_dispose(&k->config);
    gw_free(k);
    return offered;
}
