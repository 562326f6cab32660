/* SPDX-License-Identifier: MIT */
/* The store thread: batches into transactions, and housekeeping between them.
 *
 * A batch of verdicts is answered before it is synced (may_put_off); all others after.
 * Failure: when a batch fails, it is rolled back and its operations are run one by one, so that one
 * bad operation fails alone. A failed sync is final: nothing is acknowledged any more. On a full
 * disk new mail is refused, and what was held back lets the rest go on.
 *
 * Spec: https://sqlite.org/wal.html, https://sqlite.org/atomiccommit.html */
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_failpoint.h"
#include "gateway/base/gw_log.h"
#include "gateway/metrics.h"
#include "gateway/store/sqlite_ballast.h"
#include "gateway/store/sqlite_bind.h"
#include "gateway/store/sqlite_bodies.h"
#include "gateway/store/sqlite_check.h"
#include "gateway/store/sqlite_internal.h"
#include "gateway/store/sqlite_log_vfs.h"
#include "gateway/store/sqlite_stats.h"

enum {
    MAX_BATCH = 512,
    LOG_PAGES = 1000, /* before they go to the database; SQLite's own default */
    BALLAST_RETRY_MS = 1000
};

/* After these nobody can know what is on the disk: never go on, never claim success. */
static bool is_fatal(int rc)
{
    return rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC || rc == SQLITE_IOERR_WRITE ||
           rc == SQLITE_IOERR_TRUNCATE || (rc & 0xff) == SQLITE_CORRUPT ||
           (rc & 0xff) == SQLITE_NOTADB;
}

void sqlite_thread_failed(struct sqlite_store *s, int rc)
{
    gw_log(GW_LOG_ERROR, "store_failed", GW_LOG_NUM("code", rc),
           GW_LOG_STR("error", sqlite3_errstr(rc)));
    if ((rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB)
        sqlite_check_suspect(&s->db);
    if (is_fatal(rc))
        atomic_store(&s->failed, true);
}

/* Events are told of once they are on disk. */
static void tell_news(struct sqlite_store *s)
{
    uv_mutex_lock(&s->lock);
    s->has_news = s->has_news || s->news_waits;
    uv_mutex_unlock(&s->lock);
    s->news_waits = false;
}

/* The transaction is committed: what it changed counts. */
static void count(struct sqlite_store *s, size_t n_ops, int64_t started_us)
{
    for (int i = 0; i < GW_STORE_LIVE_STATES; i++)
        s->totals.n_live[i] += s->db.tally.n_live[i];
    s->totals.body_file_bytes += s->db.tally.body_file_bytes;
    s->moved_due = s->moved_due || s->db.tally.moved_due;
    s->totals.n_transactions++;
    s->totals.n_operations += (int64_t)n_ops;
    int64_t took_us = gw_clock_mono_us() - started_us;
    s->totals.commit_us += took_us;
    gw_metric_observe(GW_METRIC_STORE_COMMIT, took_us, NULL);
    gw_metric_observe(GW_METRIC_STORE_BATCH, (int64_t)n_ops, NULL);
    s->news_waits = s->news_waits || s->db.tally.has_events;
    if (!s->puts_off)
        tell_news(s);
}

int sqlite_thread_begin(struct sqlite_store *s)
{
    s->db.tally = (struct sqlite_tally){.has_events = false};
    int rc = sqlite_db_run(&s->db, STMT_BEGIN);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int sqlite_thread_end(struct sqlite_store *s, int rc, size_t n_ops)
{
    struct gw_list gone;
    gw_list_init(&gone);
    int64_t started_us = gw_clock_mono_us();
    if (rc == SQLITE_OK) {
        GW_FAILPOINT("store.commit");
        sqlite_log_put_off(s->db.db, s->puts_off);
        rc = sqlite_db_run(&s->db, STMT_COMMIT);
        sqlite_log_put_off(s->db.db, false);
        GW_FAILPOINT("store.committed");
    }
    bool committed = rc == SQLITE_DONE;
    if (committed)
        count(s, n_ops, started_us);
    else if (sqlite3_get_autocommit(s->db.db) == 0)
        (void)sqlite_db_run(&s->db, STMT_ROLLBACK);
    sqlite_bodies_settle(&s->db, committed, &gone);
    sqlite_writer_drop(s, &gone);
    return committed ? SQLITE_OK : rc;
}

/* One transaction over @ops[0..n), which is open. SQLITE_OK when all of it is on disk. */
static int run_ops(struct sqlite_store *s, struct sqlite_op *const *ops, size_t n)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; i < n && rc == SQLITE_OK; i++)
        rc = sqlite_op_run(s, ops[i]);
    return sqlite_thread_end(s, rc, n);
}

