/* SPDX-License-Identifier: MIT */
/* The SQLite file of the embedded store: data directory, lock, schema, prepared statements.
 *
 * One connection in the process writes and checkpoints (SQLite before 3.51.3 can corrupt a database
 * when one connection commits while another checkpoints). */
#ifndef GW_STORE_SQLITE_DB_H
#define GW_STORE_SQLITE_DB_H

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/gw_list.h"
#include "gateway/base/gw_status.h"
#include "gateway/store.h"
#include "gateway/store/sqlite_schema.h"

/* What the open transaction changes, to be counted when it is committed. */
struct sqlite_tally {
    int64_t n_live[GW_STORE_LIVE_STATES];
    int64_t body_file_bytes;
    bool has_events;
    bool moved_due; /* what falls due next may be another message */
};

struct sqlite_db {
    sqlite3 *db;
    int lock_fd;
    sqlite3_vfs *vfs;          /* all files go through it */
    char *dir;                 /* heap */
    struct gw_list body_files; /* of the open transaction: sqlite_bodies.c */
    void *sweep;               /* of left-over body files: a DIR, or NULL */
    bool swept;
    bool has_ballast;                      /* sqlite_ballast.c */
    int64_t keep_bodies_ms;                /* after a message is settled */
    const atomic_bool *suppresses_unknown; /* the store's; NULL: no */
    struct sqlite_tally tally;
    sqlite3_stmt *stmts[N_STMTS];
};

/* Make the directory (0700), take its lock, open `mailhatch.db`, check it and bring its schema up
 * to date. err->text says what to do: GW_BUSY (another process has it), GW_CONFLICT (newer schema),
 * GW_IO (damaged file, network file system, no permission). On error nothing is left open. */
enum gw_status sqlite_db_open(struct sqlite_db *d, const char *dir,
                              struct gw_err *err) GW_NODISCARD;
/* The parts of it that a salvage needs: the directory with its lock, and a database file that is
 * opened and migrated but not checked. The same errors. */
enum gw_status sqlite_db_lock(struct sqlite_db *d, const char *dir,
                              struct gw_err *err) GW_NODISCARD;
enum gw_status sqlite_db_open_file(struct sqlite_db *d, struct gw_err *err) GW_NODISCARD;
/* Only to read, beside whoever uses it. GW_NOTFOUND: there is none. */
enum gw_status sqlite_db_open_reader(struct sqlite_db *d, const char *dir,
                                     struct gw_err *err) GW_NODISCARD;
/* Idempotent. */
void sqlite_db_close(struct sqlite_db *d);

/* Run a statement that returns no row, then reset it. SQLITE_DONE or an error code. */
int sqlite_db_run(struct sqlite_db *d, enum sqlite_stmt_id id);

/* The disk has no room. */
bool sqlite_db_is_full(int rc);
/* What an error code means for the caller: GW_FULL and GW_BUSY (try later) or GW_IO. */
enum gw_status sqlite_db_status(int rc);

#endif
