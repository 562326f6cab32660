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

/* Where a message stands. */
struct sqlite_place {
    int64_t seq; /* row number; 0: there is none */
    bool leased;
    char status[16]; /* status word */
};

/* SQLITE_NOTFOUND when there is none. @tenant "" sees all. */
int sqlite_find(struct sqlite_db *d, const char *tenant, const char *id, struct sqlite_place *out);

/* Whether the statement finds a true value for row @seq. */
int sqlite_has_row(struct sqlite_db *d, enum sqlite_stmt_id id, int64_t seq, bool *out);

/* The message, its recipients, lists, body and first events; leased when no attempt is planned. */
int sqlite_insert_message(struct sqlite_db *d, const struct gw_message *m, int64_t now_ms);

/* The key that @m was sent with. */
int sqlite_insert_idempotency(struct sqlite_db *d, const struct gw_idempotency *idempotency,
                              const struct gw_message *m);
/* SQLITE_NOTFOUND when there is none younger than @not_before_ms. */
int sqlite_find_idempotency(struct sqlite_db *d, const char *key, int64_t not_before_ms,
                            char id_out[GW_UUID_SIZE],
                            unsigned char fingerprint_out[GW_FINGERPRINT_SIZE]);

/* State of all recipients, and the events of the change; drops the body when all is settled. */
int sqlite_update_message(struct sqlite_db *d, const struct sqlite_place *place,
                          const struct gw_message *m, bool leased, int64_t now_ms);

/* *out in an arena of its own, NULL when not found (SQLITE_NOTFOUND). Without body: mime.data is
 * NULL; with it too, when it is not kept any more. */
int sqlite_load_message(struct sqlite_db *d, int64_t seq, bool with_body, struct gw_message **out);

#endif
