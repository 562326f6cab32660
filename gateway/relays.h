/* SPDX-License-Identifier: MIT */
/* The configured relays as live objects.
 *
 * A relay is held by every setup that has it: one that a reload leaves as it was goes on with its
 * connections, breaker, pause and lane. When nobody holds it any more its connections say QUIT.
 *
 * Loop thread only. */
#ifndef GW_RELAYS_H
#define GW_RELAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "config/cfg.h"
#include "gateway/base/gw_list.h"
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
struct gw_relay;
struct gw_relay_change {
    const struct gw_relay *of;
    bool up;
    const char *reason, *detail; /* not up; borrowed for the call */
};
struct gw_relay_watch {
    void (*on_change)(const struct gw_relay_change *change, void *data); /* NULL: nobody */
    void *data;
};

struct gw_relay {
    const char *name;
    struct smtp_relay *smtp; /* NULL: it is closed */
    bool closing;            /* takes no more */
    bool anew;               /* the newest setup that has it is the first */
    struct gw_lane lane;     /* what delivery has in hand for it */
    struct gw_relay_counted counted;
    struct gw_relay_secret secret;
    /* relays.c's own: */
    struct gw_list link; /* in all->list */
    struct gw_relays *all;
    const struct cfg *cfg; /* the one it was made from: name and secret borrow from it */
    size_t refs;
};

struct gw_sandbox;
/* All that are open, of whatever setup. */
struct gw_relays {
    uv_loop_t *loop;
    struct gw_list list;
    struct gw_http *http; /* for token endpoints; NULL before the first relay with OAuth2 */
    size_t n_open;        /* relays, and the HTTP client, that are not closed yet */
    struct gw_relay_watch watch;
    const struct gw_sandbox *sandbox; /* NULL: none of them connects to one */
    void (*on_progress)(void *data);  /* something of it has closed */
    void *data;
};

/* As smtp_relay_new() takes it, without its secrets; strings are borrowed from @c and @sandbox.
 * @sandbox  the server that relays with url `sandbox:` connect to; may be NULL without such */
struct smtp_relay_config gw_relay_config(const struct cfg_relay *c,
                                         const struct gw_sandbox *sandbox);
/* What the relay needs from files, see smtp_relay_read_tls(): in any thread. */
enum gw_status gw_relay_read_tls(const struct cfg_relay *c, struct smtp_tls_context **out,
                                 struct gw_err *err) GW_NODISCARD;

void gw_relays_init(struct gw_relays *all, uv_loop_t *loop, void (*on_progress)(void *),
                    void *data);
/* Relay @index of @cfg, held once.
 * @tls  from gw_relay_read_tls(), or NULL */
enum gw_status gw_relay_new(struct gw_relays *all, const struct cfg *cfg, size_t index,
                            struct smtp_tls_context *tls, struct gw_relay **out,
                            struct gw_err *err) GW_NODISCARD;
struct gw_relay *gw_relay_ref(struct gw_relay *r);
/* Sets the pointer to NULL; NULL is fine. */
void gw_relay_unref(struct gw_relay **at);
/* All zero when it is closed. */
void gw_relay_stats(const struct gw_relay *r, struct smtp_relay_stats *out);

/* Closes all, those that are held too: running transactions get up to @grace_ms. */
void gw_relays_close(struct gw_relays *all, int64_t grace_ms);

#endif
