/* SPDX-License-Identifier: MIT */
/* The SQLite engine: one thread, one connection, group commit.
 *
 * Happy path: a call queues an operation → the store thread takes all that wait, runs them in one
 * transaction, commits (synced) → callbacks run on the loop. While one commit syncs, the next batch
 * gathers: a lone operation commits at once, load fills batches by itself.
 * Failure: when a batch fails, it is rolled back and its operations are run one by one, so that one
 * bad operation fails alone. A failed sync is final: nothing is acknowledged any more.
 *
 * Spec: https://sqlite.org/wal.html, https://sqlite.org/atomiccommit.html */
#include "gateway/store/sqlite.h"

#include <stdatomic.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_list.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"
#include "gateway/store/sqlite_db.h"
#include "gateway/store/sqlite_list.h"
#include "gateway/store/sqlite_rows.h"

enum {
    MAX_BATCH = 512,
    MAX_QUEUED_OPS = 100000, /* beyond what the loop can have in hand; a bug if reached */
    PURGE_BATCH = 200,
    PURGE_EVERY_MS = 60 * 1000,
    MAX_LEASE = 256
};

enum op_kind {
    OP_COMMIT,
    OP_RECORD,
    OP_BEGIN,
    OP_GET,
    OP_LEASE,
    OP_IDEMPOTENCY,
    OP_LIST
};

struct op {
    struct gw_list link;
    enum op_kind kind;
    enum gw_status status;
    const struct gw_message *m; /* COMMIT, RECORD, BEGIN: the caller's, until the callback */
    const struct gw_idempotency *idempotency; /* COMMIT: the caller's, or NULL */
    char *key;                                /* IDEMPOTENCY: heap */
    unsigned char fingerprint[GW_FINGERPRINT_SIZE];
    char id[GW_UUID_SIZE]; /* GET, IDEMPOTENCY */
    char tenant[65];
    int64_t now_ms; /* LEASE */
    size_t max;
    struct gw_message **found; /* LEASE: an array on the heap; GET: &one */
    struct gw_message *one;
    size_t n_found;
    struct gw_list_query query; /* LIST: texts in the arena */
    struct gw_arena *arena;
    int64_t cursor;
    gw_store_list_cb on_list;
    gw_store_done_cb on_done;
    gw_store_message_cb on_message;
    gw_store_idempotency_cb on_idempotency;
    void *data;
};

struct sqlite_store {
    struct gw_store base;
    struct gw_store_sqlite_config config;
    struct sqlite_db db; /* store thread only, once it runs */
    uv_thread_t thread;
    uv_async_t wake;
    uv_mutex_t lock; /* guards waiting, finished, stop */
    uv_cond_t not_empty;
    struct gw_list waiting, finished;
    bool stop;
    atomic_int_least64_t next_due_ms;
    atomic_bool failed;    /* no promise can be kept any more */
    bool fatal_told;       /* loop thread */
    int64_t next_purge_ms; /* store thread */
    size_t n_in_hand;      /* loop thread */
    gw_store_done_cb on_closed;
    void *closed_data;
};

static struct sqlite_store *self(struct gw_store *s)
{
    return (struct sqlite_store *)(void *)s;
}

/* ---- store thread ---- */

static int run_lease(struct sqlite_store *s, struct op *op)
{
    int64_t seqs[MAX_LEASE];
    size_t n = 0;
    sqlite3_stmt *due = s->db.stmts[STMT_SELECT_DUE];
    CHECK(sqlite3_bind_int64(due, 1, op->now_ms) == SQLITE_OK &&
          sqlite3_bind_int64(due, 2, (int64_t)op->max) == SQLITE_OK);
    int rc;
    while ((rc = sqlite3_step(due)) == SQLITE_ROW && n < op->max)
        seqs[n++] = sqlite3_column_int64(due, 0);
    (void)sqlite3_reset(due);
    if (rc != SQLITE_DONE && rc != SQLITE_ROW)
        return rc;
    for (size_t i = 0; i < n; i++) {
        CHECK(sqlite3_bind_int64(s->db.stmts[STMT_LEASE], 1, seqs[i]) == SQLITE_OK);
        rc = sqlite_db_run(&s->db, STMT_LEASE);
        if (rc != SQLITE_DONE)
            return rc;
        rc = sqlite_load_message(&s->db, seqs[i], true, &op->found[op->n_found]);
        if (rc != SQLITE_OK)
            return rc;
        op->n_found++;
    }
    return SQLITE_OK;
}

