/* SPDX-License-Identifier: MIT */
/* The schema of the whole file, and its smaller sections: store, limits, retry, suppressions, log.
 */
#include <string.h>

#include "config/cfg_schema.h"
#include "config/cfg_text.h"

#define MS_OF_S(s)    ((s)*INT64_C(1000))
#define MS_OF_DAYS(d) ((d)*INT64_C(86400000))
#define KB(n)         ((n) << 10)
#define MB(n)         ((n) << 20)

enum {
    MAX_LISTENERS = 64,
    MAX_ROUTES = 1000,
    MAX_WEBHOOKS = 100,
    MAX_SCHEDULE = 100
};

static const int64_t default_schedule[] = {MS_OF_S(60),   MS_OF_S(300),   MS_OF_S(900),
                                           MS_OF_S(3600), MS_OF_S(10800), MS_OF_S(21600)};

const struct cfg cfg_defaults = {
    .store = {.engine = (enum cfg_store_engine)CFG_STORE_DEFAULT,
              .retention_bodies_ms = 0,
              .retention_history_ms = MS_OF_DAYS(30)},
    .limits = {.body_bytes = MB(40),
               .recipients = 1000,
               .inflight_bytes = MB(256),
               .connections = 1000,
               .connections_per_peer = 100,
               .header_timeout_ms = MS_OF_S(10),
               .idle_timeout_ms = MS_OF_S(60),
               .body_timeout_ms = MS_OF_S(600),
               .connection_age_ms = MS_OF_S(3600),
               .min_rate = KB(1),
               .stall_window_ms = MS_OF_S(10)},
    .retry = {.schedule_ms = default_schedule,
              .n_schedule = sizeof(default_schedule) / sizeof(default_schedule[0]),
              .jitter = 0.2,
              .max_age_ms = MS_OF_DAYS(5),
              .uncertain_delay_ms = MS_OF_S(600),
              .on_uncertain = CFG_UNCERTAIN_RETRY},
    .sandbox = {.tls = CFG_TLS_NONE, .extensions = CFG_SANDBOX_PIPELINING},
    .log = {.level = GW_LOG_INFO, .format = GW_LOG_FORMAT_JSON},
};

/* store */

static const struct cfg_word engine_words[] = {{"sqlite", CFG_STORE_SQLITE, false},
                                               {"memory", CFG_STORE_MEMORY, false},
                                               {"postgres", CFG_STORE_POSTGRES, true},
                                               {NULL, 0, false}};

static bool is_postgres_url(const char *s)
{
    return strncmp(s, "postgres://", strlen("postgres://")) == 0 ||
           strncmp(s, "postgresql://", strlen("postgresql://")) == 0;
}

/* An engine, or the URL of a PostgreSQL server, which names both. */
static void read_engine(struct cfg_loader *l, const struct cfg_field *f,
                        const struct cfg_node *node, void *base)
{
    struct cfg_store *store = base;
    const char *text = node->kind == CFG_NODE_SCALAR ? node->text : "";
    if (is_postgres_url(text)) {
        store->url = cfg_keep_text(l, text, CFG_SECRET);
        store->engine = CFG_STORE_POSTGRES;
        if (cfg_word_is_later(engine_words, CFG_STORE_POSTGRES))
            cfg_problem(l, node,
                        "the PostgreSQL store is not supported by this release; it must "
                        "be sqlite or memory");
    } else {
        cfg_type_enum.read(l, f, node, base);
    }
}

static void print_engine(struct cfg_printer *p, const struct cfg_field *f, const void *base)
{
    cfg_type_enum.print(p, f, base);
}

static const struct cfg_type engine_type = {read_engine, print_engine};

static void print_store_url(struct cfg_printer *p, const struct cfg_field *f, const void *base)
{
    const struct cfg_store *store = base;
    if (store->url != NULL)
        cfg_print_string(p, f->name, "postgres://********");
}

static void read_store_url(struct cfg_loader *l, const struct cfg_field *f,
                           const struct cfg_node *node, void *base)
{
    cfg_type_once.read(l, f, node, base);
}

static const struct cfg_type store_url_type = {read_store_url, print_store_url};

