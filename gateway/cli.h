/* SPDX-License-Identifier: MIT */
/* The command line: one function per command. */
#ifndef GW_CLI_H
#define GW_CLI_H

#include "config/cfg.h"

/* Exit codes of every command; docs/cli.md. */
enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,      /* the operation failed; stderr says why */
    CLI_USAGE = 2,       /* the command line is wrong */
    CLI_CONFIG = 3,      /* the configuration is not valid */
    CLI_NOT_ALL_SENT = 4 /* send: the request was taken, but not every recipient is `sent` */
};

/* argv[0] is the command's own name. */
int cli_serve(int argc, char **argv);
int cli_check_config(int argc, char **argv);
int cli_send(int argc, char **argv);
int cli_key(int argc, char **argv);
int cli_dkim(int argc, char **argv);
int cli_domain(int argc, char **argv);
int cli_relay(int argc, char **argv);
int cli_queue(int argc, char **argv);
int cli_webhook(int argc, char **argv);
int cli_healthcheck(int argc, char **argv);
int cli_version(int argc, char **argv);

/* A TXT record as zone files have it, to stdout. */
void cli_print_txt(const char *name, const char *value);

/* As cfg_load() with the environment of the process. */
enum gw_status cli_read_config(const char *file, const struct cfg **out,
                               struct cfg_problems *problems) GW_NODISCARD;
/* Load the configuration as every command does; on error all problems are on stderr and NULL is
 * returned. @file may be NULL. */
const struct cfg *cli_load_config(const char *file);

#endif
