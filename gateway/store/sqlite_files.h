/* SPDX-License-Identifier: MIT */
/* Small files in the data directory, through SQLite's VFS like the database itself. Paths are
 * relative to the directory. Each returns SQLITE_OK or an error code. */
#ifndef GW_STORE_SQLITE_FILES_H
#define GW_STORE_SQLITE_FILES_H

#include "gateway/store/sqlite_db.h"

/* Existing, to read. */
int sqlite_file_open(const struct sqlite_db *d, const char *path, sqlite3_file **out);
/* To read and write; the first sync of a new one syncs its name too. */
int sqlite_file_create(const struct sqlite_db *d, const char *path, sqlite3_file **out);
void sqlite_file_close(const struct sqlite_db *d, sqlite3_file *file);

bool sqlite_file_exists(const struct sqlite_db *d, const char *path);
/* @synced  it must not come back after a power loss */
int sqlite_file_delete(const struct sqlite_db *d, const char *path, bool synced);
/* Make a file of one byte, synced. */
int sqlite_file_mark(const struct sqlite_db *d, const char *path);

#endif
