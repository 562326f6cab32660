/* SPDX-License-Identifier: MIT */
/* What a configuration becomes: its snapshot, the DKIM keys and the live relays. A reload makes a
 * new setup; whatever was begun with the old one ends with it, then it is freed.
 *
 * Happy path: gw_setup_parts_read, in a thread, reads and parses every file that is named →
 * gw_setups_load makes the new relays and takes over those that are as they were.
 *
 * Loop thread only, but for gw_setup_parts; cfg and dkim of a setup that one holds may be read in
 * other threads. */
#ifndef GW_SETUP_H
#define GW_SETUP_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "config/cfg.h"
#include "gateway/dkim.h"
#include "gateway/relays.h"
#include "gateway/setup_parts.h"

struct gw_relay_parts {
    size_t same;                  /* relay of the configuration before that goes on, or SIZE_MAX */
    struct smtp_tls_context *tls; /* of a new one */
};

struct gw_setup_parts {
    const struct cfg *cfg, *before; /* before: NULL at start */
    struct gw_dkim *dkim;
    struct gw_relay_parts *relays; /* as in cfg.relays */
};

struct gw_setup {
    const struct cfg *cfg;
    struct gw_dkim *dkim;
    struct gw_relay **relays; /* as in cfg.relays */
    size_t refs;              /* setup.c's own */
};

/* All setups of a gateway. */
struct gw_setups {
    struct gw_setup *now; /* NULL before the first */
    struct gw_relays relays;
};

/* @on_progress  a relay has closed */
void gw_setups_init(struct gw_setups *s, uv_loop_t *loop, void (*on_progress)(void *), void *data);
/* @parts  from now on this is the configuration; what it holds is taken out
 * On error everything is as before. */
enum gw_status gw_setups_load(struct gw_setups *s, struct gw_setup_parts *parts,
                              struct gw_err *err) GW_NODISCARD;
/* Closes all relays, those of setups still in use too. */
void gw_setups_close(struct gw_setups *s, int64_t grace_ms);
/* No relay is open any more. */
bool gw_setups_closed(const struct gw_setups *s);
/* Gives up the present setup; the last holder of each frees it. */
void gw_setups_deinit(struct gw_setups *s);

bool gw_setup_has(const struct gw_setup *setup, const struct gw_relay *relay);
struct gw_setup *gw_setup_ref(struct gw_setup *setup);
/* Sets the pointer to NULL; NULL is fine. */
void gw_setup_unref(struct gw_setup **at);

#endif
