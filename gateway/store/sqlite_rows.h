/* SPDX-License-Identifier: MIT */
/* Messages to rows and back, inside whatever transaction is open. Typed columns throughout; nothing
 * is ever a text format that is parsed back. Each returns SQLITE_OK or an error code. */
#ifndef GW_STORE_SQLITE_ROWS_H
#define GW_STORE_SQLITE_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/message.h"
#include "gateway/store.h"
#include "gateway/store/sqlite_db.h"

/* @leased  the caller works on it from now on; else it falls due at its earliest next attempt */
int sqlite_insert_message(struct sqlite_db *d, const struct gw_message *m, bool leased);

/* The key that @m was sent with. */
int sqlite_insert_idempotency(struct sqlite_db *d, const struct gw_idempotency *idempotency,
                              const struct gw_message *m);
/* SQLITE_NOTFOUND when there is none younger than @not_before_ms. */
int sqlite_find_idempotency(struct sqlite_db *d, const char *key, int64_t not_before_ms,
                            char id_out[GW_UUID_SIZE],
                            unsigned char fingerprint_out[GW_FINGERPRINT_SIZE]);

/* State of all recipients; drops the body when all is settled. SQLITE_NOTFOUND when it is gone. */
int sqlite_update_message(struct sqlite_db *d, const struct gw_message *m, bool leased,
                          int64_t now_ms);

/* *out in an arena of its own, NULL when not found (SQLITE_NOTFOUND). @tenant "" sees all. */
int sqlite_find_message(struct sqlite_db *d, const char *tenant, const char *id,
                        struct gw_message **out);
int sqlite_load_message(struct sqlite_db *d, int64_t seq, bool with_body, struct gw_message **out);

/* Wall time at which the message falls due: the earliest next attempt of its open recipients; 0:
 * never. */
int64_t sqlite_next_due(const struct gw_message *m);

#endif
