/* SPDX-License-Identifier: MIT */
/* Suppression lists as rows, inside whatever transaction is open. Each returns SQLITE_OK or an
 * error code. */
#ifndef GW_STORE_SQLITE_SUPPRESSIONS_H
#define GW_STORE_SQLITE_SUPPRESSIONS_H

#include "gateway/store.h"
#include "gateway/store/sqlite_db.h"

/* Marks the recipients of @m, which is new, that its tenant suppresses. */
int sqlite_suppress_recipients(struct sqlite_db *d, struct gw_message *m, int64_t now_ms);

/* The entry that @e leads to, if it leads to one and there is none yet. */
int sqlite_suppress_after(struct sqlite_db *d, const struct gw_event *e);

struct sqlite_suppressions_page {
    struct gw_suppression *found; /* room for all that may be found */
    size_t n;
    int64_t cursor;
};

/* What gw_store_engine.suppress, .unsuppress and .suppressions do; texts are on @arena. */
int sqlite_suppress(struct sqlite_db *d, const char *tenant, const struct gw_suppression *entries,
                    size_t n, struct gw_arena *arena, struct sqlite_suppressions_page *page);
int sqlite_unsuppress(struct sqlite_db *d, const char *tenant, const char *const *emails, size_t n,
                      struct gw_arena *arena, struct sqlite_suppressions_page *page);
int sqlite_list_suppressions(struct sqlite_db *d, const struct gw_suppression_query *q,
                             struct gw_arena *arena, struct sqlite_suppressions_page *page);

#endif
