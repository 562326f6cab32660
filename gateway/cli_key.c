/* SPDX-License-Identifier: MIT */
/* `mailhatch key new`, `mailhatch key hash` and `mailhatch key ses-secret`. */
#include <ctype.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "api/sigv4.h"
#include "config/cfg_text.h"
#include "gateway/base/gw_base64.h"
#include "gateway/base/gw_mem.h"
#include "gateway/base/gw_random.h"
#include "gateway/cli.h"
#include "gateway/cli_options.h"

enum {
    SECRET_BYTES = 32,
    ID_BYTES = 6,
    MAX_KEY = 512
};

static void usage(FILE *to)
{
    (void)fputs("usage: mailhatch key new [--name NAME] [--sender PATTERN]... [--scope SCOPE]...\n"
                "       mailhatch key hash < KEY\n"
                "       mailhatch key ses-secret ID [--config FILE]\n\n"
                "new   makes an API key, prints it once, and the YAML line for `api_keys`, which "
                "holds only\n      its hash.\n"
                "hash  reads a key id.secret from standard input and prints its YAML line.\n"
                "ses-secret  prints the secret access key for AWS's SDKs of the configured key ID, "
                "which is\n      the access key id. It comes from `master_key`.\n\n"
                "  --name NAME       a name for people (default: app)\n"
                "  --sender PATTERN  allowed From addresses: a@b, *@b or *@*.b; default: any\n"
                "  --scope SCOPE     send, read or admin; default: send and read\n",
                to);
}

struct lists {
    const char *name;
    const char *senders[32], *scopes[3];
    size_t n_senders, n_scopes;
};

static void print_list(const char *key, const char *const *items, size_t n)
{
    (void)printf(", %s: [", key);
    for (size_t i = 0; i < n; i++)
        (void)printf("%s\"%s\"", i != 0 ? ", " : "", items[i]);
    (void)printf("]");
}

static void print_yaml(const char *id, const char *secret, const struct lists *l)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    (void)SHA256((const unsigned char *)secret, strlen(secret), digest);
    (void)printf("  - {name: \"%s\", id: \"%s\", hash: \"sha256:", l->name, id);
    for (size_t i = 0; i < sizeof(digest); i++)
        (void)printf("%02x", digest[i]);
    (void)printf("\"");
    if (l->n_senders != 0)
        print_list("senders", l->senders, l->n_senders);
    print_list("scopes", l->scopes, l->n_scopes);
    (void)printf("}\n");
}

/* Values go into double-quoted YAML as they are, so nothing that would need escaping is taken. */
static bool plain_text(const char *s)
{
    for (; *s != '\0'; s++)
        if (!isprint((unsigned char)*s) || *s == '"' || *s == '\\')
            return false;
    return true;
}

static int key_new(const struct lists *l)
{
    unsigned char random[SECRET_BYTES + ID_BYTES];
    gw_random_bytes(random, sizeof(random));
    char id[2 + 2 * ID_BYTES + 1] = "k_";
    char secret[2 * SECRET_BYTES + 1];
    for (size_t i = 0; i < ID_BYTES; i++)
        (void)snprintf(id + 2 + 2 * i, 3, "%02x", random[SECRET_BYTES + i]);
    for (size_t i = 0; i < SECRET_BYTES; i++)
        (void)snprintf(secret + 2 * i, 3, "%02x", random[i]);
    (void)printf("The key, shown only now; give it to the client as `Authorization: Bearer …`:\n\n"
                 "  %s.%s\n\nThe line for the configuration, under `api_keys:`:\n\n",
                 id, secret);
    print_yaml(id, secret, l);
    gw_wipe(secret, sizeof(secret));
    gw_wipe(random, sizeof(random));
    return CLI_OK;
}

