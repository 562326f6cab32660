/* SPDX-License-Identifier: MIT */
/* Which relays a recipient's mail may take, in order. Pure. */
#ifndef GW_ROUTE_H
#define GW_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/cfg.h"
#include "gateway/message.h"

enum {
    GW_ROUTE_MAX_RELAYS = CFG_MAX_ROUTE_RELAYS
};

/* Indexes into cfg.relays, the first to be tried first. */
struct gw_route_plan {
    size_t relays[GW_ROUTE_MAX_RELAYS];
    size_t n;
};

/* The relay that the message names, else the first route that matches, else all relays in file
 * order, at most GW_ROUTE_MAX_RELAYS. A relay the API key may not use is left out; with none left
 * out->n is 0.
 * @random01  in [0, 1): orders relays of equal priority by weight; messages with the same draw and
 *            route have the same plan */
void gw_route_plan(const struct cfg *cfg, const struct cfg_api_key *api_key,
                   const struct gw_message *m, const struct gw_recipient *rcpt, double random01,
                   struct gw_route_plan *out);

bool gw_route_plan_equal(const struct gw_route_plan *a, const struct gw_route_plan *b);

#endif
