/* SPDX-License-Identifier: MIT */
/* Opening and checking the database file. */
#include "gateway/store/sqlite_db.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"
#include "gateway/store/sqlite_ballast.h"
#include "gateway/store/sqlite_bodies.h"
#include "gateway/store/sqlite_check.h"
#include "gateway/store/sqlite_log_vfs.h"
#include "gateway/store/sqlite_schema.h"

enum {
    BUSY_TIMEOUT_MS = 5000, /* an external reader (backup, sqlite3) may hold a lock */
    CIFS_MAGIC = (int)0xFF534D42,
    SMB2_MAGIC = (int)0xFE534D42,
    FUSE_MAGIC = 0x65735546,
    MAX_PATH = 4096
};

bool sqlite_db_is_full(int rc)
{
    /* the shared-memory file is grown by hand, and says so in its own way */
    return (rc & 0xff) == SQLITE_FULL || rc == SQLITE_IOERR_SHMSIZE;
}

enum gw_status sqlite_db_status(int rc)
{
    if (sqlite_db_is_full(rc))
        return GW_FULL;
    return (rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_LOCKED ? GW_BUSY : GW_IO;
}

int sqlite_db_run(struct sqlite_db *d, enum sqlite_stmt_id id)
{
    int rc = sqlite3_step(d->stmts[id]);
    if (rc == SQLITE_ROW)
        rc = SQLITE_DONE;
    int reset = sqlite3_reset(d->stmts[id]);
    return rc == SQLITE_DONE ? rc : (reset != SQLITE_OK ? reset : rc);
}

static enum gw_status db_error(struct sqlite_db *d, const char *dir, const char *what,
                               struct gw_err *err)
{
    return gw_err_set(err, GW_IO, "store: %s/mailhatch.db: %s: %s", dir, what,
                      d->db != NULL ? sqlite3_errmsg(d->db) : "out of memory");
}

/* SQLite's locks and shared memory do not work over a network (https://sqlite.org/wal.html). */
static bool is_network(long magic)
{
    return magic == NFS_SUPER_MAGIC || (int)magic == CIFS_MAGIC || (int)magic == SMB2_MAGIC ||
           magic == FUSE_MAGIC || magic == AFS_SUPER_MAGIC || magic == V9FS_MAGIC;
}

static enum gw_status lock_directory(struct sqlite_db *d, const char *dir, struct gw_err *err)
{
    char path[MAX_PATH];
    (void)snprintf(path, sizeof(path), "%s/bodies", dir);
    if ((mkdir(dir, 0700) != 0 && errno != EEXIST) || (mkdir(path, 0700) != 0 && errno != EEXIST))
        return gw_err_errno(err, GW_IO, errno,
                            "store: cannot make the data directory %s (set store.path or "
                            "MAILHATCH_DATA_DIR, or `store: memory`)",
                            dir);
    struct statfs fs;
    if (statfs(dir, &fs) != 0)
        return gw_err_errno(err, GW_IO, errno, "store: %s", dir);
    if (is_network((long)fs.f_type))
        return gw_err_set(err, GW_IO,
                          "store: %s is on a network file system, where SQLite cannot keep its "
                          "promises; use a local disk",
                          dir);
    (void)snprintf(path, sizeof(path), "%s/lock", dir);
    d->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->lock_fd < 0)
        return gw_err_errno(err, GW_IO, errno, "store: %s", path);
    if (flock(d->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return gw_err_set(err, GW_BUSY,
                          "store: another process uses the data directory %s; stop it or set "
                          "another store.path",
                          dir);
    return GW_OK;
}

static int exec(struct sqlite_db *d, const char *sql)
{
    return sqlite3_exec(d->db, sql, NULL, NULL, NULL);
}

static int user_version(struct sqlite_db *d, int *out)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(d->db, "PRAGMA user_version", -1, &s, NULL);
    if (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        *out = sqlite3_column_int(s, 0);
        rc = SQLITE_OK;
    }
    (void)sqlite3_finalize(s);
    return rc;
}

static enum gw_status migrate(struct sqlite_db *d, const char *dir, struct gw_err *err)
{
    int version = 0;
    if (user_version(d, &version) != SQLITE_OK)
        return db_error(d, dir, "cannot be read; `mailhatch queue salvage` recovers what it can",
                        err);
    if (version > SQLITE_SCHEMA_VERSION)
        return gw_err_set(err, GW_CONFLICT,
                          "store: %s/mailhatch.db has schema %d, this release knows up to %d; run "
                          "the newer release",
                          dir, version, SQLITE_SCHEMA_VERSION);
    for (; version < SQLITE_SCHEMA_VERSION; version++) {
        char set_version[64];
        (void)snprintf(set_version, sizeof(set_version), "PRAGMA user_version = %d", version + 1);
        if (exec(d, "BEGIN IMMEDIATE") != SQLITE_OK ||
            exec(d, sqlite_migrations[version]) != SQLITE_OK || exec(d, set_version) != SQLITE_OK ||
            exec(d, "COMMIT") != SQLITE_OK)
            return db_error(d, dir, "schema migration failed", err);
    }
    return GW_OK;
}

static enum gw_status prepare(struct sqlite_db *d, const char *dir, struct gw_err *err)
{
    for (int i = 0; i < N_STMTS; i++)
        if (sqlite3_prepare_v3(d->db, sqlite_statements[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &d->stmts[i], NULL) != SQLITE_OK)
            return db_error(d, dir, sqlite_statements[i], err);
    return GW_OK;
}

static enum gw_status open_file(struct sqlite_db *d, const char *dir, struct gw_err *err)
{
    char path[MAX_PATH];
    (void)snprintf(path, sizeof(path), "%s/mailhatch.db", dir);
    /* SQLite would make it readable for all; its log takes the same mode */
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return gw_err_errno(err, GW_IO, errno, "store: %s", path);
    (void)close(fd);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, &d->db, flags, d->vfs->zName) != SQLITE_OK)
        return db_error(d, dir, "cannot be opened", err);
    (void)sqlite3_extended_result_codes(d->db, 1);
    (void)sqlite3_busy_timeout(d->db, BUSY_TIMEOUT_MS);
    /* auto_vacuum only takes effect before the first table exists */
    if (exec(d, "PRAGMA auto_vacuum = INCREMENTAL") != SQLITE_OK ||
        exec(d, "PRAGMA journal_mode = WAL") != SQLITE_OK ||
        exec(d, "PRAGMA synchronous = FULL") != SQLITE_OK ||
        exec(d, "PRAGMA foreign_keys = ON") != SQLITE_OK ||
        exec(d, "PRAGMA journal_size_limit = 16777216") != SQLITE_OK ||
        exec(d, "PRAGMA cache_size = -6144") != SQLITE_OK)
        return db_error(d, dir, "cannot be used; `mailhatch queue salvage` recovers what it can",
                        err);
    return GW_OK;
}

