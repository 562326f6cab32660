/* SPDX-License-Identifier: MIT */
/* Whose turn it is among priorities that have due messages: weighted turns, evenly mixed, so that
 * none starves another. A priority that has nothing leaves its turns to the rest. */
#ifndef GW_STORE_DUE_TURNS_H
#define GW_STORE_DUE_TURNS_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/draft.h"

enum {
    DUE_N_PRIORITIES = GW_PRIORITY_LOW + 1,
    /* of every ten turns when all have work */
    DUE_WEIGHT_HIGH = 6,
    DUE_WEIGHT_NORMAL = 3,
    DUE_WEIGHT_LOW = 1
};

struct due_turns {
    int credit[DUE_N_PRIORITIES];
};

/* The priority that goes next among those with @has_work; DUE_N_PRIORITIES when none has. */
int due_turns_next(struct due_turns *t, const bool has_work[DUE_N_PRIORITIES]);
/* The same where @n pieces of work were found for each, of which @taken are taken. */
int due_turns_next_of(struct due_turns *t, const size_t taken[DUE_N_PRIORITIES],
                      const size_t n[DUE_N_PRIORITIES]);

#endif