static void fail_op(struct sqlite_op *op, int rc)
{
    sqlite_op_forget(op);
    op->status = sqlite_db_status(rc);
}

/* What fills the disk, and may be refused. */
static bool brings_more(const struct sqlite_op *op)
{
    return op->kind == OP_COMMIT || op->kind == OP_SUPPRESS || op->kind == OP_TEMPLATE_PUT;
}

/* The disk is full and this is not new mail: it gets what was held back. */
static int run_in_reserve(struct sqlite_store *s, struct sqlite_op *op)
{
    if (!s->db.has_ballast)
        return SQLITE_FULL;
    sqlite_ballast_drop(&s->db);
    gw_log(GW_LOG_ERROR, "store_full", GW_LOG_STR("directory", s->db.dir));
    /* the log starts again from its beginning */
    (void)sqlite3_wal_checkpoint_v2(s->db.db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    int rc = sqlite_thread_begin(s);
    return rc == SQLITE_OK ? run_ops(s, &op, 1) : rc;
}

static int run_alone(struct sqlite_store *s, struct sqlite_op *op)
{
    int rc = sqlite_thread_begin(s);
    if (rc == SQLITE_OK)
        rc = run_ops(s, &op, 1);
    return sqlite_db_is_full(rc) && !brings_more(op) ? run_in_reserve(s, op) : rc;
}

/* The batch failed with @rc as a whole: one bad operation fails alone. */
static void run_one_by_one(struct sqlite_store *s, struct sqlite_op *const *ops, size_t n, int rc)
{
    for (size_t i = 0; i < n; i++) {
        if (!atomic_load(&s->failed))
            rc = run_alone(s, ops[i]);
        if (rc == SQLITE_OK)
            continue;
        sqlite_thread_failed(s, rc);
        fail_op(ops[i], rc);
    }
}

/* Whether new mail is taken. */
static bool has_room(struct sqlite_store *s)
{
    int64_t now = gw_clock_mono_ms();
    atomic_store(&s->full, !s->db.has_ballast);
    if (s->db.has_ballast || now < s->next_ballast_ms)
        return s->db.has_ballast;
    s->next_ballast_ms = now + BALLAST_RETRY_MS;
    if (sqlite_ballast_raise(&s->db))
        gw_log(GW_LOG_INFO, "store_has_room", GW_LOG_STR("directory", s->db.dir));
    else
        s->next_purge_ms = now; /* some of the room may be in our own file */
    return s->db.has_ballast;
}

/* New mail goes away at once while the disk is full; the number of @ops that stay. */
static size_t refuse_mail(struct sqlite_op **ops, size_t n, struct gw_list *refused)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (brings_more(ops[i])) {
            fail_op(ops[i], SQLITE_FULL);
            gw_list_push_back(refused, &ops[i]->link);
        } else {
            ops[kept++] = ops[i];
        }
    }
    return kept;
}

/* Mail whose large body could not be written; the number of @ops that stay. */
static size_t refuse_unwritten(struct sqlite_store *s, struct sqlite_op **ops, size_t n,
                               struct gw_list *refused)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (ops[i]->written == SQLITE_OK) {
            ops[kept++] = ops[i];
            continue;
        }
        sqlite_thread_failed(s, ops[i]->written);
        fail_op(ops[i], ops[i]->written);
        gw_list_push_back(refused, &ops[i]->link);
    }
    return kept;
}

/* Files of mail that was not stored. After a fatal error nobody knows whether it was: the log may
 * bring it back, and the next start sweeps what has no message. */
static void undo_failed(struct sqlite_store *s, const struct gw_list *done)
{
    if (atomic_load(&s->failed))
        return;
    gw_list_foreach (it, done) {
        const struct sqlite_op *op = gw_list_entry(it, struct sqlite_op, link);
        if (op->status != GW_OK)
            sqlite_writer_undo(s, op);
    }
}

static void run_batch(struct sqlite_store *s, struct sqlite_op *const *ops, size_t n)
{
    int rc = atomic_load(&s->failed) ? SQLITE_IOERR : sqlite_thread_begin(s);
    if (rc != SQLITE_OK) { /* locked by someone else, for longer than we wait */
        sqlite_thread_failed(s, rc);
        for (size_t i = 0; i < n; i++)
            fail_op(ops[i], rc);
        return;
    }
    rc = run_ops(s, ops, n);
    if (rc == SQLITE_OK)
        return;
    if (n > 1)
        sqlite_thread_failed(s, rc);
    run_one_by_one(s, ops, n, rc);
}

