/* SPDX-License-Identifier: MIT */
/* `mailhatch webhook`: the webhooks of a running server, through its API. */
#include <stdio.h>
#include <string.h>

#include "api/client.h"
#include "config/cfg_text.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/cli.h"
#include "gateway/cli_client.h"
#include "gateway/cli_options.h"
#include "gateway/records.h"
#include "gateway/webhooks.h"

enum {
    API_TIMEOUT_MS = 15000,
    TEST_TIMEOUT_MS = API_TIMEOUT_MS + GW_WEBHOOK_TIMEOUT_MS,
    MAX_PATH = 256,
    MAX_JSON = 256
};

struct args {
    struct cli_server server;
    const char *name, *since, *until;
};

static void usage(FILE *to)
{
    (void)fputs(
        "usage: mailhatch webhook ls\n"
        "       mailhatch webhook test NAME\n"
        "       mailhatch webhook replay NAME --since TIME [--until TIME]\n"
        "       mailhatch webhook pause NAME\n"
        "       mailhatch webhook resume NAME\n\n"
        "ls: the webhooks of a running server and how they are. test: delivers an event of type\n"
        "webhook.test, whatever state the webhook is in, and tells what came of it. replay:\n"
        "delivers the events of that time again, beside what is new. pause: its events wait, also\n"
        "over a restart, until it is resumed.\n\n"
        "  --since, --until TIME  2026-12-01T09:00:00Z, or how long ago: 90m, 2h, 3d\n"
        "  --url URL              of the server; default: $MAILHATCH_URL, else\n"
        "                         http://127.0.0.1:8080; unix:/path for a Unix socket\n"
        "  --key KEY              API key with the scope admin; better in $MAILHATCH_API_KEY\n\n"
        "exit code: 0 done, 1 refused, no server, or the test failed, 2 usage\n",
        to);
}

static int ask(const struct args *a, const struct cli_request *request)
{
    return cli_ask(&a->server, request) == CLI_REPLY_GOOD ? CLI_OK : CLI_FAILED;
}

static int run_ls(const struct args *a)
{
    return ask(a, &(struct cli_request){.path = "/v1/webhooks",
                                        .timeout_ms = API_TIMEOUT_MS,
                                        .report = api_client_webhooks});
}

static int command(const struct args *a, const char *verb, const struct cli_request *how)
{
    char path[MAX_PATH];
    struct cli_request request = *how;
    int len = snprintf(path, sizeof(path), "/v1/webhooks/%s/%s", a->name, verb);
    CHECK(len > 0 && (size_t)len < sizeof(path));
    request.path = path;
    return ask(a, &request);
}

static const struct cli_request simple = {
    .json = "{}", .timeout_ms = API_TIMEOUT_MS, .report = api_client_webhooks};

static int run_test(const struct args *a)
{
    return command(a, "test",
                   &(struct cli_request){.json = "{}",
                                         .timeout_ms = TEST_TIMEOUT_MS,
                                         .report = api_client_webhook_test});
}

static int run_pause(const struct args *a)
{
    return command(a, "pause", &simple);
}

static int run_resume(const struct args *a)
{
    return command(a, "resume", &simple);
}

/* A moment, or how long ago it was. */
static bool read_time(const char *text, int64_t *wall_ms_out)
{
    int64_t ago_ms;
    if (gw_filter_time(text, wall_ms_out))
        return true;
    if (!cfg_parse_duration(text, &ago_ms))
        return false;
    *wall_ms_out = gw_clock_wall_ms() - ago_ms;
    return true;
}

static bool is_time(const char *text)
{
    int64_t ms;
    return read_time(text, &ms);
}

static void write_time(const char *text, char out[GW_TIME_RFC3339_SIZE])
{
    int64_t ms = 0;
    CHECK(read_time(text, &ms));
    gw_time_rfc3339(ms, out);
}

static int run_replay(const struct args *a)
{
    char since[GW_TIME_RFC3339_SIZE];
    char until[GW_TIME_RFC3339_SIZE];
    char json[MAX_JSON];
    write_time(a->since, since);
    if (a->until != NULL)
        write_time(a->until, until);
    int len = a->until != NULL ? snprintf(json, sizeof(json), "{\"since\":\"%s\",\"until\":\"%s\"}",
                                          since, until)
                               : snprintf(json, sizeof(json), "{\"since\":\"%s\"}", since);
    CHECK(len > 0 && (size_t)len < sizeof(json));
    struct cli_request request = simple;
    request.json = json;
    return command(a, "replay", &request);
}

static const struct verb {
    const char *name;
    int (*run)(const struct args *a);
    bool takes_name;
} verbs[] = {
    {"ls", run_ls, false},      {"test", run_test, true},     {"replay", run_replay, true},
    {"pause", run_pause, true}, {"resume", run_resume, true},
};
enum {
    N_VERBS = sizeof(verbs) / sizeof(verbs[0])
};

static int parse(int argc, char **argv, struct args *a, const struct verb **verb_out)
{
    const struct cli_option options[] = {{"url", .text = &a->server.url},
                                         {"key", .text = &a->server.key},
                                         {"since", .text = &a->since, .valid = is_time},
                                         {"until", .text = &a->until, .valid = is_time},
                                         {0}};
    int usable = cli_read_options(argc, argv, options);
    if (usable != CLI_OK)
        return usable;
    const char *name = optind < argc ? argv[optind] : "";
    const struct verb *verb = verbs;
    while (verb < verbs + N_VERBS && strcmp(verb->name, name) != 0)
        verb++;
    if (verb == verbs + N_VERBS || argc - optind != (verb->takes_name ? 2 : 1))
        return CLI_USAGE;
    bool replays = verb->run == run_replay;
    if ((a->since != NULL) != replays || (a->until != NULL && !replays))
        return CLI_USAGE;
    a->name = verb->takes_name ? argv[optind + 1] : NULL;
    *verb_out = verb;
    return a->name == NULL || cfg_is_name(a->name) ? CLI_OK : CLI_USAGE;
}

int cli_webhook(int argc, char **argv)
{
    struct args a = {.server = cli_server_default()};
    const struct verb *verb;
    int rc = parse(argc, argv, &a, &verb);
    return rc == CLI_OK ? verb->run(&a) : cli_show_usage(rc, usage);
}
