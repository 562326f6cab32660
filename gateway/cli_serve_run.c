/* SPDX-License-Identifier: MIT */
/* The server process: wires configuration, gateway and HTTP server on one loop.
 *
 * Happy path: load → gateway → server → `ready` → SIGTERM or SIGINT → drain → exit 0.
 * Failure: anything wrong at start ends with one line per problem and exit code 1 or 3; a drain
 * that overruns its deadline ends the process from a thread of its own. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "api/server.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_failpoint.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"
#include "gateway/cli.h"
#include "gateway/cli_reload.h"
#include "gateway/cli_serve.h"
#include "gateway/gateway.h"
#include "gateway/hardening.h"
#include "gateway/library_stderr.h"
#include "gateway/loop_watch.h"
#include "gateway/notify.h"
#include "gateway/process_metrics.h"

enum {
    DRAIN_GRACE_MS = 20 * 1000, /* for SMTP transactions in hand */
    DRAIN_DEADLINE_MS = 29500,  /* then the process ends whatever happens */
    HURRY_DEADLINE_MS = 2000,   /* the same after a second signal */
    LAST_WORDS_MS = 500,        /* for the log's reader, before the process ends */
    ANSWERS_OUT_MS = 25 * 1000, /* from the signal; clients may take their last answer slowly */
    ANSWER_POLL_MS = 20         /* looks whether the last answers are out */
};

struct serve {
    uv_loop_t loop;
    const struct cfg *cfg;
    struct gw_gateway *gateway;
    struct api_server *server;
    struct gw_loop_watch *watch;
    struct cli_reload *reload;
    uv_signal_t on_term, on_int, on_hup;
    uv_timer_t poll;
    bool draining, gateway_closed;
    int64_t drain_began_ms; /* monotonic */
};

static void on_round(void *data)
{
    const struct serve *s = data;
    if (s->reload != NULL)
        cli_reload_round(s->reload);
    if (gw_notify_watched())
        gw_notify("WATCHDOG=1\n");
}

/* In the watching thread. */
static void on_fatal(const char *event)
{
    gw_log(GW_LOG_ERROR, event,
           GW_LOG_STR("detail", "the process ends now; what was acknowledged is stored"));
    gw_log_flush(LAST_WORDS_MS);
    _exit(CLI_FAILED);
}

static void stop_when_answered(struct serve *s)
{
    if (!s->gateway_closed || api_server_in_flight(s->server) != 0)
        return;
    if (api_server_unsent(s->server) == 0 ||
        gw_clock_mono_ms() - s->drain_began_ms >= ANSWERS_OUT_MS)
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
    api_server_detach(s->server);
    CHECK(uv_timer_start(&s->poll, on_poll, ANSWER_POLL_MS, ANSWER_POLL_MS) == 0);
}

static void on_signal(uv_signal_t *handle, int signum)
{
    struct serve *s = handle->data;
    gw_log(GW_LOG_INFO, "draining", GW_LOG_STR("signal", signum == SIGTERM ? "SIGTERM" : "SIGINT"));
    gw_loop_watch_deadline(s->watch, s->draining ? HURRY_DEADLINE_MS : DRAIN_DEADLINE_MS);
    if (s->draining)
        return;
    s->draining = true;
    s->drain_began_ms = gw_clock_mono_ms();
    gw_notify("STOPPING=1\n");
    cli_reload_free(&s->reload);
    api_server_drain(s->server);
    gw_gateway_close(s->gateway, DRAIN_GRACE_MS, on_gateway_closed, s);
}

static void on_hangup(uv_signal_t *handle, int signum)
{
    const struct serve *s = handle->data;
    (void)signum;
    if (s->reload != NULL)
        cli_reload_start(s->reload);
}

static void tell_ready(const struct serve *s)
{
    if (s->cfg->n_api_keys == 0)
        gw_log(GW_LOG_WARN, "no_api_key",
               GW_LOG_STR("detail", "anyone who can connect may send; set MAILHATCH_API_KEY"));
    gw_log(GW_LOG_INFO, "ready", GW_LOG_STR("version", gw_gateway_version()),
           GW_LOG_STR("store", gw_gateway_durable(s->gateway) ? "durable" : "memory: not durable"));
    gw_process_metrics_collect(); /* counts its age from here */
    gw_notify("READY=1\n");
}