static const struct cfg_field retention_fields[] = {
    {.name = "bodies",
     .type = &cfg_type_duration,
     .offset = offsetof(struct cfg_store, retention_bodies_ms),
     .min = 0,
     .max = CFG_MAX_DURATION},
    {.name = "history",
     .type = &cfg_type_duration,
     .offset = offsetof(struct cfg_store, retention_history_ms),
     .min = 0,
     .max = CFG_MAX_DURATION},
};
static const struct cfg_section retention_section = {.what = "retention",
                                                     CFG_FIELDS(retention_fields)};

static const struct cfg_field store_fields[] = {
    {.name = "engine",
     .type = &engine_type,
     .offset = offsetof(struct cfg_store, engine),
     .words = engine_words},
    {.name = "path",
     .type = &cfg_type_string,
     .offset = offsetof(struct cfg_store, path),
     .check = cfg_is_file_path,
     .want = "the path of a directory"},
    {.name = "url",
     .type = &store_url_type,
     .offset = offsetof(struct cfg_store, url),
     .flags = CFG_SECRET,
     .check = is_postgres_url,
     .want = "a URL such as postgres://user:pass@host/database"},
    {.name = "retention", .type = &cfg_type_map, .section = &retention_section},
};

static void finish_store(struct cfg_loader *l, const struct cfg_node *node, void *item)
{
    const struct cfg_store *store = item;
    if (store->engine == CFG_STORE_POSTGRES && store->url == NULL)
        cfg_problem(l, node, "engine postgres needs \"url\" or \"url_file\"");
    else if (store->engine != CFG_STORE_POSTGRES && store->url != NULL)
        cfg_problem(l, node, "\"url\" is for engine postgres only");
}

static const struct cfg_section store_section = {
    .what = "store", CFG_FIELDS(store_fields), .shorthand = "engine", .finish = finish_store};

/* limits */

static const struct cfg_field limits_fields[] = {
    {.name = "body",
     .type = &cfg_type_size,
     .offset = offsetof(struct cfg_limits, body_bytes),
     .min = KB(1),
     .max = MB(100)},
    {.name = "recipients",
     .type = &cfg_type_count,
     .offset = offsetof(struct cfg_limits, recipients),
     .min = 1,
     .max = 100000},
    {.name = "inflight",
     .type = &cfg_type_size,
     .offset = offsetof(struct cfg_limits, inflight_bytes),
     .min = KB(1),
     .max = INT64_C(64) << 30},
    {.name = "connections",
     .type = &cfg_type_count,
     .offset = offsetof(struct cfg_limits, connections),
     .min = 1,
     .max = 100000},
    {.name = "connections_per_peer",
     .type = &cfg_type_count,
     .offset = offsetof(struct cfg_limits, connections_per_peer),
     .min = 1,
     .max = 100000},
    {.name = "header_timeout",
     .type = &cfg_type_duration,
     .offset = offsetof(struct cfg_limits, header_timeout_ms),
     .min = MS_OF_S(1),
     .max = MS_OF_S(600)},
    {.name = "idle_timeout",
     .type = &cfg_type_duration,
     .offset = offsetof(struct cfg_limits, idle_timeout_ms),
     .min = MS_OF_S(1),
     .max = MS_OF_S(3600)},
    {.name = "body_timeout",
     .type = &cfg_type_duration,
     .offset = offsetof(struct cfg_limits, body_timeout_ms),
     .min = MS_OF_S(1),
     .max = MS_OF_DAYS(1)},
    {.name = "connection_age",
     .type = &cfg_type_duration,
     .offset = offsetof(struct cfg_limits, connection_age_ms),
     .min = MS_OF_S(1),
     .max = MS_OF_DAYS(30)},
    {.name = "min_rate",
     .type = &cfg_type_size,
     .offset = offsetof(struct cfg_limits, min_rate),
     .min = 1,
     .max = MB(1)},
    {.name = "stall_window",
     .type = &cfg_type_duration,
     .offset = offsetof(struct cfg_limits, stall_window_ms),
     .min = MS_OF_S(1),
     .max = MS_OF_S(600)},
};

static void finish_limits(struct cfg_loader *l, const struct cfg_node *node, void *item)
{
    const struct cfg_limits *limits = item;
    if (limits->inflight_bytes < limits->body_bytes)
        cfg_problem(l, node,
                    "\"inflight\" (all bodies at once) is smaller than \"body\" (one of "
                    "them)");
}

