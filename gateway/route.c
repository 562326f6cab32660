/* SPDX-License-Identifier: MIT */
/* Routes: first match wins, priority before weight. */
#include "gateway/route.h"

#include <string.h>

/* "example.com" matches itself, "*.example.com" every domain below it. Both are lower-case
 * A-labels. */
static bool domain_matches(const char *pattern, const char *domain)
{
    if (pattern == NULL)
        return true;
    if (strncmp(pattern, "*.", 2) != 0)
        return strcmp(pattern, domain) == 0;
    size_t tail = strlen(pattern + 1);
    size_t len = strlen(domain);
    return len > tail && strcmp(domain + len - tail, pattern + 1) == 0;
}

static bool has_tag(const struct gw_message *m, const char *tag)
{
    for (size_t i = 0; i < m->n_tags; i++)
        if (gw_slice_is(m->tags[i], tag))
            return true;
    return false;
}

static bool route_matches(const struct cfg_route *r, const struct cfg_api_key *api_key,
                          const struct gw_message *m, const struct gw_recipient *rcpt)
{
    return domain_matches(r->from_domain, m->from_domain) &&
           domain_matches(r->recipient_domain, rcpt->domain) &&
           (r->tag == NULL || has_tag(m, r->tag)) &&
           (r->api_key == NULL || (api_key != NULL && (strcmp(r->api_key, api_key->name) == 0 ||
                                                       strcmp(r->api_key, api_key->id) == 0)));
}

static bool allowed(const struct cfg_api_key *api_key, size_t relay)
{
    if (api_key == NULL || api_key->n_relays == 0)
        return true;
    for (size_t i = 0; i < api_key->n_relays; i++)
        if (api_key->relays[i] == relay)
            return true;
    return false;
}

static void add(struct gw_route_plan *plan, const struct cfg_api_key *api_key, size_t relay)
{
    if (plan->n < GW_ROUTE_MAX_RELAYS && allowed(api_key, relay))
        plan->relays[plan->n++] = relay;
}

/* The one of @from (of n, some struck out as NULL) that @random01 falls on, by weight; what is left
 * of the draw is as random as it was. */
static size_t draw(const struct cfg_route_relay **from, size_t n, double *random01)
{
    double total = 0;
    size_t last = n;
    for (size_t i = 0; i < n; i++)
        total += from[i] != NULL ? (double)from[i]->weight : 0;
    double left = *random01 * total;
    for (size_t i = 0; i < n; i++) {
        if (from[i] == NULL)
            continue;
        double weight = (double)from[i]->weight;
        if (left < weight) {
            *random01 = left / weight;
            return i;
        }
        left -= weight;
        last = i;
    }
    *random01 = 0; /* rounding went past the last one */
    return last;
}

/* Relays of one priority, drawn by weight one after the other: when the first is down, its share
 * goes to the others as their weights are, not all to one. */
static void add_priority(struct gw_route_plan *plan, const struct cfg_api_key *api_key,
                         const struct cfg_route *route, unsigned priority, double random01)
{
    const struct cfg_route_relay *from[GW_ROUTE_MAX_RELAYS];
    size_t n = 0;
    for (size_t i = 0; i < route->n_relays && n < GW_ROUTE_MAX_RELAYS; i++)
        if (route->relays[i].priority == priority && allowed(api_key, route->relays[i].relay))
            from[n++] = &route->relays[i];
    for (size_t left = n; left > 0; left--) {
        size_t i = draw(from, n, &random01);
        add(plan, api_key, from[i]->relay);
        from[i] = NULL;
    }
}

static void add_route(struct gw_route_plan *plan, const struct cfg_api_key *api_key,
                      const struct cfg_route *route, double random01)
{
    unsigned done_up_to = 0;
    for (bool first = true;; first = false) {
        unsigned next = 0;
        bool found = false;
        for (size_t i = 0; i < route->n_relays; i++) {
            unsigned p = route->relays[i].priority;
            if ((first || p > done_up_to) && (!found || p < next)) {
                next = p;
                found = true;
            }
        }
        if (!found)
            return;
        add_priority(plan, api_key, route, next, random01);
        done_up_to = next;
    }
}

void gw_route_plan(const struct cfg *cfg, const struct cfg_api_key *api_key,
                   const struct gw_message *m, const struct gw_recipient *rcpt, double random01,
                   struct gw_route_plan *out)
{
    *out = (struct gw_route_plan){.n = 0};
    if (m->relay != NULL) {
        for (size_t i = 0; i < cfg->n_relays; i++)
            if (strcmp(cfg->relays[i].name, m->relay) == 0)
                add(out, api_key, i);
        return;
    }
    for (size_t i = 0; i < cfg->n_routes; i++) {
        if (route_matches(&cfg->routes[i], api_key, m, rcpt)) {
            add_route(out, api_key, &cfg->routes[i], random01);
            return;
        }
    }
    if (cfg->n_routes == 0)
        for (size_t i = 0; i < cfg->n_relays; i++)
            add(out, api_key, i);
}

bool gw_route_plan_equal(const struct gw_route_plan *a, const struct gw_route_plan *b)
{
    return a->n == b->n && memcmp(a->relays, b->relays, a->n * sizeof(a->relays[0])) == 0;
}
