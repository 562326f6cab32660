/* SPDX-License-Identifier: MIT */
/* Setups, counted, and what they are made from. */
#include "gateway/setup.h"

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"

/* ---- what files hold ---- */

/* The relay of @before that is the same as relay @index of @cfg. */
static size_t same_as_before(const struct gw_setup_before *before, const struct cfg *cfg,
                             size_t index)
{
    for (size_t i = 0; before != NULL && i < before->cfg->n_relays; i++)
        if (cfg_same_relay(before->cfg, i, cfg, index))
            return before->files_changed(i, before->data) ? SIZE_MAX : i;
    return SIZE_MAX;
}

enum gw_status gw_setup_parts_read(const struct cfg *cfg, const struct gw_setup_before *before,
                                   struct gw_setup_parts **out, struct gw_err *err)
{
    struct gw_setup_parts *p = gw_calloc(1, sizeof(*p));
    p->cfg = cfg_ref(cfg);
    p->before = before != NULL ? cfg_ref(before->cfg) : NULL;
    p->relays = gw_calloc(cfg->n_relays, sizeof(*p->relays));
    enum gw_status st = gw_dkim_new(&cfg->dkim, &p->dkim, err);
    for (size_t i = 0; i < cfg->n_relays && st == GW_OK; i++) {
        p->relays[i].same = same_as_before(before, cfg, i);
        if (p->relays[i].same == SIZE_MAX)
            st = gw_relay_read_tls(&cfg->relays[i], &p->relays[i].tls, err);
    }
    if (st != GW_OK)
        gw_setup_parts_free(&p);
    *out = p;
    return st;
}

void gw_setup_parts_free(struct gw_setup_parts **parts)
{
    struct gw_setup_parts *p = *parts;
    *parts = NULL;
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->cfg->n_relays; i++)
        smtp_tls_context_free(&p->relays[i].tls);
    gw_free(p->relays);
    gw_dkim_free(&p->dkim);
    cfg_unref(&p->cfg);
    cfg_unref(&p->before);
    gw_free(p);
}

const struct cfg *gw_setup_parts_cfg(const struct gw_setup_parts *parts)
{
    return parts->cfg;
}

/* ---- setups ---- */

void gw_setups_init(struct gw_setups *s, uv_loop_t *loop, void (*on_progress)(void *), void *data)
{
    *s = (struct gw_setups){.now = NULL};
    gw_relays_init(&s->relays, loop, on_progress, data);
}

enum gw_status gw_setups_load(struct gw_setups *s, struct gw_setup_parts *parts, struct gw_err *err)
{
    const struct cfg *cfg = parts->cfg;
    struct gw_setup *before = s->now;
    PRE(parts->before == (before != NULL ? before->cfg : NULL));
    struct gw_setup *setup = gw_calloc(1, sizeof(*setup));
    *setup = (struct gw_setup){.cfg = cfg_ref(cfg),
                               .relays = gw_calloc(cfg->n_relays, sizeof(struct gw_relay *)),
                               .refs = 1};
    for (size_t i = 0; i < cfg->n_relays; i++) {
        const struct gw_relay_parts *p = &parts->relays[i];
        enum gw_status st = GW_OK;
        if (before != NULL && p->same != SIZE_MAX)
            setup->relays[i] = gw_relay_ref(before->relays[p->same]);
        else
            st = gw_relay_new(&s->relays, cfg, i, p->tls, &setup->relays[i], err);
        if (st != GW_OK) {
            gw_setup_unref(&setup);
            return st;
        }
    }
    for (size_t i = 0; i < cfg->n_relays; i++)
        setup->relays[i]->anew = before == NULL || parts->relays[i].same == SIZE_MAX;
    setup->dkim = parts->dkim;
    parts->dkim = NULL;
    s->now = setup;
    gw_setup_unref(&before);
    return GW_OK;
}

void gw_setups_close(struct gw_setups *s, int64_t grace_ms)
{
    gw_relays_close(&s->relays, grace_ms);
}

bool gw_setups_closed(const struct gw_setups *s)
{
    return s->relays.n_open == 0;
}

void gw_setups_deinit(struct gw_setups *s)
{
    gw_setup_unref(&s->now);
}

bool gw_setup_has(const struct gw_setup *setup, const struct gw_relay *relay)
{
    for (size_t i = 0; i < setup->cfg->n_relays; i++)
        if (setup->relays[i] == relay)
            return true;
    return false;
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
    for (size_t i = 0; i < setup->cfg->n_relays; i++)
        gw_relay_unref(&setup->relays[i]);
    gw_free(setup->relays);
    cfg_unref(&setup->cfg);
    gw_free(setup);
}
