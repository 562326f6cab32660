/* SPDX-License-Identifier: MIT */
/* `mailhatch queue`: look at the stored mail and change it. Looking reads the data directory itself
 * and works whether a server runs or not. A change goes to the store when nobody uses it, else to
 * the server through its API, so that an attempt in hand is treated right. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/client.h"
#include "config/cfg_text.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"
#include "gateway/cli.h"
#include "gateway/cli_client.h"
#include "gateway/cli_options.h"
#include "gateway/cli_queue.h"
#include "gateway/message_change.h"
#include "gateway/store/sqlite.h"

enum {
    DEFAULT_LIMIT = 50,
    API_TIMEOUT_MS = 30000
};

struct args {
    struct cli_server server;
    const char *config, *older_than, *id;
    struct gw_list_query list;
    int64_t limit;
    const struct cfg *cfg;
    const char *dir;
};

static void usage(FILE *to)
{
    (void)fputs(
        "usage: mailhatch queue ls [--status S] [--recipient A] [--from A] [--tag T] [--relay R]\n"
        "                          [--limit N] [--cursor C]\n"
        "       mailhatch queue show ID\n"
        "       mailhatch queue cancel ID\n"
        "       mailhatch queue retry ID\n"
        "       mailhatch queue stats\n"
        "       mailhatch queue purge --older-than DURATION\n"
        "       mailhatch queue salvage\n\n"
        "Looks at the mail in the data directory, and changes it. ls, show and stats work beside\n"
        "a running server. cancel and retry go to the server when one runs, else to the\n"
        "directory. purge forgets messages that ended longer ago than DURATION (30d, 12h), and\n"
        "salvage rebuilds a damaged database: both need the server to be stopped.\n\n"
        "  --config FILE  the YAML file; default: $MAILHATCH_CONFIG, else the environment alone\n"
        "  --url URL      of the server, for cancel and retry; default: $MAILHATCH_URL, else\n"
        "                 http://127.0.0.1:8080; unix:/path for a Unix socket\n"
        "  --key KEY      API key; better in $MAILHATCH_API_KEY\n",
        to);
}

static int fail(const struct gw_err *err)
{
    (void)fprintf(stderr, "mailhatch: %s\n", err->text);
    return CLI_FAILED;
}

/* ---- looking ---- */

static int run_ls(struct args *a)
{
    struct gw_store_reader *reader;
    struct gw_err err;
    if (gw_store_reader_open(a->dir, &reader, &err) != GW_OK)
        return fail(&err);
    struct gw_message *messages[GW_LIST_MAX];
    size_t n;
    int64_t cursor = 0;
    a->list.limit = (size_t)a->limit;
    enum gw_status st = gw_store_reader_list(reader, &a->list, messages, &n, &cursor);
    if (st == GW_OK)
        cli_queue_print_list((const struct gw_message *const *)messages, n, cursor);
    else
        (void)fprintf(stderr, "mailhatch: %s\n", gw_status_text(st));
    for (size_t i = 0; i < n; i++)
        gw_message_free(&messages[i]);
    gw_store_reader_free(&reader);
    return st == GW_OK ? CLI_OK : CLI_FAILED;
}

static int run_show(struct args *a)
{
    struct gw_store_reader *reader;
    struct gw_err err;
    if (gw_store_reader_open(a->dir, &reader, &err) != GW_OK)
        return fail(&err);
    struct gw_message *m;
    struct gw_attempt_log *attempts;
    size_t n;
    enum gw_status st = gw_store_reader_find(reader, a->id, &m, &attempts, &n);
    if (st == GW_OK)
        cli_queue_print_message(m, attempts, n);
    else
        (void)fprintf(stderr, "mailhatch: message %s: %s\n", a->id, gw_status_text(st));
    gw_message_free(&m);
    gw_store_reader_free(&reader);
    return st == GW_OK ? CLI_OK : CLI_FAILED;
}

static int run_stats(struct args *a)
{
    struct gw_store_reader *reader;
    struct gw_err err;
    if (gw_store_reader_open(a->dir, &reader, &err) != GW_OK)
        return fail(&err);
    struct gw_store_stats stats;
    enum gw_status st = gw_store_reader_stats(reader, &stats);
    if (st == GW_OK)
        cli_queue_print_stats(&stats);
    else
        (void)fprintf(stderr, "mailhatch: %s\n", gw_status_text(st));
    gw_store_reader_free(&reader);
    return st == GW_OK ? CLI_OK : CLI_FAILED;
}

/* ---- changing ---- */

struct change {
    struct gw_store *store;
    enum gw_status status;
    struct gw_message *m;
};

static void on_closed(enum gw_status status, void *data)
{
    (void)status;
    (void)data;
}

static void on_changed(enum gw_status status, struct gw_message *m, void *data)
{
    struct change *c = data;
    c->status = status;
    c->m = m;
    c->store->engine->close(c->store, on_closed, c);
}

static void on_fatal(const char *detail, void *data)
{
    (void)data;
    (void)fprintf(stderr, "mailhatch: %s\n", detail);
    exit(CLI_FAILED); /* nothing may be written any more */
}