static int run_list(struct sqlite_store *s, struct op *op)
{
    int64_t seqs[GW_LIST_MAX];
    size_t n;
    int rc = sqlite_list(&s->db, &op->query, seqs, &n, &op->cursor);
    for (size_t i = 0; i < n && rc == SQLITE_OK; i++) {
        rc = sqlite_load_message(&s->db, seqs[i], false, &op->found[op->n_found]);
        if (rc == SQLITE_OK)
            op->n_found++;
    }
    return rc;
}

static void forget_found(struct op *op)
{
    for (size_t i = 0; i < op->n_found; i++)
        gw_message_free(&op->found[i]);
    op->n_found = 0;
    op->one = NULL;
}

/* SQLITE_OK also for "not found", which is the operation's own answer. */
static int run_op(struct sqlite_store *s, struct op *op)
{
    int rc = SQLITE_OK;
    forget_found(op);
    switch (op->kind) {
    case OP_COMMIT:
        rc = sqlite_insert_message(&s->db, op->m, op->m->scheduled_at_ms == 0);
        if (rc == SQLITE_OK && op->idempotency != NULL)
            rc = sqlite_insert_idempotency(&s->db, op->idempotency, op->m);
        break;
    case OP_IDEMPOTENCY:
        rc = sqlite_find_idempotency(&s->db, op->key, gw_clock_wall_ms() - GW_IDEMPOTENCY_KEPT_MS,
                                     op->id, op->fingerprint);
        break;
    case OP_RECORD:
    case OP_BEGIN:
        rc = sqlite_update_message(&s->db, op->m, op->kind == OP_BEGIN, gw_clock_wall_ms());
        break;
    case OP_GET:
        rc = sqlite_find_message(&s->db, op->tenant, op->id, &op->one);
        op->n_found = op->one != NULL ? 1 : 0;
        break;
    case OP_LIST:
        rc = run_list(s, op);
        break;
    case OP_LEASE:
        rc = run_lease(s, op);
        break;
    }
    op->status = rc == SQLITE_OK ? GW_OK : GW_NOTFOUND;
    return rc == SQLITE_NOTFOUND ? SQLITE_OK : rc;
}

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

/* One transaction over @ops[0..n). SQLITE_OK when all of it is on disk. */
static int run_transaction(struct sqlite_store *s, struct op *const *ops, size_t n)
{
    int rc = sqlite_db_run(&s->db, STMT_BEGIN);
    if (rc != SQLITE_DONE)
        return rc;
    rc = SQLITE_OK;
    for (size_t i = 0; i < n && rc == SQLITE_OK; i++)
        rc = run_op(s, ops[i]);
    if (rc == SQLITE_OK) {
        rc = sqlite_db_run(&s->db, STMT_COMMIT);
        if (rc == SQLITE_DONE)
            return SQLITE_OK;
    }
    if (sqlite3_get_autocommit(s->db.db) == 0)
        (void)sqlite_db_run(&s->db, STMT_ROLLBACK);
    return rc;
}

static void fail_op(struct op *op, int rc)
{
    forget_found(op);
    op->status = sqlite_db_status(rc);
}

static void run_batch(struct sqlite_store *s, struct op *const *ops, size_t n)
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

