/* SPDX-License-Identifier: MIT */
/* SQLite writes its log page by page, two calls for each. This VFS in front of the real one gathers
 * them, so that a transaction goes to the log in one call before it is synced.
 *
 * Nothing else changes: the log is the only file it is about, what is gathered is written before
 * the log is read, measured, cut, synced or closed, and other processes learn of a transaction only
 * after its sync (https://sqlite.org/walformat.html). With `synchronous=FULL` only. */
#ifndef GW_STORE_SQLITE_LOG_VFS_H
#define GW_STORE_SQLITE_LOG_VFS_H

#include <sqlite3.h>

enum {
    /* bytes gathered at most; ours. SQLite's own VFS writes less than 128 KiB per call, and takes
     * more for a full disk (seekAndWriteFd in its os_unix.c). */
    SQLITE_LOG_BUFFER = 64 * 1024
};

/* In front of what is SQLite's default at the moment. Main thread; its files must be closed before
 * the default changes. */
sqlite3_vfs *sqlite_log_vfs(void);

#endif
