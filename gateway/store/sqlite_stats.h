/* SPDX-License-Identifier: MIT */
/* Figures about the database. Each returns SQLITE_OK or an error code. */
#ifndef GW_STORE_SQLITE_STATS_H
#define GW_STORE_SQLITE_STATS_H

#include "gateway/store/sqlite_db.h"

/* What is counted along the way once the store runs: live messages by state, bytes of body files.
 * Takes as long as there are live messages. */
int sqlite_stats_count(struct sqlite_db *d, struct gw_store_stats *out);
/* What is looked up each time: the oldest live message, sizes of files. */
int sqlite_stats_look(struct sqlite_db *d, struct gw_store_stats *out);

#endif
