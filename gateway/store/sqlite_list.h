/* SPDX-License-Identifier: MIT */
/* Search of messages: one index drives each query, the other conditions filter its rows. */
#ifndef GW_STORE_SQLITE_LIST_H
#define GW_STORE_SQLITE_LIST_H

#include "gateway/store.h"
#include "gateway/store/sqlite_db.h"

/* A page of row numbers, newest first; work is bounded by a number of steps, so a page may be short
 * and still have *cursor_out. SQLITE_OK or an error code.
 * @seqs  room for GW_LIST_MAX */
int sqlite_list(struct sqlite_db *d, const struct gw_list_query *query, int64_t *seqs,
                size_t *n_out, int64_t *cursor_out);

#endif
