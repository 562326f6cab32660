/* SPDX-License-Identifier: MIT */
/* Rows of the embedded store. The order of binds and columns follows gateway/store/sqlite_db.c. */
#include "gateway/store/sqlite_rows.h"

#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_failpoint.h"
#include "gateway/base/gw_mem.h"
#include "gateway/message_change.h"
#include "gateway/store/sqlite_bind.h"
#include "gateway/store/sqlite_bodies.h"
#include "gateway/store/sqlite_history.h"

static int run(struct sqlite_db *d, enum sqlite_stmt_id id)
{
    int rc = sqlite_db_run(d, id);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Among the live status words; -1: the message is not live. */
static int live_index(const char *status)
{
    for (int i = 0; i < GW_STORE_LIVE_STATES; i++)
        if (strcmp(status, gw_rcpt_status_name((enum gw_rcpt_status)i)) == 0)
            return i;
    return -1;
}

static void count(struct sqlite_db *d, const char *status, int by)
{
    int i = live_index(status);
    if (i >= 0)
        d->tally.n_live[i] += by;
}

static int insert_head(struct sqlite_db *d, const struct gw_message *m, bool leased)
{
    struct sqlite_binder b = sqlite_bind_start(d, STMT_INSERT_MESSAGE);
    sqlite_bind_text(&b, m->id);
    sqlite_bind_text(&b, m->tenant[0] != '\0' ? m->tenant : NULL);
    sqlite_bind_text(&b, m->message_id);
    sqlite_bind_text(&b, m->from);
    sqlite_bind_text(&b, m->from_domain);
    sqlite_bind_text(&b, m->subject);
    sqlite_bind_text(&b, m->mail_from);
    sqlite_bind_int(&b, m->mail_from_smtputf8);
    sqlite_bind_int(&b, (int64_t)m->mime.len);
    sqlite_bind_text(&b, m->relay);
    sqlite_bind_int(&b, m->require_tls);
    sqlite_bind_int(&b, m->priority);
    sqlite_bind_int(&b, m->delivery_mode);
    sqlite_bind_int(&b, m->on_uncertain);
    sqlite_bind_int(&b, m->created_at_ms);
    sqlite_bind_int(&b, m->expires_at_ms);
    sqlite_bind_int(&b, m->scheduled_at_ms);
    sqlite_bind_int(&b, m->retry_until_ms);
    sqlite_bind_time(&b, leased ? 0 : gw_message_next_attempt_ms(m));
    sqlite_bind_int(&b, leased);
    sqlite_bind_text(&b, gw_message_status(m));
    sqlite_bind_int(&b, m->dsn.ret);
    sqlite_bind_text(&b, m->dsn.envid);
    sqlite_bind_int(&b, m->dsn.notify);
    sqlite_bind_text(&b, m->traceparent);
    return run(d, STMT_INSERT_MESSAGE);
}

static void bind_state(struct sqlite_binder *b, const struct gw_recipient *r)
{
    sqlite_bind_text(b, r->relay);
    sqlite_bind_text(b, r->reason);
    sqlite_bind_text(b, r->detail);
    sqlite_bind_int(b, r->smtp.code);
    sqlite_bind_text(b, r->smtp.enhanced);
    sqlite_bind_text(b, r->smtp.command);
    sqlite_bind_text(b, r->smtp.text);
    sqlite_bind_text(b, r->smtp.tls);
    sqlite_bind_int(b, r->updated_at_ms);
    sqlite_bind_int(b, r->next_attempt_ms);
    sqlite_bind_int(b, r->duration_ms);
}

static int insert_rcpt(struct sqlite_db *d, int64_t seq, size_t n, const struct gw_recipient *r)
{
    struct sqlite_binder b = sqlite_bind_start(d, STMT_INSERT_RCPT);
    sqlite_bind_int(&b, seq);
    sqlite_bind_int(&b, (int64_t)n);
    sqlite_bind_text(&b, r->email);
    sqlite_bind_text(&b, r->domain);
    sqlite_bind_int(&b, r->kind);
    sqlite_bind_int(&b, r->status);
    sqlite_bind_int(&b, r->category);
    sqlite_bind_int(&b, r->retryable);
    sqlite_bind_int(&b, r->uncertain);
    sqlite_bind_int(&b, r->needs_smtputf8);
    sqlite_bind_int(&b, (int64_t)r->copy_at);
    sqlite_bind_int(&b, (int64_t)r->copy_len);
    sqlite_bind_int(&b, r->attempts);
    bind_state(&b, r);
    return run(d, STMT_INSERT_RCPT);
}

static int insert_lists(struct sqlite_db *d, int64_t seq, const struct gw_message *m)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; i < m->n_tags && rc == SQLITE_OK; i++) {
        struct sqlite_binder b = sqlite_bind_start(d, STMT_INSERT_TAG);
        sqlite_bind_int(&b, seq);
        sqlite_bind_int(&b, (int64_t)i);
        sqlite_bind_slice(&b, m->tags[i]);
        rc = run(d, STMT_INSERT_TAG);
    }
    for (size_t i = 0; i < m->n_metadata && rc == SQLITE_OK; i++) {
        struct sqlite_binder b = sqlite_bind_start(d, STMT_INSERT_METADATA);
        sqlite_bind_int(&b, seq);
        sqlite_bind_int(&b, (int64_t)i);
        sqlite_bind_slice(&b, m->metadata[i].name.value);
        sqlite_bind_slice(&b, m->metadata[i].value.value);
        rc = run(d, STMT_INSERT_METADATA);
    }
    return rc;
}

