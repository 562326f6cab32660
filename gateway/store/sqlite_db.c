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

enum {
    BUSY_TIMEOUT_MS = 5000,      /* an external reader (backup, sqlite3) may hold a lock */
    CHECK_MAX_BYTES = 256 << 20, /* files up to this are checked whole at every start */
    CIFS_MAGIC = (int)0xFF534D42,
    SMB2_MAGIC = (int)0xFE534D42,
    FUSE_MAGIC = 0x65735546,
    MAX_PATH = 4096
};

/* Applied in order; user_version counts those done. Never changed once released, only added to. */
static const char *const migrations[] = {
    /* 1 */
    "CREATE TABLE messages("
    "  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, tenant TEXT,"
    "  message_id TEXT NOT NULL, from_addr TEXT NOT NULL, from_domain TEXT NOT NULL,"
    "  subject TEXT NOT NULL, mail_from TEXT NOT NULL, mail_from_utf8 INTEGER NOT NULL,"
    "  size INTEGER NOT NULL, relay TEXT, require_tls INTEGER NOT NULL, priority INTEGER NOT NULL,"
    "  delivery_mode INTEGER NOT NULL, on_uncertain INTEGER NOT NULL, created_ms INTEGER NOT NULL,"
    "  expires_ms INTEGER NOT NULL, scheduled_ms INTEGER NOT NULL, retry_until_ms INTEGER NOT NULL,"
    "  next_ms INTEGER,"      /* NULL: settled, or leased */
    "  status TEXT NOT NULL," /* of the whole message, for search */
    "  crashes INTEGER NOT NULL DEFAULT 0,"
    "  leased INTEGER NOT NULL," /* 1: an attempt may be in hand */
    "  settled_ms INTEGER);"     /* NULL: work is left */
    "CREATE INDEX messages_tenant ON messages(tenant, seq) WHERE tenant IS NOT NULL;"
    "CREATE INDEX messages_from ON messages(from_addr, seq);"
    "CREATE INDEX messages_status ON messages(status, seq);"
    "CREATE INDEX messages_due ON messages(next_ms) WHERE next_ms IS NOT NULL;"
    "CREATE INDEX messages_leased ON messages(seq) WHERE leased = 1;"
    "CREATE INDEX messages_settled ON messages(settled_ms) WHERE settled_ms IS NOT NULL;"
    "CREATE TABLE bodies(seq INTEGER PRIMARY KEY REFERENCES messages ON DELETE CASCADE,"
    "  mime BLOB NOT NULL);"
    "CREATE TABLE recipients("
    "  seq INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE, n INTEGER NOT NULL,"
    "  email TEXT NOT NULL, domain TEXT NOT NULL, kind INTEGER NOT NULL, status INTEGER NOT NULL,"
    "  category INTEGER NOT NULL, retryable INTEGER NOT NULL, uncertain INTEGER NOT NULL,"
    "  utf8 INTEGER NOT NULL, attempts INTEGER NOT NULL, relay TEXT, reason TEXT, detail TEXT,"
    "  smtp_code INTEGER NOT NULL, smtp_enhanced TEXT, smtp_command TEXT, smtp_text TEXT,"
    "  smtp_tls TEXT, updated_ms INTEGER NOT NULL, next_ms INTEGER NOT NULL,"
    "  duration_ms INTEGER NOT NULL, PRIMARY KEY(seq, n)) WITHOUT ROWID;"
    "CREATE INDEX recipients_email ON recipients(email, seq);"
    "CREATE INDEX recipients_relay ON recipients(relay, seq) WHERE relay IS NOT NULL;"
    "CREATE TABLE tags(seq INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,"
    "  n INTEGER NOT NULL, tag TEXT NOT NULL, PRIMARY KEY(seq, n)) WITHOUT ROWID;"
    "CREATE INDEX tags_tag ON tags(tag, seq);"
    "CREATE TABLE idempotency(key TEXT PRIMARY KEY, fingerprint BLOB NOT NULL,"
    "  id TEXT NOT NULL, created_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX idempotency_age ON idempotency(created_ms);"
    "CREATE TABLE metadata(seq INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,"
    "  n INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(seq, n))"
    "  WITHOUT ROWID;",
};
enum {
    SCHEMA_VERSION = sizeof(migrations) / sizeof(migrations[0])
};

