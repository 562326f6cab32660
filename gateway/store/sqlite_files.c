/* SPDX-License-Identifier: MIT */
/* Files through the VFS. */
#include "gateway/store/sqlite_files.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"

enum {
    MAX_PATH = 4096
};

static void write_path(const struct sqlite_db *d, const char *path, char out[MAX_PATH])
{
    (void)snprintf(out, MAX_PATH, "%s/%s", d->dir, path);
}

static int open_file(const struct sqlite_db *d, const char *path, int flags, sqlite3_file **out)
{
    char full[MAX_PATH];
    write_path(d, path, full);
    /* a name that SQLite's VFS takes lives as long as its file */
    const char *name = sqlite3_create_filename(full, "", "", 0, NULL);
    CHECK(name != NULL);
    sqlite3_file *file = gw_calloc(1, (size_t)d->vfs->szOsFile + sizeof(name));
    memcpy((char *)file + d->vfs->szOsFile, &name, sizeof(name));
    int rc = d->vfs->xOpen(d->vfs, name, file, flags, &flags);
    if (rc == SQLITE_OK && (flags & SQLITE_OPEN_CREATE) != 0 && chmod(full, 0600) != 0) {
        (void)file->pMethods->xClose(file); /* SQLite lets all read it */
        rc = SQLITE_IOERR_ACCESS;
    }
    if (rc == SQLITE_OK) {
        *out = file;
        return SQLITE_OK;
    }
    sqlite3_free_filename(name);
    gw_free(file);
    return rc;
}

/* Of the kinds of file that SQLite knows, a super-journal is the one that is not locked and whose
 * name is synced with its content. */
int sqlite_file_open(const struct sqlite_db *d, const char *path, sqlite3_file **out)
{
    return open_file(d, path, SQLITE_OPEN_READONLY | SQLITE_OPEN_SUPER_JOURNAL, out);
}

int sqlite_file_create(const struct sqlite_db *d, const char *path, sqlite3_file **out)
{
    return open_file(d, path,
                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_SUPER_JOURNAL, out);
}

void sqlite_file_close(const struct sqlite_db *d, sqlite3_file *file)
{
    const char *name;
    memcpy(&name, (char *)file + d->vfs->szOsFile, sizeof(name));
    (void)file->pMethods->xClose(file);
    sqlite3_free_filename(name);
    gw_free(file);
}

bool sqlite_file_exists(const struct sqlite_db *d, const char *path)
{
    char full[MAX_PATH];
    write_path(d, path, full);
    int there = 0; /* SQLITE_ACCESS_EXISTS would overlook an empty file */
    return d->vfs->xAccess(d->vfs, full, SQLITE_ACCESS_READWRITE, &there) == SQLITE_OK &&
           there != 0;
}

int sqlite_file_delete(const struct sqlite_db *d, const char *path, bool synced)
{
    char full[MAX_PATH];
    write_path(d, path, full);
    return d->vfs->xDelete(d->vfs, full, synced);
}

int sqlite_file_mark(const struct sqlite_db *d, const char *path)
{
    sqlite3_file *file;
    int rc = sqlite_file_create(d, path, &file);
    if (rc != SQLITE_OK)
        return rc;
    rc = file->pMethods->xWrite(file, "\n", 1, 0);
    if (rc == SQLITE_OK)
        rc = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
    sqlite_file_close(d, file);
    return rc;
}
