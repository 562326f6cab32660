/* SPDX-License-Identifier: MIT */
/* A new database from what can be read of a damaged one.
 *
 * Each table is read from its beginning until a page fails, and from its end until one fails; rows
 * between the two that go by message number are asked for one by one. Rows whose message is lost
 * are left out. The rest is the store's ordinary business: a live message without its body is given
 * up when it falls due, a lease ends at the next start. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/gw_check.h"
#include "gateway/store/sqlite.h"
#include "gateway/store/sqlite_check.h"
#include "gateway/store/sqlite_db.h"
#include "gateway/store/sqlite_files.h"

enum {
    MAX_PATH = 4096,
    MAX_SQL = 512,
    MAX_COLUMNS = 64,
    ROWS_PER_COMMIT = 10000,
    MAX_GAP = 5000000 /* message numbers asked for one by one */
};

/* In an order that keeps references whole. @key orders the rows, @by_number: it begins with a
 * message's number. */
static const struct table {
    const char *name, *key;
    bool by_number;
} tables[] = {
    {"messages", "seq", true},
    {"bodies", "seq", true},
    {"recipients", "seq, n", true},
    {"tags", "seq, n", true},
    {"metadata", "seq, n", true},
    {"attempts", "message, n", true},
    {"events", "seq", false},
    {"idempotency", "key", false},
    {"body_drops", "at_ms, seq", false},
    {"suppressions", "seq", false},
    {"templates", "seq", false},
    {"webhooks", "name", false},
    {"webhook_retries", "webhook, event", false},
};
enum {
    N_TABLES = sizeof(tables) / sizeof(tables[0])
};

struct copy {
    struct sqlite_db *from, *to;
    const struct table *table;
    sqlite3_stmt *insert;
    int n_columns;
    int64_t n_rows;      /* since the last commit */
    int64_t last_unread; /* message number beyond the last that is known */
};

static int exec(struct sqlite_db *d, const char *sql)
{
    return sqlite3_exec(d->db, sql, NULL, NULL, NULL);
}

/* One row as it is; a row that is there already, or not as the schema wants it, is left out. */
static int insert_row(struct copy *c, sqlite3_stmt *row)
{
    for (int i = 0; i < c->n_columns; i++)
        CHECK(sqlite3_bind_value(c->insert, i + 1, sqlite3_column_value(row, i)) == SQLITE_OK);
    int rc = sqlite3_step(c->insert);
    (void)sqlite3_reset(c->insert);
    if (rc == SQLITE_DONE && ++c->n_rows % ROWS_PER_COMMIT == 0)
        return exec(c->to, "COMMIT; BEGIN");
    return rc == SQLITE_DONE || (rc & 0xff) == SQLITE_CONSTRAINT ? SQLITE_OK : rc;
}

/* Copies the rows of a query until its end or a page that fails. @last_out: of the first column.
 * Returns SQLITE_OK, SQLITE_CORRUPT (reading) or an error code of writing. */
static int copy_rows(struct copy *c, const char *where, bool backwards, int64_t *last_out,
                     bool *whole_out)
{
    char sql[MAX_SQL];
    char order[64] = "";
    if (backwards && strchr(c->table->key, ',') != NULL)
        (void)snprintf(order, sizeof(order), "%.*s DESC, %s DESC",
                       (int)(strchr(c->table->key, ',') - c->table->key), c->table->key,
                       strchr(c->table->key, ',') + 2);
    else
        (void)snprintf(order, sizeof(order), "%s%s", c->table->key, backwards ? " DESC" : "");
    (void)snprintf(sql, sizeof(sql), "SELECT * FROM %s %s ORDER BY %s", c->table->name, where,
                   order);
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(c->from->db, sql, -1, &s, NULL);
    int written = SQLITE_OK;
    while (rc == SQLITE_OK && written == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        *last_out = sqlite3_column_int64(s, 0);
        written = insert_row(c, s);
        rc = SQLITE_OK;
    }
    *whole_out = rc == SQLITE_DONE;
    (void)sqlite3_finalize(s);
    return written;
}

