/* SPDX-License-Identifier: MIT */
/* Smooth weighted round robin: each turn everyone earns its weight, the richest goes and pays the
 * sum of what was earned. */
#include "gateway/store/due_turns.h"

int due_turns_next(struct due_turns *t, const bool has_work[DUE_N_PRIORITIES])
{
    static const int weights[DUE_N_PRIORITIES] = {[GW_PRIORITY_HIGH] = DUE_WEIGHT_HIGH,
                                                  [GW_PRIORITY_NORMAL] = DUE_WEIGHT_NORMAL,
                                                  [GW_PRIORITY_LOW] = DUE_WEIGHT_LOW};
    int earned = 0;
    int richest = DUE_N_PRIORITIES;
    for (int p = 0; p < DUE_N_PRIORITIES; p++) {
        if (!has_work[p])
            continue;
        t->credit[p] += weights[p];
        earned += weights[p];
        if (richest == DUE_N_PRIORITIES || t->credit[p] > t->credit[richest])
            richest = p;
    }
    if (richest != DUE_N_PRIORITIES)
        t->credit[richest] -= earned;
    return richest;
}

int due_turns_next_of(struct due_turns *t, const size_t taken[DUE_N_PRIORITIES],
                      const size_t n[DUE_N_PRIORITIES])
{
    bool has_work[DUE_N_PRIORITIES];
    for (int p = 0; p < DUE_N_PRIORITIES; p++)
        has_work[p] = taken[p] < n[p];
    return due_turns_next(t, has_work);
}
