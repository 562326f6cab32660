/* SPDX-License-Identifier: MIT */
/* Mailgun's list of domains: those a key may send as, or, when it may send as any, those that have
 * a DKIM key. */
#include <string.h>

#include "api/compat/records.h"
#include "api/facade.h"
#include "api/routes.h"

enum {
    MAX_PAGE = 1000,
    DEFAULT_PAGE = 100
};

/* The domain of the sender pattern "a@b" or "*@b"; NULL: it stands for many, "*@*.b". */
static const char *domain_of(const char *pattern)
{
    const char *domain = strrchr(pattern, '@') + 1;
    return domain[0] != '*' ? domain : NULL;
}

/* The domain number @i of *n_out, NULL: not one to show. */
static const char *domain_at(const struct api_request *r, size_t i, size_t *n_out)
{
    const struct cfg_api_key *key = r->api_key;
    const struct cfg_dkim *dkim = &r->cfg->dkim;
    bool any = key == NULL || key->n_senders == 0;
    *n_out = any ? dkim->n_domains : key->n_senders;
    if (i >= *n_out)
        return NULL;
    if (any)
        return dkim->domains[i].domain;
    const char *domain = domain_of(key->senders[i]);
    for (size_t k = 0; k < i && domain != NULL; k++) {
        const char *before = domain_of(key->senders[k]);
        if (before != NULL && strcmp(before, domain) == 0)
            return NULL;
    }
    return domain;
}

static void add_domain(struct api_json *j, const char *name)
{
    api_json_begin_object(j, NULL);
    api_json_str(j, "name", name);
    api_json_str(j, "id", name);
    api_json_str(j, "state", "active");
    api_json_str(j, "type", "custom");
    api_json_bool(j, "is_disabled", false);
    api_json_bool(j, "wildcard", false);
    api_json_end_object(j);
}

static void list_domains(struct api_request *r)
{
    int64_t limit;
    int64_t skip;
    size_t n = 1;
    int64_t total = 0;
    struct gw_buf body;
    if (!api_compat_number(r, "limit", 1, MAX_PAGE, DEFAULT_PAGE, &limit) ||
        !api_compat_number(r, "skip", 0, CFG_MAX_NODES, 0, &skip))
        return;
    gw_buf_init(&body, API_COMPAT_MAX_PAGE);
    struct api_json j = {.out = &body};
    api_json_begin_object(&j, NULL);
    api_json_begin_array(&j, "items");
    for (size_t i = 0; i < n; i++) {
        const char *domain = domain_at(r, i, &n);
        if (domain == NULL)
            continue;
        if (total >= skip && total < skip + limit)
            add_domain(&j, domain);
        total++;
    }
    api_json_end_array(&j);
    api_json_num(&j, "total_count", total);
    api_json_end_object(&j);
    api_answer_json(r, 200, &body);
}

const struct api_route api_mailgun_domains_routes[] = {
    {"GET", "/compat/mailgun/v4/domains", list_domains, CFG_SCOPE_READ, API_ROUTE_JSON,
     "limit skip"},
    {0},
};