/* What lies between the ends that could be read. */
static int copy_gap(struct copy *c, int64_t first, int64_t last)
{
    char where[64];
    const char *end = strchr(c->table->key, ',');
    int len = (int)(end != NULL ? (size_t)(end - c->table->key) : strlen(c->table->key));
    int written = SQLITE_OK;
    int64_t seen;
    bool whole;
    for (int64_t seq = first + 1; seq < last && seq - first <= MAX_GAP && written == SQLITE_OK;
         seq++) {
        (void)snprintf(where, sizeof(where), "WHERE %.*s = %lld", len, c->table->key,
                       (long long)seq);
        written = copy_rows(c, where, false, &seen, &whole);
    }
    return written;
}

static int copy_table(struct copy *c, bool *whole_out)
{
    int64_t first = 0;
    int64_t last = INT64_MAX;
    int written = copy_rows(c, "", false, &first, whole_out);
    bool unused;
    if (written != SQLITE_OK || *whole_out)
        return written;
    written = copy_rows(c, "", true, &last, &unused);
    if (written != SQLITE_OK || !c->table->by_number)
        return written;
    if (last == INT64_MAX) /* the end cannot be read: as far as messages go */
        last = c->last_unread;
    return copy_gap(c, first, last);
}

static int prepare_insert(struct copy *c)
{
    char sql[MAX_SQL];
    (void)snprintf(sql, sizeof(sql), "SELECT * FROM %s", c->table->name);
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(c->to->db, sql, -1, &s, NULL);
    c->n_columns = rc == SQLITE_OK ? sqlite3_column_count(s) : 0;
    (void)sqlite3_finalize(s);
    if (rc != SQLITE_OK)
        return rc;
    CHECK(c->n_columns > 0 && c->n_columns <= MAX_COLUMNS);
    (void)snprintf(
        sql, sizeof(sql), "INSERT OR IGNORE INTO %s VALUES(?%s)", c->table->name,
        &",?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?"
         ",?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?"[(size_t)(MAX_COLUMNS - c->n_columns) *
                                                          2]);
    return sqlite3_prepare_v2(c->to->db, sql, -1, &c->insert, NULL);
}

static int64_t number(struct sqlite_db *d, const char *sql)
{
    sqlite3_stmt *s = NULL;
    int64_t n = 0;
    if (sqlite3_prepare_v2(d->db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        n = sqlite3_column_int64(s, 0);
    (void)sqlite3_finalize(s);
    return n;
}

/* Rows whose message, or whose recipients, are lost. */
static int drop_orphans(struct sqlite_db *to)
{
    return exec(to, "DELETE FROM messages WHERE NOT EXISTS"
                    " (SELECT 1 FROM recipients r WHERE r.seq = messages.seq);"
                    "DELETE FROM bodies WHERE seq NOT IN (SELECT seq FROM messages);"
                    "DELETE FROM recipients WHERE seq NOT IN (SELECT seq FROM messages);"
                    "DELETE FROM tags WHERE seq NOT IN (SELECT seq FROM messages);"
                    "DELETE FROM metadata WHERE seq NOT IN (SELECT seq FROM messages);"
                    "DELETE FROM attempts WHERE message NOT IN (SELECT seq FROM messages);"
                    "DELETE FROM events WHERE message NOT IN (SELECT seq FROM messages);"
                    "COMMIT; PRAGMA foreign_keys = ON");
}

static int copy_all(struct sqlite_db *from, struct sqlite_db *to, struct gw_salvage *out)
{
    int rc = exec(to, "PRAGMA foreign_keys = OFF; BEGIN");
    int64_t last_message = number(from, "SELECT max(seq) FROM messages");
    for (size_t i = 0; i < N_TABLES && rc == SQLITE_OK; i++) {
        struct copy c = {
            .from = from, .to = to, .table = &tables[i], .last_unread = last_message + 1};
        rc = prepare_insert(&c);
        bool whole = true;
        if (rc == SQLITE_OK)
            rc = copy_table(&c, &whole);
        (void)sqlite3_finalize(c.insert);
        out->n_tables_broken += whole ? 0 : 1;
        if (i == 0)
            last_message = number(to, "SELECT max(seq) FROM messages");
    }
    if (rc == SQLITE_OK)
        rc = drop_orphans(to);
    out->n_messages = number(to, "SELECT count(*) FROM messages");
    out->n_live = number(to, "SELECT count(*) FROM messages WHERE settled_ms IS NULL");
    out->n_bodies_lost = number(to, "SELECT count(*) FROM messages m WHERE settled_ms IS NULL AND"
                                    " NOT EXISTS (SELECT 1 FROM bodies b WHERE b.seq = m.seq)");
    return rc;
}

/* ---- the files ---- */

static enum gw_status move(const char *dir, const char *from, const char *to, struct gw_err *err)
{
    char old_path[MAX_PATH];
    char new_path[MAX_PATH];
    (void)snprintf(old_path, sizeof(old_path), "%s/%s", dir, from);
    (void)snprintf(new_path, sizeof(new_path), "%s/%s", dir, to);
    if (rename(old_path, new_path) != 0 && errno != ENOENT)
        return gw_err_errno(err, GW_IO, errno, "store: rename %s to %s", old_path, new_path);
    return GW_OK;
}

static void remove_work_dir(const char *dir)
{
    static const char *const names[] = {"salvage/lock", "salvage/mailhatch.db",
                                        "salvage/mailhatch.db-wal", "salvage/mailhatch.db-shm"};
    char path[MAX_PATH];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
    (void)snprintf(path, sizeof(path), "%s/salvage/bodies", dir);
    (void)rmdir(path);
    (void)snprintf(path, sizeof(path), "%s/salvage", dir);
    (void)rmdir(path);
}

/* The new file takes the old one's place; a stop in between leaves both under some name. */
static enum gw_status swap_files(const struct sqlite_db *d, struct gw_err *err)
{
    static const char *const moves[][2] = {
        {"mailhatch.db-wal", "mailhatch.db.damaged-wal"},
        {"mailhatch.db-shm", "mailhatch.db.damaged-shm"},
        {"mailhatch.db", "mailhatch.db.damaged"},
        {"salvage/mailhatch.db", "mailhatch.db"},
    };
    enum gw_status st = GW_OK;
    for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]) && st == GW_OK; i++)
        st = move(d->dir, moves[i][0], moves[i][1], err);
    if (st == GW_OK)
        sqlite_check_forget(d);
    return st;
}

