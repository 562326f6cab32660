/* SPDX-License-Identifier: MIT */
/* The SQLite engine: one thread, one connection, group commit. This is the loop's side.
 *
 * Happy path: a call queues an operation → the store thread takes all that wait, runs them in one
 * transaction, commits (synced) → callbacks run on the loop. While one commit syncs, the next batch
 * gathers: a lone operation commits at once, load fills batches by itself.
 * Failure: see sqlite_thread.c. */
#include "gateway/store/sqlite.h"

#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_failpoint.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"
#include "gateway/store/sqlite_ballast.h"
#include "gateway/store/sqlite_check.h"
#include "gateway/store/sqlite_internal.h"

enum {
    MAX_QUEUED_OPS = 100000 /* beyond what the loop can have in hand; a bug if reached */
};

static struct sqlite_store *self(struct gw_store *s)
{
    return (struct sqlite_store *)(void *)s;
}

/* ---- answers ---- */

static void deliver_done(struct sqlite_op *op)
{
    op->cb.done(op->status, op->data);
}

static void deliver_message(struct sqlite_op *op)
{
    op->cb.message(op->status, op->n_found != 0 ? op->found[0] : NULL, op->data);
}

static void deliver_attempts(struct sqlite_op *op)
{
    struct gw_message *m = op->n_found != 0 ? op->found[0] : NULL;
    op->cb.attempts(op->status, m, op->attempts, op->n_attempts, op->data);
    gw_message_free(&m);
}

static void deliver_lease(struct sqlite_op *op)
{
    for (size_t i = 0; i < op->n_found; i++)
        op->cb.message(GW_OK, op->found[i], op->data);
    op->cb.message(GW_NOTFOUND, NULL, op->data);
}

static void deliver_idempotency(struct sqlite_op *op)
{
    bool found = op->status == GW_OK;
    op->cb.idempotency(op->status, found ? op->id : NULL, found ? op->fingerprint : NULL, op->data);
}

static void deliver_list(struct sqlite_op *op)
{
    op->cb.list(op->status, op->found, op->n_found, op->cursor, op->data);
}

static void deliver_events(struct sqlite_op *op)
{
    op->cb.events(op->status, op->page.events, op->page.n, op->page.next, op->page.more, op->data);
}

static void deliver_suppressions(struct sqlite_op *op)
{
    const struct sqlite_suppressions_page *page = &op->suppressions;
    size_t n = op->status == GW_OK ? page->n : 0;
    op->cb.suppressions(op->status, page->found, n, page->cursor, op->data);
}

static void deliver_templates(struct sqlite_op *op)
{
    const struct sqlite_templates_page *page = &op->templates;
    size_t n = op->status == GW_OK ? page->n : 0;
    op->cb.templates(op->status, page->found, n, page->cursor, op->data);
}

static void deliver_webhook(struct sqlite_op *op)
{
    op->cb.webhook(op->status, &op->webhook, op->retries, op->n_retries, op->data);
}

static void deliver_stats(struct sqlite_op *op)
{
    op->cb.stats(op->status, &op->stats, op->data);
}

static void deliver(struct sqlite_op *op)
{
    static void (*const how[OP_N_KINDS])(struct sqlite_op *) = {
        [OP_COMMIT] = deliver_done,
        [OP_RECORD] = deliver_done,
        [OP_BEGIN] = deliver_done,
        [OP_UPDATE] = deliver_message,
        [OP_GET] = deliver_message,
        [OP_RAW] = deliver_message,
        [OP_ATTEMPTS] = deliver_attempts,
        [OP_LEASE] = deliver_lease,
        [OP_LEASE_WAITING] = deliver_lease,
        [OP_LIST] = deliver_list,
        [OP_IDEMPOTENCY] = deliver_idempotency,
        [OP_EVENTS] = deliver_events,
        [OP_STATS] = deliver_stats,
        [OP_CLOCK] = deliver_done,
        [OP_SUPPRESS] = deliver_suppressions,
        [OP_UNSUPPRESS] = deliver_suppressions,
        [OP_SUPPRESSIONS] = deliver_suppressions,
        [OP_TEMPLATE_PUT] = deliver_templates,
        [OP_TEMPLATE_DELETE] = deliver_done,
        [OP_TEMPLATE_FIND] = deliver_templates,
        [OP_TEMPLATES] = deliver_templates,
        [OP_NOTE] = deliver_done,
        [OP_WEBHOOK_LOAD] = deliver_webhook,
        [OP_WEBHOOK_SAVE] = deliver_done,
    };
    how[op->kind](op);
    gw_arena_free(&op->arena);
    gw_free(op);
}

