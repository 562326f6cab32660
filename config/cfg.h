/* SPDX-License-Identifier: MIT */
/* The configuration: one immutable snapshot from a YAML file, the environment and secret files.
 * Everything is validated, defaulted and resolved; readers need no checks. Times are milliseconds,
 * sizes bytes, rates events per second. Strings are NUL-terminated and live as long as the
 * snapshot. See docs/configuration.md. */
#ifndef CFG_CFG_H
#define CFG_CFG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_status.h"

enum cfg_listen_kind {
    CFG_LISTEN_TCP,
    CFG_LISTEN_UNIX
};

struct cfg_listen {
    enum cfg_listen_kind kind;
    const char *address;                               /* "ip:port" or "unix:path", for texts */
    const char *host;                                  /* TCP: IP literal without brackets */
    uint16_t port;                                     /* TCP: 0 = any free port */
    const char *path;                                  /* UNIX */
    uint32_t mode;                                     /* UNIX: file mode, default 0660 */
    const char *cert_file, *key_file, *client_ca_file; /* TLS when cert_file is set */
    bool loopback;                                     /* loopback address or Unix socket */
};

enum cfg_store_engine {
    CFG_STORE_SQLITE,
    CFG_STORE_MEMORY,
    CFG_STORE_POSTGRES
};

enum {
    CFG_STORE_DEFAULT = CFG_STORE_SQLITE
};

struct cfg_store {
    enum cfg_store_engine engine;
    const char *path; /* data directory, never NULL */
    const char *url;  /* postgres: connection URL (a secret), else NULL */
    int64_t retention_bodies_ms, retention_history_ms;
};

struct cfg_limits {
    size_t body_bytes;     /* one HTTP request body */
    size_t recipients;     /* per message */
    size_t inflight_bytes; /* bodies being received or prepared, all connections */
    size_t connections, connections_per_peer;
    /* What a client may take its time for; see docs/limits.md. */
    int64_t header_timeout_ms, idle_timeout_ms, body_timeout_ms, connection_age_ms;
    size_t min_rate;         /* octets per second of a body, or of an answer that is read */
    int64_t stall_window_ms; /* over which min_rate is measured */
};

enum cfg_tls_mode {
    CFG_TLS_STARTTLS,
    CFG_TLS_IMPLICIT,
    CFG_TLS_OPPORTUNISTIC,
    CFG_TLS_NONE
};
enum cfg_tls_verify {
    CFG_VERIFY_FULL,
    CFG_VERIFY_CA,
    CFG_VERIFY_NONE
};
enum cfg_auth_mech {
    CFG_AUTH_PLAIN,
    CFG_AUTH_LOGIN,
    CFG_AUTH_CRAM_MD5,
    CFG_AUTH_SCRAM_SHA_256,
    CFG_AUTH_XOAUTH2,
    CFG_AUTH_OAUTHBEARER,
    CFG_N_AUTH_MECHS
};

enum cfg_one_flight {
    CFG_ONE_FLIGHT_AUTO, /* small messages ride with MAIL and RCPT where CHUNKING is offered */
    CFG_ONE_FLIGHT_OFF
};

/* How long each step of a conversation may take; one whole reply each (docs/configuration.md). */
struct cfg_timeouts {
    int64_t resolve_ms, connect_ms, greeting_ms, ehlo_ms, starttls_ms, handshake_ms, auth_ms;
    int64_t mail_ms, rcpt_ms, data_ms, dot_ms, rset_ms, quit_ms;
    int64_t body_ms; /* floor: a body may always take this long */
};

/* How a relay's access tokens are obtained; all NULL: it has none. */
struct cfg_oauth2 {
    const char *token_url, *client_id, *scope, *ca_file;
    const char *client_secret, *client_secret_file; /* the secret, and where it was read from */
    const char *refresh_token, *refresh_token_file;
    const char *access_token, *access_token_file; /* a fixed one: nothing else is set then */
};