static int change_stored(const struct args *a, const struct gw_store_change *change,
                         struct gw_store_sqlite_config *config)
{
    uv_loop_t loop;
    struct change c = {.m = NULL};
    struct gw_err err;
    CHECK(uv_loop_init(&loop) == 0);
    enum gw_status st = gw_store_sqlite_new(&loop, config, &c.store, &err);
    if (st != GW_OK) {
        CHECK(uv_loop_close(&loop) == 0);
        return st == GW_BUSY ? -1 : fail(&err);
    }
    c.store->engine->update(c.store, "", a->id, change, on_changed, &c);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&loop) == 0);
    if (c.status == GW_OK)
        cli_queue_print_message(c.m, NULL, 0);
    else
        (void)fprintf(stderr, "mailhatch: message %s: %s\n", a->id,
                      c.status == GW_INVALID ? "it has ended, there is nothing to do"
                                             : gw_status_text(c.status));
    gw_message_free(&c.m);
    return c.status == GW_OK ? CLI_OK : CLI_FAILED;
}

static int ask_server(const struct args *a, const char *verb)
{
    char path[64 + GW_UUID_SIZE];
    (void)snprintf(path, sizeof(path), "/v1/messages/%s/%s", a->id, verb);
    enum cli_reply reply = cli_ask(&a->server, &(struct cli_request){.path = path,
                                                                     .json = "{}",
                                                                     .timeout_ms = API_TIMEOUT_MS,
                                                                     .report = api_client_report});
    return reply != CLI_REPLY_REFUSED ? CLI_OK : CLI_FAILED;
}

static int change(const struct args *a, const char *verb, gw_store_change_fn fn)
{
    int64_t lifetime_ms = a->cfg->retry.max_age_ms;
    struct gw_store_sqlite_config config = {
        .dir = a->dir,
        .retention_bodies_ms = a->cfg->store.retention_bodies_ms,
        .retention_history_ms = a->cfg->store.retention_history_ms,
        .on_fatal = on_fatal};
    int rc = change_stored(a, &(struct gw_store_change){fn, &lifetime_ms}, &config);
    return rc == -1 ? ask_server(a, verb) : rc;
}

static int run_cancel(struct args *a)
{
    return change(a, "cancel", gw_change_cancel);
}

static int run_retry(struct args *a)
{
    return change(a, "retry", gw_change_retry);
}

static int run_purge(struct args *a)
{
    int64_t n;
    struct gw_err err;
    int64_t age_ms = 0;
    CHECK(cfg_parse_duration(a->older_than, &age_ms));
    if (gw_store_sqlite_purge(a->dir, age_ms, &n, &err) != GW_OK)
        return fail(&err);
    (void)printf("%lld messages forgotten\n", (long long)n);
    return CLI_OK;
}

static int run_salvage(struct args *a)
{
    struct gw_salvage saved;
    struct gw_err err;
    if (gw_store_sqlite_salvage(a->dir, &saved, &err) != GW_OK)
        return fail(&err);
    cli_queue_print_salvage(&saved, a->dir);
    return CLI_OK;
}

/* ---- the command line ---- */

static const struct verb {
    const char *name;
    int (*run)(struct args *a);
    bool takes_id;
} verbs[] = {
    {"ls", run_ls, false},           {"show", run_show, true},    {"cancel", run_cancel, true},
    {"retry", run_retry, true},      {"stats", run_stats, false}, {"purge", run_purge, false},
    {"salvage", run_salvage, false},
};
enum {
    N_VERBS = sizeof(verbs) / sizeof(verbs[0])
};

static bool is_duration(const char *value)
{
    int64_t ms;
    return cfg_parse_duration(value, &ms);
}

static int parse(int argc, char **argv, struct args *a, const struct verb **verb_out)
{
    struct gw_list_query *list = &a->list;
    const struct cli_option options[] = {
        {"config", .text = &a->config},
        {"url", .text = &a->server.url},
        {"key", .text = &a->server.key},
        {"status", .text = &list->status},
        {"recipient", .text = &list->recipient},
        {"from", .text = &list->from},
        {"tag", .text = &list->tag},
        {"relay", .text = &list->relay},
        {"limit", .number = &a->limit, .min = 1, .max = GW_LIST_MAX},
        {"cursor", .number = &list->cursor, .min = 1, .max = INT64_MAX},
        {"older-than", .text = &a->older_than, .valid = is_duration},
        {0}};
    int usable = cli_read_options(argc, argv, options);
    if (usable != CLI_OK)
        return usable;
    const char *name = optind < argc ? argv[optind] : "";
    const struct verb *verb = verbs;
    while (verb < verbs + N_VERBS && strcmp(verb->name, name) != 0)
        verb++;
    if (verb == verbs + N_VERBS || argc - optind != (verb->takes_id ? 2 : 1) ||
        (a->older_than != NULL) != (verb->run == run_purge))
        return CLI_USAGE;
    a->id = verb->takes_id ? argv[optind + 1] : NULL;
    *verb_out = verb;
    return a->id == NULL || strlen(a->id) < GW_UUID_SIZE ? CLI_OK : CLI_USAGE;
}

int cli_queue(int argc, char **argv)
{
    struct args a = {.server = cli_server_default(), .limit = DEFAULT_LIMIT};
    const struct verb *verb;
    int rc = parse(argc, argv, &a, &verb);
    if (rc != CLI_OK)
        return cli_show_usage(rc, usage);
    a.cfg = cli_load_config(a.config);
    if (a.cfg == NULL)
        return CLI_CONFIG;
    a.dir = a.cfg->store.path;
    if (a.cfg->store.engine == CFG_STORE_SQLITE) {
        rc = verb->run(&a);
    } else {
        (void)fprintf(stderr, "mailhatch: the configured store keeps nothing on disk\n");
        rc = CLI_FAILED;
    }
    cfg_unref(&a.cfg);
    return rc;
}
