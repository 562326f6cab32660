/* SPDX-License-Identifier: MIT */
/* The file `ballast`. */
#include "gateway/store/sqlite_ballast.h"

#include "gateway/base/gw_mem.h"
#include "gateway/store/sqlite_files.h"

enum {
    CHUNK = 64 << 10
};

static const char name[] = "ballast";

/* The file that is open as @file grows to its size. */
static int fill(sqlite3_file *file)
{
    sqlite3_int64 size = 0;
    int rc = file->pMethods->xFileSize(file, &size);
    char *zeros = gw_calloc(1, CHUNK);
    for (; rc == SQLITE_OK && size < SQLITE_BALLAST_BYTES; size += CHUNK)
        rc = file->pMethods->xWrite(file, zeros, CHUNK, size);
    gw_free(zeros);
    return rc;
}

bool sqlite_ballast_raise(struct sqlite_db *d)
{
    if (d->has_ballast)
        return true;
    sqlite3_file *file;
    int rc = sqlite_file_create(d, name, &file);
    if (rc == SQLITE_OK) {
        rc = fill(file);
        sqlite_file_close(d, file);
    }
    d->has_ballast = rc == SQLITE_OK;
    if (!d->has_ballast)
        (void)sqlite_file_delete(d, name, false);
    return d->has_ballast;
}

void sqlite_ballast_drop(struct sqlite_db *d)
{
    (void)sqlite_file_delete(d, name, false);
    d->has_ballast = false;
}