static int look_for_next_due(struct sqlite_store *s)
{
    int64_t first = 0;
    int rc = SQLITE_OK;
    s->moved_due = false;
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
    return rc == SQLITE_OK ? sqlite_stats_count(&s->db, &s->totals) : rc;
}

/* What waits on @list, up to @max. Called with the lock. */
static size_t take(struct gw_list *list, struct sqlite_op **ops, size_t max)
{
    size_t n = 0;
    while (n < max && !gw_list_empty(list)) {
        ops[n] = gw_list_entry(list->next, struct sqlite_op, link);
        gw_list_remove(&ops[n]->link);
        n++;
    }
    return n;
}

/* Verdicts are written and told, and synced right after: a caller should not wait for the disk once
 * more. A failure of power in between takes them back, and leaves an attempt that was interrupted,
 * as the store said when it began. Whose body is a file of its own cannot wait: the file goes. */
static bool may_put_off(struct sqlite_op *const *ops, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ops[i]->kind != OP_RECORD || ops[i]->m->mime.len >= SQLITE_BODY_FILE_MIN)
            return false;
    return true;
}

static void make_up_for_sync(struct sqlite_store *s)
{
    GW_FAILPOINT("store.unsynced");
    int rc = sqlite_log_catch_up(s->db.db);
    if (rc == SQLITE_OK)
        tell_news(s);
    else
        sqlite_thread_failed(s, rc);
    s->puts_off = false;
    (void)uv_async_send(&s->wake);
}

/* One batch and its answers. Called without the lock. */
static void serve(struct sqlite_store *s, struct sqlite_op **ops, size_t n)
{
    struct gw_list done;
    gw_list_init(&done);
    if (n == 0)
        return;
    s->puts_off = may_put_off(ops, n);
    n = refuse_unwritten(s, ops, n, &done);
    if (!has_room(s))
        n = refuse_mail(ops, n, &done);
    if (n > 0) {
        GW_FAILPOINT("store.batch");
        run_batch(s, ops, n);
        if (s->moved_due)
            (void)look_for_next_due(s);
        GW_FAILPOINT("store.finished");
    }
    for (size_t i = 0; i < n; i++)
        gw_list_push_back(&done, &ops[i]->link);
    undo_failed(s, &done);
    uv_mutex_lock(&s->lock);
    gw_list_foreach (it, &done)
        gw_list_remove(&gw_list_entry(it, struct sqlite_op, link)->large_link);
    gw_list_splice(&s->finished, &done);
    (void)uv_async_send(&s->wake);
    uv_mutex_unlock(&s->lock);
    if (s->puts_off)
        make_up_for_sync(s);
}

static int on_log_grown(void *arg, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    ((struct sqlite_store *)arg)->log_pages = pages;
    return SQLITE_OK;
}

/* Between two batches instead of inside a commit, whose callers would wait for it. */
static void checkpoint(struct sqlite_store *s)
{
    if (s->log_pages < LOG_PAGES || atomic_load(&s->failed))
        return;
    s->log_pages = 0; /* the next commit says how many are left */
    int rc = sqlite3_wal_checkpoint_v2(s->db.db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (is_fatal(rc))
        sqlite_thread_failed(s, rc);
}

/* Sleeps until there is something to do or housekeeping is due. */
static void wait_for_work(struct sqlite_store *s)
{
    while (gw_list_empty(&s->waiting) && gw_list_empty(&s->searches) && !s->stop) {
        int64_t ms = s->next_purge_ms - gw_clock_mono_ms();
        if (ms <= 0)
            return;
        (void)uv_cond_timedwait(&s->not_empty, &s->lock, (uint64_t)ms * 1000000);
    }
}

/* Mail first; a search, which may take some milliseconds, goes between two batches. */
void sqlite_thread_main(void *arg)
{
    struct sqlite_store *s = arg;
    struct sqlite_op *ops[MAX_BATCH];
    struct sqlite_op *search;
    (void)sqlite3_wal_hook(s->db.db, on_log_grown, s); /* in place of SQLite's own checkpoints */
    for (bool stop = false; !stop;) {
        uv_mutex_lock(&s->lock);
        wait_for_work(s);
        size_t n = take(&s->waiting, ops, MAX_BATCH);
        size_t n_searches = take(&s->searches, &search, 1);
        stop = s->stop && n == 0 && n_searches == 0;
        uv_mutex_unlock(&s->lock);
        serve(s, ops, n);
        serve(s, &search, n_searches);
        checkpoint(s);
        if (!stop)
            sqlite_purge(s);
    }
}