/* After a crash SQLite makes the log's index anew: what was held back is for this, too. */
static enum gw_status open_file_on_full_disk(struct sqlite_db *d, struct gw_err *err)
{
    enum gw_status st = open_file(d, d->dir, err);
    if (st == GW_OK || d->db == NULL || !sqlite_db_is_full(sqlite3_extended_errcode(d->db)))
        return st;
    gw_log(GW_LOG_ERROR, "store_full", GW_LOG_STR("directory", d->dir));
    (void)sqlite3_close(d->db);
    d->db = NULL;
    sqlite_ballast_drop(d);
    return open_file(d, d->dir, err);
}

enum gw_status sqlite_db_lock(struct sqlite_db *d, const char *dir, struct gw_err *err)
{
    *d = (struct sqlite_db){.lock_fd = -1, .vfs = sqlite_log_vfs(), .dir = gw_strdup(dir)};
    gw_list_init(&d->body_files);
    enum gw_status st = lock_directory(d, dir, err);
    if (st != GW_OK)
        sqlite_db_close(d);
    return st;
}

enum gw_status sqlite_db_open_file(struct sqlite_db *d, struct gw_err *err)
{
    enum gw_status st = open_file(d, d->dir, err);
    return st == GW_OK ? migrate(d, d->dir, err) : st;
}

enum gw_status sqlite_db_open(struct sqlite_db *d, const char *dir, struct gw_err *err)
{
    enum gw_status st = sqlite_db_lock(d, dir, err);
    if (st != GW_OK)
        return st;
    st = sqlite_check_log(d, err);
    if (st == GW_OK)
        st = open_file_on_full_disk(d, err);
    if (st == GW_OK)
        st = sqlite_check_file(d, err);
    if (st == GW_OK)
        st = migrate(d, dir, err);
    if (st == GW_OK)
        st = prepare(d, dir, err);
    if (st != GW_OK)
        sqlite_db_close(d);
    return st;
}

enum gw_status sqlite_db_open_reader(struct sqlite_db *d, const char *dir, struct gw_err *err)
{
    *d = (struct sqlite_db){.lock_fd = -1, .vfs = sqlite3_vfs_find(NULL), .dir = gw_strdup(dir)};
    gw_list_init(&d->body_files);
    char path[MAX_PATH];
    (void)snprintf(path, sizeof(path), "%s/mailhatch.db", dir);
    enum gw_status st = GW_OK;
    int version = 0;
    if (access(path, R_OK) != 0)
        st = gw_err_errno(err, errno == ENOENT ? GW_NOTFOUND : GW_IO, errno, "store: %s", path);
    else if (sqlite3_open_v2(path, &d->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX,
                             d->vfs->zName) != SQLITE_OK ||
             sqlite3_busy_timeout(d->db, BUSY_TIMEOUT_MS) != SQLITE_OK ||
             user_version(d, &version) != SQLITE_OK)
        st = db_error(d, dir, "cannot be read", err);
    else if (version != SQLITE_SCHEMA_VERSION)
        st = gw_err_set(err, GW_CONFLICT,
                        "store: %s has schema %d, this release reads %d; start the server once",
                        path, version, SQLITE_SCHEMA_VERSION);
    else
        st = prepare(d, dir, err);
    if (st != GW_OK)
        sqlite_db_close(d);
    return st;
}

void sqlite_db_close(struct sqlite_db *d)
{
    for (int i = 0; i < N_STMTS; i++) {
        (void)sqlite3_finalize(d->stmts[i]);
        d->stmts[i] = NULL;
    }
    sqlite_bodies_close(d);
    if (d->db != NULL)
        (void)sqlite3_close(d->db);
    d->db = NULL;
    gw_free(d->dir);
    d->dir = NULL;
    if (d->lock_fd >= 0)
        (void)close(d->lock_fd);
    d->lock_fd = -1;
}