static void look_for_next_due(struct sqlite_store *s)
{
    sqlite3_stmt *next = s->db.stmts[STMT_NEXT_DUE];
    int64_t due = sqlite3_step(next) == SQLITE_ROW ? sqlite3_column_int64(next, 0) : 0;
    (void)sqlite3_reset(next);
    atomic_store(&s->next_due_ms, due);
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

/* Forget old history and give space back, a little at a time. */
static void purge(struct sqlite_store *s)
{
    int64_t mono = gw_clock_mono_ms();
    if (mono < s->next_purge_ms || atomic_load(&s->failed))
        return;
    int64_t now = gw_clock_wall_ms();
    bool more = purge_some(s, STMT_PURGE, now - s->config.retention_history_ms);
    more = purge_some(s, STMT_PURGE_IDEMPOTENCY, now - GW_IDEMPOTENCY_KEPT_MS) || more;
    int rc = sqlite_db_run(&s->db, STMT_VACUUM);
    if (rc != SQLITE_DONE)
        note_failure(s, rc);
    s->next_purge_ms = more ? mono : mono + PURGE_EVERY_MS;
}

static size_t take_batch(struct sqlite_store *s, struct op **ops)
{
    size_t n = 0;
    while (n < MAX_BATCH && !gw_list_empty(&s->waiting)) {
        ops[n] = gw_list_entry(s->waiting.next, struct op, link);
        gw_list_remove(&ops[n]->link);
        n++;
    }
    return n;
}

static void thread_main(void *arg)
{
    struct sqlite_store *s = arg;
    struct op *ops[MAX_BATCH];
    uv_mutex_lock(&s->lock);
    for (;;) {
        while (gw_list_empty(&s->waiting) && !s->stop)
            uv_cond_wait(&s->not_empty, &s->lock);
        size_t n = take_batch(s, ops);
        if (n == 0)
            break;
        uv_mutex_unlock(&s->lock);
        run_batch(s, ops, n);
        look_for_next_due(s);
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

/* ---- loop thread ---- */

static void deliver(struct op *op)
{
    if (op->on_idempotency != NULL) {
        bool found = op->status == GW_OK;
        op->on_idempotency(op->status, found ? op->id : NULL, found ? op->fingerprint : NULL,
                           op->data);
        gw_free(op->key);
    } else if (op->on_done != NULL) {
        op->on_done(op->status, op->data);
    } else if (op->kind == OP_GET) {
        op->on_message(op->status, op->one, op->data);
    } else if (op->kind == OP_LIST) {
        op->on_list(op->status, op->found, op->n_found, op->cursor, op->data);
        gw_free(op->found);
        gw_arena_free(&op->arena);
    } else {
        for (size_t i = 0; i < op->n_found; i++)
            op->on_message(GW_OK, op->found[i], op->data);
        op->on_message(GW_NOTFOUND, NULL, op->data);
        gw_free(op->found);
    }
    gw_free(op);
}

static void on_wake(uv_async_t *handle)
{
    struct sqlite_store *s = handle->data;
    struct gw_list batch;
    gw_list_init(&batch);
    uv_mutex_lock(&s->lock);
    while (!gw_list_empty(&s->finished)) {
        struct gw_list *node = s->finished.next;
        gw_list_remove(node);
        gw_list_push_back(&batch, node);
    }
    uv_mutex_unlock(&s->lock);
    if (atomic_load(&s->failed) && !s->fatal_told) {
        s->fatal_told = true;
        s->config.on_fatal("the disk reported an error; nothing more can be promised",
                           s->config.data);
    }
    while (!gw_list_empty(&batch)) {
        struct op *op = gw_list_entry(batch.next, struct op, link);
        gw_list_remove(&op->link);
        s->n_in_hand--;
        deliver(op);
    }
}

static struct op *new_op(enum op_kind kind, void *data)
{
    struct op *op = gw_calloc(1, sizeof(*op));
    op->kind = kind;
    op->data = data;
    op->found = &op->one;
    return op;
}

static void queue(struct sqlite_store *s, struct op *op)
{
    CHECK(s->n_in_hand < MAX_QUEUED_OPS);
    s->n_in_hand++;
    uv_mutex_lock(&s->lock);
    gw_list_push_back(&s->waiting, &op->link);
    uv_cond_signal(&s->not_empty);
    uv_mutex_unlock(&s->lock);
}

static void queue_message(struct gw_store *base, enum op_kind kind, const struct gw_message *m,
                          gw_store_done_cb cb, void *data)
{
    struct op *op = new_op(kind, data);
    op->m = m;
    op->on_done = cb;
    queue(self(base), op);
}

static void sqlite_commit(struct gw_store *base, const struct gw_message *m,
                          const struct gw_idempotency *idempotency, gw_store_done_cb cb, void *data)
{
    struct op *op = new_op(OP_COMMIT, data);
    op->m = m;
    op->idempotency = idempotency;
    op->on_done = cb;
    queue(self(base), op);
}

static void sqlite_idempotency_find(struct gw_store *base, const char *key,
                                    gw_store_idempotency_cb cb, void *data)
{
    struct op *op = new_op(OP_IDEMPOTENCY, data);
    op->key = gw_strdup(key);
    op->on_idempotency = cb;
    queue(self(base), op);
}

static void sqlite_begin(struct gw_store *base, const struct gw_message *m, gw_store_done_cb cb,
                         void *data)
{
    queue_message(base, OP_BEGIN, m, cb, data);
}

static void sqlite_record(struct gw_store *base, const struct gw_message *m, gw_store_done_cb cb,
                          void *data)
{
    queue_message(base, OP_RECORD, m, cb, data);
}

static void sqlite_get(struct gw_store *base, const char *tenant, const char *id,
                       gw_store_message_cb cb, void *data)
{
    struct op *op = new_op(OP_GET, data);
    PRE(strlen(id) < sizeof(op->id) && strlen(tenant) < sizeof(op->tenant));
    memcpy(op->id, id, strlen(id) + 1);
    memcpy(op->tenant, tenant, strlen(tenant) + 1);
    op->on_message = cb;
    queue(self(base), op);
}

static void sqlite_list_messages(struct gw_store *base, const struct gw_list_query *query,
                                 gw_store_list_cb cb, void *data)
{
    PRE(query->limit > 0 && query->limit <= GW_LIST_MAX);
    struct op *op = new_op(OP_LIST, data);
    op->arena = gw_arena_new(0);
    op->query = gw_list_query_copy(op->arena, query);
    op->found = gw_calloc(query->limit, sizeof(struct gw_message *));
    op->on_list = cb;
    queue(self(base), op);
}

static void sqlite_lease_due(struct gw_store *base, int64_t now_ms, size_t max,
                             gw_store_message_cb cb, void *data)
{
    struct op *op = new_op(OP_LEASE, data);
    op->now_ms = now_ms;
    op->max = max < MAX_LEASE ? max : MAX_LEASE;
    op->found = gw_calloc(op->max, sizeof(struct gw_message *));
    op->on_message = cb;
    queue(self(base), op);
}

static int64_t sqlite_next_due_ms(struct gw_store *base)
{
    return atomic_load(&self(base)->next_due_ms);
}

static void on_wake_closed(uv_handle_t *handle)
{
    struct sqlite_store *s = handle->data;
    gw_store_done_cb cb = s->on_closed;
    void *data = s->closed_data;
    uv_cond_destroy(&s->not_empty);
    uv_mutex_destroy(&s->lock);
    gw_free(s);
    cb(GW_OK, data);
}

static void sqlite_close(struct gw_store *base, gw_store_done_cb cb, void *data)
{
    struct sqlite_store *s = self(base);
    PRE(s->n_in_hand == 0);
    s->on_closed = cb;
    s->closed_data = data;
    uv_mutex_lock(&s->lock);
    s->stop = true;
    uv_cond_signal(&s->not_empty);
    uv_mutex_unlock(&s->lock);
    CHECK(uv_thread_join(&s->thread) == 0);
    sqlite_db_close(&s->db);
    uv_close((uv_handle_t *)&s->wake, on_wake_closed);
}

static const struct gw_store_engine sqlite_engine = {.name = "sqlite",
                                                     .durable = true,
                                                     .commit = sqlite_commit,
                                                     .idempotency_find = sqlite_idempotency_find,
                                                     .begin = sqlite_begin,
                                                     .record = sqlite_record,
                                                     .get = sqlite_get,
                                                     .list = sqlite_list_messages,
                                                     .lease_due = sqlite_lease_due,
                                                     .next_due_ms = sqlite_next_due_ms,
                                                     .close = sqlite_close};

/* What the last process had in hand is due now; its recipients still say `sending`. */
static enum gw_status release_leases(struct sqlite_store *s, struct gw_err *err)
{
    sqlite3_stmt *stmt = s->db.stmts[STMT_RELEASE_LEASES];
    CHECK(sqlite3_bind_int64(stmt, 1, gw_clock_wall_ms()) == SQLITE_OK);
    int rc = sqlite_db_run(&s->db, STMT_RELEASE_LEASES);
    if (rc != SQLITE_DONE)
        return gw_err_set(err, sqlite_db_status(rc), "store: %s: %s", s->config.dir,
                          sqlite3_errstr(rc));
    int n = sqlite3_changes(s->db.db);
    if (n > 0)
        gw_log(GW_LOG_WARN, "interrupted_messages", GW_LOG_NUM("count", n));
    look_for_next_due(s);
    return GW_OK;
}

enum gw_status gw_store_sqlite_new(uv_loop_t *loop, const struct gw_store_sqlite_config *config,
                                   struct gw_store **out, struct gw_err *err)
{
    struct sqlite_store *s = gw_calloc(1, sizeof(*s));
    s->base.engine = &sqlite_engine;
    s->config = *config;
    enum gw_status st = sqlite_db_open(&s->db, config->dir, err);
    if (st == GW_OK)
        st = release_leases(s, err);
    if (st != GW_OK) {
        sqlite_db_close(&s->db);
        gw_free(s);
        return st;
    }
    gw_list_init(&s->waiting);
    gw_list_init(&s->finished);
    CHECK(uv_mutex_init(&s->lock) == 0 && uv_cond_init(&s->not_empty) == 0);
    CHECK(uv_async_init(loop, &s->wake, on_wake) == 0);
    s->wake.data = s;
    CHECK(uv_thread_create(&s->thread, thread_main, s) == 0);
    *out = &s->base;
    return GW_OK;
}
