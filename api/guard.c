/* SPDX-License-Identifier: MIT */
/* Counters of what the front door stops. */
#include "api/guard.h"

#include "api/connection.h"
#include "gateway/base/gw_log.h"
#include "gateway/metrics.h"

enum {
    PEER_TEXT = 64
};

void api_guard_note(struct api_connection *c, enum api_guard_reason reason)
{
    char peer[PEER_TEXT];
    gw_metric_add(GW_METRIC_H2_GUARD, 1, GW_LABELS(api_guard_name(reason)));
    bool ordinary = reason == API_GUARD_IDLE || reason == API_GUARD_AGE;
    if (c == NULL || c->logged || ordinary)
        return;
    c->logged = true;
    api_connection_peer_text(c, peer, sizeof(peer));
    gw_log(GW_LOG_WARN, "guard", GW_LOG_STR("reason", api_guard_name(reason)),
           GW_LOG_STR("peer", peer));
}

const char *api_guard_name(enum api_guard_reason reason)
{
    static const char *const names[API_GUARD_N_REASONS] = {
#define API_GUARD_NAME(name, reason) [name] = (reason),
        API_GUARD_TABLE(API_GUARD_NAME)
#undef API_GUARD_NAME
    };
    return names[reason];
}