int sqlite_insert_idempotency(struct sqlite_db *d, const struct gw_idempotency *idempotency,
                              const struct gw_message *m)
{
    struct sqlite_binder b = sqlite_bind_start(d, STMT_INSERT_IDEMPOTENCY);
    sqlite_bind_text(&b, idempotency->key);
    CHECK(sqlite3_bind_blob(b.s, ++b.at, idempotency->fingerprint, GW_FINGERPRINT_SIZE,
                            SQLITE_STATIC) == SQLITE_OK);
    sqlite_bind_text(&b, m->id);
    sqlite_bind_int(&b, m->created_at_ms);
    return run(d, STMT_INSERT_IDEMPOTENCY);
}

int sqlite_find_idempotency(struct sqlite_db *d, const char *key, int64_t not_before_ms,
                            char id_out[GW_UUID_SIZE],
                            unsigned char fingerprint_out[GW_FINGERPRINT_SIZE])
{
    struct sqlite_binder b = sqlite_bind_start(d, STMT_FIND_IDEMPOTENCY);
    sqlite_bind_text(&b, key);
    sqlite_bind_int(&b, not_before_ms);
    int rc = sqlite3_step(b.s);
    if (rc == SQLITE_ROW) {
        const char *id = (const char *)sqlite3_column_text(b.s, 0);
        const void *fingerprint = sqlite3_column_blob(b.s, 1);
        bool ok =
            strlen(id) == GW_UUID_SIZE - 1 && sqlite3_column_bytes(b.s, 1) == GW_FINGERPRINT_SIZE;
        if (ok) {
            memcpy(id_out, id, GW_UUID_SIZE);
            memcpy(fingerprint_out, fingerprint, GW_FINGERPRINT_SIZE);
        }
        rc = ok ? SQLITE_ROW : SQLITE_CORRUPT;
    }
    (void)sqlite3_reset(b.s);
    return rc == SQLITE_ROW ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_NOTFOUND : rc;
}

static int update_rcpt(struct sqlite_db *d, int64_t seq, size_t n, const struct gw_recipient *r)
{
    struct sqlite_binder b = sqlite_bind_start(d, STMT_UPDATE_RCPT);
    sqlite_bind_int(&b, seq);
    sqlite_bind_int(&b, (int64_t)n);
    sqlite_bind_int(&b, r->status);
    sqlite_bind_int(&b, r->category);
    sqlite_bind_int(&b, r->retryable);
    sqlite_bind_int(&b, r->uncertain);
    sqlite_bind_int(&b, r->attempts);
    bind_state(&b, r);
    return run(d, STMT_UPDATE_RCPT);
}

static int update_head(struct sqlite_db *d, int64_t seq, const struct gw_message *m, bool leased,
                       bool settled, int64_t now_ms)
{
    struct sqlite_binder b = sqlite_bind_start(d, STMT_UPDATE_MESSAGE);
    sqlite_bind_int(&b, seq);
    sqlite_bind_time(&b, leased || settled ? 0 : gw_message_next_attempt_ms(m));
    sqlite_bind_int(&b, leased);
    sqlite_bind_time(&b, settled ? now_ms : 0);
    sqlite_bind_int(&b, m->crashes);
    sqlite_bind_text(&b, gw_message_status(m));
    sqlite_bind_int(&b, m->scheduled_at_ms);
    sqlite_bind_int(&b, m->expires_at_ms);
    sqlite_bind_int(&b, m->on_uncertain);
    const struct gw_recipient *waits = gw_message_relay_wait(m);
    sqlite_bind_text(&b, waits != NULL ? waits->relay : NULL);
    sqlite_bind_time(&b, waits != NULL ? waits->updated_at_ms : 0);
    return run(d, STMT_UPDATE_MESSAGE);
}

