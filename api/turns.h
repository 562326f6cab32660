/* SPDX-License-Identifier: MIT */
/* Whose request is next. One packet of HTTP/2 may bring a hundred requests, and one turn of the
 * loop packets of all connections: handled as they come, they would hold up everybody who asks a
 * moment later. So a turn handles requests for some time only; the others wait, and their
 * connections take turns, with one request each.
 *
 * Loop thread only. */
#ifndef API_TURNS_H
#define API_TURNS_H

#include <stdint.h>
#include <uv.h>

#include "gateway/base/gw_list.h"

enum {
    API_TURN_US = 2000 /* for requests in one turn of the loop; the last one may take longer */
};

struct api_turns {
    uv_idle_t next;             /* active while any waits: the loop does not sleep then */
    struct gw_list connections; /* that have requests waiting, the next one first */
    uv_check_t end;             /* of a turn */
    int64_t spent_us;           /* in this turn */
};

struct api_request;

void api_turns_init(struct api_turns *t, uv_loop_t *loop);
/* Dispatches @r, which has just come: now, or soon. */
void api_turns_take(struct api_turns *t, struct api_request *r);

#endif
