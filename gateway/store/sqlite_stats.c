/* SPDX-License-Identifier: MIT */
/* Figures about the database. */
#include "gateway/store/sqlite_stats.h"

#include <sys/stat.h>

#include "gateway/store/sqlite_bind.h"

/* The number that a statement with one text, or none, finds. */
static int count_rows(struct sqlite_db *d, enum sqlite_stmt_id id, const char *text, int64_t *out)
{
    struct sqlite_binder b = sqlite_bind_start(d, id);
    if (text != NULL)
        sqlite_bind_text(&b, text);
    int rc = sqlite3_step(b.s);
    *out = rc == SQLITE_ROW ? sqlite3_column_int64(b.s, 0) : 0;
    (void)sqlite3_reset(b.s);
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

int sqlite_stats_count(struct sqlite_db *d, struct gw_store_stats *out)
{
    int rc = SQLITE_OK;
    for (int i = 0; i < GW_STORE_LIVE_STATES && rc == SQLITE_OK; i++)
        rc = count_rows(d, STMT_COUNT_STATUS, gw_rcpt_status_name((enum gw_rcpt_status)i),
                        &out->n_live[i]);
    return rc == SQLITE_OK ? count_rows(d, STMT_SUM_FILES, NULL, &out->body_file_bytes) : rc;
}

static int read_oldest(struct sqlite_db *d, const char *status, int64_t *oldest_ms)
{
    struct sqlite_binder b = sqlite_bind_start(d, STMT_OLDEST);
    sqlite_bind_text(&b, status);
    int rc = sqlite3_step(b.s);
    int64_t at = rc == SQLITE_ROW ? sqlite3_column_int64(b.s, 0) : 0;
    if (at != 0 && (*oldest_ms == 0 || at < *oldest_ms))
        *oldest_ms = at;
    (void)sqlite3_reset(b.s);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int read_pages(struct sqlite_db *d, struct gw_store_stats *out)
{
    sqlite3_stmt *pages = d->stmts[STMT_PAGES];
    int rc = sqlite3_step(pages);
    if (rc == SQLITE_ROW) {
        int64_t page_size = sqlite3_column_int64(pages, 2);
        out->file_bytes = sqlite3_column_int64(pages, 0) * page_size;
        out->free_bytes = sqlite3_column_int64(pages, 1) * page_size;
    }
    (void)sqlite3_reset(pages);
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

int sqlite_stats_look(struct sqlite_db *d, struct gw_store_stats *out)
{
    int rc = read_pages(d, out);
    out->oldest_ms = 0;
    for (int i = 0; i < GW_STORE_LIVE_STATES && rc == SQLITE_OK; i++)
        rc = read_oldest(d, gw_rcpt_status_name((enum gw_rcpt_status)i), &out->oldest_ms);
    struct stat st;
    if (stat(sqlite3_filename_wal(sqlite3_db_filename(d->db, "main")), &st) == 0)
        out->log_bytes = st.st_size;
    return rc;
}
