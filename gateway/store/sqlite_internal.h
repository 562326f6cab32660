/* SPDX-License-Identifier: MIT */
/* What the parts of the SQLite engine share: sqlite.c and sqlite_tenant.c (loop thread),
 * sqlite_thread.c (store thread) and sqlite_ops.c (one operation); nobody else. */
#ifndef GW_STORE_SQLITE_INTERNAL_H
#define GW_STORE_SQLITE_INTERNAL_H

#include <stdatomic.h>

#include "gateway/base/gw_list.h"
#include "gateway/store/due_turns.h"
#include "gateway/store/sqlite.h"
#include "gateway/store/sqlite_db.h"
#include "gateway/store/sqlite_suppressions.h"
#include "gateway/store/sqlite_templates.h"

enum {
    SQLITE_MAX_LEASE = 256 /* messages per call */
};

enum sqlite_op_kind {
    OP_COMMIT,
    OP_RECORD,
    OP_BEGIN,
    OP_UPDATE,
    OP_GET,
    OP_RAW,
    OP_ATTEMPTS,
    OP_LEASE,
    OP_LEASE_WAITING,
    OP_IDEMPOTENCY,
    OP_LIST,
    OP_EVENTS,
    OP_SUPPRESS,
    OP_UNSUPPRESS,
    OP_SUPPRESSIONS,
    OP_TEMPLATE_PUT,
    OP_TEMPLATE_DELETE,
    OP_TEMPLATE_FIND,
    OP_TEMPLATES,
    OP_NOTE,
    OP_WEBHOOK_LOAD,
    OP_WEBHOOK_SAVE,
    OP_STATS,
    OP_CLOCK,
    OP_N_KINDS
};

/* One call on its way through the store thread and back. What is not said to be the caller's is the
 * operation's own. */
struct sqlite_op {
    struct gw_list link;
    struct gw_list large_link; /* COMMIT with bodies that are files: in store.large */
    int written; /* the same: whether they could be made, SQLITE_OK or an error code */
    enum sqlite_op_kind kind;
    enum gw_status status;
    struct gw_arena *arena; /* texts asked with, rows found; NULL: none needed */
    /* asked: */
    const struct gw_store_new *fresh; /* COMMIT: n_fresh; the caller's, until the callback */
    size_t n_fresh;
    const struct gw_message *m;            /* the same of RECORD, BEGIN */
    const struct gw_attempt_log *attempts; /* RECORD, BEGIN: the caller's. ATTEMPTS: found */
    size_t n_attempts;
    struct gw_store_change change; /* UPDATE */
    const char *key;               /* IDEMPOTENCY; LEASE_WAITING: the relay; TEMPLATE_DELETE */
    const char
        *tenant; /* UPDATE, GET, RAW, ATTEMPTS, SUPPRESS, UNSUPPRESS, TEMPLATE_PUT, _DELETE */
    char id[GW_UUID_SIZE];                         /* the same; IDEMPOTENCY: found */
    struct gw_list_query list;                     /* LIST */
    struct gw_event_query events_of;               /* EVENTS */
    struct gw_suppression_query list_suppressions; /* SUPPRESSIONS */
    const struct gw_suppression *entries;          /* SUPPRESS: n_entries */
    const char *const *emails;                     /* UNSUPPRESS: n_entries */
    size_t n_entries;
    struct gw_template template;           /* TEMPLATE_PUT */
    struct gw_template_query templates_of; /* TEMPLATE_FIND, TEMPLATES */
    struct gw_event note;                  /* NOTE */
    struct gw_webhook_state webhook;       /* WEBHOOK_SAVE; WEBHOOK_LOAD: found */
    struct gw_webhook_retry *retries;
    size_t n_retries;
    struct gw_clock_jump jump; /* CLOCK */
    int64_t now_ms;            /* LEASE; LEASE_WAITING: who waits since before it */
    size_t max;
    /* found: */
    unsigned char fingerprint[GW_FINGERPRINT_SIZE];
    struct gw_message **found; /* room for all that may be found */
    size_t n_found;
    struct gw_event_page page;
    struct sqlite_suppressions_page suppressions;
    struct sqlite_templates_page templates;
    int64_t cursor;
    bool more;
    struct gw_store_stats stats;
    union {
        gw_store_done_cb done;
        gw_store_message_cb message;
        gw_store_attempts_cb attempts;
        gw_store_idempotency_cb idempotency;
        gw_store_list_cb list;
        gw_store_events_cb events;
        gw_store_suppressions_cb suppressions;
        gw_store_templates_cb templates;
        gw_store_webhook_cb webhook;
        gw_store_stats_cb stats;
    } cb;
    void *data;
};