static const struct cfg_section limits_section = {
    .what = "limits", CFG_FIELDS(limits_fields), .finish = finish_limits};

/* retry */

static const struct cfg_word uncertain_words[] = {{"retry", CFG_UNCERTAIN_RETRY, false},
                                                  {"hold", CFG_UNCERTAIN_HOLD, false},
                                                  {"stop", CFG_UNCERTAIN_STOP, false},
                                                  {NULL, 0, false}};

static const struct cfg_field retry_fields[] = {
    {.name = "schedule",
     .type = &cfg_type_durations,
     .offset = offsetof(struct cfg_retry, schedule_ms),
     .count_offset = offsetof(struct cfg_retry, n_schedule),
     .min = 1,
     .max = MAX_SCHEDULE},
    {.name = "jitter", .type = &cfg_type_fraction, .offset = offsetof(struct cfg_retry, jitter)},
    {.name = "max_age",
     .type = &cfg_type_duration,
     .offset = offsetof(struct cfg_retry, max_age_ms),
     .min = 1,
     .max = CFG_MAX_DURATION},
    {.name = "on_uncertain",
     .type = &cfg_type_enum,
     .offset = offsetof(struct cfg_retry, on_uncertain),
     .words = uncertain_words},
    {.name = "uncertain_delay",
     .type = &cfg_type_duration,
     .offset = offsetof(struct cfg_retry, uncertain_delay_ms),
     .min = 0,
     .max = CFG_MAX_DURATION},
};
static const struct cfg_section retry_section = {.what = "retry", CFG_FIELDS(retry_fields)};

/* master key */

static bool is_master_key(const char *s)
{
    return strlen(s) >= CFG_MIN_MASTER_KEY;
}

/* Masked, and read back from that. */
static void print_master_key(struct cfg_printer *p, const struct cfg_field *f, const void *base)
{
    char mask[CFG_MIN_MASTER_KEY + 1];
    memset(mask, '*', CFG_MIN_MASTER_KEY);
    mask[CFG_MIN_MASTER_KEY] = '\0';
    if (cfg_string_at(base, f->offset) != NULL)
        cfg_print_string(p, f->name, mask);
}

static const struct cfg_type master_key_type = {cfg_read_string, print_master_key};

/* suppressions */

static const struct cfg_word automatic_words[] = {
    {"none", CFG_SUPPRESS_NONE, false},
    {"unknown-mailbox", CFG_SUPPRESS_UNKNOWN_MAILBOX, false},
    {NULL, 0, false}};

static const struct cfg_field suppressions_fields[] = {
    {.name = "automatic",
     .type = &cfg_type_enum,
     .offset = offsetof(struct cfg_suppressions, automatic),
     .words = automatic_words},
};
static const struct cfg_section suppressions_section = {
    .what = "suppressions", CFG_FIELDS(suppressions_fields), .shorthand = "automatic"};

/* log */

static const struct cfg_word level_words[] = {{"error", GW_LOG_ERROR, false},
                                              {"warn", GW_LOG_WARN, false},
                                              {"info", GW_LOG_INFO, false},
                                              {"debug", GW_LOG_DEBUG, false},
                                              {NULL, 0, false}};
static const struct cfg_word format_words[] = {
    {"json", GW_LOG_FORMAT_JSON, false}, {"text", GW_LOG_FORMAT_TEXT, false}, {NULL, 0, false}};

static const struct cfg_field log_fields[] = {
    {.name = "level",
     .type = &cfg_type_enum,
     .offset = offsetof(struct cfg_log, level),
     .words = level_words},
    {.name = "format",
     .type = &cfg_type_enum,
     .offset = offsetof(struct cfg_log, format),
     .words = format_words},
};
static const struct cfg_section log_section = {
    .what = "log", CFG_FIELDS(log_fields), .shorthand = "level"};

/* The file. In the order of reading: what is referred to comes first. */

