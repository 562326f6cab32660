/* SPDX-License-Identifier: MIT */
/* Defaults, copies and views of a relay's configuration. */
#include "smtp/relay_config.h"

#include <string.h>
#include <unistd.h>

#include "gateway/base/gw_mem.h"
#include "smtp/resolver.h"

enum {
    HOST_NAME_SIZE = 256
};

struct smtp_relay_config smtp_relay_config_default(void)
{
    const int64_t second_ms = 1000;
    return (struct smtp_relay_config){
        .tls_mode = SMTP_TLS_REQUIRED,
        .verify = SMTP_VERIFY_FULL,
        .min_tls_version = SMTP_TLS_1_2,
        .mechs = {SMTP_AUTH_PLAIN, SMTP_AUTH_LOGIN},
        .n_mechs = 2,
        .max_connections = 8,
        .max_messages_per_connection = 100,
        .idle_ms = 60 * second_ms,
        .max_age_ms = 600 * second_ms,
        .max_waiting = 10000,
        .timeouts = smtp_timeouts_default(),
        .one_flight = true,
        .tls_probe_ms = 7 * second_ms, /* longer than servers pause before they greet */
    };
}

/* This machine's name if it is one that others could look up, else the address literal that
 * RFC 5321 sec. 4.1.3 has for clients without one. */
static char *own_name(void)
{
    char name[HOST_NAME_SIZE] = "";
    if (gethostname(name, sizeof(name) - 1) == 0 && strchr(name, '.') != NULL &&
        smtp_host_check(name, NULL) == GW_OK && strspn(name, "0123456789.") != strlen(name))
        return gw_strdup(name);
    return gw_strdup("[127.0.0.1]");
}

static const char *copy(const char *s)
{
    return s != NULL ? gw_strdup(s) : NULL;
}

void smtp_relay_config_copy(const struct smtp_relay_config *from, struct smtp_relay_config *to)
{
    *to = *from;
    to->tls = NULL;
    to->name = copy(from->name);
    to->host = copy(from->host);
    to->ca_file = copy(from->ca_file);
    to->server_name = copy(from->server_name);
    to->client_cert_file = copy(from->client_cert_file);
    to->client_key_file = copy(from->client_key_file);
    to->username = copy(from->username);
    to->password = copy(from->password);
    to->helo_name = from->helo_name != NULL ? gw_strdup(from->helo_name) : own_name();
}

/* The copies are ours, const only for their readers. */
static void drop(const char **s)
{
    union {
        const char *shown;
        char *owned;
    } p = {.shown = *s};
    gw_free_secret(&p.owned);
    *s = NULL;
}

void smtp_relay_config_deinit(struct smtp_relay_config *c)
{
    drop(&c->name);
    drop(&c->host);
    drop(&c->ca_file);
    drop(&c->server_name);
    drop(&c->client_cert_file);
    drop(&c->client_key_file);
    drop(&c->username);
    drop(&c->password);
    drop(&c->helo_name);
}

bool smtp_is_this_machine(const char *host)
{
    struct sockaddr_in v4;
    if (uv_ip4_addr(host, 0, &v4) == 0)
        return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
    return strcmp(host, "::1") == 0 || strcasecmp(host, "localhost") == 0;
}

struct smtp_session_config smtp_relay_session_config(const struct smtp_relay_config *c)
{
    struct smtp_session_config s = {
        .helo_name = c->helo_name,
        .tls_mode = c->tls_mode,
        .username = c->username,
        .password = c->password,
        .n_mechs = c->n_mechs,
        .allow_plain_auth = c->tls_mode == SMTP_TLS_NONE && smtp_is_this_machine(c->host),
        .host = c->host,
        .port = c->port,
        .timeouts = c->timeouts,
        .one_flight = c->one_flight,
        .tls_is_verified = c->n_pins > 0 || smtp_relay_tls_config(c).verify == SMTP_VERIFY_FULL,
    };
    memcpy(s.mechs, c->mechs, sizeof(s.mechs));
    return s;
}

enum gw_status smtp_relay_read_tls(const struct smtp_relay_config *config,
                                   struct smtp_tls_context **out, struct gw_err *err)
{
    struct smtp_tls_client_config tls = smtp_relay_tls_config(config);
    *out = NULL;
    return config->tls_mode != SMTP_TLS_NONE ? smtp_tls_client_context(&tls, out, err) : GW_OK;
}

struct smtp_tls_client_config smtp_relay_tls_config(const struct smtp_relay_config *c)
{
    bool unverified = c->tls_mode == SMTP_TLS_OPPORTUNISTIC && c->username == NULL;
    return (struct smtp_tls_client_config){
        .verify = unverified ? SMTP_VERIFY_NONE : c->verify,
        .ca_file = c->ca_file,
        .server_name = c->server_name != NULL ? c->server_name : c->host,
        .cert_file = c->client_cert_file,
        .key_file = c->client_key_file,
        .min_version = c->min_tls_version,
        .pins = c->pins,
        .n_pins = c->n_pins,
    };
}