struct cfg_relay {
    const char *name;
    bool sandbox; /* url: "sandbox:"; host, port and TLS below do not apply */
    const char *host;
    uint16_t port;
    enum cfg_tls_mode tls_mode;
    enum cfg_tls_verify verify;
    const char *ca_file, *server_name, *client_cert_file, *client_key_file;
    const char *const *pins; /* "sha256/<base64 of 32 octets>" */
    size_t n_pins;
    int min_tls_version;             /* 0x0303 or 0x0304 */
    const char *username, *password; /* both or neither, unless there is OAuth2 */
    const char *password_file;       /* where the password was read from, or NULL */
    struct cfg_oauth2 oauth2;
    enum cfg_auth_mech auth[CFG_N_AUTH_MECHS];
    size_t n_auth;
    enum cfg_one_flight one_flight;
    const char *helo_name; /* NULL: this machine's name */
    size_t pool_connections, pool_messages_per_connection;
    int64_t pool_idle_ms, pool_age_ms;
    double rate_per_s;         /* 0: no limit */
    size_t burst;              /* messages at once after a pause; 0: one second's worth */
    size_t domain_connections; /* 0: no limit */
    double domain_rate_per_s;  /* 0: no limit */
    struct cfg_timeouts timeouts;
};

struct cfg_route_relay {
    size_t relay;              /* index into relays */
    unsigned priority, weight; /* lower priority first; weight among equals */
};

struct cfg_route {
    /* Every set field must match; NULL matches all. Domains are lower-case A-labels, `*.` prefix
     * for subdomains. */
    const char *from_domain, *recipient_domain, *tag, *api_key;
    const struct cfg_route_relay *relays;
    size_t n_relays;
};

struct cfg_dkim_key {
    const char *selector, *key_file;
};
struct cfg_dkim_domain {
    const char *domain; /* lower-case A-label */
    const struct cfg_dkim_key *keys;
    size_t n_keys;
};
enum {
    CFG_SANDBOX_PIPELINING = 1,
    CFG_SANDBOX_CHUNKING = 2
};
/* The server behind relays with url "sandbox:". Those follow it: same TLS mode, same credentials.
 */
struct cfg_sandbox {
    size_t port;                     /* on 127.0.0.1; 0: any free one */
    enum cfg_tls_mode tls;           /* none, starttls or implicit */
    unsigned extensions;             /* CFG_SANDBOX_* */
    const char *username, *password; /* both, or NULL: no AUTH */
};

enum cfg_dkim_sign {
    CFG_DKIM_IF_KEY,
    CFG_DKIM_REQUIRED
};
struct cfg_dkim {
    enum cfg_dkim_sign sign;
    const struct cfg_dkim_domain *domains;
    size_t n_domains;
};

enum cfg_on_uncertain {
    CFG_UNCERTAIN_RETRY,
    CFG_UNCERTAIN_HOLD,
    CFG_UNCERTAIN_STOP
};
struct cfg_retry {
    const int64_t *schedule_ms;
    size_t n_schedule; /* at least one; the last repeats */
    double jitter;     /* 0 to 1: each delay is multiplied by 1 ± jitter */
    int64_t max_age_ms, uncertain_delay_ms;
    enum cfg_on_uncertain on_uncertain;
};

enum {
    CFG_SCOPE_SEND = 1,
    CFG_SCOPE_READ = 2,
    CFG_SCOPE_ADMIN = 4
};
struct cfg_api_key {
    const char *name, *id;
    unsigned char sha256[32];   /* of the secret */
    const char *secret;         /* when the key was given in clear, else NULL */
    const char *const *senders; /* "a@b", "*@b", "*@*.b"; none: any */
    size_t n_senders;
    unsigned scopes;
    double rate_per_s;    /* 0: no limit */
    const size_t *relays; /* indexes; none: any */
    size_t n_relays;
};

struct cfg_webhook {
    const char *name, *url, *secret;
    const char *const *events; /* none: all */
    size_t n_events;
    const char *api_key; /* id of the key whose messages it is told of; NULL: all */
    const char *ca_file; /* NULL: the system's CAs */
    bool allow_private;  /* http, any port, and addresses of this machine and its networks */
    int64_t pause_after_ms;
};

enum cfg_suppress {
    CFG_SUPPRESS_NONE,
    CFG_SUPPRESS_UNKNOWN_MAILBOX /* after a permanent 5.1.1 */
};
struct cfg_suppressions {
    enum cfg_suppress automatic;
};

/* Whom checks of domains ask; relays are resolved by the system. */
struct cfg_dns {
    const char *const *servers; /* "192.0.2.1", "192.0.2.1:53", "[2001:db8::1]:53"; none: the
                                   system's */
    size_t n_servers;
};

struct cfg_log {
    enum gw_log_level level;
    enum gw_log_format format;
};

/* A secret file that was read. */
struct cfg_file {
    const char *path;
    const struct cfg_file *next;
};

struct cfg_snapshot; /* memory and reference count behind a loaded configuration */

