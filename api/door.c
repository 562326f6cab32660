/* SPDX-License-Identifier: MIT */
/* What the listeners do, for those who ask. */
#include "api/door.h"

#include <stdio.h>

#include "api/connection.h"
#include "gateway/base/gw_clock.h"

bool api_door_is_open(const struct api_acceptor *a, char *why, size_t size)
{
    if (!gw_list_empty(&a->paused)) {
        (void)snprintf(why, size,
                       "no connection is accepted: %zu are open, which takes all file descriptors "
                       "that this process may have",
                       a->n_connections);
        return false;
    }
    if (a->full_at_ms != 0 && gw_clock_mono_ms() - a->full_at_ms < API_DOOR_FULL_MS) {
        (void)snprintf(why, size, "connections are refused: limits.connections is %zu",
                       a->context->cfg->limits.connections);
        return false;
    }
    return true;
}