static void on_wake(uv_async_t *handle)
{
    struct sqlite_store *s = handle->data;
    struct gw_list batch;
    gw_list_init(&batch);
    uv_mutex_lock(&s->lock);
    gw_list_splice(&batch, &s->finished);
    bool tell = s->has_news && s->base.on_events != NULL;
    s->has_news = false;
    uv_mutex_unlock(&s->lock);
    if (atomic_load(&s->failed) && !s->fatal_told) {
        s->fatal_told = true;
        s->config.on_fatal("the disk reported an error; nothing more can be promised",
                           s->config.data);
    }
    GW_FAILPOINT("store.told");
    while (!gw_list_empty(&batch)) {
        struct sqlite_op *op = gw_list_entry(batch.next, struct sqlite_op, link);
        gw_list_remove(&op->link);
        s->n_in_hand--;
        deliver(op);
    }
    if (tell)
        s->base.on_events(s->base.on_events_data);
}

/* ---- calls ---- */

struct sqlite_op *sqlite_op_new(enum sqlite_op_kind kind, size_t max_found, void *data)
{
    struct sqlite_op *op = gw_calloc(1, sizeof(*op));
    op->kind = kind;
    op->data = data;
    gw_list_init(&op->large_link);
    op->arena = gw_arena_new(0);
    op->found = GW_ARENA_ARRAY(op->arena, struct gw_message *, max_found);
    return op;
}

/* Reads that take long enough for mail not to wait for them. */
static bool is_search(enum sqlite_op_kind kind)
{
    return kind == OP_LIST || kind == OP_EVENTS || kind == OP_RAW || kind == OP_ATTEMPTS ||
           kind == OP_STATS || kind == OP_SUPPRESSIONS || kind == OP_TEMPLATES;
}

void sqlite_queue(struct gw_store *base, struct sqlite_op *op)
{
    struct sqlite_store *s = self(base);
    CHECK(s->n_in_hand < MAX_QUEUED_OPS);
    s->n_in_hand++;
    bool large = sqlite_op_is_large(op);
    uv_mutex_lock(&s->lock);
    if (large) {
        gw_list_push_back(&s->large, &op->large_link);
        gw_list_push_back(&s->unwritten, &op->link);
        uv_cond_signal(&s->for_writer);
    } else {
        gw_list_push_back(is_search(op->kind) ? &s->searches : &s->waiting, &op->link);
        uv_cond_signal(&s->not_empty);
    }
    uv_mutex_unlock(&s->lock);
}

/* An operation on one message by id. */
static struct sqlite_op *new_id_op(enum sqlite_op_kind kind, const char *tenant, const char *id,
                                   void *data)
{
    struct sqlite_op *op = sqlite_op_new(kind, 1, data);
    PRE(strlen(id) < sizeof(op->id));
    memcpy(op->id, id, strlen(id) + 1);
    op->tenant = gw_arena_strdup(op->arena, tenant);
    return op;
}

static void sqlite_commit(struct gw_store *base, struct gw_message *m,
                          const struct gw_idempotency *idempotency, gw_store_done_cb cb, void *data)
{
    struct sqlite_op *op = sqlite_op_new(OP_COMMIT, 0, data);
    struct gw_store_new *one = GW_ARENA_NEW(op->arena, struct gw_store_new);
    *one = (struct gw_store_new){.m = m, .idempotency = idempotency};
    op->fresh = one;
    op->n_fresh = 1;
    op->cb.done = cb;
    sqlite_queue(base, op);
}

