/* SPDX-License-Identifier: MIT */
/* The section "routes". */
#include <stdint.h>
#include <string.h>

#include "config/cfg_schema.h"
#include "config/cfg_text.h"

enum {
    MAX_PRIORITY = 100000,
    MAX_WEIGHT = 1000
};

static void read_relay(struct cfg_loader *l, const struct cfg_field *f, const struct cfg_node *node,
                       void *base)
{
    struct cfg_route_relay *r = base;
    (void)f;
    if (!cfg_relay_find(l, node, &r->relay))
        r->relay = SIZE_MAX;
}

static void print_relay(struct cfg_printer *p, const struct cfg_field *f, const void *base)
{
    const struct cfg_route_relay *r = base;
    cfg_print_string(p, f->name, p->cfg->relays[r->relay].name);
}

static const struct cfg_type relay_type = {read_relay, print_relay};

static const struct cfg_field relay_fields[] = {
    {.name = "relay", .type = &relay_type, .flags = CFG_REQUIRED},
    {.name = "priority",
     .type = &cfg_type_unsigned,
     .offset = offsetof(struct cfg_route_relay, priority),
     .min = 1,
     .max = MAX_PRIORITY},
    {.name = "weight",
     .type = &cfg_type_unsigned,
     .offset = offsetof(struct cfg_route_relay, weight),
     .min = 1,
     .max = MAX_WEIGHT},
};

/* Without a priority a relay comes after the one before it. */
static void finish_relay(struct cfg_loader *l, const struct cfg_node *node, void *item)
{
    struct cfg_route_relay *r = item;
    struct cfg_route_relay *before = r;
    for (const struct cfg_node *n = node->parent->first; n != node; n = n->next) {
        before--;
        if (before->relay == r->relay && r->relay != SIZE_MAX) {
            cfg_problem(l, node, "relay \"%s\" is in this route twice",
                        l->cfg->relays[r->relay].name);
            break;
        }
    }
    if (r->priority == 0)
        r->priority = node == node->parent->first ? 1 : r[-1].priority + 1;
}

static const struct cfg_route_relay relay_defaults = {.relay = SIZE_MAX, .weight = 1};

static const struct cfg_section relay_section = {.what = "a relay of a route",
                                                 CFG_FIELDS(relay_fields),
                                                 .shorthand = "relay",
                                                 .size = sizeof(struct cfg_route_relay),
                                                 .defaults = &relay_defaults,
                                                 .finish = finish_relay};

static void read_api_key(struct cfg_loader *l, const struct cfg_field *f,
                         const struct cfg_node *node, void *base)
{
    const char *text = cfg_scalar(l, node, "the name of an API key");
    if (text == NULL)
        return;
    for (size_t i = 0; i < l->cfg->n_api_keys; i++) {
        const char *name = l->cfg->api_keys[i].name;
        if (name != NULL && strcmp(name, text) == 0) {
            cfg_put_string(base, f->offset, name);
            return;
        }
    }
    cfg_problem(l, node, "there is no API key of this name under \"api_keys\"%s",
                cfg_is_name(text) && l->env_api_key ? " (MAILHATCH_API_KEY replaces all of them)"
                                                    : "");
}

static void print_api_key(struct cfg_printer *p, const struct cfg_field *f, const void *base)
{
    cfg_type_string.print(p, f, base);
}

const struct cfg_type cfg_type_api_key = {read_api_key, print_api_key};

static const char domain[] = "a domain such as example.com or *.example.com (other scripts in "
                             "their xn-- form)";

static const struct cfg_field match_fields[] = {
    {.name = "from_domain",
     .type = &cfg_type_string,
     .offset = offsetof(struct cfg_route, from_domain),
     .flags = CFG_LOWER,
     .check = cfg_is_domain_pattern,
     .want = domain},
    {.name = "recipient_domain",
     .type = &cfg_type_string,
     .offset = offsetof(struct cfg_route, recipient_domain),
     .flags = CFG_LOWER,
     .check = cfg_is_domain_pattern,
     .want = domain},
    {.name = "tag",
     .type = &cfg_type_string,
     .offset = offsetof(struct cfg_route, tag),
     .want = "a tag"},
    {.name = "api_key", .type = &cfg_type_api_key, .offset = offsetof(struct cfg_route, api_key)},
};
static const struct cfg_section match_section = {.what = "match", CFG_FIELDS(match_fields)};

static const struct cfg_field fields[] = {
    {.name = "match", .type = &cfg_type_map, .section = &match_section},
    {.name = "relays",
     .type = &cfg_type_list,
     .offset = offsetof(struct cfg_route, relays),
     .count_offset = offsetof(struct cfg_route, n_relays),
     .flags = CFG_REQUIRED,
     .min = 1,
     .max = CFG_MAX_ROUTE_RELAYS,
     .section = &relay_section},
};

const struct cfg_section cfg_route_section = {
    .what = "a route", CFG_FIELDS(fields), .size = sizeof(struct cfg_route)};
