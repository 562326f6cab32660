/* SPDX-License-Identifier: MIT */
/* `mailhatch relay check` and `mailhatch relay ls`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/client.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"
#include "gateway/cli.h"
#include "gateway/cli_client.h"
#include "gateway/cli_options.h"
#include "gateway/http_client.h"
#include "gateway/relay_secret.h"
#include "gateway/relays.h"
#include "smtp/check.h"

enum {
    LS_TIMEOUT_MS = 15000,
    PROBE_MS = 3000,      /* somebody waits at the terminal */
    TRY_TIMEOUT_MS = 5000 /* of each step when other ports are tried */
};

static void usage(FILE *to)
{
    (void)fputs(
        "usage: mailhatch relay check URL [--ca-file FILE] [--server-name NAME]\n"
        "       mailhatch relay check NAME [--config FILE]\n"
        "       mailhatch relay ls [--url URL] [--key ID.SECRET]\n\n"
        "check: connects, does TLS and AUTH, says NOOP and QUIT, and prints all that was said, "
        "the\n"
        "certificate, and what is wrong with which URL or setting would work. URL is as in the\n"
        "configuration (smtp://user:pass@host:587); it may be in $MAILHATCH_RELAY instead, where\n"
        "other users of this machine cannot read the password. NAME is a relay of the "
        "configuration.\n"
        "ls: the relays of a running server and what they are doing.\n\n"
        "  --ca-file FILE      PEM file of the CAs to trust instead of the system's\n"
        "  --server-name NAME  the name that the certificate must have\n"
        "  --config FILE       default: $MAILHATCH_CONFIG\n"
        "  --url, --key        as for `mailhatch send`\n\n"
        "exit code: 0 the relay works, 1 it does not, 2 usage, 3 the configuration is not valid\n",
        to);
}

struct relay_args {
    struct cli_server server;
    const char *config, *ca_file, *server_name;
};

/* --- check --- */

struct run {
    bool done, ok;
    bool quiet; /* another port is being tried */
    char capabilities[SMTP_CHECK_LINE_SIZE];
    enum smtp_stage stage;
    enum smtp_reason reason;
};

static void print_certificate(const struct smtp_tls_certificate *c)
{
    (void)printf("\ncertificate\n  subject  %s\n  issuer   %s\n  names    %s\n"
                 "  valid    %s to %s\n  key      %s\n  pin      %s\n",
                 c->subject, c->issuer, c->names[0] != '\0' ? c->names : "(none)", c->not_before,
                 c->not_after, c->key, c->pin);
}

static void print_result(const struct smtp_check_result *r, const char *capabilities)
{
    static const char *const marks[] = {
        [SMTP_CHECK_NETWORK] = "*", [SMTP_CHECK_CLIENT] = ">", [SMTP_CHECK_RELAY] = "<"};
    for (size_t i = 0; i < r->n_lines; i++)
        (void)printf("%6d ms %s %s\n", r->lines[i].ms, marks[r->lines[i].speaker],
                     r->lines[i].text);
    if (r->n_dropped > 0)
        (void)printf("          … and %zu lines more\n", r->n_dropped);
    if (r->has_certificate)
        print_certificate(&r->certificate);
    if (r->has_capabilities)
        (void)printf("\noffers     %s\n", capabilities);
    if (r->ok)
        (void)printf("\nOK: the relay can be used%s%s\n",
                     r->tls_version != NULL ? " over " : ", without TLS",
                     r->tls_version != NULL ? r->tls_version : "");
    else
        (void)printf("\nFAILED at %s: %s: %s\n", smtp_stage_name(r->stage),
                     smtp_reason_name(r->reason), r->detail);
    if (r->advice[0] != '\0')
        (void)printf("%s: %s\n", r->ok ? "note" : "try", r->advice);
}

static void on_checked(const struct smtp_check_result *r, void *data)
{
    struct run *run = data;
    run->done = true;
    run->ok = r->ok;
    run->stage = r->stage;
    run->reason = r->reason;
    if (r->has_capabilities)
        smtp_check_capabilities_text(&r->capabilities, run->capabilities,
                                     sizeof(run->capabilities));
    if (!run->quiet)
        print_result(r, run->capabilities);
}

/* False with the reason on stderr when it could not even begin. */
static bool run_check(uv_loop_t *loop, const struct smtp_relay_config *config, struct run *run)
{
    struct smtp_check *check;
    struct gw_err err = {.text = ""};
    if (smtp_check_start(loop, config, on_checked, run, &check, &err) != GW_OK) {
        (void)fprintf(stderr, "mailhatch: %s\n", err.text);
        return false;
    }
    while (!run->done) /* handles of an access token may outlive it */
        (void)uv_run(loop, UV_RUN_ONCE);
    return true;
}

/* The failure may be one of the port: which of the usual ones answers? Without credentials: they
 * are for whom the URL names. */
static void try_other_ports(uv_loop_t *loop, const struct smtp_relay_config *failed)
{
    static const struct {
        const char *scheme;
        enum smtp_tls_mode mode;
        uint16_t port;
    } usual[] = {{"smtp", SMTP_TLS_REQUIRED, 587}, {"smtps", SMTP_TLS_IMPLICIT, 465}};
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
        struct run run = {.quiet = true};
        struct smtp_relay_config c = *failed;
        if (c.port == usual[i].port)
            continue;
        c.port = usual[i].port;
        c.tls_mode = usual[i].mode;
        c.username = NULL;
        c.password = NULL;
        c.secrets = (struct smtp_secret_source){.get = NULL};
        c.timeouts.connect_ms = TRY_TIMEOUT_MS;
        c.timeouts.greeting_ms = TRY_TIMEOUT_MS;
        if (run_check(loop, &c, &run) && run.ok)
            (void)printf("this answers: %s://%s:%u (%s)\n", usual[i].scheme, c.host,
                         (unsigned)c.port, run.capabilities);
    }
}

