/* SPDX-License-Identifier: MIT */
/* The operations of the SQLite engine, each inside the transaction of its batch. */
#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_failpoint.h"
#include "gateway/base/gw_log.h"
#include "gateway/message_change.h"
#include "gateway/store/sqlite_bind.h"
#include "gateway/store/sqlite_history.h"
#include "gateway/store/sqlite_internal.h"
#include "gateway/store/sqlite_list.h"
#include "gateway/store/sqlite_rows.h"
#include "gateway/store/sqlite_stats.h"
#include "gateway/store/sqlite_suppressions.h"
#include "gateway/store/sqlite_webhooks.h"

/* Each returns SQLITE_OK, SQLITE_NOTFOUND (the answer is GW_NOTFOUND) or an error code. */

static int insert(struct sqlite_store *s, const struct gw_store_new *given)
{
    int64_t now = gw_clock_wall_ms();
    if (GW_FAILPOINT_FAILS("store.insert_fails"))
        return SQLITE_BUSY;
    int rc = sqlite_suppress_recipients(&s->db, given->m, now);
    if (rc == SQLITE_OK)
        rc = sqlite_insert_message(&s->db, given->m, now);
    GW_FAILPOINT("store.inserted");
    return rc == SQLITE_OK && given->idempotency != NULL
               ? sqlite_insert_idempotency(&s->db, given->idempotency, given->m)
               : rc;
}

static int run_commit(struct sqlite_store *s, struct sqlite_op *op)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; i < op->n_fresh && rc == SQLITE_OK; i++)
        rc = insert(s, &op->fresh[i]);
    return rc;
}

static int run_record(struct sqlite_store *s, struct sqlite_op *op)
{
    struct sqlite_place place;
    if (GW_FAILPOINT_FAILS("store.record_fails"))
        return SQLITE_BUSY;
    GW_FAILPOINT("store.record");
    int rc = sqlite_find(&s->db, "", op->m->id, &place);
    if (rc == SQLITE_OK)
        rc = sqlite_update_message(&s->db, &place, op->m, op->kind == OP_BEGIN, gw_clock_wall_ms());
    GW_FAILPOINT("store.recorded");
    for (size_t i = 0; i < op->n_attempts && rc == SQLITE_OK; i++)
        rc = sqlite_insert_attempt(&s->db, place.seq, &op->attempts[i]);
    return rc;
}

/* There is work to do after a change: is there a body to do it with? */
static int check_body(struct sqlite_store *s, int64_t seq, const struct gw_message *m,
                      enum gw_status *status)
{
    bool has_body = true;
    int rc =
        gw_message_settled(m) ? SQLITE_OK : sqlite_has_row(&s->db, STMT_HAS_BODY, seq, &has_body);
    if (!has_body)
        *status = GW_CONFLICT;
    return rc;
}

static int run_update(struct sqlite_store *s, struct sqlite_op *op)
{
    struct sqlite_place place;
    int rc = sqlite_find(&s->db, op->tenant, op->id, &place);
    if (rc == SQLITE_OK && place.leased) {
        op->status = GW_BUSY;
        return SQLITE_OK;
    }
    struct gw_message *m = NULL;
    if (rc == SQLITE_OK)
        rc = sqlite_load_message(&s->db, place.seq, false, &m);
    if (rc != SQLITE_OK)
        return rc;
    int64_t now = gw_clock_wall_ms();
    op->status = op->change.fn(m, now, op->change.arg);
    if (op->status == GW_OK)
        rc = check_body(s, place.seq, m, &op->status);
    if (op->status == GW_OK && rc == SQLITE_OK)
        rc = sqlite_update_message(&s->db, &place, m, false, now);
    if (op->status == GW_OK && rc == SQLITE_OK)
        op->found[op->n_found++] = m;
    else
        gw_message_free(&m);
    return rc;
}

static int run_get(struct sqlite_store *s, struct sqlite_op *op)
{
    struct sqlite_place place;
    int rc = sqlite_find(&s->db, op->tenant, op->id, &place);
    if (rc == SQLITE_OK)
        rc = sqlite_load_message(&s->db, place.seq, op->kind == OP_RAW, &op->found[0]);
    if (rc == SQLITE_OK)
        op->n_found = 1;
    if (rc == SQLITE_OK && op->kind == OP_ATTEMPTS) {
        struct gw_attempt_log *attempts;
        rc = sqlite_load_attempts(&s->db, place.seq, op->arena, &attempts, &op->n_attempts);
        op->attempts = attempts;
    }
    return rc;
}

