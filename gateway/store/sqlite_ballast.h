/* SPDX-License-Identifier: MIT */
/* Room that is held back on the disk: a file of zeros. While it stands, mail is accepted. When the
 * disk is full and something must be written that is not new mail (a verdict), it is given up, and
 * nothing is accepted until it stands again: so the queue drains on a full disk. */
#ifndef GW_STORE_SQLITE_BALLAST_H
#define GW_STORE_SQLITE_BALLAST_H

#include "gateway/store/sqlite_db.h"

enum {
    SQLITE_BALLAST_BYTES = 4 << 20
};

/* Whether it stands now; makes it when there is room. */
bool sqlite_ballast_raise(struct sqlite_db *d);
/* Idempotent. */
void sqlite_ballast_drop(struct sqlite_db *d);

#endif
