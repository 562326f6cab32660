/* SPDX-License-Identifier: MIT */
/* The history of the memory engine: all events in one list, each also in its row's; attempts in
 * their row. Both are bounded and forget the oldest first. */
#ifndef GW_STORE_MEMORY_HISTORY_H
#define GW_STORE_MEMORY_HISTORY_H

#include "gateway/base/gw_list.h"
#include "gateway/store.h"
#include "gateway/store/memory_suppressions.h"

struct memory_history {
    struct gw_list events; /* oldest first */
    size_t n_events;
    int64_t last_seq;
    struct memory_suppressions *suppressions; /* to which events may lead */
};

/* One message's part; in its row. */
struct memory_trail {
    struct gw_list events;   /* oldest first */
    struct gw_list attempts; /* oldest first */
    size_t n_attempts;
    const struct gw_slice *tags; /* the row's message's */
    size_t n_tags;
};

void memory_history_init(struct memory_history *h, struct memory_suppressions *suppressions);
void memory_history_deinit(struct memory_history *h);
void memory_trail_init(struct memory_trail *t);
void memory_trail_deinit(struct memory_history *h, struct memory_trail *t);

/* Events that lead from @before (NULL: new) to @after. True: there were some. */
bool memory_history_note(struct memory_history *h, struct memory_trail *t,
                         const struct gw_recipient *before, const struct gw_message *after);
void memory_trail_add_attempts(struct memory_trail *t, const struct gw_attempt_log *attempts,
                               size_t n);
/* An array on @arena, in order. */
const struct gw_attempt_log *memory_trail_attempts(const struct memory_trail *t,
                                                   struct gw_arena *arena);

/* An event about a relay or a webhook. */
void memory_history_add(struct memory_history *h, const struct gw_event *event);

/* Copies on @arena.
 * @trail  of query->id; NULL: all messages */
struct gw_event_page memory_history_find(const struct memory_history *h,
                                         const struct memory_trail *trail,
                                         const struct gw_event_query *query,
                                         struct gw_arena *arena);

#endif
