/* SPDX-License-Identifier: MIT */
/* `mailhatch domain check`. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/gw_arena.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_log.h"
#include "gateway/cli.h"
#include "gateway/cli_options.h"
#include "gateway/domain_check.h"

static void usage(FILE *to)
{
    (void)fputs(
        "usage: mailhatch domain check DOMAIN [--ip ADDRESS] [--mail-from DOMAIN] [--config FILE]\n"
        "\n"
        "Asks DNS what it says about mail from DOMAIN: SPF, a key record for every DKIM key of "
        "the\n"
        "configuration, DMARC, and whether they are aligned; and prints the records to publish.\n\n"
        "  --ip ADDRESS        does SPF allow this address, from which the relay sends?\n"
        "  --mail-from DOMAIN  of the envelope's sender, when it is another one\n"
        "  --config FILE       default: $MAILHATCH_CONFIG\n\n"
        "exit code: 0 all is in place, 1 it is not, 2 usage, 3 the configuration is not valid\n",
        to);
}

struct run {
    bool done, ok;
};

/* What comes from DNS may hold anything: nothing of it moves the terminal's cursor. */
static void print_line(const char *before, const char *text)
{
    (void)fputs(before, stdout);
    for (; *text != '\0'; text++)
        (void)putchar(*text >= ' ' && *text < 0x7f ? *text : '?');
    (void)putchar('\n');
}

static void print_record(const char *what, const struct gw_domain_record *r)
{
    (void)printf("%-5s %-8s %s\n", what, gw_verdict_name(r->verdict), r->name);
    if (r->value != NULL)
        print_line("               ", r->value);
    for (size_t i = 0; i < r->n_problems; i++)
        print_line("             ! ", r->problems[i].detail);
}

static void print_publish(const struct gw_domain_record *r)
{
    if (r->publish_name != NULL)
        cli_print_txt(r->publish_name, r->publish_value);
}

static void print_ip(const struct gw_domain_report *r)
{
    if (r->ip == NULL)
        return;
    (void)printf("             mail from %s gets %s", r->ip, gw_spf_result_name(r->ip_result));
    print_line(r->ip_matched != NULL ? " by " : "", r->ip_matched != NULL ? r->ip_matched : "");
}

static void print_alignment(const char *what, const struct gw_domain_identifier *i)
{
    if (i->domain != NULL)
        (void)printf("align %-8s %s: %s, DMARC asks for %s alignment\n",
                     i->aligned ? "ok" : "wrong", what, i->domain,
                     i->strict ? "strict" : "relaxed");
}

static void print_report(const struct gw_domain_report *r)
{
    if (r->has_spf)
        print_record("SPF", &r->spf);
    print_ip(r);
    if (r->n_keys == 0)
        (void)printf("DKIM  missing  no key is configured for %s\n", r->domain);
    for (size_t i = 0; i < r->n_keys; i++)
        print_record("DKIM", &r->keys[i].record);
    print_record("DMARC", &r->dmarc);
    print_alignment("SPF", &r->by_spf);
    print_alignment("DKIM", &r->by_dkim);
    (void)printf("\n%s\n", r->ok ? "OK" : "NOT IN PLACE; what is missing or wrong here:");
    print_publish(&r->spf);
    for (size_t i = 0; i < r->n_keys; i++)
        print_publish(&r->keys[i].record);
    print_publish(&r->dmarc);
}

static void on_checked(const struct gw_domain_report *report, const struct gw_err *err, void *data)
{
    struct run *run = data;
    if (report != NULL)
        print_report(report);
    else
        (void)fprintf(stderr, "mailhatch: %s\n", err->text);
    run->ok = report != NULL && report->ok;
}

static void on_gone(void *data)
{
    ((struct run *)data)->done = true;
}

static int check(const struct cfg *cfg, const struct gw_domain_request *request)
{
    struct run run = {.done = false};
    struct gw_dkim *dkim = NULL;
    struct gw_err err;
    uv_loop_t loop;
    if (gw_dkim_new(&cfg->dkim, &dkim, &err) != GW_OK) {
        (void)fprintf(stderr, "mailhatch: %s\n", err.text);
        return CLI_CONFIG;
    }
    CHECK(uv_loop_init(&loop) == 0);
    (void)gw_domain_check_start(&loop, cfg, dkim, request, on_checked, on_gone, &run);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    CHECK(run.done && uv_loop_close(&loop) == 0);
    gw_dkim_free(&dkim);
    return run.ok ? CLI_OK : CLI_FAILED;
}

/* NULL after saying what is wrong. */
static const char *domain_of(struct gw_arena *arena, const char *text)
{
    const char *domain = NULL;
    struct gw_err err;
    if (gw_domain_name(arena, gw_slice_str(text), &domain, &err) != GW_OK)
        (void)fprintf(stderr, "mailhatch: %s: %s\n", text, err.text);
    return domain;
}

static int run_check(const char *domain, const char *mail_from, const char *ip, const char *file)
{
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_domain_request request = {.domain = domain_of(arena, domain),
                                        .mail_domain =
                                            mail_from != NULL ? domain_of(arena, mail_from) : NULL,
                                        .ip = ip,
                                        .timeout_ms = GW_DOMAIN_CHECK_MS};
    int rc = CLI_USAGE;
    if (request.domain != NULL && (mail_from == NULL || request.mail_domain != NULL)) {
        const struct cfg *cfg = cli_load_config(file);
        rc = cfg != NULL ? check(cfg, &request) : CLI_CONFIG;
        cfg_unref(&cfg);
    }
    gw_arena_free(&arena);
    return rc;
}

static bool is_ip(const char *s)
{
    struct gw_ip ip;
    return gw_ip_parse(s, &ip);
}

int cli_domain(int argc, char **argv)
{
    const char *ip = NULL;
    const char *mail_from = NULL;
    const char *config = NULL;
    const struct cli_option options[] = {{"ip", .text = &ip, .valid = is_ip},
                                         {"mail-from", .text = &mail_from},
                                         {"config", .text = &config},
                                         {0}};
    int usable = cli_read_options(argc, argv, options);
    gw_log_init(GW_LOG_ERROR, GW_LOG_FORMAT_TEXT, STDERR_FILENO);
    if (usable == CLI_OK && optind + 2 == argc && strcmp(argv[optind], "check") == 0)
        return run_check(argv[optind + 1], mail_from, ip, config);
    return cli_show_usage(usable, usage);
}
