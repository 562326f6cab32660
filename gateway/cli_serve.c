/* SPDX-License-Identifier: MIT */
/* `mailhatch serve`: options, and the supervisor in front of the server process. */
#include "gateway/cli_serve.h"

#include <stdio.h>
#include <unistd.h>

#include "gateway/base/gw_log.h"
#include "gateway/cli.h"
#include "gateway/cli_options.h"
#include "gateway/hardening.h"
#include "gateway/notify.h"
#include "gateway/supervisor.h"

static void usage(FILE *to)
{
    (void)fputs(
        "usage: mailhatch serve [--config FILE] [--no-supervisor] [--no-seccomp]\n\n"
        "Runs the gateway until SIGTERM or SIGINT, then finishes what is in hand (at most 30 s; a\n"
        "second signal ends it within 2 s). A server process that dies is started again.\n\n"
        "  --config FILE    the YAML file; default: $MAILHATCH_CONFIG, else the environment "
        "alone:\n"
        "                   MAILHATCH_RELAY    smtps://user:pass@host:465 (default: the sandbox)\n"
        "                   MAILHATCH_LISTEN   127.0.0.1:8080\n"
        "                   MAILHATCH_API_KEY  id.secret; needed beyond loopback\n"
        "                   MAILHATCH_DKIM     domain:selector:keyfile\n"
        "                   MAILHATCH_LOG      error, warn, info or debug\n"
        "  --no-supervisor  one process; whatever started it starts it again\n"
        "  --no-seccomp     leave all system calls allowed\n",
        to);
}

int cli_serve(int argc, char **argv)
{
    struct cli_serve_options options = {.config = NULL};
    const struct cli_option known[] = {{"config", .text = &options.config},
                                       {"no-supervisor", .flag = &options.no_supervisor},
                                       {"no-seccomp", .flag = &options.no_seccomp},
                                       {0}};
    int usable = cli_read_options(argc, argv, known);
    if (usable != CLI_OK || optind != argc)
        return cli_show_usage(usable, usage);
    /* Until the configuration says otherwise, and for the supervisor. */
    gw_log_init(GW_LOG_INFO, isatty(STDERR_FILENO) ? GW_LOG_FORMAT_TEXT : GW_LOG_FORMAT_JSON,
                STDERR_FILENO);
    gw_harden_process();
    gw_notify_open();
    return options.no_supervisor ? cli_serve_run(&options) : gw_supervise(cli_serve_run, &options);
}
