/* SPDX-License-Identifier: MIT */
/* The store thread: batches into transactions, and housekeeping between them.
 *
 * Failure: when a batch fails, it is rolled back and its operations are run one by one, so that one
 * bad operation fails alone. A failed sync is final: nothing is acknowledged any more.
 *
 * Spec: https://sqlite.org/wal.html, https://sqlite.org/atomiccommit.html */
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_failpoint.h"
#include "gateway/base/gw_log.h"
#include "gateway/metrics.h"
#include "gateway/store/sqlite_bind.h"
#include "gateway/store/sqlite_internal.h"
#include "gateway/store/sqlite_rows.h"

enum {
    MAX_BATCH = 512,
    PURGE_BATCH = 200,
    DROP_BATCH = 16,
    PURGE_EVERY_MS = 60 * 1000
};

/* After these nobody can know what is on the disk: never go on, never claim success. */
static bool is_fatal(int rc)
{
    return rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC || rc == SQLITE_IOERR_WRITE ||
           (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB;
}

static void note_failure(struct sqlite_store *s, int rc)
{
    gw_log(GW_LOG_ERROR, "store_failed", GW_LOG_NUM("code", rc),
           GW_LOG_STR("error", sqlite3_errstr(rc)));
    if (is_fatal(rc))
        atomic_store(&s->failed, true);
}

/* The transaction is on disk: what it changed counts. */
static void count(struct sqlite_store *s, size_t n_ops, int64_t started_us)
{
    for (int i = 0; i < GW_STORE_LIVE_STATES; i++)
        s->totals.n_live[i] += s->db.tally.n_live[i];
    s->totals.n_transactions++;
    s->totals.n_operations += (int64_t)n_ops;
    int64_t took_us = gw_clock_mono_us() - started_us;
    s->totals.commit_us += took_us;
    gw_metric_observe(GW_METRIC_STORE_COMMIT, took_us, NULL);
    gw_metric_observe(GW_METRIC_STORE_BATCH, (int64_t)n_ops, NULL);
    if (!s->db.tally.has_events)
        return;
    uv_mutex_lock(&s->lock);
    s->has_news = true;
    uv_mutex_unlock(&s->lock);
}

/* One transaction over @ops[0..n). SQLITE_OK when all of it is on disk. */
static int run_transaction(struct sqlite_store *s, struct sqlite_op *const *ops, size_t n)
{
    s->db.tally = (struct sqlite_tally){.has_events = false};
    int rc = sqlite_db_run(&s->db, STMT_BEGIN);
    if (rc != SQLITE_DONE)
        return rc;
    rc = SQLITE_OK;
    for (size_t i = 0; i < n && rc == SQLITE_OK; i++)
        rc = sqlite_op_run(s, ops[i]);
    if (rc == SQLITE_OK) {
        int64_t started_us = gw_clock_mono_us();
        GW_FAILPOINT("store.commit");
        rc = sqlite_db_run(&s->db, STMT_COMMIT);
        GW_FAILPOINT("store.committed");
        if (rc == SQLITE_DONE) {
            count(s, n, started_us);
            return SQLITE_OK;
        }
    }
    if (sqlite3_get_autocommit(s->db.db) == 0)
        (void)sqlite_db_run(&s->db, STMT_ROLLBACK);
    return rc;
}

static void fail_op(struct sqlite_op *op, int rc)
{
    sqlite_op_forget(op);
    op->status = sqlite_db_status(rc);
}

static void run_batch(struct sqlite_store *s, struct sqlite_op *const *ops, size_t n)
{
    int rc = atomic_load(&s->failed) ? SQLITE_IOERR : run_transaction(s, ops, n);
    if (rc == SQLITE_OK)
        return;
    note_failure(s, rc);
    for (size_t i = 0; i < n; i++) {
        if (n > 1 && !atomic_load(&s->failed)) {
            rc = run_transaction(s, &ops[i], 1);
            if (rc == SQLITE_OK)
                continue;
            note_failure(s, rc);
        }
        fail_op(ops[i], rc);
    }
}

static int look_for_next_due(struct sqlite_store *s)
{
    int64_t first = 0;
    int rc = SQLITE_OK;
    for (int p = 0; p < DUE_N_PRIORITIES && rc == SQLITE_OK; p++) {
        struct sqlite_binder b = sqlite_bind_start(&s->db, STMT_NEXT_DUE);
        sqlite_bind_int(&b, p);
        rc = sqlite3_step(b.s);
        int64_t due = rc == SQLITE_ROW ? sqlite3_column_int64(b.s, 0) : 0;
        if (due != 0 && (first == 0 || due < first))
            first = due;
        (void)sqlite3_reset(b.s);
        rc = rc == SQLITE_ROW ? SQLITE_OK : rc;
    }
    if (rc == SQLITE_OK)
        atomic_store(&s->next_due_ms, first);
    return rc;
}

int sqlite_thread_prepare(struct sqlite_store *s)
{
    int rc = look_for_next_due(s);
    for (int i = 0; i < GW_STORE_LIVE_STATES && rc == SQLITE_OK; i++) {
        struct sqlite_binder b = sqlite_bind_start(&s->db, STMT_COUNT_STATUS);
        sqlite_bind_text(&b, gw_rcpt_status_name((enum gw_rcpt_status)i));
        rc = sqlite3_step(b.s);
        s->totals.n_live[i] = rc == SQLITE_ROW ? sqlite3_column_int64(b.s, 0) : 0;
        (void)sqlite3_reset(b.s);
        rc = rc == SQLITE_ROW ? SQLITE_OK : rc;
    }
    return rc;
}

/* @id deletes at most PURGE_BATCH rows older than @before_ms; true when there may be more. */
static bool purge_some(struct sqlite_store *s, enum sqlite_stmt_id id, int64_t before_ms)
{
    sqlite3_stmt *stmt = s->db.stmts[id];
    CHECK(sqlite3_bind_int64(stmt, 1, before_ms) == SQLITE_OK &&
          sqlite3_bind_int64(stmt, 2, PURGE_BATCH) == SQLITE_OK);
    int rc = sqlite_db_run(&s->db, id);
    if (rc != SQLITE_DONE)
        note_failure(s, rc);
    return rc == SQLITE_DONE && sqlite3_changes(s->db.db) == PURGE_BATCH;
}

/* One body whose time after delivery is over, unless its message was taken up again. */
static int drop_body(struct sqlite_store *s, int64_t at_ms, int64_t seq)
{
    bool settled;
    int rc = sqlite_has_row(&s->db, STMT_IS_SETTLED, seq, &settled);
    if (rc == SQLITE_OK && settled)
        rc = sqlite_delete_body(&s->db, seq);
    if (rc != SQLITE_OK)
        return rc;
    struct sqlite_binder b = sqlite_bind_start(&s->db, STMT_DELETE_DROP);
    sqlite_bind_int(&b, at_ms);
    sqlite_bind_int(&b, seq);
    rc = sqlite_db_run(&s->db, STMT_DELETE_DROP);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* At most DROP_BATCH bodies; true when there may be more. */
static bool drop_bodies(struct sqlite_store *s, int64_t now_ms)
{
    int64_t at_ms[DROP_BATCH];
    int64_t seqs[DROP_BATCH];
    size_t n = 0;
    struct sqlite_binder b = sqlite_bind_start(&s->db, STMT_SELECT_DROPS);
    sqlite_bind_int(&b, now_ms);
    sqlite_bind_int(&b, DROP_BATCH);
    int rc;
    while ((rc = sqlite3_step(b.s)) == SQLITE_ROW) {
        at_ms[n] = sqlite3_column_int64(b.s, 0);
        seqs[n++] = sqlite3_column_int64(b.s, 1);
    }
    (void)sqlite3_reset(b.s);
    rc = rc == SQLITE_DONE ? SQLITE_OK : rc;
    for (size_t i = 0; i < n && rc == SQLITE_OK; i++)
        rc = drop_body(s, at_ms[i], seqs[i]);
    if (rc != SQLITE_OK)
        note_failure(s, rc);
    return rc == SQLITE_OK && n == DROP_BATCH;
}

/* Forget old history and give space back, a little at a time. */
static void purge(struct sqlite_store *s)
{
    int64_t mono = gw_clock_mono_ms();
    if (mono < s->next_purge_ms || atomic_load(&s->failed))
        return;
    int64_t now = gw_clock_wall_ms();
    bool more = purge_some(s, STMT_PURGE, now - s->config.retention_history_ms);
    more = purge_some(s, STMT_PURGE_IDEMPOTENCY, now - GW_IDEMPOTENCY_KEPT_MS) || more;
    more = drop_bodies(s, now) || more;
    int rc = sqlite_db_run(&s->db, STMT_VACUUM);
    if (rc != SQLITE_DONE)
        note_failure(s, rc);
    s->next_purge_ms = more ? mono : mono + PURGE_EVERY_MS;
}

static size_t take_batch(struct sqlite_store *s, struct sqlite_op **ops)
{
    size_t n = 0;
    while (n < MAX_BATCH && !gw_list_empty(&s->waiting)) {
        ops[n] = gw_list_entry(s->waiting.next, struct sqlite_op, link);
        gw_list_remove(&ops[n]->link);
        n++;
    }
    return n;
}

void sqlite_thread_main(void *arg)
{
    struct sqlite_store *s = arg;
    struct sqlite_op *ops[MAX_BATCH];
    uv_mutex_lock(&s->lock);
    for (;;) {
        while (gw_list_empty(&s->waiting) && !s->stop)
            uv_cond_wait(&s->not_empty, &s->lock);
        size_t n = take_batch(s, ops);
        if (n == 0)
            break;
        uv_mutex_unlock(&s->lock);
        GW_FAILPOINT("store.batch");
        run_batch(s, ops, n);
        (void)look_for_next_due(s);
        GW_FAILPOINT("store.finished");
        uv_mutex_lock(&s->lock);
        for (size_t i = 0; i < n; i++)
            gw_list_push_back(&s->finished, &ops[i]->link);
        (void)uv_async_send(&s->wake);
        if (gw_list_empty(&s->waiting)) {
            uv_mutex_unlock(&s->lock);
            purge(s);
            uv_mutex_lock(&s->lock);
        }
    }
    uv_mutex_unlock(&s->lock);
}
