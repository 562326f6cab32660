/* SPDX-License-Identifier: MIT */
/* Composition root: picks the command. */
#include <stdio.h>
#include <string.h>

#include "gateway/cli.h"
#include "gateway/gateway.h"

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"serve", cli_serve, "run the gateway"},
    {"check-config", cli_check_config, "check the configuration; --print shows the effective one"},
    {"send", cli_send, "send one message through a running server"},
    {"key", cli_key, "make API keys: key new, key hash"},
    {"relay", cli_relay, "try a relay out, list the relays of a server: relay check, relay ls"},
    {"dkim", cli_dkim, "make DKIM keys and their DNS records: dkim keygen, dkim txt"},
    {"domain", cli_domain, "what DNS says about mail from a domain: domain check"},
    {"queue", cli_queue,
     "look at the stored mail: queue ls, show, cancel, retry, stats, purge, salvage"},
    {"webhook", cli_webhook, "the webhooks of a server: webhook ls, test, replay, pause, resume"},
    {"healthcheck", cli_healthcheck, "ask the running server whether it is ready"},
    {"version", cli_version, "print the version"},
};
enum {
    N_COMMANDS = sizeof(commands) / sizeof(commands[0])
};

static void usage(FILE *to)
{
    (void)fprintf(to, "Mailhatch, an HTTP to SMTP mail gateway.\n\n"
                      "usage: mailhatch COMMAND [OPTIONS]\n\ncommands:\n");
    for (size_t i = 0; i < N_COMMANDS; i++)
        (void)fprintf(to, "  %-14s%s\n", commands[i].name, commands[i].summary);
    (void)fprintf(to, "\n`mailhatch COMMAND --help` tells more. Start with `mailhatch serve`: "
                      "without any\nconfiguration it listens on 127.0.0.1:8080 and keeps all mail "
                      "in its sandbox.\n");
}

int cli_version(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        bool help = strcmp(argv[1], "--help") == 0;
        (void)fprintf(help ? stdout : stderr, "usage: mailhatch version\n\nPrints the version.\n");
        return help ? CLI_OK : CLI_USAGE;
    }
    (void)printf("mailhatch %s\n", gw_gateway_version());
    return CLI_OK;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return CLI_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        usage(stdout);
        return CLI_OK;
    }
    if (strcmp(name, "--version") == 0)
        name = "version";
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    (void)fprintf(stderr, "mailhatch: there is no command `%s`; see `mailhatch --help`\n", name);
    return CLI_USAGE;
}