static enum gw_status salvage_into(struct sqlite_db *from, struct gw_salvage *out,
                                   struct gw_err *err)
{
    char work[MAX_PATH];
    (void)snprintf(work, sizeof(work), "%s/salvage", from->dir);
    remove_work_dir(from->dir);
    struct sqlite_db to;
    enum gw_status st = sqlite_db_lock(&to, work, err);
    if (st != GW_OK)
        return st;
    st = sqlite_db_open_file(&to, err);
    int rc = st == GW_OK ? copy_all(from, &to, out) : SQLITE_OK;
    if (rc != SQLITE_OK)
        st = gw_err_set(err, sqlite_db_status(rc), "store: cannot write %s/mailhatch.db: %s", work,
                        sqlite3_errmsg(to.db));
    sqlite_db_close(&to); /* writes the log back */
    if (st == GW_OK && out->n_messages == 0 && out->n_tables_broken != 0)
        st = gw_err_set(err, GW_IO, "store: nothing can be read from %s/mailhatch.db", from->dir);
    return st;
}

enum gw_status gw_store_sqlite_salvage(const char *dir, struct gw_salvage *out, struct gw_err *err)
{
    *out = (struct gw_salvage){.n_messages = 0};
    struct stat file;
    char path[MAX_PATH];
    (void)snprintf(path, sizeof(path), "%s/mailhatch.db", dir);
    if (stat(path, &file) != 0)
        return gw_err_errno(err, GW_NOTFOUND, errno, "store: %s", path);
    struct sqlite_db from;
    enum gw_status st = sqlite_db_lock(&from, dir, err);
    if (st != GW_OK)
        return st;
    struct gw_err missing;
    out->log_missing = sqlite_check_log(&from, &missing) != GW_OK;
    st = sqlite_db_open_file(&from, err);
    if (st == GW_OK)
        st = salvage_into(&from, out, err);
    if (from.db != NULL) { /* closed before its files are moved; the lock stays */
        (void)sqlite3_db_config(from.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        (void)sqlite3_close(from.db);
        from.db = NULL;
    }
    if (st == GW_OK)
        st = swap_files(&from, err);
    if (st == GW_OK)
        remove_work_dir(dir);
    sqlite_db_close(&from);
    return st;
}