static int run_list(struct sqlite_store *s, struct sqlite_op *op)
{
    int64_t seqs[GW_LIST_MAX];
    size_t n;
    int rc = sqlite_list(&s->db, &op->list, seqs, &n, &op->cursor);
    for (size_t i = 0; i < n && rc == SQLITE_OK; i++) {
        rc = sqlite_load_message(&s->db, seqs[i], false, &op->found[op->n_found]);
        if (rc == SQLITE_OK)
            op->n_found++;
    }
    return rc;
}

static int run_idempotency(struct sqlite_store *s, struct sqlite_op *op)
{
    return sqlite_find_idempotency(&s->db, op->key, gw_clock_wall_ms() - GW_IDEMPOTENCY_KEPT_MS,
                                   op->id, op->fingerprint);
}

static int run_events(struct sqlite_store *s, struct sqlite_op *op)
{
    return sqlite_load_events(&s->db, &op->events_of, op->arena, &op->page);
}

static int run_suppress(struct sqlite_store *s, struct sqlite_op *op)
{
    return sqlite_suppress(&s->db, op->tenant, op->entries, op->n_entries, op->arena,
                           &op->suppressions);
}

static int run_unsuppress(struct sqlite_store *s, struct sqlite_op *op)
{
    return sqlite_unsuppress(&s->db, op->tenant, op->emails, op->n_entries, op->arena,
                             &op->suppressions);
}

static int run_suppressions(struct sqlite_store *s, struct sqlite_op *op)
{
    return sqlite_list_suppressions(&s->db, &op->list_suppressions, op->arena, &op->suppressions);
}

static int run_template_put(struct sqlite_store *s, struct sqlite_op *op)
{
    bool fits;
    int rc =
        sqlite_put_template(&s->db, op->tenant, &op->template, op->arena, &op->templates, &fits);
    if (rc == SQLITE_OK && !fits)
        op->status = GW_TOOBIG;
    return rc;
}

static int run_template_delete(struct sqlite_store *s, struct sqlite_op *op)
{
    return sqlite_delete_template(&s->db, op->tenant, op->key);
}

static int run_templates(struct sqlite_store *s, struct sqlite_op *op)
{
    return sqlite_list_templates(&s->db, &op->templates_of, op->arena, &op->templates);
}

