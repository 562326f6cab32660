/* SPDX-License-Identifier: MIT */
/* Events and attempts as rows, inside whatever transaction is open. Each returns SQLITE_OK or an
 * error code. */
#ifndef GW_STORE_SQLITE_HISTORY_H
#define GW_STORE_SQLITE_HISTORY_H

#include "gateway/store.h"
#include "gateway/store/sqlite_db.h"

/* The events that lead from @before (NULL: new) to @after, which is row @seq. */
int sqlite_insert_events(struct sqlite_db *d, int64_t seq, const struct gw_recipient *before,
                         const struct gw_message *after, int64_t now_ms);

/* An event about a relay or a webhook. */
int sqlite_insert_note(struct sqlite_db *d, const struct gw_event *e);

int sqlite_insert_attempt(struct sqlite_db *d, int64_t seq, const struct gw_attempt_log *a);

/* All attempts of a message, in order, on @arena. */
int sqlite_load_attempts(struct sqlite_db *d, int64_t seq, struct gw_arena *arena,
                         struct gw_attempt_log **out, size_t *n_out);

/* A page of events on @arena. */
int sqlite_load_events(struct sqlite_db *d, const struct gw_event_query *query,
                       struct gw_arena *arena, struct gw_event_page *out);

#endif
