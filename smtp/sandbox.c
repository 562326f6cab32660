/* SPDX-License-Identifier: MIT */
/* The sandbox relay: listener and what is kept. */
#include "smtp/sandbox.h"

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"
#include "smtp/sandbox_connection.h"

enum {
    BACKLOG = 128,
    DEFAULT_MAX_MESSAGES = 1000,
    DEFAULT_MAX_TOTAL = 64 << 20,
    DEFAULT_MAX_SIZE = 50 << 20,
    DEFAULT_MAX_CONNECTIONS = 256,
    KEPT_OVERHEAD = 512 * 1024 /* envelope of the largest transaction, beside its content */
};

struct smtp_sandbox {
    struct smtp_sandbox_shared shared;
    struct smtp_sandbox_budget budget;
    struct smtp_sandbox_tries *tries;
    char *username, *password;
    char *certificate;
    uv_tcp_t listener;
    size_t max_connections;
    uint16_t port;
    bool closing, listener_closed;
    void (*on_closed)(void *data);
    void *on_closed_data;
};

struct smtp_sandbox_config smtp_sandbox_config_default(void)
{
    return (struct smtp_sandbox_config){.address = "127.0.0.1",
                                        .pipelining = true,
                                        .max_messages = DEFAULT_MAX_MESSAGES,
                                        .max_total_bytes = DEFAULT_MAX_TOTAL,
                                        .max_message_size = DEFAULT_MAX_SIZE,
                                        .max_connections = DEFAULT_MAX_CONNECTIONS,
                                        .idle_ms = SMTP_SANDBOX_IDLE_MS};
}

static struct smtp_sandbox *sandbox_of(struct smtp_sandbox_shared *shared)
{
    return gw_list_entry(shared, struct smtp_sandbox, shared);
}

/* --- End --- */

static void sandbox_free(struct smtp_sandbox *s)
{
    smtp_sandbox_store_deinit(&s->shared.store);
    smtp_tls_context_free(&s->shared.tls);
    smtp_sandbox_tries_free(&s->tries);
    gw_free(s->username);
    gw_free_secret(&s->password);
    gw_free(s->certificate);
    gw_free(s);
}

static void finish_when_empty(struct smtp_sandbox_shared *shared)
{
    struct smtp_sandbox *s = sandbox_of(shared);
    if (!s->listener_closed || shared->n_connections != 0)
        return;
    void (*on_closed)(void *) = s->on_closed;
    void *data = s->on_closed_data;
    sandbox_free(s);
    if (on_closed != NULL)
        on_closed(data);
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct smtp_sandbox *s = handle->data;
    s->listener_closed = true;
    finish_when_empty(&s->shared);
}

void smtp_sandbox_close(struct smtp_sandbox *s, void (*on_closed)(void *data), void *data)
{
    PRE(!s->closing);
    s->closing = true;
    s->on_closed = on_closed;
    s->on_closed_data = data;
    s->shared.on_message = NULL;
    gw_list_foreach_safe (it, &s->shared.connections)
        smtp_sandbox_connection_close(smtp_sandbox_connection_of(it));
    uv_close((uv_handle_t *)&s->listener, on_listener_closed);
}

/* --- Start --- */

static void refuse_on_closed(uv_handle_t *handle)
{
    gw_free(handle);
}

/* One client too many hears why, if its socket takes the line at once. */
static void refuse_connection(struct smtp_sandbox *s)
{
    char text[] = "421 4.7.0 Too many connections\r\n";
    uv_tcp_t *tcp = gw_calloc(1, sizeof(*tcp));
    uv_buf_t buf = uv_buf_init(text, sizeof(text) - 1);
    CHECK(uv_tcp_init(s->shared.loop, tcp) == 0);
    if (uv_accept((uv_stream_t *)&s->listener, (uv_stream_t *)tcp) == 0 && !s->shared.implicit_tls)
        (void)uv_try_write((uv_stream_t *)tcp, &buf, 1);
    uv_close((uv_handle_t *)tcp, refuse_on_closed);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct smtp_sandbox *s = listener->data;
    if (s->closing || status < 0)
        return;
    if (s->shared.n_connections >= s->max_connections)
        refuse_connection(s);
    else
        smtp_sandbox_connection_accept(&s->shared, listener);
}

static enum gw_status make_tls(struct smtp_sandbox *s, struct gw_err *err)
{
    char *key = NULL;
    enum gw_status st = smtp_tls_make_certificate(&s->certificate, &key, err);
    if (st == GW_OK)
        st = smtp_tls_server_context(s->certificate, key, &s->shared.tls, err);
    gw_free_secret(&key);
    return st;
}

static bool is_loopback(const struct sockaddr_storage *addr)
{
    if (addr->ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)addr)->sin6_addr);
    return ntohl(((const struct sockaddr_in *)addr)->sin_addr.s_addr) >> 24 == 127;
}

