/* SPDX-License-Identifier: MIT */
/* Housekeeping of the SQLite engine: one short transaction per step, so that mail waits for it no
 * longer than for a batch of its own. */
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/store/sqlite_bind.h"
#include "gateway/store/sqlite_bodies.h"
#include "gateway/store/sqlite_check.h"
#include "gateway/store/sqlite_internal.h"

enum {
    STEP_ROWS = 64,            /* messages, keys or bodies per step */
    STEP_PAGES = 256,          /* given back per step */
    FREE_PAGES_KEPT = 1024,    /* at least; they are used again soon */
    PAUSE_MS = 10,             /* between steps while there is more to do */
    PURGE_EVERY_MS = 60 * 1000 /* else */
};

/* A message whose history or body goes. */
struct old_row {
    int64_t at_ms, seq, size;
    char id[GW_UUID_SIZE];
    bool settled;
};

static void read_id(sqlite3_stmt *s, int column, char id[GW_UUID_SIZE])
{
    (void)snprintf(id, GW_UUID_SIZE, "%s",
                   sqlite_or_empty((const char *)sqlite3_column_text(s, column)));
}

/* Each works on up to STEP_ROWS rows; *n_out of them. SQLITE_OK or an error code. */

static int forget_history(struct sqlite_store *s, int64_t now_ms, size_t *n_out)
{
    struct old_row rows[STEP_ROWS];
    struct sqlite_binder b = sqlite_bind_start(&s->db, STMT_SELECT_OLD);
    sqlite_bind_int(&b, now_ms - s->config.retention_history_ms);
    sqlite_bind_int(&b, STEP_ROWS);
    int rc;
    *n_out = 0;
    while ((rc = sqlite3_step(b.s)) == SQLITE_ROW) {
        struct old_row *row = &rows[(*n_out)++];
        row->seq = sqlite3_column_int64(b.s, 0);
        read_id(b.s, 1, row->id);
        row->size = sqlite3_column_int64(b.s, 2);
    }
    (void)sqlite3_reset(b.s);
    for (size_t i = 0; i < *n_out && rc == SQLITE_DONE; i++) {
        rc = sqlite_body_delete(&s->db, rows[i].seq, rows[i].id, (size_t)rows[i].size);
        if (rc != SQLITE_OK)
            return rc;
        b = sqlite_bind_start(&s->db, STMT_DELETE_MESSAGE);
        sqlite_bind_int(&b, rows[i].seq);
        rc = sqlite_db_run(&s->db, STMT_DELETE_MESSAGE);
    }
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int forget_keys(struct sqlite_store *s, int64_t now_ms, size_t *n_out)
{
    struct sqlite_binder b = sqlite_bind_start(&s->db, STMT_PURGE_IDEMPOTENCY);
    sqlite_bind_int(&b, now_ms - GW_IDEMPOTENCY_KEPT_MS);
    sqlite_bind_int(&b, STEP_ROWS);
    int rc = sqlite_db_run(&s->db, STMT_PURGE_IDEMPOTENCY);
    *n_out = (size_t)sqlite3_changes(s->db.db);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Events that have no message to go with. */
static int forget_notes(struct sqlite_store *s, int64_t now_ms, size_t *n_out)
{
    struct sqlite_binder b = sqlite_bind_start(&s->db, STMT_PURGE_NOTES);
    sqlite_bind_int(&b, now_ms - s->config.retention_history_ms);
    sqlite_bind_int(&b, STEP_ROWS);
    int rc = sqlite_db_run(&s->db, STMT_PURGE_NOTES);
    *n_out = (size_t)sqlite3_changes(s->db.db);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* One body whose time after the last verdict is over, unless its message was taken up again. */
static int drop_body(struct sqlite_store *s, const struct old_row *row)
{
    int rc =
        row->settled ? sqlite_body_delete(&s->db, row->seq, row->id, (size_t)row->size) : SQLITE_OK;
    if (rc != SQLITE_OK)
        return rc;
    struct sqlite_binder b = sqlite_bind_start(&s->db, STMT_DELETE_DROP);
    sqlite_bind_int(&b, row->at_ms);
    sqlite_bind_int(&b, row->seq);
    rc = sqlite_db_run(&s->db, STMT_DELETE_DROP);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int drop_bodies(struct sqlite_store *s, int64_t now_ms, size_t *n_out)
{
    struct old_row rows[STEP_ROWS];
    struct sqlite_binder b = sqlite_bind_start(&s->db, STMT_SELECT_DROPS);
    sqlite_bind_int(&b, now_ms);
    sqlite_bind_int(&b, STEP_ROWS);
    int rc;
    *n_out = 0;
    while ((rc = sqlite3_step(b.s)) == SQLITE_ROW) {
        struct old_row *row = &rows[(*n_out)++];
        row->at_ms = sqlite3_column_int64(b.s, 0);
        row->seq = sqlite3_column_int64(b.s, 1);
        read_id(b.s, 2, row->id);
        row->size = sqlite3_column_int64(b.s, 3);
        row->settled = sqlite3_column_int(b.s, 4) != 0;
    }
    (void)sqlite3_reset(b.s);
    rc = rc == SQLITE_DONE ? SQLITE_OK : rc;
    for (size_t i = 0; i < *n_out && rc == SQLITE_OK; i++)
        rc = drop_body(s, &rows[i]);
    return rc;
}

/* Pages go back to the file system when more of them are free than the next mail will use; all of
 * them when the disk is full, since mail is taken again only when there is room beside this file.
 */
static int give_back(struct sqlite_store *s, size_t *n_out)
{
    sqlite3_stmt *pages = s->db.stmts[STMT_PAGES];
    int rc = sqlite3_step(pages);
    int64_t all = rc == SQLITE_ROW ? sqlite3_column_int64(pages, 0) : 0;
    int64_t unused = rc == SQLITE_ROW ? sqlite3_column_int64(pages, 1) : 0;
    (void)sqlite3_reset(pages);
    *n_out = 0;
    if (rc != SQLITE_ROW)
        return rc;
    bool full = !s->db.has_ballast;
    if (unused == 0 || (!full && (unused <= FREE_PAGES_KEPT || unused <= all / 8)))
        return SQLITE_OK;
    sqlite3_stmt *vacuum = s->db.stmts[STMT_VACUUM];
    while (*n_out < STEP_PAGES && (rc = sqlite3_step(vacuum)) == SQLITE_ROW) /* a page each */
        (*n_out)++;
    int reset = sqlite3_reset(vacuum);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? reset : rc;
}

static int run_steps(struct sqlite_store *s, bool *more_out)
{
    int64_t now = gw_clock_wall_ms();
    size_t n[5] = {0};
    int rc = forget_history(s, now, &n[0]);
    if (rc == SQLITE_OK)
        rc = forget_keys(s, now, &n[1]);
    if (rc == SQLITE_OK)
        rc = drop_bodies(s, now, &n[2]);
    if (rc == SQLITE_OK)
        rc = give_back(s, &n[3]);
    if (rc == SQLITE_OK)
        rc = forget_notes(s, now, &n[4]);
    bool files = false;
    if (rc == SQLITE_OK)
        rc = sqlite_bodies_sweep(&s->db, sqlite_writer_has, s, &files);
    *more_out = files || n[0] == STEP_ROWS || n[1] == STEP_ROWS || n[2] == STEP_ROWS ||
                n[3] == STEP_PAGES || n[4] == STEP_ROWS;
    return rc;
}

void sqlite_purge(struct sqlite_store *s)
{
    int64_t mono = gw_clock_mono_ms();
    if (mono < s->next_purge_ms)
        return;
    s->next_purge_ms = mono + PURGE_EVERY_MS;
    if (atomic_load(&s->failed))
        return;
    bool more = false;
    int rc = sqlite_thread_begin(s);
    if (rc == SQLITE_OK)
        rc = sqlite_thread_end(s, run_steps(s, &more), 0);
    if (rc != SQLITE_OK)
        sqlite_thread_failed(s, rc);
    else if (more)
        s->next_purge_ms = mono + PAUSE_MS;
    if (rc == SQLITE_OK && !s->db.has_ballast) /* the files shrink by that */
        (void)sqlite3_wal_checkpoint_v2(s->db.db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

/* The row count only sinks by what was forgotten: nobody else is there. */
static int64_t count_messages(struct sqlite_db *d)
{
    sqlite3_stmt *s = NULL;
    int64_t n = 0;
    if (sqlite3_prepare_v2(d->db, "SELECT count(*) FROM messages", -1, &s, NULL) == SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW)
        n = sqlite3_column_int64(s, 0);
    (void)sqlite3_finalize(s);
    return n;
}

enum gw_status gw_store_sqlite_purge(const char *dir, int64_t older_than_ms, int64_t *n_out,
                                     struct gw_err *err)
{
    struct sqlite_store s = {.config = {.retention_history_ms = older_than_ms}};
    *n_out = 0;
    enum gw_status st = sqlite_db_open(&s.db, dir, err);
    if (st != GW_OK)
        return st;
    int64_t before = count_messages(&s.db);
    int rc = sqlite_check_started(&s.db);
    for (bool more = true; more && rc == SQLITE_OK;) {
        rc = sqlite_thread_begin(&s);
        if (rc == SQLITE_OK)
            rc = sqlite_thread_end(&s, run_steps(&s, &more), 0);
    }
    *n_out = before - count_messages(&s.db);
    if (rc != SQLITE_OK)
        st = gw_err_set(err, sqlite_db_status(rc), "store: %s: %s", dir, sqlite3_errstr(rc));
    else
        sqlite_check_stopped(&s.db);
    sqlite_db_close(&s.db);
    return st;
}
