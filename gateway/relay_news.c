/* SPDX-License-Identifier: MIT */
/* What was told about each relay, and what is to be told. */
#include "gateway/relay_news.h"

#include <string.h>

#include "gateway/base/gw_mem.h"
#include "gateway/events.h"
#include "gateway/gateway_internal.h"

enum {
    PAGE = 100 /* events read back at a time */
};

struct gw_relay_told {
    struct gw_list link;
    char *name;
    bool kept;             /* while the configuration is loaded: it is in it */
    bool down, told_down;  /* as it is; as its last event says */
    char *reason, *detail; /* of what is not told yet; NULL: none */
};

static void forget(struct gw_relay_told *t)
{
    gw_list_remove(&t->link);
    gw_free(t->name);
    gw_free(t->reason);
    gw_free(t->detail);
    gw_free(t);
}

static struct gw_relay_told *find(const struct gw_relay_news *n, const char *name)
{
    gw_list_foreach (it, &n->relays) {
        struct gw_relay_told *t = gw_list_entry(it, struct gw_relay_told, link);
        if (strcmp(t->name, name) == 0)
            return t;
    }
    return NULL;
}

static void tell(const struct gw_relay_news *n, struct gw_relay_told *t)
{
    if (!n->known || t->down == t->told_down)
        return;
    t->told_down = t->down;
    gw_event_note(n->gateway, t->down ? GW_EVENT_RELAY_DOWN : GW_EVENT_RELAY_UP, t->name, t->reason,
                  t->detail != NULL ? t->detail : "");
}

static void set(const struct gw_relay_news *n, struct gw_relay_told *t, bool down,
                const char *reason, const char *detail)
{
    gw_free(t->reason);
    gw_free(t->detail);
    t->down = down;
    t->reason = reason != NULL ? gw_strdup(reason) : NULL;
    t->detail = detail != NULL ? gw_strdup(detail) : NULL;
    tell(n, t);
}

/* ---- what was told ---- */

static void ask(struct gw_relay_news *n, int64_t after);

static void on_page(enum gw_status status, const struct gw_event *events, size_t n_events,
                    int64_t next, bool more, void *data)
{
    struct gw_relay_news *n = data;
    for (size_t i = 0; i < n_events; i++) {
        struct gw_relay_told *t = find(n, events[i].subject);
        if (t != NULL)
            t->told_down = events[i].type == GW_EVENT_RELAY_DOWN;
    }
    if (status == GW_OK && more && n->gateway->state == GW_RUNNING) {
        ask(n, next);
        return;
    }
    /* of a store that cannot be read nothing is known, and it will not take events either */
    n->known = n->gateway->state == GW_RUNNING;
    gw_list_foreach (it, &n->relays)
        tell(n, gw_list_entry(it, struct gw_relay_told, link));
}

static void ask(struct gw_relay_news *n, int64_t after)
{
    struct gw_event_query q = {.after = after,
                               .tenant = "",
                               .types = 1U << GW_EVENT_RELAY_DOWN | 1U << GW_EVENT_RELAY_UP,
                               .max = PAGE};
    (void)gw_events_after(n->gateway, &q, on_page, n);
}

/* ---- as its owner sees it ---- */

void gw_relay_news_init(struct gw_relay_news *n, struct gw_gateway *g)
{
    *n = (struct gw_relay_news){.gateway = g};
    gw_list_init(&n->relays);
}

void gw_relay_news_deinit(struct gw_relay_news *n)
{
    while (!gw_list_empty(&n->relays))
        forget(gw_list_entry(n->relays.next, struct gw_relay_told, link));
}

void gw_relay_news_load(struct gw_relay_news *n, const struct gw_setup *setup)
{
    const struct cfg *cfg = setup->cfg;
    gw_list_foreach (it, &n->relays)
        gw_list_entry(it, struct gw_relay_told, link)->kept = false;
    for (size_t i = 0; i < cfg->n_relays; i++) {
        struct gw_relay_told *t = find(n, cfg->relays[i].name);
        if (t == NULL) {
            t = gw_calloc(1, sizeof(*t));
            t->name = gw_strdup(cfg->relays[i].name);
            gw_list_push_back(&n->relays, &t->link);
        }
        t->kept = true;
        if (setup->relays[i]->anew)
            set(n, t, false, NULL, "it begins anew");
    }
    gw_list_foreach_safe (it, &n->relays) {
        struct gw_relay_told *t = gw_list_entry(it, struct gw_relay_told, link);
        if (!t->kept &&
            !t->told_down) /* who was told that it is down will be told when it is back */
            forget(t);
    }
}

void gw_relay_news_start(struct gw_relay_news *n)
{
    ask(n, 0);
}

void gw_relay_news_add(struct gw_relay_news *n, const struct gw_relay_change *change)
{
    struct gw_relay_told *t = find(n, change->of->name);
    if (t != NULL)
        set(n, t, !change->up, change->reason, change->detail);
}