/* Up to op->max row numbers of one priority that are due, or wait for a relay. */
static int select_due(struct sqlite_store *s, const struct sqlite_op *op, int priority,
                      int64_t *seqs, size_t *n_out)
{
    bool waiting = op->kind == OP_LEASE_WAITING;
    struct sqlite_binder b =
        sqlite_bind_start(&s->db, waiting ? STMT_SELECT_WAITING : STMT_SELECT_DUE);
    sqlite_bind_int(&b, priority);
    sqlite_bind_int(&b, op->now_ms);
    sqlite_bind_int(&b, (int64_t)op->max);
    if (waiting)
        sqlite_bind_text(&b, op->key);
    *n_out = 0;
    int rc;
    while ((rc = sqlite3_step(b.s)) == SQLITE_ROW)
        seqs[(*n_out)++] = sqlite3_column_int64(b.s, 0);
    (void)sqlite3_reset(b.s);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* The body of a message that is due cannot be read: it can never be sent. */
static int give_up(struct sqlite_store *s, int64_t seq, struct gw_message *m)
{
    int64_t now = gw_clock_wall_ms();
    struct sqlite_place place = {.seq = seq};
    (void)snprintf(place.status, sizeof(place.status), "%s", gw_message_status(m));
    for (size_t i = 0; i < m->n_rcpts; i++) {
        struct gw_recipient *r = &m->rcpts[i];
        if (gw_rcpt_status_final(r->status))
            continue;
        r->status = GW_RCPT_REJECTED;
        r->category = GW_CATEGORY_OTHER;
        r->retryable = false;
        r->reason = "body_lost";
        r->detail = "the stored content of this message is missing or was cut";
        r->updated_at_ms = now;
        r->next_attempt_ms = 0;
    }
    gw_log(GW_LOG_ERROR, "body_lost", GW_LOG_STR("message", m->id));
    return sqlite_update_message(&s->db, &place, m, false, now);
}

static int lease(struct sqlite_store *s, struct sqlite_op *op, int64_t seq)
{
    struct sqlite_binder b = sqlite_bind_start(&s->db, STMT_LEASE);
    sqlite_bind_int(&b, seq);
    s->db.tally.moved_due = true;
    GW_FAILPOINT("store.lease");
    int rc = sqlite_db_run(&s->db, STMT_LEASE);
    if (rc != SQLITE_DONE)
        return rc;
    struct gw_message *m;
    rc = sqlite_load_message(&s->db, seq, true, &m);
    if (rc == SQLITE_OK && m->mime.data == NULL) {
        rc = give_up(s, seq, m);
        gw_message_free(&m);
    } else if (rc == SQLITE_OK) {
        if (op->kind == OP_LEASE_WAITING)
            gw_message_hasten(m, op->key, gw_clock_wall_ms());
        op->found[op->n_found++] = m;
    }
    return rc;
}

static int run_lease(struct sqlite_store *s, struct sqlite_op *op)
{
    int64_t seqs[DUE_N_PRIORITIES][SQLITE_MAX_LEASE];
    size_t n[DUE_N_PRIORITIES];
    size_t at[DUE_N_PRIORITIES] = {0};
    int rc = SQLITE_OK;
    for (int p = 0; p < DUE_N_PRIORITIES && rc == SQLITE_OK; p++)
        rc = select_due(s, op, p, seqs[p], &n[p]);
    while (rc == SQLITE_OK && op->n_found < op->max) {
        int p = due_turns_next_of(&s->turns, at, n);
        if (p == DUE_N_PRIORITIES)
            break;
        rc = lease(s, op, seqs[p][at[p]++]);
    }
    return rc;
}

static int run_note(struct sqlite_store *s, struct sqlite_op *op)
{
    return sqlite_insert_note(&s->db, &op->note);
}

static int run_webhook_load(struct sqlite_store *s, struct sqlite_op *op)
{
    return sqlite_load_webhook(&s->db, op->key, op->arena, &op->webhook, &op->retries,
                               &op->n_retries);
}

static int run_webhook_save(struct sqlite_store *s, struct sqlite_op *op)
{
    return sqlite_save_webhook(&s->db, op->key, &op->webhook, op->retries, op->n_retries);
}

static int run_stats(struct sqlite_store *s, struct sqlite_op *op)
{
    op->stats = s->totals;
    return sqlite_stats_look(&s->db, &op->stats);
}

static int clamp(struct sqlite_store *s, enum sqlite_stmt_id id, int64_t latest_ms)
{
    struct sqlite_binder b = sqlite_bind_start(&s->db, id);
    sqlite_bind_int(&b, latest_ms);
    int rc = sqlite_db_run(&s->db, id);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int run_clock(struct sqlite_store *s, struct sqlite_op *op)
{
    const struct gw_clock_jump *jump = &op->jump;
    int rc = SQLITE_OK;
    s->db.tally.moved_due = true;
    if (jump->by_ms != 0) {
        struct sqlite_binder b = sqlite_bind_start(&s->db, STMT_MOVE_EXPIRY);
        sqlite_bind_int(&b, jump->by_ms);
        sqlite_bind_int(&b, jump->accepted_from_ms);
        sqlite_bind_int(&b, jump->accepted_to_ms);
        rc = sqlite_db_run(&s->db, STMT_MOVE_EXPIRY);
        rc = rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    if (rc == SQLITE_OK)
        rc = clamp(s, STMT_CLAMP_RECIPIENTS, jump->latest_ms);
    return rc == SQLITE_OK ? clamp(s, STMT_CLAMP_MESSAGES, jump->latest_ms) : rc;
}

void sqlite_op_forget(struct sqlite_op *op)
{
    for (size_t i = 0; i < op->n_found; i++)
        gw_message_free(&op->found[i]);
    op->n_found = 0;
}

int sqlite_op_run(struct sqlite_store *s, struct sqlite_op *op)
{
    static int (*const run[OP_N_KINDS])(struct sqlite_store *, struct sqlite_op *) = {
        [OP_COMMIT] = run_commit,
        [OP_RECORD] = run_record,
        [OP_BEGIN] = run_record,
        [OP_UPDATE] = run_update,
        [OP_GET] = run_get,
        [OP_RAW] = run_get,
        [OP_ATTEMPTS] = run_get,
        [OP_LEASE] = run_lease,
        [OP_LEASE_WAITING] = run_lease,
        [OP_LIST] = run_list,
        [OP_IDEMPOTENCY] = run_idempotency,
        [OP_EVENTS] = run_events,
        [OP_STATS] = run_stats,
        [OP_CLOCK] = run_clock,
        [OP_SUPPRESS] = run_suppress,
        [OP_UNSUPPRESS] = run_unsuppress,
        [OP_SUPPRESSIONS] = run_suppressions,
        [OP_TEMPLATE_PUT] = run_template_put,
        [OP_TEMPLATE_DELETE] = run_template_delete,
        [OP_TEMPLATE_FIND] = run_templates,
        [OP_TEMPLATES] = run_templates,
        [OP_NOTE] = run_note,
        [OP_WEBHOOK_LOAD] = run_webhook_load,
        [OP_WEBHOOK_SAVE] = run_webhook_save,
    };
    sqlite_op_forget(op);
    op->status = GW_OK;
    int rc = run[op->kind](s, op);
    if (rc != SQLITE_NOTFOUND)
        return rc;
    op->status = GW_NOTFOUND;
    return SQLITE_OK;
}
