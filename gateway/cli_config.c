/* SPDX-License-Identifier: MIT */
/* `mailhatch check-config`, and loading the configuration for the other commands. */
#include <stdio.h>
#include <unistd.h>

#include "gateway/base/gw_buf.h"
#include "gateway/cli.h"
#include "gateway/cli_options.h"

enum gw_status cli_read_config(const char *file, const struct cfg **out,
                               struct cfg_problems *problems)
{
    return cfg_load(file, (const char *const *)environ, out, problems);
}

const struct cfg *cli_load_config(const char *file)
{
    struct cfg_problems problems = {.n = 0};
    const struct cfg *cfg = NULL;
    enum gw_status st = cli_read_config(file, &cfg, &problems);
    for (size_t i = 0; i < problems.n; i++)
        (void)fprintf(stderr, "%s\n", problems.text[i]);
    if (problems.n_dropped != 0)
        (void)fprintf(stderr, "… and %zu more\n", problems.n_dropped);
    cfg_problems_deinit(&problems);
    return st == GW_OK ? cfg : NULL;
}

static void usage(FILE *to)
{
    (void)fputs(
        "usage: mailhatch check-config [--config FILE] [--print]\n\n"
        "Checks the configuration and lists everything that is wrong with it, each with\n"
        "file:line:column and what would be right. The exit code is 0 when it is valid, else 3.\n\n"
        "  --config FILE  the YAML file; default: $MAILHATCH_CONFIG, else the environment alone\n"
        "  --print        print the effective configuration, secrets masked\n",
        to);
}

static int print_config(const struct cfg *cfg)
{
    struct gw_buf out;
    gw_buf_init(&out, CFG_MAX_FILE_SIZE);
    enum gw_status st = cfg_print(cfg, &out);
    if (st == GW_OK)
        (void)fwrite(out.data, 1, out.len, stdout);
    gw_buf_deinit(&out);
    return st == GW_OK ? CLI_OK : CLI_FAILED;
}

int cli_check_config(int argc, char **argv)
{
    const char *file = NULL;
    bool print = false;
    const struct cli_option options[] = {{"config", .text = &file}, {"print", .flag = &print}, {0}};
    int usable = cli_read_options(argc, argv, options);
    if (usable != CLI_OK || optind != argc)
        return cli_show_usage(usable, usage);
    const struct cfg *cfg = cli_load_config(file);
    if (cfg == NULL)
        return CLI_CONFIG;
    int rc = CLI_OK;
    if (print)
        rc = print_config(cfg);
    else
        (void)printf("configuration is valid\n");
    cfg_unref(&cfg);
    return rc;
}