static void sqlite_commit_all(struct gw_store *base, const struct gw_store_new *messages, size_t n,
                              gw_store_done_cb cb, void *data)
{
    PRE(n > 0);
    struct sqlite_op *op = sqlite_op_new(OP_COMMIT, 0, data);
    op->fresh = messages;
    op->n_fresh = n;
    op->cb.done = cb;
    sqlite_queue(base, op);
}

static void sqlite_idempotency_find(struct gw_store *base, const char *key,
                                    gw_store_idempotency_cb cb, void *data)
{
    struct sqlite_op *op = sqlite_op_new(OP_IDEMPOTENCY, 0, data);
    op->key = gw_arena_strdup(op->arena, key);
    op->cb.idempotency = cb;
    sqlite_queue(base, op);
}

/* RECORD or BEGIN */
static struct sqlite_op *new_state_op(enum sqlite_op_kind kind, const struct gw_message *m,
                                      const struct gw_attempt_log *attempts, size_t n_attempts,
                                      void *data)
{
    struct sqlite_op *op = sqlite_op_new(kind, 0, data);
    op->m = m;
    op->attempts = attempts;
    op->n_attempts = n_attempts;
    return op;
}

static void sqlite_begin(struct gw_store *base, const struct gw_message *m,
                         const struct gw_attempt_log *attempts, size_t n_attempts,
                         gw_store_done_cb cb, void *data)
{
    struct sqlite_op *op = new_state_op(OP_BEGIN, m, attempts, n_attempts, data);
    op->cb.done = cb;
    sqlite_queue(base, op);
}

static void sqlite_record(struct gw_store *base, const struct gw_message *m,
                          const struct gw_attempt_log *attempts, size_t n_attempts,
                          gw_store_done_cb cb, void *data)
{
    struct sqlite_op *op = new_state_op(OP_RECORD, m, attempts, n_attempts, data);
    op->cb.done = cb;
    sqlite_queue(base, op);
}

static void sqlite_update(struct gw_store *base, const char *tenant, const char *id,
                          const struct gw_store_change *change, gw_store_message_cb cb, void *data)
{
    struct sqlite_op *op = new_id_op(OP_UPDATE, tenant, id, data);
    op->change = *change;
    op->cb.message = cb;
    sqlite_queue(base, op);
}

static void sqlite_get(struct gw_store *base, const char *tenant, const char *id,
                       gw_store_message_cb cb, void *data)
{
    struct sqlite_op *op = new_id_op(OP_GET, tenant, id, data);
    op->cb.message = cb;
    sqlite_queue(base, op);
}

static void sqlite_raw(struct gw_store *base, const char *tenant, const char *id,
                       gw_store_message_cb cb, void *data)
{
    struct sqlite_op *op = new_id_op(OP_RAW, tenant, id, data);
    op->cb.message = cb;
    sqlite_queue(base, op);
}

static void sqlite_attempts(struct gw_store *base, const char *tenant, const char *id,
                            gw_store_attempts_cb cb, void *data)
{
    struct sqlite_op *op = new_id_op(OP_ATTEMPTS, tenant, id, data);
    op->cb.attempts = cb;
    sqlite_queue(base, op);
}

static void sqlite_list_messages(struct gw_store *base, const struct gw_list_query *query,
                                 gw_store_list_cb cb, void *data)
{
    PRE(query->limit > 0 && query->limit <= GW_LIST_MAX);
    struct sqlite_op *op = sqlite_op_new(OP_LIST, query->limit, data);
    op->list = gw_list_query_copy(op->arena, query);
    op->cb.list = cb;
    sqlite_queue(base, op);
}

static void sqlite_events_after(struct gw_store *base, const struct gw_event_query *query,
                                gw_store_events_cb cb, void *data)
{
    PRE(query->max > 0 && query->max <= GW_EVENTS_MAX);
    struct sqlite_op *op = sqlite_op_new(OP_EVENTS, 0, data);
    op->events_of = gw_event_query_copy(op->arena, query);
    op->cb.events = cb;
    sqlite_queue(base, op);
}