struct cfg {
    struct cfg_snapshot *snapshot; /* the loader's own; NULL in one made by hand */
    const struct cfg_listen *listen;
    size_t n_listen;
    struct cfg_store store;
    struct cfg_limits limits;
    struct cfg_sandbox sandbox;
    const struct cfg_relay *relays;
    size_t n_relays;
    const struct cfg_route *routes;
    size_t n_routes;
    struct cfg_dkim dkim;
    struct cfg_retry retry;
    const struct cfg_api_key *api_keys;
    size_t n_api_keys;
    const char *master_key; /* what secrets for signing are derived from (a secret), or NULL */
    const struct cfg_webhook *webhooks;
    size_t n_webhooks;
    struct cfg_suppressions suppressions;
    struct cfg_dns dns;
    struct cfg_log log;
    const struct cfg_file *secret_files; /* in no order */
};

enum {
    CFG_MAX_PROBLEMS = 100,
    CFG_MAX_FILE_SIZE = 4 << 20,
    CFG_MAX_DEPTH = 16,          /* maps and lists inside each other */
    CFG_MAX_NODES = 200000,      /* keys and values in all */
    CFG_MAX_KEYS = 1000,         /* in one map */
    CFG_MAX_TEXT = 8192,         /* bytes of one value, after ${ENV}; also of a secret file */
    CFG_MAX_ALL_TEXT = 16 << 20, /* bytes of all values, after ${ENV} */
    CFG_MAX_API_KEYS = 10000,
    CFG_MIN_API_SECRET = 16, /* characters of a key's secret */
    CFG_MAX_API_SECRET = 256,
    CFG_MIN_MASTER_KEY = 32, /* characters */
    CFG_MIN_WEBHOOK_SECRET = 8,
    CFG_MAX_PINS = 16,
    CFG_MAX_ROUTE_RELAYS = 16
};

/* All that is wrong, in file order, then the environment's; text is "file:line:column: what is
 * wrong; what would be right" (environment: "MAILHATCH_RELAY: …"). */
struct cfg_problems {
    char *text[CFG_MAX_PROBLEMS]; /* heap */
    size_t n;
    size_t n_dropped; /* beyond CFG_MAX_PROBLEMS */
};
void cfg_problems_deinit(struct cfg_problems *p);

/* Load from @file (NULL: environment only; then MAILHATCH_CONFIG, if set, names the file) and from
 * @env, "NAME=value" strings as environ(7) has them, NULL at the end (NULL: nothing is set).
 * Variables without a file make the whole configuration; beside a file they override listen, api
 * key, store, data directory and log level, and adding MAILHATCH_RELAY or MAILHATCH_DKIM to a file
 * that has relays or dkim is an error, and so is a MAILHATCH_ variable that looks like a mistyped
 * one. GW_OK with *out (one reference), or GW_INVALID / GW_IO (the
 * file cannot be read) with *out NULL and at least one problem. *problems is written in every case;
 * deinit it. */
enum gw_status cfg_load(const char *file, const char *const *env, const struct cfg **out,
                        struct cfg_problems *problems) GW_NODISCARD;

enum {
    CFG_SECRET_FILE_SIZE = CFG_MAX_TEXT + 2 + 1 /* with a line end */
};
/* What a secret file holds, without the line end behind it, as *_file keys are read; @buf has
 * CFG_SECRET_FILE_SIZE bytes, to be wiped by the caller. GW_OK; GW_IO or GW_TOOBIG with err->text
 * naming the file. */
enum gw_status cfg_secret_read(const char *path, char *buf, size_t *len_out,
                               struct gw_err *err) GW_NODISCARD;

/* Thread-safe references; the last unref wipes the secrets. cfg_unref sets the pointer to NULL. A
 * struct cfg made by hand (snapshot NULL) is not counted and stays the maker's. */
const struct cfg *cfg_ref(const struct cfg *c);
void cfg_unref(const struct cfg **c);

/* Whether the section @part ("relays") of two configurations is the same, secrets included; what
 * files hold that are named in it aside. */
bool cfg_same(const struct cfg *a, const struct cfg *b, const char *part);
/* Likewise relay @i of @a and relay @j of @b, their names included. */
bool cfg_same_relay(const struct cfg *a, size_t i, const struct cfg *b, size_t j);

/* The effective configuration as YAML that cfg_load() accepts again, secrets as "********". GW_OK,
 * or GW_TOOBIG when @out is too small. */
enum gw_status cfg_print(const struct cfg *c, struct gw_buf *out);

#endif
