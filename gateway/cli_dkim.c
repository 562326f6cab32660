/* SPDX-License-Identifier: MIT */
/* `mailhatch dkim keygen` and `mailhatch dkim txt`. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/gw_mem.h"
#include "gateway/cli.h"
#include "gateway/cli_options.h"
#include "gateway/dkim.h"

enum {
    TXT_STRING_MAX = 255, /* one string of a TXT record: RFC 1035 */
    DNS_NAME_SIZE = 2 * 253 + 16,
    RSA_DEFAULT_BITS = 2048,
    RSA_MAX_BITS = 4096
};

struct dkim_args {
    const char *domain, *selector, *out, *key;
    enum gw_dkim_key_type type;
    unsigned bits;
};

static void usage(FILE *to)
{
    (void)fputs(
        "usage: mailhatch dkim keygen --domain DOMAIN --selector SELECTOR [--type rsa|ed25519]\n"
        "                             [--bits N] [--out FILE]\n"
        "       mailhatch dkim txt --domain DOMAIN --selector SELECTOR --key FILE\n\n"
        "keygen  makes a private key in FILE (default: DOMAIN.SELECTOR.pem, mode 0600; an "
        "existing\n"
        "        file is never overwritten) and prints the DNS TXT record to publish and the YAML\n"
        "        for `dkim`.\n"
        "txt     prints the DNS TXT record of an existing private key.\n\n"
        "  --type   rsa (default: every receiver knows it) or ed25519 (small and fast; use it\n"
        "           beside an rsa key)\n"
        "  --bits   size of an RSA key, 2048 (default) to 4096\n",
        to);
}

void cli_print_txt(const char *name, const char *value)
{
    (void)printf("%s. IN TXT (", name);
    for (size_t at = 0, len = strlen(value); at < len; at += TXT_STRING_MAX)
        (void)printf(" \"%.*s\"", TXT_STRING_MAX, value + at);
    (void)printf(" )\n");
}

static void print_record(const struct dkim_args *a, const char *txt)
{
    char name[DNS_NAME_SIZE];
    (void)snprintf(name, sizeof(name), "%s._domainkey.%s", a->selector, a->domain);
    cli_print_txt(name, txt);
}

static int fail(const struct gw_err *err)
{
    (void)fprintf(stderr, "mailhatch: %s\n", err->text);
    return CLI_FAILED;
}

static int write_key(const char *file, const char *pem)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        char text[128];
        (void)fprintf(stderr, "mailhatch: %s: %s\n", file, strerror_r(errno, text, sizeof(text)));
        return CLI_FAILED;
    }
    size_t len = strlen(pem);
    bool ok = write(fd, pem, len) == (ssize_t)len && fsync(fd) == 0;
    if (close(fd) != 0 || !ok) {
        (void)unlink(file);
        (void)fprintf(stderr, "mailhatch: %s: the key could not be written\n", file);
        return CLI_FAILED;
    }
    return CLI_OK;
}

static int keygen(const struct dkim_args *a)
{
    char name[600];
    (void)snprintf(name, sizeof(name), "%s.%s.pem", a->domain, a->selector);
    const char *file = a->out != NULL ? a->out : name;
    struct gw_err err;
    char *pem = NULL;
    char *txt = NULL;
    if (gw_dkim_keygen(a->type, a->bits, &pem, &txt, &err) != GW_OK)
        return fail(&err);
    int rc = write_key(file, pem);
    if (rc == CLI_OK) {
        (void)printf("; DNS record to publish:\n");
        print_record(a, txt);
        (void)printf("\n# configuration:\ndkim:\n  domains:\n    - domain: %s\n      keys: "
                     "[{selector: %s, key_file: %s}]\n",
                     a->domain, a->selector, file);
    }
    gw_free_secret(&pem);
    gw_free(txt);
    return rc;
}

static int txt(const struct dkim_args *a)
{
    struct gw_err err;
    char *text = NULL;
    if (a->key == NULL)
        return cli_show_usage(CLI_USAGE, usage);
    if (gw_dkim_dns_txt(a->key, &text, &err) != GW_OK)
        return fail(&err);
    print_record(a, text);
    gw_free(text);
    return CLI_OK;
}

/* One DNS name of letters, digits, hyphens and dots: nothing else goes into a record. */
static bool dns_name(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.");
    return n > 0 && n <= 253 && s[n] == '\0' && s[0] != '.' && s[0] != '-' &&
           strstr(s, "..") == NULL && s[n - 1] != '.';
}

static bool is_type(const char *s)
{
    return strcmp(s, "ed25519") == 0 || strcmp(s, "rsa") == 0;
}

static int parse(int argc, char **argv, struct dkim_args *a)
{
    const char *type = "rsa";
    int64_t bits = RSA_DEFAULT_BITS;
    const struct cli_option options[] = {
        {"domain", .text = &a->domain, .valid = dns_name},
        {"selector", .text = &a->selector, .valid = dns_name},
        {"type", .text = &type, .valid = is_type},
        {"bits", .number = &bits, .min = RSA_DEFAULT_BITS, .max = RSA_MAX_BITS},
        {"out", .text = &a->out},
        {"key", .text = &a->key},
        {0}};
    int usable = cli_read_options(argc, argv, options);
    if (usable != CLI_OK)
        return usable;
    a->type = strcmp(type, "rsa") == 0 ? GW_DKIM_RSA : GW_DKIM_ED25519;
    a->bits = (unsigned)bits;
    return optind + 1 == argc && a->domain != NULL && a->selector != NULL ? CLI_OK : CLI_USAGE;
}

static const struct verb {
    const char *name;
    int (*run)(const struct dkim_args *a);
} verbs[] = {{"keygen", keygen}, {"txt", txt}};

int cli_dkim(int argc, char **argv)
{
    struct dkim_args a = {.domain = NULL};
    int usable = parse(argc, argv, &a);
    for (size_t i = 0; usable == CLI_OK && i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (strcmp(verbs[i].name, argv[optind]) == 0)
            return verbs[i].run(&a);
    return cli_show_usage(usable, usage);
}
