/* SPDX-License-Identifier: MIT */
/* Checks of the database file. */
#include "gateway/store/sqlite_check.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/base/gw_log.h"
#include "gateway/store/sqlite_bind.h"
#include "gateway/store/sqlite_files.h"

enum {
    CHECK_MAX_BYTES = 64 << 20, /* files up to this are checked whole at every start */
    MAX_PATH = 4096
};

static const char running[] = "running";
static const char damaged[] = "damaged";
static const char advice[] = "keep a copy of the directory and run `mailhatch queue salvage`";

enum gw_status sqlite_check_log(const struct sqlite_db *d, struct gw_err *err)
{
    if (!sqlite_file_exists(d, running) || sqlite_file_exists(d, "mailhatch.db-wal"))
        return GW_OK;
    return gw_err_set(err, GW_IO,
                      "store: %s/mailhatch.db-wal is missing, but the last process did not stop in "
                      "order: accepted mail was in it. Put it back, or %s",
                      d->dir, advice);
}

/* The first row of @sql is "ok", or says what is wrong. */
static enum gw_status run_check(struct sqlite_db *d, const char *sql, struct gw_err *err)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(d->db, sql, -1, &s, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    const char *text = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
    bool ok = rc == SQLITE_DONE || (text != NULL && strcmp(text, "ok") == 0);
    if (!ok)
        (void)gw_err_set(err, GW_IO, "store: %s/mailhatch.db is damaged (%s); %s", d->dir,
                         text != NULL ? text : sqlite3_errmsg(d->db), advice);
    (void)sqlite3_finalize(s);
    return ok ? GW_OK : GW_IO;
}

/* The way from its root to its first row, of every table and index. */
static enum gw_status look_into_tables(struct sqlite_db *d, struct gw_err *err)
{
    sqlite3_stmt *names = NULL;
    enum gw_status st = GW_OK;
    int rc = sqlite3_prepare_v2(d->db, "SELECT name FROM sqlite_schema WHERE type = 'table'", -1,
                                &names, NULL);
    while (rc == SQLITE_OK && st == GW_OK && sqlite3_step(names) == SQLITE_ROW) {
        char sql[256];
        (void)snprintf(sql, sizeof(sql), "SELECT 'ok' FROM \"%s\" LIMIT 1",
                       (const char *)sqlite3_column_text(names, 0));
        st = run_check(d, sql, err);
    }
    (void)sqlite3_finalize(names);
    return st;
}

enum gw_status sqlite_check_file(struct sqlite_db *d, struct gw_err *err)
{
    char path[MAX_PATH];
    (void)snprintf(path, sizeof(path), "%s/mailhatch.db", d->dir);
    struct stat file;
    bool suspected = sqlite_file_exists(d, damaged);
    bool large = stat(path, &file) == 0 && file.st_size > CHECK_MAX_BYTES;
    if (large && !suspected)
        return look_into_tables(d, err);
    enum gw_status st =
        run_check(d, suspected ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)", err);
    if (st == GW_OK && suspected)
        (void)sqlite_file_delete(d, damaged, true);
    return st;
}

int sqlite_check_started(struct sqlite_db *d)
{
    /* a write of what is there already goes to the log all the same */
    char sql[64];
    (void)snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", SQLITE_SCHEMA_VERSION);
    int rc = sqlite3_exec(d->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? sqlite_file_mark(d, running) : rc;
}

void sqlite_check_stopped(const struct sqlite_db *d)
{
    (void)sqlite_file_delete(d, running, true);
}

void sqlite_check_forget(const struct sqlite_db *d)
{
    (void)sqlite_file_delete(d, damaged, false);
    (void)sqlite_file_delete(d, running, true);
}

void sqlite_check_suspect(const struct sqlite_db *d)
{
    gw_log(GW_LOG_ERROR, "store_damaged", GW_LOG_STR("directory", d->dir));
    (void)sqlite_file_mark(d, damaged);
}