struct sqlite_store {
    struct gw_store base;
    struct gw_store_sqlite_config config;
    uv_thread_t thread, writer;
    uv_async_t wake;
    uv_mutex_t lock; /* guards the lists, stop, writer_stop, has_news */
    uv_cond_t not_empty, for_writer;
    struct gw_list unwritten; /* for the writer, then they are waiting */
    struct gw_list gone;      /* files that it deletes */
    struct gw_list large;     /* operations with files that are unwritten, waiting or being run */
    struct gw_list waiting, searches, finished;
    bool stop, writer_stop;
    bool has_news; /* events are on disk */
    atomic_int_least64_t next_due_ms;
    atomic_bool failed; /* no promise can be kept any more */
    atomic_bool full;   /* no new mail is taken */
    /* the loop thread's: */
    bool fatal_told;
    size_t n_in_hand;
    gw_store_done_cb on_closed;
    void *closed_data;
    /* the store thread's, once it runs: */
    struct sqlite_db db;
    struct due_turns turns;
    bool moved_due;               /* as in struct sqlite_tally, since next_due_ms was looked for */
    struct gw_store_stats totals; /* what is counted along the way */
    bool puts_off;                /* the sync of what is committed now: it is answered first */
    bool news_waits;              /* for that sync */
    int log_pages;                /* in the log, after the last commit */
    int64_t next_purge_ms;        /* monotonic */
    int64_t next_ballast_ms;      /* monotonic */
};

/* sqlite.c: an operation, and its way to the store thread.
 * @max_found  messages the answer may hold */
struct sqlite_op *sqlite_op_new(enum sqlite_op_kind kind, size_t max_found, void *data);
void sqlite_queue(struct gw_store *base, struct sqlite_op *op);

/* sqlite_tenant.c: as in struct gw_store_engine */
void sqlite_suppress_entries(struct gw_store *base, const char *tenant,
                             const struct gw_suppression *entries, size_t n,
                             gw_store_suppressions_cb cb, void *data);
void sqlite_unsuppress_entries(struct gw_store *base, const char *tenant, const char *const *emails,
                               size_t n, gw_store_suppressions_cb cb, void *data);
void sqlite_suppression_entries(struct gw_store *base, const struct gw_suppression_query *query,
                                gw_store_suppressions_cb cb, void *data);
void sqlite_template_put(struct gw_store *base, const char *tenant, const struct gw_template *t,
                         gw_store_templates_cb cb, void *data);
void sqlite_template_delete(struct gw_store *base, const char *tenant, const char *name,
                            gw_store_done_cb cb, void *data);
void sqlite_template_entries(struct gw_store *base, const struct gw_template_query *query,
                             gw_store_templates_cb cb, void *data);

/* Runs @op inside the open transaction; may be called again after a rollback. SQLITE_OK also when
 * the answer is a refusal (op->status). */
int sqlite_op_run(struct sqlite_store *s, struct sqlite_op *op);
/* Frees what it found, so that it can run again or fail. */
void sqlite_op_forget(struct sqlite_op *op);

/* A transaction of the store thread. SQLITE_OK: it is open. */
int sqlite_thread_begin(struct sqlite_store *s);
/* Ends it: commits when @rc is SQLITE_OK, rolls back else. SQLITE_OK when it is on disk, else @rc
 * or why not. */
int sqlite_thread_end(struct sqlite_store *s, int rc, size_t n_ops);
/* Log an error code, and stop promising when it is a fatal one. */
void sqlite_thread_failed(struct sqlite_store *s, int rc);

/* Housekeeping, a few milliseconds at a time: forget old history and keys, drop bodies, give space
 * back. Does nothing before s->next_purge_ms. */
void sqlite_purge(struct sqlite_store *s);

/* sqlite_writer.c: */
/* Whether the operation has files to be written before it is run. */
bool sqlite_op_is_large(const struct sqlite_op *op);
/* Body of the writer; @arg is the store. */
void sqlite_writer_main(void *arg);
/* The operation failed: its files go, if it has any. */
void sqlite_writer_undo(struct sqlite_store *s, const struct sqlite_op *op);
/* These files (sqlite_bodies_settle) go; @gone is empty then. */
void sqlite_writer_drop(struct sqlite_store *s, struct gw_list *gone);
/* A sqlite_in_hand_fn; @data is the store. */
bool sqlite_writer_has(const char *id, void *data);

/* Body of the store thread; @arg is the store. */
void sqlite_thread_main(void *arg);
/* Refresh next_due_ms and the counts of live messages, before the thread runs. SQLITE_OK or an
 * error code. */
int sqlite_thread_prepare(struct sqlite_store *s);

#endif
