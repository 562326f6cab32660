/* SPDX-License-Identifier: MIT */
/* SQLite writes its log page by page, two calls for each. This VFS in front of the real one gathers
 * them, so that a transaction goes to the log in one call before it is synced.
 *
 * Nothing else changes: the log is the only file it is about, what is gathered is written before
 * the log is read, measured, cut, synced or closed, and other processes learn of a transaction only
 * after its sync (https://sqlite.org/walformat.html). With `synchronous=FULL` only.
 *
 * The sync of a commit can be put off: what was gathered is written, so that it survives the
 * process, and other processes see it; a failure of power may take it away, and with it everything
 * behind it, until the sync is made up for. That is SQLite's `synchronous=NORMAL` for one
 * transaction. */
#ifndef GW_STORE_SQLITE_LOG_VFS_H
#define GW_STORE_SQLITE_LOG_VFS_H

#include <stdbool.h>

#include <sqlite3.h>

enum {
    /* bytes gathered at most; ours. SQLite's own VFS writes less than 128 KiB per call, and takes
     * more for a full disk (seekAndWriteFd in its os_unix.c). */
    SQLITE_LOG_BUFFER = 64 * 1024
};

/* In front of what is SQLite's default at the moment. Main thread; its files must be closed before
 * the default changes. */
sqlite3_vfs *sqlite_log_vfs(void);

/* From here on the log of @db, which was opened through this VFS, is written without a sync; false:
 * with one again. Around a commit only: a checkpoint relies on its syncs. */
void sqlite_log_put_off(sqlite3 *db, bool put_off);
/* Makes up for what was put off; SQLITE_OK also when that is nothing. */
int sqlite_log_catch_up(sqlite3 *db);

#endif