/* Nothing will be tried any more: the body goes now, later, or stays for an operator. */
static int settle_body(struct sqlite_db *d, int64_t seq, const struct gw_message *m, int64_t now_ms)
{
    if (gw_message_held(m))
        return SQLITE_OK;
    if (d->keep_bodies_ms == 0)
        return sqlite_body_delete(d, seq, m->id, m->mime.len);
    struct sqlite_binder b = sqlite_bind_start(d, STMT_INSERT_DROP);
    sqlite_bind_int(&b, now_ms + d->keep_bodies_ms);
    sqlite_bind_int(&b, seq);
    return run(d, STMT_INSERT_DROP);
}

int sqlite_insert_message(struct sqlite_db *d, const struct gw_message *m, int64_t now_ms)
{
    bool settled = gw_message_settled(m);
    bool leased = !settled && gw_message_next_attempt_ms(m) == 0;
    d->tally.moved_due = d->tally.moved_due || !leased;
    int rc = insert_head(d, m, leased);
    int64_t seq = sqlite3_last_insert_rowid(d->db);
    GW_FAILPOINT("store.insert_body");
    if (rc == SQLITE_OK)
        rc = sqlite_body_insert(d, seq, m);
    GW_FAILPOINT("store.insert_recipients");
    for (size_t i = 0; i < m->n_rcpts && rc == SQLITE_OK; i++)
        rc = insert_rcpt(d, seq, i, &m->rcpts[i]);
    if (rc == SQLITE_OK)
        rc = insert_lists(d, seq, m);
    GW_FAILPOINT("store.insert_events");
    if (rc == SQLITE_OK)
        rc = sqlite_insert_events(d, seq, NULL, m, now_ms);
    count(d, gw_message_status(m), 1);
    if (rc != SQLITE_OK || !settled)
        return rc;
    rc = update_head(d, seq, m, false, true, now_ms);
    return rc == SQLITE_OK ? settle_body(d, seq, m, now_ms) : rc;
}

/* What decides the events of a change: @before has room for all recipients. */
static int read_states(struct sqlite_db *d, int64_t seq, struct gw_recipient *before, size_t n)
{
    struct sqlite_binder b = sqlite_bind_start(d, STMT_SELECT_STATES);
    sqlite_bind_int(&b, seq);
    size_t i = 0;
    int rc;
    while ((rc = sqlite3_step(b.s)) == SQLITE_ROW && i < n) {
        before[i].status = (enum gw_rcpt_status)sqlite3_column_int(b.s, 0);
        before[i].uncertain = sqlite3_column_int(b.s, 1) != 0;
        before[i].attempts = (unsigned)sqlite3_column_int64(b.s, 2);
        i++;
    }
    (void)sqlite3_reset(b.s);
    return rc == SQLITE_DONE && i == n ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
}

/* A recipient that was and is final does not change. */
static bool is_untouched(const struct gw_recipient *before, const struct gw_recipient *now)
{
    return gw_rcpt_status_final(before->status) && before->status == now->status &&
           before->uncertain == now->uncertain;
}

static int update_rcpts(struct sqlite_db *d, int64_t seq, const struct gw_message *m,
                        int64_t now_ms)
{
    struct gw_recipient *before = gw_calloc(m->n_rcpts, sizeof(*before));
    int rc = read_states(d, seq, before, m->n_rcpts);
    for (size_t i = 0; i < m->n_rcpts && rc == SQLITE_OK; i++)
        if (!is_untouched(&before[i], &m->rcpts[i]))
            rc = update_rcpt(d, seq, i, &m->rcpts[i]);
    if (rc == SQLITE_OK)
        rc = sqlite_insert_events(d, seq, before, m, now_ms);
    gw_free(before);
    return rc;
}

int sqlite_update_message(struct sqlite_db *d, const struct sqlite_place *place,
                          const struct gw_message *m, bool leased, int64_t now_ms)
{
    bool settled = gw_message_settled(m);
    int rc = update_head(d, place->seq, m, leased, settled, now_ms);
    if (!place->leased || !(leased || settled))
        d->tally.moved_due = true;
    GW_FAILPOINT("store.update_recipients");
    if (rc == SQLITE_OK)
        rc = update_rcpts(d, place->seq, m, now_ms);
    count(d, place->status, -1);
    count(d, gw_message_status(m), 1);
    return rc == SQLITE_OK && settled ? settle_body(d, place->seq, m, now_ms) : rc;
}