static const char *const statements[N_STMTS] = {
    [STMT_BEGIN] = "BEGIN IMMEDIATE",
    [STMT_COMMIT] = "COMMIT",
    [STMT_ROLLBACK] = "ROLLBACK",
    [STMT_INSERT_MESSAGE] =
        "INSERT INTO messages(id, tenant, message_id, from_addr, from_domain, subject, mail_from,"
        " mail_from_utf8, size, relay, require_tls, priority, delivery_mode, on_uncertain,"
        " created_ms, expires_ms, scheduled_ms, retry_until_ms, next_ms, leased, status)"
        " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [STMT_INSERT_BODY] = "INSERT INTO bodies(seq, mime) VALUES(?,?)",
    [STMT_INSERT_RCPT] = "INSERT INTO recipients(seq, n, email, domain, kind, status, category,"
                         " retryable, uncertain, utf8, attempts, relay, reason, detail, smtp_code,"
                         " smtp_enhanced, smtp_command, smtp_text, smtp_tls, updated_ms, next_ms,"
                         " duration_ms) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [STMT_INSERT_TAG] = "INSERT INTO tags(seq, n, tag) VALUES(?,?,?)",
    [STMT_INSERT_METADATA] = "INSERT INTO metadata(seq, n, name, value) VALUES(?,?,?,?)",
    [STMT_FIND_SEQ] = "SELECT seq FROM messages WHERE id = ?1 AND (?2 = '' OR tenant = ?2)",
    [STMT_SELECT_MESSAGE] =
        "SELECT id, tenant, message_id, from_addr, from_domain, subject, mail_from,"
        " mail_from_utf8, size, relay, require_tls, priority, delivery_mode, on_uncertain,"
        " created_ms, expires_ms, scheduled_ms, retry_until_ms, crashes FROM messages WHERE seq = "
        "?",
    [STMT_SELECT_BODY] = "SELECT mime FROM bodies WHERE seq = ?",
    [STMT_SELECT_RCPTS] = "SELECT email, domain, kind, status, category, retryable, uncertain,"
                          " utf8, attempts, relay, reason, detail, smtp_code, smtp_enhanced,"
                          " smtp_command, smtp_text, smtp_tls, updated_ms, next_ms, duration_ms,"
                          " count(*) OVER () FROM recipients WHERE seq = ? ORDER BY n",
    [STMT_SELECT_TAGS] = "SELECT tag, count(*) OVER () FROM tags WHERE seq = ? ORDER BY n",
    [STMT_SELECT_METADATA] =
        "SELECT name, value, count(*) OVER () FROM metadata WHERE seq = ? ORDER BY n",
    [STMT_UPDATE_MESSAGE] =
        "UPDATE messages SET next_ms = ?2, leased = ?3, settled_ms = ?4, crashes = ?5, status = ?6"
        " WHERE seq = ?1",
    [STMT_UPDATE_RCPT] =
        "UPDATE recipients SET status = ?3, category = ?4, retryable = ?5, uncertain = ?6,"
        " attempts = ?7, relay = ?8, reason = ?9, detail = ?10, smtp_code = ?11,"
        " smtp_enhanced = ?12, smtp_command = ?13, smtp_text = ?14, smtp_tls = ?15,"
        " updated_ms = ?16, next_ms = ?17, duration_ms = ?18 WHERE seq = ?1 AND n = ?2",
    [STMT_DELETE_BODY] = "DELETE FROM bodies WHERE seq = ?",
    [STMT_SELECT_DUE] = "SELECT seq FROM messages WHERE next_ms <= ?1 ORDER BY next_ms LIMIT ?2",
    [STMT_LEASE] = "UPDATE messages SET next_ms = NULL, leased = 1 WHERE seq = ?",
    [STMT_NEXT_DUE] = "SELECT min(next_ms) FROM messages WHERE next_ms IS NOT NULL",
    [STMT_RELEASE_LEASES] = "UPDATE messages SET leased = 0, next_ms = ?1 WHERE leased = 1",
    [STMT_INSERT_IDEMPOTENCY] =
        "INSERT OR REPLACE INTO idempotency(key, fingerprint, id, created_ms) VALUES(?,?,?,?)",
    [STMT_FIND_IDEMPOTENCY] =
        "SELECT id, fingerprint FROM idempotency WHERE key = ?1 AND created_ms >= ?2",
    [STMT_PURGE_IDEMPOTENCY] = "DELETE FROM idempotency WHERE key IN (SELECT key FROM idempotency"
                               " WHERE created_ms < ?1 ORDER BY created_ms LIMIT ?2)",
    [STMT_PURGE] = "DELETE FROM messages WHERE seq IN (SELECT seq FROM messages WHERE"
                   " settled_ms < ?1 ORDER BY settled_ms LIMIT ?2)",
    [STMT_VACUUM] = "PRAGMA incremental_vacuum(256)",
};

