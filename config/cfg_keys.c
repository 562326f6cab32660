/* SPDX-License-Identifier: MIT */
/* The section "api_keys". */
#include <openssl/sha.h>

#include <stdio.h>
#include <string.h>

#include "config/cfg_schema.h"
#include "config/cfg_text.h"
#include "gateway/base/gw_mem.h"

#define AT(member) offsetof(struct cfg_api_key, member)

enum {
    MAX_SENDERS = 1000
};

static const char hash_prefix[] = "sha256:";

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

static bool parse_hash(const char *text, unsigned char out[SHA256_DIGEST_LENGTH])
{
    size_t n = sizeof(hash_prefix) - 1;
    if (strlen(text) != n + (size_t)SHA256_DIGEST_LENGTH * 2 || strncmp(text, hash_prefix, n) != 0)
        return false;
    for (size_t i = 0; i < SHA256_DIGEST_LENGTH; i++) {
        int high = hex_digit(text[n + 2 * i]);
        int low = hex_digit(text[n + 2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static void read_hash(struct cfg_loader *l, const struct cfg_field *f, const struct cfg_node *node,
                      void *base)
{
    static const char want[] = "sha256: and 64 lower-case hex digits, as \"mailhatch key new\" "
                               "prints it";
    struct cfg_api_key *key = base;
    const char *text = cfg_scalar(l, node, want);
    (void)f;
    if (text != NULL && !parse_hash(text, key->sha256))
        cfg_problem_value(l, node, true, want);
}

static void print_hash(struct cfg_printer *p, const struct cfg_field *f, const void *base)
{
    const struct cfg_api_key *key = base;
    char text[sizeof(hash_prefix) + (size_t)SHA256_DIGEST_LENGTH * 2];
    size_t n = sizeof(hash_prefix) - 1;
    memcpy(text, hash_prefix, sizeof(hash_prefix));
    for (size_t i = 0; i < SHA256_DIGEST_LENGTH; i++)
        (void)snprintf(text + n + 2 * i, 3, "%02x", key->sha256[i]);
    cfg_print_string(p, f->name, text);
}

static const struct cfg_type hash_type = {read_hash, print_hash};

/* "<id>.<secret>", the form a caller sends. The secret is kept for requests that are signed with
 * it. */
static void read_key(struct cfg_loader *l, const struct cfg_field *f, const struct cfg_node *node,
                     void *base)
{
    static const char want[] = "<id>.<secret>: an id of 1 to 64 letters, digits, \"_\" and \"-\", "
                               "a dot, and a secret of 16 to 256 visible ASCII characters";
    struct cfg_api_key *key = base;
    const char *text = cfg_scalar(l, node, want);
    char id[CFG_MAX_NAME + 1] = "";
    (void)f;
    if (text == NULL)
        return;
    size_t n = strcspn(text, ".");
    size_t secret_len = text[n] != '\0' ? strlen(text + n + 1) : 0;
    if (n <= CFG_MAX_NAME)
        memcpy(id, text, n);
    bool visible = true;
    for (const char *c = text; *c != '\0'; c++)
        visible = visible && *c > ' ' && *c <= '~';
    if (!cfg_is_key_id(id) || secret_len < CFG_MIN_API_SECRET || secret_len > CFG_MAX_API_SECRET ||
        !visible) {
        cfg_problem_value(l, node, true, want);
        return;
    }
    if (key->id != NULL && strcmp(key->id, id) != 0)
        cfg_problem(l, node,
                    "the id before the dot is not the \"id\" of this key; leave \"id\" out");
    key->id = cfg_keep_text(l, id, 0);
    key->secret = cfg_keep_text(l, text + n + 1, CFG_SECRET);
    (void)SHA256((const unsigned char *)text + n + 1, secret_len, key->sha256);
}

static const struct cfg_type key_type = {read_key, cfg_print_nothing};

static void read_relays(struct cfg_loader *l, const struct cfg_field *f,
                        const struct cfg_node *node, void *base)
{
    struct cfg_api_key *key = base;
    if (!cfg_list_check(l, f, node))
        return;
    size_t *relays = GW_ARENA_ARRAY(l->out->arena, size_t, node->n_children);
    size_t n = 0;
    for (const struct cfg_node *item = node->first; item != NULL; item = item->next)
        if (cfg_relay_find(l, item, &relays[n]))
            n++;
    key->relays = relays;
    key->n_relays = n;
}

static void print_relays(struct cfg_printer *p, const struct cfg_field *f, const void *base)
{
    const struct cfg_api_key *key = base;
    if (key->n_relays == 0)
        return;
    cfg_print_key(p, f->name);
    for (size_t i = 0; i < key->n_relays; i++) {
        (void)gw_buf_add_str(p->out, i == 0 ? " [" : ", ");
        cfg_print_quoted(p, p->cfg->relays[key->relays[i]].name);
    }
    (void)gw_buf_add_str(p->out, "]\n");
}

static const struct cfg_type relays_type = {read_relays, print_relays};

static const struct cfg_word scope_words[] = {{"send", CFG_SCOPE_SEND, false},
                                              {"read", CFG_SCOPE_READ, false},
                                              {"admin", CFG_SCOPE_ADMIN, false},
                                              {NULL, 0, false}};

static const struct cfg_field fields[] = {
    {.name = "name",
     .type = &cfg_type_string,
     .offset = AT(name),
     .flags = CFG_REQUIRED,
     .check = cfg_is_name,
     .want = "a name of 1 to 64 letters, digits, \".\", \"_\" and \"-\""},
    {.name = "id",
     .type = &cfg_type_string,
     .offset = AT(id),
     .check = cfg_is_key_id,
     .want = "1 to 64 letters, digits, \"_\" and \"-\""},
    {.name = "hash", .type = &hash_type, .flags = CFG_QUIET | CFG_NOT_NULL},
    {.name = "key", .type = &key_type, .flags = CFG_SECRET},
    {.name = "senders",
     .type = &cfg_type_strings,
     .offset = AT(senders),
     .count_offset = AT(n_senders),
     .flags = CFG_LOWER | CFG_NOT_NULL,
     .min = 1,
     .max = MAX_SENDERS,
     .check = cfg_is_sender_pattern,
     .want = "a sender such as a@example.com, *@example.com or *@*.example.com"},
    {.name = "scopes",
     .type = &cfg_type_flags,
     .offset = AT(scopes),
     .flags = CFG_NOT_NULL,
     .min = 1,
     .max = 3,
     .words = scope_words},
    {.name = "rate", .type = &cfg_type_rate, .offset = AT(rate_per_s)},
    {.name = "relays", .type = &relays_type, .flags = CFG_NOT_NULL, .min = 1, .max = CFG_MAX_KEYS},
};

static void finish(struct cfg_loader *l, const struct cfg_node *node, void *item)
{
    const struct cfg_api_key *key = item;
    bool hash = cfg_node_get(node, "hash") != NULL;
    bool clear = cfg_node_value(node, "key") != NULL || cfg_node_value(node, "key_file") != NULL;
    if (hash && clear)
        cfg_problem(l, node, "an API key has \"hash\" or \"key\", not both");
    else if (!hash && !clear)
        cfg_problem(l, node,
                    "an API key needs \"id\" and \"hash\", or \"key\" or \"key_file\"; "
                    "\"mailhatch key new\" prints them");
    else if (hash && key->id == NULL && cfg_node_get(node, "id") == NULL)
        cfg_problem(l, node, "an API key with \"hash\" needs \"id\"");
}

static const struct cfg_api_key defaults = {.scopes = CFG_SCOPE_SEND | CFG_SCOPE_READ};

const struct cfg_section cfg_api_key_section = {.what = "an API key",
                                                CFG_FIELDS(fields),
                                                .size = sizeof(struct cfg_api_key),
                                                .defaults = &defaults,
                                                .unique = {"name", "id"},
                                                .finish = finish};
