/* SPDX-License-Identifier: MIT */
/* Setups and their relays, counted. */
#include "gateway/setup.h"

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"

/* ---- sets of relays ---- */

/* Nothing of it is open any more. */
static void free_set_if_done(struct gw_relay_set *set)
{
    if (set->refs != 0 || set->relays.n_open != 0)
        return;
    struct gw_setups *owner = set->owner;
    gw_list_remove(&set->link);
    gw_relays_deinit(&set->relays);
    cfg_unref(&set->cfg);
    gw_free(set);
    owner->on_progress(owner->data);
}

static void on_relay_closed(void *data)
{
    struct gw_relay_set *set = data;
    if (set->refs == 0)
        free_set_if_done(set);
    else
        set->owner->on_progress(set->owner->data);
}

static void close_set(struct gw_relay_set *set, int64_t grace_ms)
{
    if (set->closing)
        return;
    set->closing = true;
    gw_relays_close(&set->relays, grace_ms, on_relay_closed, set);
}

static void unref_set(struct gw_relay_set *set)
{
    if (--set->refs != 0)
        return;
    /* Nobody uses it: idle connections say QUIT, that is all. */
    close_set(set, 0);
    free_set_if_done(set);
}

static enum gw_status new_set(struct gw_setups *s, const struct cfg *cfg,
                              const struct gw_sandbox *sandbox, struct gw_relay_set **out,
                              struct gw_err *err)
{
    struct gw_relay_set *set = gw_calloc(1, sizeof(*set));
    set->owner = s;
    set->cfg = cfg_ref(cfg);
    set->refs = 1;
    gw_list_push_back(&s->sets, &set->link);
    enum gw_status st = gw_relays_open(&set->relays, s->loop, cfg, sandbox, s->watch, err);
    if (st == GW_OK)
        *out = set;
    else
        unref_set(set);
    return st;
}

/* ---- setups ---- */

void gw_setups_init(struct gw_setups *s, uv_loop_t *loop, void (*on_progress)(void *), void *data)
{
    *s = (struct gw_setups){.loop = loop, .on_progress = on_progress, .data = data};
    gw_list_init(&s->sets);
}

enum gw_status gw_setups_load(struct gw_setups *s, const struct cfg *cfg, struct gw_dkim *dkim,
                              const struct gw_sandbox *sandbox, bool keep_relays,
                              struct gw_err *err)
{
    struct gw_relay_set *relays = NULL;
    struct gw_setup *before = s->now;
    if (before != NULL && keep_relays && cfg_same(before->cfg, cfg, "relays")) {
        relays = before->relays;
        relays->refs++;
    } else {
        enum gw_status st = new_set(s, cfg, sandbox, &relays, err);
        if (st != GW_OK) {
            gw_dkim_free(&dkim);
            return st;
        }
    }
    struct gw_setup *setup = gw_calloc(1, sizeof(*setup));
    *setup = (struct gw_setup){
        .cfg = cfg_ref(cfg), .dkim = dkim, .relays = relays, .owner = s, .refs = 1};
    s->now = setup;
    gw_setup_unref(&before);
    return GW_OK;
}

void gw_setups_close(struct gw_setups *s, int64_t grace_ms)
{
    gw_list_foreach_safe (link, &s->sets)
        close_set(gw_list_entry(link, struct gw_relay_set, link), grace_ms);
}

bool gw_setups_closed(const struct gw_setups *s)
{
    gw_list_foreach (link, &s->sets) {
        const struct gw_relay_set *set = gw_list_entry(link, struct gw_relay_set, link);
        if (set->relays.n_open != 0)
            return false;
    }
    return true;
}

void gw_setups_deinit(struct gw_setups *s)
{
    gw_setup_unref(&s->now);
}

struct gw_setup *gw_setup_ref(struct gw_setup *setup)
{
    setup->refs++;
    return setup;
}

void gw_setup_unref(struct gw_setup **at)
{
    struct gw_setup *setup = *at;
    *at = NULL;
    if (setup == NULL || --setup->refs != 0)
        return;
    gw_dkim_free(&setup->dkim);
    unref_set(setup->relays);
    cfg_unref(&setup->cfg);
    gw_free(setup);
}