static const struct cfg_field fields[] = {
    {.name = "listen",
     .type = &cfg_type_list,
     .offset = offsetof(struct cfg, listen),
     .count_offset = offsetof(struct cfg, n_listen),
     .flags = CFG_NOT_NULL,
     .min = 1,
     .max = MAX_LISTENERS,
     .section = &cfg_listen_section},
    {.name = "store",
     .type = &cfg_type_map,
     .offset = offsetof(struct cfg, store),
     .section = &store_section},
    {.name = "limits",
     .type = &cfg_type_map,
     .offset = offsetof(struct cfg, limits),
     .section = &limits_section},
    {.name = "sandbox",
     .type = &cfg_type_map,
     .offset = offsetof(struct cfg, sandbox),
     .section = &cfg_sandbox_section},
    {.name = "relays",
     .type = &cfg_type_named,
     .offset = offsetof(struct cfg, relays),
     .count_offset = offsetof(struct cfg, n_relays),
     .flags = CFG_NOT_NULL,
     .min = 1,
     .section = &cfg_relay_section},
    {.name = "api_keys",
     .type = &cfg_type_list,
     .offset = offsetof(struct cfg, api_keys),
     .count_offset = offsetof(struct cfg, n_api_keys),
     .flags = CFG_NOT_NULL,
     .min = 1,
     .max = CFG_MAX_API_KEYS,
     .section = &cfg_api_key_section},
    {.name = "master_key",
     .type = &master_key_type,
     .offset = offsetof(struct cfg, master_key),
     .flags = CFG_SECRET,
     .check = is_master_key,
     .want = "a secret of at least 32 characters"},
    {.name = "routes",
     .type = &cfg_type_list,
     .offset = offsetof(struct cfg, routes),
     .count_offset = offsetof(struct cfg, n_routes),
     .min = 0,
     .max = MAX_ROUTES,
     .section = &cfg_route_section},
    {.name = "dkim",
     .type = &cfg_type_map,
     .offset = offsetof(struct cfg, dkim),
     .section = &cfg_dkim_section},
    {.name = "retry",
     .type = &cfg_type_map,
     .offset = offsetof(struct cfg, retry),
     .section = &retry_section},
    {.name = "webhooks",
     .type = &cfg_type_list,
     .offset = offsetof(struct cfg, webhooks),
     .count_offset = offsetof(struct cfg, n_webhooks),
     .min = 0,
     .max = MAX_WEBHOOKS,
     .section = &cfg_webhook_section},
    {.name = "suppressions",
     .type = &cfg_type_map,
     .offset = offsetof(struct cfg, suppressions),
     .section = &suppressions_section},
    {.name = "dns",
     .type = &cfg_type_map,
     .offset = offsetof(struct cfg, dns),
     .section = &cfg_dns_section},
    {.name = "log",
     .type = &cfg_type_map,
     .offset = offsetof(struct cfg, log),
     .section = &log_section},
};

/* Report listener @i when one before it has the same address (port 0 is a new one each time). */
static void check_twice(struct cfg_loader *l, const struct cfg_node *node, const struct cfg *c,
                        size_t i)
{
    const struct cfg_listen *mine = &c->listen[i];
    if (mine->kind == CFG_LISTEN_TCP && mine->port == 0)
        return;
    for (size_t j = 0; j < i; j++) {
        if (c->listen[j].address == NULL || strcmp(c->listen[j].address, mine->address) != 0)
            continue;
        cfg_problem(l, node, "address %s is there twice", mine->address);
        break;
    }
}

static void finish(struct cfg_loader *l, const struct cfg_node *root, void *item)
{
    const struct cfg *c = item;
    const struct cfg_node *node = cfg_node_get(root, "listen");
    bool has_keys = cfg_node_value(root, "api_keys") != NULL;
    if (node == NULL || c->n_listen != node->n_children)
        return;
    node = node->first;
    for (size_t i = 0; i < c->n_listen; i++, node = node->next) {
        const struct cfg_listen *listen = &c->listen[i];
        if (listen->address == NULL)
            continue;
        check_twice(l, node, c, i);
        if (!listen->loopback && !has_keys)
            cfg_problem(l, node,
                        "%s can be reached from other machines, but no API key is configured; add "
                        "api_keys (\"mailhatch key new --name NAME\" prints one) or set "
                        "MAILHATCH_API_KEY, or listen on 127.0.0.1 or a Unix socket",
                        listen->address);
    }
}

const struct cfg_section cfg_root_section = {
    .what = "the file", CFG_FIELDS(fields), .finish = finish};
