/* SPDX-License-Identifier: MIT */
/* Events about relays: relay.down when one is not tried any more, relay.up when it is again; in
 * turn for each name, over reloads and restarts too.
 *
 * Happy path: start → what was told last is read back from the store → each change is written.
 * A relay begins anew, closed and not paused, when the process starts or its configuration is
 * loaded again: one that was told to be down is up then, until something else is seen. With a store
 * that does not last nothing was told. Loop thread only. */
#ifndef GW_RELAY_NEWS_H
#define GW_RELAY_NEWS_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/gw_list.h"

struct gw_call;
struct gw_gateway;
struct gw_relay_change;
struct gw_setup;

/* relay_news.c's own. */
struct gw_relay_news {
    struct gw_gateway *gateway;
    struct gw_list relays; /* of struct gw_relay_told, one per relay of the configuration */
    bool known;            /* what was told before this process began */
};

void gw_relay_news_init(struct gw_relay_news *n, struct gw_gateway *g);
void gw_relay_news_deinit(struct gw_relay_news *n);
/* @setup  the one from now on; its relays that are anew begin so here */
void gw_relay_news_load(struct gw_relay_news *n, const struct gw_setup *setup);
/* The store can be asked. */
void gw_relay_news_start(struct gw_relay_news *n);
void gw_relay_news_add(struct gw_relay_news *n, const struct gw_relay_change *change);

#endif