static int key_hash(const struct lists *l)
{
    char line[MAX_KEY];
    if (fgets(line, sizeof(line), stdin) == NULL)
        line[0] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    char *dot = strchr(line, '.');
    if (dot == NULL || dot == line || dot[1] == '\0' || !plain_text(line)) {
        (void)fprintf(stderr,
                      "mailhatch: standard input must hold one key of the form id.secret\n");
        return CLI_FAILED;
    }
    *dot = '\0';
    if (!cfg_is_key_id(line)) {
        (void)fprintf(stderr, "mailhatch: the id of a key is 1 to 64 letters, digits, _ and -\n");
        gw_wipe(line, sizeof(line));
        return CLI_FAILED;
    }
    print_yaml(line, dot + 1, l);
    gw_wipe(line, sizeof(line));
    return CLI_OK;
}

/* NULL after a message. */
static const struct cfg_api_key *find_hashed_key(const struct cfg *cfg, const char *id)
{
    for (size_t i = 0; i < cfg->n_api_keys; i++) {
        if (strcmp(cfg->api_keys[i].id, id) != 0)
            continue;
        if (cfg->api_keys[i].secret == NULL)
            return &cfg->api_keys[i];
        (void)fprintf(stderr,
                      "mailhatch: key %s is configured in clear: its secret access key is its own "
                      "secret, the part after the dot\n",
                      id);
        return NULL;
    }
    (void)fprintf(stderr, "mailhatch: no key with the id %s is configured\n", id);
    return NULL;
}

static int key_ses_secret(int argc, char **argv)
{
    const char *file = NULL;
    const struct cli_option options[] = {{"config", .text = &file}, {0}};
    int usable = cli_read_options(argc, argv, options);
    if (usable != CLI_OK || optind + 1 != argc || !cfg_is_key_id(argv[optind]))
        return cli_show_usage(usable, usage);
    const struct cfg *cfg = cli_load_config(file);
    if (cfg == NULL)
        return CLI_CONFIG;
    const struct cfg_api_key *key = find_hashed_key(cfg, argv[optind]);
    int rc = CLI_FAILED;
    if (key != NULL && cfg->master_key == NULL) {
        (void)fprintf(stderr, "mailhatch: the configuration has no master_key to derive from\n");
    } else if (key != NULL) {
        char secret[API_SIGV4_SECRET_SIZE];
        api_sigv4_derive_secret(cfg->master_key, key->id, secret);
        (void)printf("%s\n", secret);
        gw_wipe(secret, sizeof(secret));
        rc = CLI_OK;
    }
    cfg_unref(&cfg);
    return rc;
}

static bool is_scope(const char *s)
{
    return strcmp(s, "send") == 0 || strcmp(s, "read") == 0 || strcmp(s, "admin") == 0;
}

static int parse(int argc, char **argv, struct lists *l)
{
    struct cli_list senders = {l->senders, 0, sizeof(l->senders) / sizeof(l->senders[0])};
    struct cli_list scopes = {l->scopes, 0, sizeof(l->scopes) / sizeof(l->scopes[0])};
    const struct cli_option options[] = {
        {"name", .text = &l->name, .valid = cfg_is_name},
        {"sender", .list = &senders, .valid = cfg_is_sender_pattern},
        {"scope", .list = &scopes, .valid = is_scope},
        {0}};
    int usable = cli_read_options(argc, argv, options);
    l->n_senders = senders.n;
    l->n_scopes = scopes.n;
    if (l->n_scopes == 0) {
        l->scopes[l->n_scopes++] = "send";
        l->scopes[l->n_scopes++] = "read";
    }
    return usable == CLI_OK && optind + 1 != argc ? CLI_USAGE : usable;
}

int cli_key(int argc, char **argv)
{
    struct lists l = {.name = "app"};
    if (argc > 1 && strcmp(argv[1], "ses-secret") == 0)
        return key_ses_secret(argc - 1, argv + 1);
    int usable = parse(argc, argv, &l);
    const char *verb = usable == CLI_OK ? argv[optind] : "";
    if (strcmp(verb, "new") == 0)
        return key_new(&l);
    if (strcmp(verb, "hash") == 0)
        return key_hash(&l);
    return cli_show_usage(usable, usage);
}
