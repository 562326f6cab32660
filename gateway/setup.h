/* SPDX-License-Identifier: MIT */
/* What a configuration becomes: its snapshot, the DKIM keys and the live relays. A reload makes a
 * new setup; whatever was begun with the old one ends with it, then it is freed.
 *
 * Relays are carried over as they are (connections, breakers, pauses) when the new configuration
 * has the same ones and none of their files has changed.
 *
 * Loop thread only; cfg and dkim of a setup that one holds may be read in other threads. */
#ifndef GW_SETUP_H
#define GW_SETUP_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "config/cfg.h"
#include "gateway/dkim.h"
#include "gateway/relays.h"

/* The relays of one or more setups. */
struct gw_relay_set {
    struct gw_relays relays; /* n, items: as in cfg.relays */
    /* setup.c's own: */
    struct gw_list link;
    struct gw_setups *owner;
    const struct cfg *cfg; /* the one they were made from; the relays borrow from it */
    size_t refs;
    bool closing;
};

struct gw_setup {
    const struct cfg *cfg;
    struct gw_dkim *dkim;
    struct gw_relay_set *relays;
    struct gw_setups *owner; /* setup.c's own, like refs */
    size_t refs;
};

/* All setups of a gateway. */
struct gw_setups {
    struct gw_setup *now; /* NULL before the first */
    uv_loop_t *loop;
    struct gw_list sets;
    struct gw_relay_watch watch;     /* set by the owner before the first load */
    void (*on_progress)(void *data); /* a set of relays is gone */
    void *data;
};

void gw_setups_init(struct gw_setups *s, uv_loop_t *loop, void (*on_progress)(void *), void *data);
/* @cfg is the configuration from now on (referenced).
 * @dkim          made from it; taken over in any case
 * @sandbox  see gw_relays_open()
 * @keep_relays   may carry the relays over: no file of theirs has changed
 * On error everything is as before. */
enum gw_status gw_setups_load(struct gw_setups *s, const struct cfg *cfg, struct gw_dkim *dkim,
                              const struct gw_sandbox *sandbox, bool keep_relays,
                              struct gw_err *err) GW_NODISCARD;
/* Closes all relays, those of setups still in use too. */
void gw_setups_close(struct gw_setups *s, int64_t grace_ms);
/* No relay is open any more. */
bool gw_setups_closed(const struct gw_setups *s);
/* Gives up the present setup; the last holder of each frees it. */
void gw_setups_deinit(struct gw_setups *s);

struct gw_setup *gw_setup_ref(struct gw_setup *setup);
/* Sets the pointer to NULL; NULL is fine. */
void gw_setup_unref(struct gw_setup **at);

#endif
