/* SPDX-License-Identifier: MIT */
/* The section "dkim". Whether the key files are good is found out by the signer. */
#include <stdio.h>
#include <string.h>

#include "config/cfg_schema.h"
#include "config/cfg_text.h"

enum {
    MAX_DOMAINS = 10000,
    MAX_KEYS = 8
};

static const struct cfg_field key_fields[] = {
    {.name = "selector",
     .type = &cfg_type_string,
     .offset = offsetof(struct cfg_dkim_key, selector),
     .flags = CFG_REQUIRED | CFG_LOWER,
     .check = cfg_is_selector,
     .want = "a selector (letters, digits, \"-\" and \"_\", single dots)"},
    {.name = "key_file",
     .type = &cfg_type_string,
     .offset = offsetof(struct cfg_dkim_key, key_file),
     .flags = CFG_REQUIRED,
     .check = cfg_is_file_path,
     .want = "the path of a PEM file"},
};
static const struct cfg_section key_section = {.what = "a DKIM key",
                                               CFG_FIELDS(key_fields),
                                               .size = sizeof(struct cfg_dkim_key),
                                               .unique = {"selector"}};

static const struct cfg_field domain_fields[] = {
    {.name = "domain",
     .type = &cfg_type_string,
     .offset = offsetof(struct cfg_dkim_domain, domain),
     .flags = CFG_REQUIRED | CFG_LOWER,
     .check = cfg_is_host_name,
     .want = "a domain such as example.com (other scripts in their xn-- form)"},
    {.name = "keys",
     .type = &cfg_type_list,
     .offset = offsetof(struct cfg_dkim_domain, keys),
     .count_offset = offsetof(struct cfg_dkim_domain, n_keys),
     .flags = CFG_REQUIRED,
     .min = 1,
     .max = MAX_KEYS,
     .section = &key_section},
};

static void finish_domain(struct cfg_loader *l, const struct cfg_node *node, void *item)
{
    const struct cfg_dkim_domain *d = item;
    for (size_t i = 0; d->domain != NULL && i < d->n_keys; i++)
        if (d->keys[i].selector != NULL &&
            strlen(d->keys[i].selector) + strlen("._domainkey.") + strlen(d->domain) > CFG_MAX_HOST)
            cfg_problem(l, node,
                        "selector._domainkey.domain is over 253 characters, too long for "
                        "DNS");
}

static const struct cfg_section domain_section = {.what = "a DKIM domain",
                                                  CFG_FIELDS(domain_fields),
                                                  .size = sizeof(struct cfg_dkim_domain),
                                                  .unique = {"domain"},
                                                  .finish = finish_domain};

static const struct cfg_word sign_words[] = {
    {"if-key", CFG_DKIM_IF_KEY, false}, {"required", CFG_DKIM_REQUIRED, false}, {NULL, 0, false}};

static const struct cfg_field fields[] = {
    {.name = "sign",
     .type = &cfg_type_enum,
     .offset = offsetof(struct cfg_dkim, sign),
     .words = sign_words},
    {.name = "domains",
     .type = &cfg_type_list,
     .offset = offsetof(struct cfg_dkim, domains),
     .count_offset = offsetof(struct cfg_dkim, n_domains),
     .min = 0,
     .max = MAX_DOMAINS,
     .section = &domain_section},
};

const struct cfg_section cfg_dkim_section = {.what = "dkim", CFG_FIELDS(fields)};
