/* SPDX-License-Identifier: MIT */
/* A request's body on its way from the HTTP library's memory into ours. A large one moves in
 * pieces, one per turn of the loop, and the pages that it leaves are given back to the system as it
 * goes: the loop is never held up, and there is never more than about one body in memory. */
#ifndef GW_TAKEN_BODY_H
#define GW_TAKEN_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/gw_slice.h"

enum {
    GW_BODY_PIECE = 1 << 20 /* octets that move at a time: some 200 µs */
};

struct gw_taken_body {
    char *data; /* heap, NUL behind */
    size_t len;
    struct gw_slice left; /* to be moved; borrowed */
};

/* A body of at most GW_BODY_PIECE is copied at once. */
void gw_taken_body_start(struct gw_taken_body *b, struct gw_slice from);
/* Moves a piece. True when nothing is left. */
bool gw_taken_body_go_on(struct gw_taken_body *b);
void gw_taken_body_free(struct gw_taken_body *b);

#endif
