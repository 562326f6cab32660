/* SPDX-License-Identifier: MIT */
/* How far webhooks are, as rows, inside whatever transaction is open. Each returns SQLITE_OK or an
 * error code. */
#ifndef GW_STORE_SQLITE_WEBHOOKS_H
#define GW_STORE_SQLITE_WEBHOOKS_H

#include "gateway/store.h"
#include "gateway/store/sqlite_db.h"

/* Of which nothing was saved: begins behind the last event, and saves that.
 * @retries_out  on @arena */
int sqlite_load_webhook(struct sqlite_db *d, const char *name, struct gw_arena *arena,
                        struct gw_webhook_state *state_out, struct gw_webhook_retry **retries_out,
                        size_t *n_out);
int sqlite_save_webhook(struct sqlite_db *d, const char *name, const struct gw_webhook_state *state,
                        const struct gw_webhook_retry *changes, size_t n);

#endif