static enum gw_status parse_address(const struct smtp_sandbox_config *config,
                                    struct sockaddr_storage *out, struct gw_err *err)
{
    *out = (struct sockaddr_storage){.ss_family = AF_INET};
    if (uv_ip4_addr(config->address, config->port, (struct sockaddr_in *)out) != 0 &&
        uv_ip6_addr(config->address, config->port, (struct sockaddr_in6 *)out) != 0)
        return gw_err_set(err, GW_INVALID, "sandbox: %s is not an IP address", config->address);
    if (!is_loopback(out))
        return gw_err_set(err, GW_INVALID, "sandbox: %s is not a loopback address",
                          config->address);
    return GW_OK;
}

static enum gw_status listen_at(struct smtp_sandbox *s, const struct smtp_sandbox_config *config,
                                const struct sockaddr_storage *addr, struct gw_err *err)
{
    struct sockaddr_storage bound;
    int len = sizeof(bound);
    int rc = uv_tcp_bind(&s->listener, (const struct sockaddr *)addr, 0);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&s->listener, BACKLOG, on_connection);
    if (rc == 0)
        rc = uv_tcp_getsockname(&s->listener, (struct sockaddr *)&bound, &len);
    if (rc != 0)
        return gw_err_set(err, GW_IO, "sandbox: listen on %s:%u: %s", config->address,
                          (unsigned)config->port, uv_strerror(rc));
    s->port = ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                                : ((struct sockaddr_in *)&bound)->sin_port);
    return GW_OK;
}

static struct smtp_sandbox *sandbox_alloc(uv_loop_t *loop, const struct smtp_sandbox_config *config)
{
    struct smtp_sandbox *s = gw_calloc(1, sizeof(*s));
    s->max_connections = config->max_connections;
    s->budget.max = config->max_total_bytes;
    s->tries = smtp_sandbox_tries_new();
    if (config->username != NULL) {
        s->username = gw_strdup(config->username);
        s->password = gw_strdup(config->password != NULL ? config->password : "");
    }
    size_t max_content = config->max_total_bytes > KEPT_OVERHEAD
                             ? config->max_total_bytes - KEPT_OVERHEAD
                             : config->max_total_bytes;
    s->shared = (struct smtp_sandbox_shared){
        .loop = loop,
        .session = {.starttls = config->starttls && !config->implicit_tls,
                    .chunking = config->chunking,
                    .pipelining = config->pipelining,
                    .username = s->username,
                    .password = s->password,
                    .max_message_size = config->max_message_size < max_content
                                            ? config->max_message_size
                                            : max_content,
                    .tries = s->tries,
                    .budget = &s->budget},
        .implicit_tls = config->implicit_tls,
        .idle_ms = config->idle_ms,
        .on_freed = finish_when_empty};
    smtp_sandbox_store_init(&s->shared.store, config->max_messages, config->max_total_bytes);
    gw_list_init(&s->shared.connections);
    return s;
}

enum gw_status smtp_sandbox_new(uv_loop_t *loop, const struct smtp_sandbox_config *config,
                                struct smtp_sandbox **out, struct gw_err *err)
{
    struct sockaddr_storage addr;
    enum gw_status st = parse_address(config, &addr, err);
    if (st != GW_OK)
        return st;
    struct smtp_sandbox *s = sandbox_alloc(loop, config);
    if (config->starttls || config->implicit_tls)
        st = make_tls(s, err);
    if (st != GW_OK) {
        sandbox_free(s);
        return st;
    }
    CHECK(uv_tcp_init(loop, &s->listener) == 0);
    s->listener.data = s;
    st = listen_at(s, config, &addr, err);
    if (st != GW_OK) {
        smtp_sandbox_close(s, NULL, NULL);
        return st;
    }
    gw_log(GW_LOG_DEBUG, "sandbox_listening", GW_LOG_NUM("port", s->port));
    *out = s;
    return GW_OK;
}

/* --- What is kept --- */

uint16_t smtp_sandbox_port(const struct smtp_sandbox *s)
{
    return s->port;
}

const char *smtp_sandbox_certificate(const struct smtp_sandbox *s)
{
    return s->certificate;
}

const struct smtp_sandbox_message *smtp_sandbox_at(const struct smtp_sandbox *s, size_t i)
{
    return smtp_sandbox_store_at(&s->shared.store, i);
}

const struct smtp_sandbox_message *smtp_sandbox_find(const struct smtp_sandbox *s, const char *id)
{
    return smtp_sandbox_store_find(&s->shared.store, id);
}

size_t smtp_sandbox_count(const struct smtp_sandbox *s)
{
    return s->shared.store.n;
}

bool smtp_sandbox_delete(struct smtp_sandbox *s, const char *id)
{
    return smtp_sandbox_store_delete(&s->shared.store, id);
}

void smtp_sandbox_clear(struct smtp_sandbox *s)
{
    smtp_sandbox_store_clear(&s->shared.store);
    smtp_sandbox_tries_clear(s->tries);
}

void smtp_sandbox_on_message(struct smtp_sandbox *s, smtp_sandbox_message_cb cb, void *data)
{
    s->shared.on_message = cb;
    s->shared.on_message_data = data;
}
