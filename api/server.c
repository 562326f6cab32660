/* SPDX-License-Identifier: MIT */
/* The HTTP server: one HTTP library context on the caller's loop, its listeners, one handler.
 *
 * There is no way to free a server: the library cannot dispose of a context that has connections.
 * The process drains it, waits for api_server_in_flight() to reach 0, and ends. */
#include "api/server.h"

#include <sys/resource.h>
#include <unistd.h>

#include <h2o.h>
#include <string.h>

#include "api/auth.h"
#include "api/event_streams.h"
#include "api/event_view.h"
#include "api/h2_selfcheck.h"
#include "api/listener.h"
#include "api/own_errors.h"
#include "api/request.h"
#include "api/routes.h"
#include "api/sweeper.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"
#include "gateway/webhooks.h"

enum {
    FDS_FOR_OUTBOUND = 64 /* relays' resolvers, webhooks, the store; beyond the relays' pools */
};

struct api_server {
    struct api_context context;
    h2o_globalconf_t h2o;
    h2o_timeout_t next_turn;
    struct api_acceptor acceptor;
    struct api_listener **listeners;
    size_t n_listeners;
    const struct cfg *listen_cfg; /* the one the listeners were made from; they borrow from it */
};

struct handler {
    h2o_handler_t super;
    struct api_context *context;
};

static int on_request(h2o_handler_t *handler, h2o_req_t *req)
{
    struct handler *self = (struct handler *)(void *)handler;
    struct api_connection *c = api_connection_of(req);
    c->http1.in_body = false;
    api_turns_take(&c->acceptor->turns, api_request_new(self->context, req));
    return 0;
}

/* The library's own timeouts stay behind those of the sweeper, which looks at progress. */
static void set_limits(struct api_server *s)
{
    const struct cfg_limits *limits = &s->context.cfg->limits;
    s->h2o.max_request_entity_size = limits->body_bytes + 1; /* one too many comes to us */
    s->h2o.http1.req_timeout = (uint64_t)(2 * (limits->body_timeout_ms + limits->idle_timeout_ms));
    s->h2o.http2.idle_timeout = (uint64_t)(2 * limits->idle_timeout_ms);
}