static bool may_be_the_port(const struct run *run)
{
    return run->stage == SMTP_STAGE_CONNECT || run->stage == SMTP_STAGE_GREETING ||
           run->reason == SMTP_REASON_AUTH_UNAVAILABLE ||
           run->reason == SMTP_REASON_TLS_REQUIRED_MISSING;
}

static void on_http_closed(void *data)
{
    (void)data;
}

/* An access token may have to be fetched first. */
static void wait_for_secret(uv_loop_t *loop, const struct smtp_secret_source *source)
{
    struct smtp_secret secret;
    while (source->get != NULL && source->get(source->data, &secret) == SMTP_SECRET_PENDING)
        (void)uv_run(loop, UV_RUN_ONCE);
}

static int check(const struct cfg_relay *relay, const struct relay_args *a)
{
    struct gw_relay_secret secret;
    struct run run = {.done = false};
    uv_loop_t loop;
    if (relay->sandbox) {
        (void)fprintf(stderr, "mailhatch: the sandbox lives in the server; there is nothing to "
                              "check from here\n");
        return CLI_FAILED;
    }
    struct smtp_relay_config config = gw_relay_config(relay, NULL);
    if (a->ca_file != NULL)
        config.ca_file = a->ca_file;
    if (a->server_name != NULL)
        config.server_name = a->server_name;
    config.tls_probe_ms = PROBE_MS;
    CHECK(uv_loop_init(&loop) == 0);
    struct gw_http *http = gw_relay_secret_wants_http(relay) ? gw_http_new(&loop) : NULL;
    gw_relay_secret_open(&secret, http, relay);
    config.secrets = gw_relay_secret_source(&secret);
    wait_for_secret(&loop, &config.secrets);
    bool ran = run_check(&loop, &config, &run);
    if (ran && !run.ok && may_be_the_port(&run))
        try_other_ports(&loop, &config);
    gw_relay_secret_close(&secret);
    if (http != NULL)
        gw_http_close(http, on_http_closed, NULL);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&loop);
    return ran && run.ok ? CLI_OK : CLI_FAILED;
}

/* @url in the place of $MAILHATCH_RELAY, and nothing else of the environment. */
static const struct cfg *load_url(const char *url)
{
    struct cfg_problems problems = {.n = 0};
    const struct cfg *cfg = NULL;
    size_t size = sizeof("MAILHATCH_RELAY=") + strlen(url);
    char *relay = gw_malloc(size);
    (void)snprintf(relay, size, "MAILHATCH_RELAY=%s", url);
    const char *env[] = {relay, NULL};
    enum gw_status st = cfg_load(NULL, env, &cfg, &problems);
    for (size_t i = 0; i < problems.n; i++)
        (void)fprintf(stderr, "%s\n", problems.text[i]);
    cfg_problems_deinit(&problems);
    gw_free_secret(&relay);
    return st == GW_OK ? cfg : NULL;
}

static const struct cfg_relay *find(const struct cfg *cfg, const char *name)
{
    for (size_t i = 0; i < cfg->n_relays; i++)
        if (strcmp(cfg->relays[i].name, name) == 0)
            return &cfg->relays[i];
    (void)fprintf(stderr, "mailhatch: the configuration has no relay `%s`\n", name);
    return NULL;
}

static int run_check_command(const char *what, const struct relay_args *a)
{
    bool is_url = strstr(what, "://") != NULL;
    const struct cfg *cfg = is_url ? load_url(what) : cli_load_config(a->config);
    if (cfg == NULL)
        return CLI_CONFIG;
    const struct cfg_relay *relay = is_url ? &cfg->relays[0] : find(cfg, what);
    int rc = relay != NULL ? check(relay, a) : CLI_FAILED;
    cfg_unref(&cfg);
    return rc;
}

/* --- ls --- */

static int list(const struct cli_server *server)
{
    enum cli_reply reply = cli_ask(server, &(struct cli_request){.path = "/v1/relays",
                                                                 .timeout_ms = LS_TIMEOUT_MS,
                                                                 .report = api_client_relays});
    return reply == CLI_REPLY_GOOD ? CLI_OK : CLI_FAILED;
}

int cli_relay(int argc, char **argv)
{
    struct relay_args a = {.server = cli_server_default()};
    const struct cli_option options[] = {
        {"config", .text = &a.config},           {"ca-file", .text = &a.ca_file},
        {"server-name", .text = &a.server_name}, {"url", .text = &a.server.url},
        {"key", .text = &a.server.key},          {0}};
    int usable = cli_read_options(argc, argv, options);
    const char *verb = usable == CLI_OK && optind < argc ? argv[optind] : "";
    const char *what = optind + 1 < argc ? argv[optind + 1] : getenv("MAILHATCH_RELAY");
    gw_log_init(GW_LOG_ERROR, GW_LOG_FORMAT_TEXT, STDERR_FILENO);
    if (strcmp(verb, "check") == 0 && what != NULL && optind + 2 >= argc)
        return run_check_command(what, &a);
    if (strcmp(verb, "ls") == 0 && optind + 1 == argc)
        return list(&a.server);
    return cli_show_usage(usable, usage);
}