static void sqlite_note(struct gw_store *base, const struct gw_event *e, gw_store_done_cb cb,
                        void *data)
{
    struct sqlite_op *op = sqlite_op_new(OP_NOTE, 0, data);
    op->note = gw_event_copy(op->arena, e);
    op->cb.done = cb;
    sqlite_queue(base, op);
}

static void sqlite_webhook_load(struct gw_store *base, const char *name, gw_store_webhook_cb cb,
                                void *data)
{
    struct sqlite_op *op = sqlite_op_new(OP_WEBHOOK_LOAD, 0, data);
    op->key = gw_arena_strdup(op->arena, name);
    op->cb.webhook = cb;
    sqlite_queue(base, op);
}

static void sqlite_webhook_save(struct gw_store *base, const struct gw_webhook_progress *progress,
                                gw_store_done_cb cb, void *data)
{
    struct sqlite_op *op = sqlite_op_new(OP_WEBHOOK_SAVE, 0, data);
    size_t n = progress->n_changes;
    op->key = gw_arena_strdup(op->arena, progress->name);
    op->webhook = progress->state;
    op->retries = GW_ARENA_ARRAY(op->arena, struct gw_webhook_retry, n);
    if (n != 0)
        memcpy(op->retries, progress->changes, n * sizeof(*op->retries));
    op->n_retries = n;
    op->cb.done = cb;
    sqlite_queue(base, op);
}

static void sqlite_stats(struct gw_store *base, gw_store_stats_cb cb, void *data)
{
    struct sqlite_op *op = sqlite_op_new(OP_STATS, 0, data);
    op->cb.stats = cb;
    sqlite_queue(base, op);
}

static struct sqlite_op *new_lease_op(enum sqlite_op_kind kind, size_t max, gw_store_message_cb cb,
                                      void *data)
{
    size_t bounded = max < SQLITE_MAX_LEASE ? max : SQLITE_MAX_LEASE;
    struct sqlite_op *op = sqlite_op_new(kind, bounded, data);
    op->max = bounded;
    op->cb.message = cb;
    return op;
}

static void sqlite_lease_due(struct gw_store *base, int64_t now_ms, size_t max,
                             gw_store_message_cb cb, void *data)
{
    struct sqlite_op *op = new_lease_op(OP_LEASE, max, cb, data);
    op->now_ms = now_ms;
    sqlite_queue(base, op);
}

static void sqlite_lease_waiting(struct gw_store *base, const char *relay, int64_t before_ms,
                                 size_t max, gw_store_message_cb cb, void *data)
{
    struct sqlite_op *op = new_lease_op(OP_LEASE_WAITING, max, cb, data);
    op->key = gw_arena_strdup(op->arena, relay);
    op->now_ms = before_ms;
    sqlite_queue(base, op);
}

