/* SPDX-License-Identifier: MIT */
/* What cli_serve.c (options, supervisor) and cli_serve_run.c (the server process) share. */
#ifndef GW_CLI_SERVE_H
#define GW_CLI_SERVE_H

#include <stdbool.h>

struct cli_serve_options {
    const char *config; /* file, NULL: see cfg_load() */
    bool no_supervisor, no_seccomp;
};

/* The server process from configuration to exit code. @data  struct cli_serve_options */
int cli_serve_run(void *data);

#endif
