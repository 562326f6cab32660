/* SPDX-License-Identifier: MIT */
/* `mailhatch serve`: options, and the supervisor in front of the server process. */
#include "gateway/cli_serve.h"

#include <stdio.h>
#include <unistd.h>

#include "gateway/base/gw_log.h"
#include "gateway/cli.h"
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
    static const struct option long_options[] = {{"config", required_argument, NULL, 'c'},
                                                 {"no-supervisor", no_argument, NULL, 'n'},
                                                 {"no-seccomp", no_argument, NULL, 's'},
                                                 {"help", no_argument, NULL, 'h'},
                                                 {0}};
    struct cli_serve_options options = {.config = NULL};
    int c;
    while ((c = cli_next_option(argc, argv, long_options)) != -1) {
        switch (c) {
        case 'c':
            options.config = optarg;
            break;
        case 'n':
            options.no_supervisor = true;
            break;
        case 's':
            options.no_seccomp = true;
            break;
        default:
            usage(c == 'h' ? stdout : stderr);
            return c == 'h' ? CLI_OK : CLI_USAGE;
        }
    }
    if (optind != argc) {
        usage(stderr);
        return CLI_USAGE;
    }
    /* Until the configuration says otherwise, and for the supervisor. */
    gw_log_init(GW_LOG_INFO, isatty(STDERR_FILENO) ? GW_LOG_FORMAT_TEXT : GW_LOG_FORMAT_JSON,
                STDERR_FILENO);
    gw_harden_process();
    gw_notify_open();
    return options.no_supervisor ? cli_serve_run(&options) : gw_supervise(cli_serve_run, &options);
}
