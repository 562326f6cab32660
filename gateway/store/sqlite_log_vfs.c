/* SPDX-License-Identifier: MIT */
/* Gathers what is written to the log.
 *
 * Failure: when gathered bytes cannot be written, the call that needed them to be gets the error
 * and they are dropped; SQLite rolls the transaction back and writes its pages again next time.
 *
 * Spec: https://sqlite.org/vfs.html, https://sqlite.org/c3ref/io_methods.html */
#include "gateway/store/sqlite_log_vfs.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"

struct log_file {
    sqlite3_file base;
    sqlite3_file *real; /* behind this struct */
    unsigned char *bytes;
    sqlite3_int64 at; /* where they go */
    size_t n;
    bool put_off; /* syncs are */
    bool owes;    /* one that was */
};

static struct {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
} log_vfs;

static struct log_file *self(sqlite3_file *file)
{
    return (struct log_file *)(void *)file;
}

static int flush(struct log_file *f)
{
    size_t n = f->n;
    f->n = 0;
    return n != 0 ? f->real->pMethods->xWrite(f->real, f->bytes, (int)n, f->at) : SQLITE_OK;
}

static int log_write(sqlite3_file *file, const void *data, int n, sqlite3_int64 at)
{
    struct log_file *f = self(file);
    size_t len = (size_t)n;
    if (at != f->at + (sqlite3_int64)f->n || f->n + len > SQLITE_LOG_BUFFER) {
        int rc = flush(f);
        if (rc != SQLITE_OK)
            return rc;
        f->at = at;
    }
    if (len > SQLITE_LOG_BUFFER)
        return f->real->pMethods->xWrite(f->real, data, n, at);
    memcpy(f->bytes + f->n, data, len);
    f->n += len;
    return SQLITE_OK;
}

static int log_close(sqlite3_file *file)
{
    struct log_file *f = self(file);
    int rc = flush(f);
    int closed = f->real->pMethods->xClose(f->real);
    gw_free(f->bytes);
    f->bytes = NULL;
    return rc != SQLITE_OK ? rc : closed;
}

static int log_read(sqlite3_file *file, void *out, int n, sqlite3_int64 at)
{
    struct log_file *f = self(file);
    int rc = flush(f);
    return rc == SQLITE_OK ? f->real->pMethods->xRead(f->real, out, n, at) : rc;
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct log_file *f = self(file);
    int rc = flush(f);
    return rc == SQLITE_OK ? f->real->pMethods->xTruncate(f->real, size) : rc;
}

/* The header of a log that begins anew is synced in any case: frames must not get to the disk
 * before it. */
static int log_sync(sqlite3_file *file, int flags)
{
    struct log_file *f = self(file);
    bool is_header = f->at == 0;
    int rc = flush(f);
    f->owes = f->put_off && !is_header;
    return rc == SQLITE_OK && !f->owes ? f->real->pMethods->xSync(f->real, flags) : rc;
}

static int log_size(sqlite3_file *file, sqlite3_int64 *out)
{
    struct log_file *f = self(file);
    int rc = flush(f);
    return rc == SQLITE_OK ? f->real->pMethods->xFileSize(f->real, out) : rc;
}

static int log_lock(sqlite3_file *file, int level)
{
    return self(file)->real->pMethods->xLock(self(file)->real, level);
}

static int log_unlock(sqlite3_file *file, int level)
{
    return self(file)->real->pMethods->xUnlock(self(file)->real, level);
}

static int log_check_lock(sqlite3_file *file, int *out)
{
    return self(file)->real->pMethods->xCheckReservedLock(self(file)->real, out);
}

static int log_control(sqlite3_file *file, int op, void *arg)
{
    struct log_file *f = self(file);
    int rc = flush(f);
    return rc == SQLITE_OK ? f->real->pMethods->xFileControl(f->real, op, arg) : rc;
}

static int log_sector_size(sqlite3_file *file)
{
    return self(file)->real->pMethods->xSectorSize(self(file)->real);
}

static int log_characteristics(sqlite3_file *file)
{
    return self(file)->real->pMethods->xDeviceCharacteristics(self(file)->real);
}

static const sqlite3_io_methods log_methods = {.iVersion = 1,
                                               .xClose = log_close,
                                               .xRead = log_read,
                                               .xWrite = log_write,
                                               .xTruncate = log_truncate,
                                               .xSync = log_sync,
                                               .xFileSize = log_size,
                                               .xLock = log_lock,
                                               .xUnlock = log_unlock,
                                               .xCheckReservedLock = log_check_lock,
                                               .xFileControl = log_control,
                                               .xSectorSize = log_sector_size,
                                               .xDeviceCharacteristics = log_characteristics};

/* NULL: @db has no log yet. */
static struct log_file *log_of(sqlite3 *db)
{
    sqlite3_file *file = NULL;
    CHECK(sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) == SQLITE_OK);
    return file != NULL && file->pMethods == &log_methods ? self(file) : NULL;
}

void sqlite_log_put_off(sqlite3 *db, bool put_off)
{
    struct log_file *f = log_of(db);
    if (f != NULL)
        f->put_off = put_off;
}

int sqlite_log_catch_up(sqlite3 *db)
{
    struct log_file *f = log_of(db);
    return f != NULL && f->owes ? log_sync(&f->base, SQLITE_SYNC_NORMAL) : SQLITE_OK;
}

static int log_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                    int *flags_out)
{
    (void)vfs;
    if ((flags & SQLITE_OPEN_WAL) == 0)
        return log_vfs.real->xOpen(log_vfs.real, path, file, flags, flags_out);
    struct log_file *f = self(file);
    *f = (struct log_file){.real = (sqlite3_file *)(void *)(f + 1)};
    int rc = log_vfs.real->xOpen(log_vfs.real, path, f->real, flags, flags_out);
    if (rc != SQLITE_OK)
        return rc; /* base.pMethods is NULL: it will not be closed */
    f->base.pMethods = &log_methods;
    f->bytes = gw_malloc(SQLITE_LOG_BUFFER);
    return SQLITE_OK;
}

sqlite3_vfs *sqlite_log_vfs(void)
{
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    CHECK(real != NULL);
    if (real == log_vfs.real)
        return &log_vfs.vfs;
    (void)sqlite3_vfs_unregister(&log_vfs.vfs); /* no-op the first time */
    log_vfs.real = real;
    log_vfs.vfs = *real; /* its other calls do not ask whose they are */
    log_vfs.vfs.pNext = NULL;
    log_vfs.vfs.zName = "mailhatch-log";
    log_vfs.vfs.szOsFile = real->szOsFile + (int)sizeof(struct log_file);
    log_vfs.vfs.xOpen = log_open;
    CHECK(sqlite3_vfs_register(&log_vfs.vfs, 0) == SQLITE_OK);
    return &log_vfs.vfs;
}
