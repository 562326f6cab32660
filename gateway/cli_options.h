/* SPDX-License-Identifier: MIT */
/* The options of a command, read by a table. */
#ifndef GW_CLI_OPTIONS_H
#define GW_CLI_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    CLI_HELP = -1,        /* beside enum cli_exit: help was asked for */
    CLI_MAX_OPTIONS = 24, /* of one command */
};

/* Texts of an option that repeats. */
struct cli_list {
    const char **items; /* room for max */
    size_t n, max;
};

/* One option; exactly one of the targets is set. Texts are those of argv. */
struct cli_option {
    const char *name; /* without the hyphens */
    bool *flag;       /* takes no value */
    const char **text;
    struct cli_list *list;
    int64_t *number; /* min to max */
    int64_t min, max;
    bool (*valid)(const char *value); /* of a text or of a list; NULL: any is */
};

/* Reads what the table @options (which ends with {0}) says, and --help and -h. optind is the first
 * argument then; options may stand behind arguments.
 * CLI_OK, CLI_HELP, or CLI_USAGE with the reason on stderr. */
int cli_read_options(int argc, char **argv, const struct cli_option *options);

/* What a command returns that does not run because of @rc of cli_read_options(): its usage is
 * printed. */
int cli_show_usage(int rc, void (*usage)(FILE *to));

#endif