static void sqlite_clock_jumped(struct gw_store *base, const struct gw_clock_jump *jump,
                                gw_store_done_cb cb, void *data)
{
    struct sqlite_op *op = sqlite_op_new(OP_CLOCK, 0, data);
    op->jump = *jump;
    op->cb.done = cb;
    sqlite_queue(base, op);
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
    uv_cond_destroy(&s->for_writer);
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
    uv_mutex_lock(&s->lock);
    s->writer_stop = true;
    uv_cond_signal(&s->for_writer);
    uv_mutex_unlock(&s->lock);
    CHECK(uv_thread_join(&s->writer) == 0);
    if (!atomic_load(&s->failed))
        sqlite_check_stopped(&s->db);
    else /* the log stays as it is */
        (void)sqlite3_db_config(s->db.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite_db_close(&s->db);
    uv_close((uv_handle_t *)&s->wake, on_wake_closed);
}

static const struct gw_store_engine sqlite_engine = {.name = "sqlite",
                                                     .durable = true,
                                                     .commit = sqlite_commit,
                                                     .commit_all = sqlite_commit_all,
                                                     .idempotency_find = sqlite_idempotency_find,
                                                     .begin = sqlite_begin,
                                                     .record = sqlite_record,
                                                     .update = sqlite_update,
                                                     .get = sqlite_get,
                                                     .raw = sqlite_raw,
                                                     .attempts = sqlite_attempts,
                                                     .list = sqlite_list_messages,
                                                     .events_after = sqlite_events_after,
                                                     .suppress = sqlite_suppress_entries,
                                                     .unsuppress = sqlite_unsuppress_entries,
                                                     .suppressions = sqlite_suppression_entries,
                                                     .template_put = sqlite_template_put,
                                                     .template_delete = sqlite_template_delete,
                                                     .templates = sqlite_template_entries,
                                                     .note = sqlite_note,
                                                     .webhook_load = sqlite_webhook_load,
                                                     .webhook_save = sqlite_webhook_save,
                                                     .stats = sqlite_stats,
                                                     .lease_due = sqlite_lease_due,
                                                     .lease_waiting = sqlite_lease_waiting,
                                                     .clock_jumped = sqlite_clock_jumped,
                                                     .next_due_ms = sqlite_next_due_ms,
                                                     .close = sqlite_close};

/* What the last process had in hand is due now; its recipients still say `sending`.
 * *n_out: how many messages */
static int release_leases(struct sqlite_store *s, int *n_out)
{
    sqlite3_stmt *stmt = s->db.stmts[STMT_RELEASE_LEASES];
    CHECK(sqlite3_bind_int64(stmt, 1, gw_clock_wall_ms()) == SQLITE_OK);
    int rc = sqlite_db_run(&s->db, STMT_RELEASE_LEASES);
    *n_out = sqlite3_changes(s->db.db);
    if (rc == SQLITE_DONE)
        rc = sqlite_check_started(&s->db);
    return rc == SQLITE_OK ? sqlite_thread_prepare(s) : rc;
}

static enum gw_status start(struct sqlite_store *s, struct gw_err *err)
{
    int n = 0;
    int rc = release_leases(s, &n);
    if (sqlite_db_is_full(rc)) { /* what was held back is for this, too */
        sqlite_ballast_drop(&s->db);
        rc = release_leases(s, &n);
    }
    if (rc != SQLITE_OK)
        return gw_err_set(err, sqlite_db_status(rc), "store: %s: %s", s->config.dir,
                          sqlite3_errstr(rc));
    if (!sqlite_ballast_raise(&s->db))
        gw_log(GW_LOG_ERROR, "store_full", GW_LOG_STR("directory", s->db.dir));
    if (n > 0)
        gw_log(GW_LOG_WARN, "interrupted_messages", GW_LOG_NUM("count", n));
    return GW_OK;
}

enum gw_status gw_store_sqlite_new(uv_loop_t *loop, const struct gw_store_sqlite_config *config,
                                   struct gw_store **out, struct gw_err *err)
{
    struct sqlite_store *s = gw_calloc(1, sizeof(*s));
    s->base.engine = &sqlite_engine;
    s->config = *config;
    enum gw_status st = sqlite_db_open(&s->db, config->dir, err);
    s->db.keep_bodies_ms = config->retention_bodies_ms;
    s->db.suppresses_unknown = &s->base.suppresses_unknown;
    if (st == GW_OK)
        st = start(s, err);
    if (st != GW_OK) {
        sqlite_db_close(&s->db);
        gw_free(s);
        return st;
    }
    gw_list_init(&s->unwritten);
    gw_list_init(&s->gone);
    gw_list_init(&s->large);
    gw_list_init(&s->waiting);
    gw_list_init(&s->searches);
    gw_list_init(&s->finished);
    CHECK(uv_mutex_init(&s->lock) == 0 && uv_cond_init(&s->not_empty) == 0 &&
          uv_cond_init(&s->for_writer) == 0);
    CHECK(uv_async_init(loop, &s->wake, on_wake) == 0);
    s->wake.data = s;
    CHECK(uv_thread_create(&s->thread, sqlite_thread_main, s) == 0);
    CHECK(uv_thread_create(&s->writer, sqlite_writer_main, s) == 0);
    *out = &s->base;
    return GW_OK;
}