static void on_closed_early(void *data)
{
    (void)data;
}

static void watch_signals(struct serve *s)
{
    CHECK(uv_signal_init(&s->loop, &s->on_term) == 0 && uv_signal_init(&s->loop, &s->on_int) == 0 &&
          uv_signal_init(&s->loop, &s->on_hup) == 0);
    s->on_term.data = s;
    s->on_int.data = s;
    s->on_hup.data = s;
    CHECK(uv_signal_start(&s->on_term, on_signal, SIGTERM) == 0 &&
          uv_signal_start(&s->on_int, on_signal, SIGINT) == 0 &&
          uv_signal_start(&s->on_hup, on_hangup, SIGHUP) == 0);
}

static void forget_signals(struct serve *s)
{
    uv_close((uv_handle_t *)&s->on_term, NULL);
    uv_close((uv_handle_t *)&s->on_int, NULL);
    uv_close((uv_handle_t *)&s->on_hup, NULL);
}

/* GW_OK, or everything is closed again. Signals are watched before the listeners open: who can
 * connect may rely on a drain. While the store opens, which may take long, a signal just ends us.
 */
static enum gw_status start(struct serve *s, struct gw_err *err)
{
    enum gw_status st = gw_gateway_new(&s->loop, s->cfg, &s->gateway, err);
    if (st == GW_OK) {
        watch_signals(s);
        st = api_server_new(&s->loop, s->gateway, &s->server, err);
        GW_FAILPOINT("serve.listening");
        if (st != GW_OK)
            forget_signals(s);
    }
    if (st != GW_OK) {
        gw_gateway_close(s->gateway, 0, on_closed_early, NULL);
        (void)uv_run(&s->loop, UV_RUN_DEFAULT);
        return st;
    }
    CHECK(uv_timer_init(&s->loop, &s->poll) == 0);
    s->poll.data = s;
    return GW_OK;
}

static int serve(const struct cfg *cfg, const char *file)
{
    static struct serve s;
    s.cfg = cfg;
    (void)signal(SIGPIPE, SIG_IGN); /* NOLINT(performance-no-int-to-ptr) */
    CHECK(uv_loop_init(&s.loop) == 0);
    struct gw_err err = {.status = GW_OK};
    if (start(&s, &err) != GW_OK) {
        (void)fprintf(stderr, "mailhatch: %s\n", err.text);
        return CLI_FAILED;
    }
    s.watch = gw_loop_watch_new(
        &s.loop, &(struct gw_loop_watch_config){.round_ms = GW_LOOP_WATCH_ROUND_MS,
                                                .stall_rounds = GW_LOOP_WATCH_STALL_ROUNDS,
                                                .on_round = on_round,
                                                .data = &s,
                                                .on_fatal = on_fatal});
    s.reload = cli_reload_new(&s.loop, file, cfg, s.server);
    gw_library_stderr_capture();
    tell_ready(&s);
    (void)uv_run(&s.loop, UV_RUN_DEFAULT);
    gw_log(GW_LOG_INFO, "stopped", GW_LOG_NUM("answers_open", api_server_in_flight(s.server)));
    return CLI_OK;
}

static void enable_seccomp(const struct cli_serve_options *options)
{
    struct gw_err err = {.status = GW_OK};
    if (!options->no_seccomp && gw_seccomp_enable(&err) != GW_OK)
        gw_log(GW_LOG_WARN, "no_seccomp", GW_LOG_STR("detail", err.text));
}

int cli_serve_run(void *data)
{
    const struct cli_serve_options *options = data;
    gw_mem_init();
    const struct cfg *cfg = cli_load_config(options->config);
    if (cfg == NULL)
        return CLI_CONFIG;
    gw_log_init(cfg->log.level, cfg->log.format, STDERR_FILENO);
    enable_seccomp(options);
    gw_log_start();
    int rc = serve(cfg, options->config);
    cfg_unref(&cfg);
    gw_log_flush(LAST_WORDS_MS);
    return rc;
}
