/* SPDX-License-Identifier: MIT */
/* The SQLite file of the embedded store: data directory, lock, schema, prepared statements.
 *
 * One connection in the process writes and checkpoints (SQLite before 3.51.3 can corrupt a database
 * when one connection commits while another checkpoints). */
#ifndef GW_STORE_SQLITE_DB_H
#define GW_STORE_SQLITE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/gw_status.h"

/* Every statement the store runs; name, SQL. Columns are listed in gateway/store/sqlite_rows.c. */
enum sqlite_stmt_id {
    STMT_BEGIN,
    STMT_COMMIT,
    STMT_ROLLBACK,
    STMT_INSERT_MESSAGE,
    STMT_INSERT_BODY,
    STMT_INSERT_RCPT,
    STMT_INSERT_TAG,
    STMT_INSERT_METADATA,
    STMT_FIND_SEQ,
    STMT_SELECT_MESSAGE,
    STMT_SELECT_BODY,
    STMT_SELECT_RCPTS,
    STMT_SELECT_TAGS,
    STMT_SELECT_METADATA,
    STMT_UPDATE_MESSAGE,
    STMT_UPDATE_RCPT,
    STMT_DELETE_BODY,
    STMT_SELECT_DUE,
    STMT_LEASE,
    STMT_NEXT_DUE,
    STMT_RELEASE_LEASES,
    STMT_INSERT_IDEMPOTENCY,
    STMT_FIND_IDEMPOTENCY,
    STMT_PURGE_IDEMPOTENCY,
    STMT_PURGE,
    STMT_VACUUM,
    N_STMTS
};

struct sqlite_db {
    sqlite3 *db;
    int lock_fd;
    sqlite3_stmt *stmts[N_STMTS];
};

/* Make the directory (0700), take its lock, open `mailhatch.db`, check it and bring its schema up
 * to date. err->text says what to do: GW_BUSY (another process has it), GW_CONFLICT (newer schema),
 * GW_IO (damaged file, network file system, no permission). On error nothing is left open. */
enum gw_status sqlite_db_open(struct sqlite_db *d, const char *dir,
                              struct gw_err *err) GW_NODISCARD;
/* Idempotent. */
void sqlite_db_close(struct sqlite_db *d);

/* Run a statement that returns no row, then reset it. SQLITE_DONE or an error code. */
int sqlite_db_run(struct sqlite_db *d, enum sqlite_stmt_id id);

/* What an error code means for the caller: GW_BUSY (disk full: try later) or GW_IO. */
enum gw_status sqlite_db_status(int rc);

#endif
