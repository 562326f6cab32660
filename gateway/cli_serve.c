/* SPDX-License-Identifier: MIT */
/* `mailhatch serve`: wires configuration, gateway and HTTP server on one loop.
 *
 * Happy path: load → gateway → server → `ready` → SIGTERM or SIGINT → drain → exit 0.
 * Failure: anything wrong at start ends with one line per problem and exit code 1 or 3; a drain
 * that overruns its deadline ends the process from a thread of its own. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "api/server.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_log.h"
#include "gateway/cli.h"
#include "gateway/gateway.h"

enum {
    DRAIN_GRACE_MS = 20 * 1000, /* for SMTP transactions in hand */
    DRAIN_DEADLINE_S = 30,      /* then the process ends whatever happens */
    ANSWER_POLL_MS = 20         /* looks whether the last answers are out */
};

struct serve {
    uv_loop_t loop;
    const struct cfg *cfg;
    struct gw_gateway *gateway;
    struct api_server *server;
    uv_signal_t on_term, on_int;
    uv_timer_t poll;
    bool draining, gateway_closed;
};

static void usage(FILE *to)
{
    (void)fputs("usage: mailhatch serve [--config FILE]\n\n"
                "Runs the gateway until SIGTERM or SIGINT, then finishes what is in hand (at most "
                "30 s).\n\n"
                "  --config FILE  the YAML file; default: $MAILHATCH_CONFIG, else the environment "
                "alone:\n"
                "                 MAILHATCH_RELAY    smtps://user:pass@host:465 (default: the "
                "sandbox)\n"
                "                 MAILHATCH_LISTEN   127.0.0.1:8080\n"
                "                 MAILHATCH_API_KEY  id.secret; needed beyond loopback\n"
                "                 MAILHATCH_DKIM     domain:selector:keyfile\n"
                "                 MAILHATCH_LOG      error, warn, info or debug\n",
                to);
}

static _Noreturn void drain_overrun(void *arg)
{
    (void)arg;
    unsigned left = DRAIN_DEADLINE_S;
    while (left > 0)
        left = sleep(left); /* NOLINT(concurrency-mt-unsafe) */
    gw_log(GW_LOG_ERROR, "drain_overrun", GW_LOG_NUM("seconds", DRAIN_DEADLINE_S));
    _exit(CLI_FAILED);
}

static void stop_when_answered(struct serve *s)
{
    if (s->gateway_closed && api_server_in_flight(s->server) == 0)
        uv_stop(&s->loop);
}

static void on_poll(uv_timer_t *timer)
{
    stop_when_answered(timer->data);
}

static void on_gateway_closed(void *data)
{
    struct serve *s = data;
    s->gateway_closed = true;
    s->gateway = NULL;
    CHECK(uv_timer_start(&s->poll, on_poll, ANSWER_POLL_MS, ANSWER_POLL_MS) == 0);
}

static void on_signal(uv_signal_t *handle, int signum)
{
    struct serve *s = handle->data;
    gw_log(GW_LOG_INFO, "draining", GW_LOG_STR("signal", signum == SIGTERM ? "SIGTERM" : "SIGINT"));
    if (s->draining)
        return;
    s->draining = true;
    uv_thread_t watchdog;
    CHECK(uv_thread_create(&watchdog, drain_overrun, NULL) == 0);
    api_server_drain(s->server);
    gw_gateway_close(s->gateway, DRAIN_GRACE_MS, on_gateway_closed, s);
}

static void log_listeners(const struct serve *s)
{
    for (size_t i = 0; i < s->cfg->n_listen; i++) {
        const struct cfg_listen *l = &s->cfg->listen[i];
        gw_log(GW_LOG_INFO, "listening", GW_LOG_STR("address", l->address),
               GW_LOG_NUM("port", api_server_port(s->server, i)),
               GW_LOG_STR("tls", l->cert_file != NULL ? "yes" : "no"));
    }
    if (s->cfg->n_api_keys == 0)
        gw_log(GW_LOG_WARN, "no_api_key",
               GW_LOG_STR("detail", "anyone who can connect may send; set MAILHATCH_API_KEY"));
    gw_log(GW_LOG_INFO, "ready", GW_LOG_STR("version", gw_gateway_version()),
           GW_LOG_STR("store", gw_gateway_durable(s->gateway) ? "durable" : "memory: not durable"));
}

static void on_closed_early(void *data)
{
    (void)data;
}

/* GW_OK, or everything is closed again. */
static enum gw_status start(struct serve *s, struct gw_err *err)
{
    enum gw_status st = gw_gateway_new(&s->loop, s->cfg, &s->gateway, err);
    if (st == GW_OK)
        st = api_server_new(&s->loop, s->gateway, &s->server, err);
    if (st != GW_OK) {
        gw_gateway_close(s->gateway, 0, on_closed_early, NULL);
        (void)uv_run(&s->loop, UV_RUN_DEFAULT);
        return st;
    }
    CHECK(uv_signal_init(&s->loop, &s->on_term) == 0 && uv_signal_init(&s->loop, &s->on_int) == 0 &&
          uv_timer_init(&s->loop, &s->poll) == 0);
    s->on_term.data = s;
    s->on_int.data = s;
    s->poll.data = s;
    CHECK(uv_signal_start(&s->on_term, on_signal, SIGTERM) == 0 &&
          uv_signal_start(&s->on_int, on_signal, SIGINT) == 0);
    return GW_OK;
}

static void raise_fd_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int serve(const struct cfg *cfg)
{
    static struct serve s;
    s.cfg = cfg;
    raise_fd_limit();
    (void)signal(SIGPIPE, SIG_IGN); /* NOLINT(performance-no-int-to-ptr) */
    CHECK(uv_loop_init(&s.loop) == 0);
    struct gw_err err = {.status = GW_OK};
    if (start(&s, &err) != GW_OK) {
        (void)fprintf(stderr, "mailhatch: %s\n", err.text);
        return CLI_FAILED;
    }
    log_listeners(&s);
    (void)uv_run(&s.loop, UV_RUN_DEFAULT);
    gw_log(GW_LOG_INFO, "stopped", GW_LOG_NUM("answers_open", api_server_in_flight(s.server)));
    return CLI_OK;
}

int cli_serve(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {0}};
    const char *file = NULL;
    int c;
    while ((c = cli_next_option(argc, argv, options)) != -1) {
        if (c != 'c') {
            usage(c == 'h' ? stdout : stderr);
            return c == 'h' ? CLI_OK : CLI_USAGE;
        }
        file = optarg;
    }
    if (optind != argc) {
        usage(stderr);
        return CLI_USAGE;
    }
    const struct cfg *cfg = cli_load_config(file);
    if (cfg == NULL)
        return CLI_CONFIG;
    gw_log_init(cfg->log.level, cfg->log.format, STDERR_FILENO);
    int rc = serve(cfg);
    cfg_unref(&cfg);
    return rc;
}
