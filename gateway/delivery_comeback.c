/* SPDX-License-Identifier: MIT */
/* A relay is back: what waits because of it need not wait for its time.
 *
 * Happy path: gw_delivery_relay_up → every TICK_MS as much of it is leased, in the order of its
 * next attempts, as keeps the relay's lane filled up to a window, which doubles each time from
 * COMEBACK_FIRST_WINDOW to COMEBACK_MAX_WINDOW → nothing waits any more. The relay's own rate and
 * concurrency hold as ever; half of the lane stays for new mail. Failure: when the relay is down or
 * paused again, the rest waits for its time.
 *
 * Uncertain recipients are not hurried, nor those about whom the relay itself said something; and
 * what fails for want of a relay after it came back keeps its new time. */
#include <string.h>

#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"
#include "gateway/delivery_internal.h"

enum {
    TICK_MS = 200,                        /* ours */
    COMEBACK_FIRST_WINDOW = 4,            /* transactions in hand; ours */
    COMEBACK_MAX_WINDOW = GW_LANE_MAX / 2 /* the rest is for new mail */
};

struct gw_comeback {
    struct gw_list link; /* in delivery.comebacks */
    struct gw_delivery *delivery;
    char *relay;
    int64_t after_ms; /* wall; the first moment after it came back */
    size_t next;      /* index in cfg.relays of the one whose mail is looked for */
    size_t window;
    size_t n_asked, n_found; /* by the lease in hand */
    int64_t n_hastened;
};

static void forget(struct gw_comeback *c)
{
    gw_log(GW_LOG_INFO, "mail_hastened", GW_LOG_STR("relay", c->relay),
           GW_LOG_NUM("count", c->n_hastened));
    gw_list_remove(&c->link);
    gw_free(c->relay);
    gw_free(c);
}

void gw_delivery_forget_comebacks(struct gw_delivery *d)
{
    gw_list_foreach_safe (it, &d->comebacks)
        forget(gw_list_entry(it, struct gw_comeback, link));
}

static void on_waiting(enum gw_status status, struct gw_message *m, void *data)
{
    struct gw_comeback *c = data;
    if (status == GW_OK) {
        c->n_found++;
        gw_delivery_leased(c->delivery, m);
        return;
    }
    c->n_hastened += (int64_t)c->n_found;
    if (c->n_found < c->n_asked)
        c->next++;
    gw_delivery_end_lease(c->delivery);
}

/* Index in cfg.relays; n_relays: there is none of that name any more. */
static size_t find_relay(const struct cfg *cfg, const char *name)
{
    size_t i = 0;
    while (i < cfg->n_relays && strcmp(cfg->relays[i].name, name) != 0)
        i++;
    return i;
}

static bool works(const struct gw_setup *setup, size_t relay)
{
    struct smtp_relay_stats stats;
    if (relay == setup->cfg->n_relays || setup->relays[relay]->closing)
        return false;
    gw_relay_stats(setup->relays[relay], &stats);
    return !stats.paused && stats.breaker == SMTP_BREAKER_CLOSED;
}

static bool route_has(const struct cfg_route *route, size_t relay)
{
    for (size_t i = 0; i < route->n_relays; i++)
        if (route->relays[i].relay == relay)
            return true;
    return false;
}

/* Whether mail that waits for @waits may go to @up. */
static bool stands_in(const struct cfg *cfg, size_t up, size_t waits)
{
    if (up == waits || cfg->n_routes == 0)
        return true;
    for (size_t i = 0; i < cfg->n_routes; i++)
        if (route_has(&cfg->routes[i], up) && route_has(&cfg->routes[i], waits))
            return true;
    return false;
}

/* True while it goes on. */
static bool go_on(struct gw_comeback *c)
{
    struct gw_delivery *d = c->delivery;
    const struct gw_setup *setup = d->env.setups->now;
    const struct cfg *cfg = setup->cfg;
    size_t up = find_relay(cfg, c->relay);
    if (!works(setup, up))
        return false;
    while (c->next < cfg->n_relays && !stands_in(cfg, up, c->next))
        c->next++;
    if (c->next >= cfg->n_relays)
        return false;
    size_t in_hand = setup->relays[up]->lane.in_hand;
    size_t free = c->window > in_hand ? c->window - in_hand : 0;
    size_t room = gw_delivery_lease_room(d);
    c->n_asked = free < room ? free : room;
    if (c->n_asked == 0 || d->leasing)
        return true;
    c->n_found = 0;
    c->window = c->window < COMEBACK_MAX_WINDOW / 2 ? c->window * 2 : COMEBACK_MAX_WINDOW;
    d->leasing = true;
    d->env.store->engine->lease_waiting(d->env.store, cfg->relays[c->next].name, c->after_ms,
                                        c->n_asked, on_waiting, c);
    return true;
}

static void on_tick(uv_timer_t *timer)
{
    struct gw_delivery *d = timer->data;
    if (d->leasing)
        return;
    gw_list_foreach_safe (it, &d->comebacks) {
        struct gw_comeback *c = gw_list_entry(it, struct gw_comeback, link);
        if (!go_on(c))
            forget(c);
    }
    if (gw_list_empty(&d->comebacks))
        (void)uv_timer_stop(timer);
}

static struct gw_comeback *find(const struct gw_delivery *d, const char *relay)
{
    gw_list_foreach (it, &d->comebacks) {
        struct gw_comeback *c = gw_list_entry(it, struct gw_comeback, link);
        if (strcmp(c->relay, relay) == 0)
            return c;
    }
    return NULL;
}

void gw_delivery_relay_up(struct gw_delivery *d, const char *relay)
{
    struct gw_comeback *c = find(d, relay);
    if (d->stopped)
        return;
    if (c == NULL) {
        c = gw_calloc(1, sizeof(*c));
        c->delivery = d;
        c->relay = gw_strdup(relay);
        gw_list_push_back(&d->comebacks, &c->link);
    }
    c->after_ms = gw_clock_wall_ms() + 1;
    c->next = 0;
    c->n_asked = 0; /* what is in hand does not count for the new round */
    c->window = COMEBACK_FIRST_WINDOW;
    (void)uv_timer_start(&d->comeback_timer, on_tick, 0, TICK_MS);
}
