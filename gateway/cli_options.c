/* SPDX-License-Identifier: MIT */
/* Tables of options. */
#include "gateway/cli_options.h"

#include <errno.h>
#include <stdlib.h>

#include "gateway/base/gw_check.h"
#include "gateway/cli.h"

enum {
    FIRST = 256 /* what getopt_long() returns for the first of the table, behind all letters */
};

static bool read_number(const struct cli_option *o, const char *value)
{
    char *end;
    errno = 0;
    *o->number = strtoll(value, &end, 10);
    return *value >= '0' && *value <= '9' && *end == '\0' && errno == 0 && *o->number >= o->min &&
           *o->number <= o->max;
}

static bool take(const struct cli_option *o, const char *value)
{
    if (o->flag != NULL) {
        *o->flag = true;
        return true;
    }
    if (o->number != NULL)
        return read_number(o, value);
    if (o->valid != NULL && !o->valid(value))
        return false;
    if (o->text != NULL) {
        *o->text = value;
        return true;
    }
    if (o->list->n == o->list->max)
        return false;
    o->list->items[o->list->n++] = value;
    return true;
}

int cli_read_options(int argc, char **argv, const struct cli_option *options)
{
    struct option known[CLI_MAX_OPTIONS + 2] = {{"help", no_argument, NULL, 'h'}};
    for (int i = 0; options[i].name != NULL; i++) {
        CHECK(i < CLI_MAX_OPTIONS);
        int has_arg = options[i].flag != NULL ? no_argument : required_argument;
        known[i + 1] = (struct option){options[i].name, has_arg, NULL, FIRST + i};
    }
    int c;
    while ((c = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        if (c < FIRST)
            return c == 'h' ? CLI_HELP : CLI_USAGE; /* getopt_long() said why */
        const struct cli_option *o = &options[c - FIRST];
        if (!take(o, optarg)) {
            (void)fprintf(stderr, "mailhatch: --%s: `%s` is not valid here\n\n", o->name, optarg);
            return CLI_USAGE;
        }
    }
    return CLI_OK;
}

int cli_show_usage(int rc, void (*usage)(FILE *to))
{
    usage(rc == CLI_HELP ? stdout : stderr);
    return rc == CLI_HELP ? CLI_OK : CLI_USAGE;
}
