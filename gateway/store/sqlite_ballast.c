/* SPDX-License-Identifier: MIT */
/* The file `ballast`. */
#include "gateway/store/sqlite_ballast.h"

#include <stdio.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"

enum {
    CHUNK = 64 << 10,
    MAX_PATH = 4096
};

static void write_path(const struct sqlite_db *d, char path[MAX_PATH])
{
    (void)snprintf(path, MAX_PATH, "%s/ballast", d->dir);
}

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
    char path[MAX_PATH];
    write_path(d, path);
    const char *name = sqlite3_create_filename(path, "", "", 0, NULL);
    CHECK(name != NULL);
    sqlite3_file *file = gw_calloc(1, (size_t)d->vfs->szOsFile);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_SUPER_JOURNAL;
    int rc = d->vfs->xOpen(d->vfs, name, file, flags, &flags);
    if (rc == SQLITE_OK) {
        rc = fill(file);
        (void)file->pMethods->xClose(file);
    }
    sqlite3_free_filename(name);
    gw_free(file);
    d->has_ballast = rc == SQLITE_OK;
    if (!d->has_ballast)
        (void)d->vfs->xDelete(d->vfs, path, 0);
    return d->has_ballast;
}

void sqlite_ballast_drop(struct sqlite_db *d)
{
    char path[MAX_PATH];
    write_path(d, path);
    if (d->has_ballast)
        (void)d->vfs->xDelete(d->vfs, path, 0);
    d->has_ballast = false;
}