static void configure(struct api_server *s)
{
    h2o_config_init(&s->h2o);
    s->h2o.server_name = h2o_iovec_init(H2O_STRLIT(""));
    s->h2o.handshake_timeout = API_HANDSHAKE_TIMEOUT_MS;
    s->h2o.http1.upgrade_to_http2 = 0; /* prior knowledge only, found by the listener */
    set_limits(s);
    /* Bodies stay in memory, which limits.inflight bounds: the library would put large ones into
     * temporary files, written by the loop thread. */
    h2o_socket_buffer_mmap_settings.threshold = SIZE_MAX;
    h2o_hostconf_t *host =
        h2o_config_register_host(&s->h2o, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    host->http2.push_preload = 0;
    struct handler *handler =
        (void *)h2o_create_handler(&host->fallback_path, sizeof(struct handler));
    handler->super.on_req = on_request;
    handler->context = &s->context;
    api_own_errors_register(&host->fallback_path, &s->context);
}

/* Descriptors that connections may take: what the process may open, less what is open now and what
 * delivery needs. */
static size_t max_fds(const struct cfg *cfg)
{
    struct rlimit limit;
    size_t reserved = FDS_FOR_OUTBOUND;
    for (size_t i = 0; i < cfg->n_relays; i++)
        reserved += cfg->relays[i].pool_connections;
    int lowest_free = dup(STDERR_FILENO);
    if (lowest_free >= 0)
        (void)close(lowest_free);
    if (lowest_free < 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1;
    size_t left = limit.rlim_cur > (rlim_t)lowest_free ? limit.rlim_cur - (size_t)lowest_free : 0;
    if (reserved > left / 2)
        reserved = left / 2;
    return left - reserved > 1 ? left - reserved : 1;
}

static enum gw_status open_listeners(struct api_server *s, uv_loop_t *loop, struct gw_err *err)
{
    const struct cfg *cfg = s->context.cfg;
    s->listeners = gw_calloc(cfg->n_listen, sizeof(struct api_listener *));
    for (size_t i = 0; i < cfg->n_listen; i++) {
        enum gw_status status =
            api_listener_open(loop, &cfg->listen[i], &s->acceptor, &s->listeners[i], err);
        if (status != GW_OK)
            return status;
        s->n_listeners++;
    }
    return GW_OK;
}

enum gw_status api_server_new(uv_loop_t *loop, struct gw_gateway *gateway, struct api_server **out,
                              struct gw_err *err)
{
    const struct cfg *cfg = gw_gateway_cfg(gateway);
    struct api_server *s = gw_calloc(1, sizeof(*s));
    *out = NULL;
    s->listen_cfg = cfg_ref(cfg);
    s->context = (struct api_context){.gateway = gateway, .cfg = cfg_ref(cfg)};
    s->acceptor.context = &s->context;
    s->context.acceptor = &s->acceptor;
    gw_list_init(&s->acceptor.connections);
    gw_list_init(&s->acceptor.paused);
    api_peers_init(&s->acceptor.peers);
    (void)api_h2_selfcheck(); /* says so itself when it fails */
    enum gw_status status = open_listeners(s, loop, err);
    if (status != GW_OK) {
        for (size_t i = 0; i < s->n_listeners; i++)
            api_listener_abort(s->listeners[i]);
        gw_free(s->listeners);
        cfg_unref(&s->context.cfg);
        cfg_unref(&s->listen_cfg);
        gw_free(s);
        return status;
    }
    s->context.rates = gw_calloc(cfg->n_api_keys, sizeof(struct api_rate));
    configure(s);
    h2o_context_init(&s->acceptor.h2o, loop, &s->h2o);
    api_turns_init(&s->acceptor.turns, loop);
    h2o_timeout_init(loop, &s->next_turn, 1);
    s->context.next_turn = &s->next_turn;
    s->acceptor.max_fds = max_fds(cfg);
    api_sweeper_start(&s->acceptor, loop);
    s->context.event_streams = api_event_streams_new(loop, &s->context);
    gw_webhooks_start(gateway, api_webhook_render);
    for (size_t i = 0; i < s->n_listeners; i++) {
        api_listener_start(s->listeners[i], s->h2o.hosts);
        gw_log(GW_LOG_INFO, "listening", GW_LOG_STR("address", cfg->listen[i].address),
               GW_LOG_NUM("port", api_listener_port(s->listeners[i])),
               GW_LOG_STR("tls", cfg->listen[i].cert_file != NULL ? "yes" : "no"));
    }
    *out = s;
    return GW_OK;
}

/* ---- another configuration ---- */

struct api_load {
    struct gw_setup_parts *setup;
    SSL_CTX **tls; /* one per listener, NULL for plain ones */
    size_t n_tls;
};

void api_load_free(struct api_load **load)
{
    struct api_load *l = *load;
    *load = NULL;
    if (l == NULL)
        return;
    gw_setup_parts_free(&l->setup);
    for (size_t i = 0; i < l->n_tls; i++)
        SSL_CTX_free(l->tls[i]);
    gw_free(l->tls);
    gw_free(l);
}

enum gw_status api_load_read(const struct api_server *s, const struct cfg *cfg,
                             const struct gw_setup_before *before, struct api_load **out,
                             struct gw_err *err)
{
    struct api_load *l = gw_calloc(1, sizeof(*l));
    l->n_tls = s->n_listeners;
    l->tls = gw_calloc(l->n_tls, sizeof(SSL_CTX *));
    enum gw_status status = gw_setup_parts_read(cfg, before, &l->setup, err);
    for (size_t i = 0; i < l->n_tls && status == GW_OK; i++)
        status = api_listener_load_tls(s->listeners[i], &l->tls[i], err);
    if (status != GW_OK)
        api_load_free(&l);
    *out = l;
    return status;
}

/* Without keys only this machine may ask: the listeners that are open, not those of @cfg, count. */
static enum gw_status check_open_to_all(const struct api_server *s, const struct cfg *cfg,
                                        struct gw_err *err)
{
    for (size_t i = 0; i < s->listen_cfg->n_listen && cfg->n_api_keys == 0; i++)
        if (!s->listen_cfg->listen[i].loopback)
            return gw_err_set(err, GW_INVALID,
                              "api_keys: there is none, but %s is open to other machines; add a "
                              "key, or restart with other listeners",
                              s->listen_cfg->listen[i].address);
    return GW_OK;
}

/* What keys have used up of their rates they have used up. */
static struct api_rate *carry_rates(const struct api_context *c, const struct cfg *cfg)
{
    struct api_rate *rates = gw_calloc(cfg->n_api_keys, sizeof(struct api_rate));
    for (size_t i = 0; i < cfg->n_api_keys; i++)
        for (size_t k = 0; k < c->cfg->n_api_keys; k++)
            if (strcmp(cfg->api_keys[i].id, c->cfg->api_keys[k].id) == 0)
                rates[i] = c->rates[k];
    return rates;
}

enum gw_status api_server_load(struct api_server *s, struct api_load *load, struct gw_err *err)
{
    const struct cfg *cfg = gw_setup_parts_cfg(load->setup);
    enum gw_status status = check_open_to_all(s, cfg, err);
    if (status == GW_OK)
        status = gw_gateway_load(s->context.gateway, load->setup, err);
    if (status != GW_OK)
        return status;
    for (size_t i = 0; i < s->n_listeners; i++) {
        api_listener_set_tls(s->listeners[i], load->tls[i]);
        load->tls[i] = NULL;
    }
    struct api_rate *rates = carry_rates(&s->context, cfg);
    gw_free(s->context.rates);
    s->context.rates = rates;
    cfg_unref(&s->context.cfg);
    s->context.cfg = cfg_ref(cfg);
    set_limits(s);
    api_event_streams_end(s->context.event_streams, API_STREAM_RELOAD); /* keys may have gone */
    return GW_OK;
}

void api_server_on_reload(struct api_server *s, const struct api_reload_hook *hook)
{
    s->context.reload = *hook;
}

uint16_t api_server_port(const struct api_server *s, size_t i)
{
    return i < s->n_listeners ? api_listener_port(s->listeners[i]) : 0;
}

void api_server_drain(struct api_server *s)
{
    s->context.draining = true;
    api_event_streams_end(s->context.event_streams, API_STREAM_DRAIN);
    for (size_t i = 0; i < s->n_listeners; i++)
        api_listener_close(s->listeners[i]);
}

void api_server_detach(struct api_server *s)
{
    s->context.gateway = NULL;
}

size_t api_server_in_flight(const struct api_server *s)
{
    return s->context.in_flight;
}

size_t api_server_unsent(const struct api_server *s)
{
    size_t n = 0;
    gw_list_foreach (it, &s->acceptor.connections) {
        const struct api_connection *c = gw_list_entry(it, struct api_connection, link);
        n += c->n_requests != 0 ||
             (c->sock != NULL && !c->library_let_go && h2o_socket_is_writing(c->sock));
    }
    return n;
}