enum gw_status sqlite_db_status(int rc)
{
    return (rc & 0xff) == SQLITE_FULL || (rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_LOCKED
               ? GW_BUSY
               : GW_IO;
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
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return gw_err_errno(err, GW_IO, errno, "store: cannot make the data directory %s", dir);
    struct statfs fs;
    if (statfs(dir, &fs) != 0)
        return gw_err_errno(err, GW_IO, errno, "store: %s", dir);
    if (is_network((long)fs.f_type))
        return gw_err_set(err, GW_IO,
                          "store: %s is on a network file system, where SQLite cannot keep its "
                          "promises; use a local disk",
                          dir);
    char path[MAX_PATH];
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
    if (version > SCHEMA_VERSION)
        return gw_err_set(err, GW_CONFLICT,
                          "store: %s/mailhatch.db has schema %d, this release knows up to %d; run "
                          "the newer release",
                          dir, version, SCHEMA_VERSION);
    for (; version < SCHEMA_VERSION; version++) {
        char set_version[64];
        (void)snprintf(set_version, sizeof(set_version), "PRAGMA user_version = %d", version + 1);
        if (exec(d, "BEGIN IMMEDIATE") != SQLITE_OK || exec(d, migrations[version]) != SQLITE_OK ||
            exec(d, set_version) != SQLITE_OK || exec(d, "COMMIT") != SQLITE_OK)
            return db_error(d, dir, "schema migration failed", err);
    }
    return GW_OK;
}

static enum gw_status check(struct sqlite_db *d, const char *dir, struct gw_err *err)
{
    char path[MAX_PATH];
    (void)snprintf(path, sizeof(path), "%s/mailhatch.db", dir);
    struct stat st;
    if (stat(path, &st) == 0 && st.st_size > CHECK_MAX_BYTES) {
        gw_log(GW_LOG_INFO, "store_check_skipped", GW_LOG_STR("file", path),
               GW_LOG_NUM("bytes", st.st_size));
        return GW_OK;
    }
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(d->db, "PRAGMA quick_check(1)", -1, &s, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    bool ok = rc == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(s, 0), "ok") == 0;
    if (!ok)
        (void)gw_err_set(err, GW_IO,
                         "store: %s is damaged (%s); stop here, keep a copy, and run `mailhatch "
                         "queue salvage`",
                         path,
                         rc == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0)
                                          : sqlite3_errmsg(d->db));
    (void)sqlite3_finalize(s);
    return ok ? GW_OK : GW_IO;
}

static enum gw_status prepare(struct sqlite_db *d, const char *dir, struct gw_err *err)
{
    for (int i = 0; i < N_STMTS; i++)
        if (sqlite3_prepare_v3(d->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT, &d->stmts[i],
                               NULL) != SQLITE_OK)
            return db_error(d, dir, statements[i], err);
    return GW_OK;
}

static enum gw_status open_file(struct sqlite_db *d, const char *dir, struct gw_err *err)
{
    char path[MAX_PATH];
    (void)snprintf(path, sizeof(path), "%s/mailhatch.db", dir);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, &d->db, flags, NULL) != SQLITE_OK)
        return db_error(d, dir, "cannot be opened", err);
    (void)sqlite3_extended_result_codes(d->db, 1);
    (void)sqlite3_busy_timeout(d->db, BUSY_TIMEOUT_MS);
    /* auto_vacuum only takes effect before the first table exists */
    if (exec(d, "PRAGMA auto_vacuum = INCREMENTAL") != SQLITE_OK ||
        exec(d, "PRAGMA journal_mode = WAL") != SQLITE_OK ||
        exec(d, "PRAGMA synchronous = FULL") != SQLITE_OK ||
        exec(d, "PRAGMA foreign_keys = ON") != SQLITE_OK ||
        exec(d, "PRAGMA cache_size = -8192") != SQLITE_OK)
        return db_error(d, dir, "cannot be used; `mailhatch queue salvage` recovers what it can",
                        err);
    return GW_OK;
}

enum gw_status sqlite_db_open(struct sqlite_db *d, const char *dir, struct gw_err *err)
{
    *d = (struct sqlite_db){.lock_fd = -1};
    enum gw_status st = lock_directory(d, dir, err);
    if (st == GW_OK)
        st = open_file(d, dir, err);
    if (st == GW_OK)
        st = check(d, dir, err);
    if (st == GW_OK)
        st = migrate(d, dir, err);
    if (st == GW_OK)
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
    if (d->db != NULL)
        (void)sqlite3_close(d->db);
    d->db = NULL;
    if (d->lock_fd >= 0)
        (void)close(d->lock_fd);
    d->lock_fd = -1;
}
