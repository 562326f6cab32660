/* SPDX-License-Identifier: MIT */
/* The configured relays as live objects. */
#ifndef GW_RELAYS_H
#define GW_RELAYS_H

#include <stddef.h>
#include <uv.h>

#include "config/cfg.h"
#include "gateway/base/gw_status.h"
#include "gateway/http_client.h"
#include "gateway/lane.h"
#include "gateway/relay_secret.h"
#include "smtp/relay.h"

/* What of a relay's counters is in the metrics already. */
struct gw_relay_counted {
    uint64_t opened, reused;
};

/* Who is told that a relay is not tried any more, or is worth trying again; see struct
 * smtp_relay_config. */
struct gw_relays;
struct gw_relay_change {
    const struct gw_relays *of;
    const char *relay;
    bool up;
    const char *reason, *detail; /* not up; borrowed for the call */
};
struct gw_relay_watch {
    void (*on_change)(const struct gw_relay_change *change, void *data); /* NULL: nobody */
    void *data;
};

struct gw_relays {
    struct smtp_relay **items; /* as in cfg.relays */
    struct gw_lane *lanes;     /* of each: what delivery has in hand */
    struct gw_relay_counted *counted;
    struct gw_relay_secret *secrets; /* one per relay */
    struct gw_http *http;            /* for token endpoints; NULL without OAuth2 */
    size_t n;
    size_t n_open; /* relays, and the HTTP client, that are not closed yet */
    struct gw_relay_watch watch;
};

/* As smtp_relay_new() takes it, without its secrets; strings are borrowed from @c and @sandbox.
 * @sandbox  the server that relays with url `sandbox:` connect to; may be NULL without such */
struct gw_sandbox;
struct smtp_relay_config gw_relay_config(const struct cfg_relay *c,
                                         const struct gw_sandbox *sandbox);

/* @sandbox  as above
 * On error nothing is left open but what gw_relays_close() ends. */
enum gw_status gw_relays_open(struct gw_relays *r, uv_loop_t *loop, const struct cfg *cfg,
                              const struct gw_sandbox *sandbox, struct gw_relay_watch watch,
                              struct gw_err *err) GW_NODISCARD;
/* @on_closed for all that is open, one by one; n_open counts down before it is called. */
void gw_relays_close(struct gw_relays *r, int64_t grace_ms, void (*on_closed)(void *), void *data);
void gw_relays_deinit(struct gw_relays *r);

#endif
