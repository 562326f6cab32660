/* SPDX-License-Identifier: MIT */
/* Rows of the embedded store. The order of binds and columns follows gateway/store/sqlite_db.c. */
#include "gateway/store/sqlite_rows.h"

#include <string.h>

#include "gateway/base/gw_check.h"

/* Binds one value after the other; texts are borrowed until the statement is reset. */
struct binder {
    sqlite3_stmt *s;
    int at;
};

static struct binder bind_start(struct sqlite_db *d, enum sqlite_stmt_id id)
{
    return (struct binder){.s = d->stmts[id], .at = 0};
}

static void bind_int(struct binder *b, int64_t v)
{
    CHECK(sqlite3_bind_int64(b->s, ++b->at, v) == SQLITE_OK);
}

/* NULL stays NULL. */
static void bind_text(struct binder *b, const char *v)
{
    CHECK(sqlite3_bind_text(b->s, ++b->at, v, -1, SQLITE_STATIC) == SQLITE_OK);
}

static void bind_slice(struct binder *b, struct gw_slice v)
{
    CHECK(sqlite3_bind_text64(b->s, ++b->at, v.data != NULL ? v.data : "", v.len, SQLITE_STATIC,
                              SQLITE_UTF8) == SQLITE_OK);
}

/* 0 means "none" and is stored as NULL. */
static void bind_time(struct binder *b, int64_t ms)
{
    if (ms != 0)
        bind_int(b, ms);
    else
        CHECK(sqlite3_bind_null(b->s, ++b->at) == SQLITE_OK);
}

static int run(struct sqlite_db *d, enum sqlite_stmt_id id)
{
    int rc = sqlite_db_run(d, id);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int64_t sqlite_next_due(const struct gw_message *m)
{
    int64_t first = 0;
    for (size_t i = 0; i < m->n_rcpts; i++) {
        int64_t t = gw_rcpt_status_final(m->rcpts[i].status) ? 0 : m->rcpts[i].next_attempt_ms;
        if (t != 0 && (first == 0 || t < first))
            first = t;
    }
    return first;
}

static int insert_head(struct sqlite_db *d, const struct gw_message *m, bool leased)
{
    struct binder b = bind_start(d, STMT_INSERT_MESSAGE);
    bind_text(&b, m->id);
    bind_text(&b, m->tenant[0] != '\0' ? m->tenant : NULL);
    bind_text(&b, m->message_id);
    bind_text(&b, m->from);
    bind_text(&b, m->from_domain);
    bind_text(&b, m->subject);
    bind_text(&b, m->mail_from);
    bind_int(&b, m->mail_from_smtputf8);
    bind_int(&b, (int64_t)m->mime.len);
    bind_text(&b, m->relay);
    bind_int(&b, m->require_tls);
    bind_int(&b, m->priority);
    bind_int(&b, m->delivery_mode);
    bind_int(&b, m->on_uncertain);
    bind_int(&b, m->created_at_ms);
    bind_int(&b, m->expires_at_ms);
    bind_int(&b, m->scheduled_at_ms);
    bind_int(&b, m->retry_until_ms);
    bind_time(&b, leased ? 0 : sqlite_next_due(m));
    bind_int(&b, leased);
    bind_text(&b, gw_message_status(m));
    return run(d, STMT_INSERT_MESSAGE);
}

static void bind_state(struct binder *b, const struct gw_recipient *r)
{
    bind_text(b, r->relay);
    bind_text(b, r->reason);
    bind_text(b, r->detail);
    bind_int(b, r->smtp.code);
    bind_text(b, r->smtp.enhanced);
    bind_text(b, r->smtp.command);
    bind_text(b, r->smtp.text);
    bind_text(b, r->smtp.tls);
    bind_int(b, r->updated_at_ms);
    bind_int(b, r->next_attempt_ms);
    bind_int(b, r->duration_ms);
}

static int insert_rcpt(struct sqlite_db *d, int64_t seq, size_t n, const struct gw_recipient *r)
{
    struct binder b = bind_start(d, STMT_INSERT_RCPT);
    bind_int(&b, seq);
    bind_int(&b, (int64_t)n);
    bind_text(&b, r->email);
    bind_text(&b, r->domain);
    bind_int(&b, r->kind);
    bind_int(&b, r->status);
    bind_int(&b, r->category);
    bind_int(&b, r->retryable);
    bind_int(&b, r->uncertain);
    bind_int(&b, r->needs_smtputf8);
    bind_int(&b, r->attempts);
    bind_state(&b, r);
    return run(d, STMT_INSERT_RCPT);
}

static int insert_body(struct sqlite_db *d, int64_t seq, struct gw_slice mime)
{
    sqlite3_stmt *s = d->stmts[STMT_INSERT_BODY];
    CHECK(sqlite3_bind_int64(s, 1, seq) == SQLITE_OK);
    int rc = sqlite3_bind_blob64(s, 2, mime.data, mime.len, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = run(d, STMT_INSERT_BODY);
    (void)sqlite3_clear_bindings(s);
    return rc;
}

static int insert_lists(struct sqlite_db *d, int64_t seq, const struct gw_message *m)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; i < m->n_tags && rc == SQLITE_OK; i++) {
        struct binder b = bind_start(d, STMT_INSERT_TAG);
        bind_int(&b, seq);
        bind_int(&b, (int64_t)i);
        bind_slice(&b, m->tags[i]);
        rc = run(d, STMT_INSERT_TAG);
    }
    for (size_t i = 0; i < m->n_metadata && rc == SQLITE_OK; i++) {
        struct binder b = bind_start(d, STMT_INSERT_METADATA);
        bind_int(&b, seq);
        bind_int(&b, (int64_t)i);
        bind_slice(&b, m->metadata[i].name.value);
        bind_slice(&b, m->metadata[i].value.value);
        rc = run(d, STMT_INSERT_METADATA);
    }
    return rc;
}

int sqlite_insert_message(struct sqlite_db *d, const struct gw_message *m, bool leased)
{
    int rc = insert_head(d, m, leased);
    int64_t seq = sqlite3_last_insert_rowid(d->db);
    if (rc == SQLITE_OK)
        rc = insert_body(d, seq, m->mime);
    for (size_t i = 0; i < m->n_rcpts && rc == SQLITE_OK; i++)
        rc = insert_rcpt(d, seq, i, &m->rcpts[i]);
    return rc == SQLITE_OK ? insert_lists(d, seq, m) : rc;
}

int sqlite_insert_idempotency(struct sqlite_db *d, const struct gw_idempotency *idempotency,
                              const struct gw_message *m)
{
    struct binder b = bind_start(d, STMT_INSERT_IDEMPOTENCY);
    bind_text(&b, idempotency->key);
    CHECK(sqlite3_bind_blob(b.s, ++b.at, idempotency->fingerprint, GW_FINGERPRINT_SIZE,
                            SQLITE_STATIC) == SQLITE_OK);
    bind_text(&b, m->id);
    bind_int(&b, m->created_at_ms);
    return run(d, STMT_INSERT_IDEMPOTENCY);
}

int sqlite_find_idempotency(struct sqlite_db *d, const char *key, int64_t not_before_ms,
                            char id_out[GW_UUID_SIZE],
                            unsigned char fingerprint_out[GW_FINGERPRINT_SIZE])
{
    struct binder b = bind_start(d, STMT_FIND_IDEMPOTENCY);
    bind_text(&b, key);
    bind_int(&b, not_before_ms);
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

/* The row number of a message, 0 when there is none. */
static int find_seq(struct sqlite_db *d, const char *tenant, const char *id, int64_t *seq_out)
{
    struct binder b = bind_start(d, STMT_FIND_SEQ);
    bind_text(&b, id);
    bind_text(&b, tenant);
    int rc = sqlite3_step(b.s);
    *seq_out = rc == SQLITE_ROW ? sqlite3_column_int64(b.s, 0) : 0;
    (void)sqlite3_reset(b.s);
    return rc == SQLITE_ROW ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_NOTFOUND : rc;
}

static int update_rcpt(struct sqlite_db *d, int64_t seq, size_t n, const struct gw_recipient *r)
{
    struct binder b = bind_start(d, STMT_UPDATE_RCPT);
    bind_int(&b, seq);
    bind_int(&b, (int64_t)n);
    bind_int(&b, r->status);
    bind_int(&b, r->category);
    bind_int(&b, r->retryable);
    bind_int(&b, r->uncertain);
    bind_int(&b, r->attempts);
    bind_state(&b, r);
    return run(d, STMT_UPDATE_RCPT);
}

int sqlite_update_message(struct sqlite_db *d, const struct gw_message *m, bool leased,
                          int64_t now_ms)
{
    int64_t seq;
    int rc = find_seq(d, "", m->id, &seq);
    if (rc != SQLITE_OK)
        return rc;
    bool settled = gw_message_settled(m);
    struct binder b = bind_start(d, STMT_UPDATE_MESSAGE);
    bind_int(&b, seq);
    bind_time(&b, leased || settled ? 0 : sqlite_next_due(m));
    bind_int(&b, leased);
    bind_time(&b, settled ? now_ms : 0);
    bind_int(&b, m->crashes);
    bind_text(&b, gw_message_status(m));
    rc = run(d, STMT_UPDATE_MESSAGE);
    for (size_t i = 0; i < m->n_rcpts && rc == SQLITE_OK; i++)
        rc = update_rcpt(d, seq, i, &m->rcpts[i]);
    if (rc != SQLITE_OK || !settled)
        return rc;
    b = bind_start(d, STMT_DELETE_BODY);
    bind_int(&b, seq);
    return run(d, STMT_DELETE_BODY);
}

/* ---- reading ---- */

static const char *column_text(struct gw_arena *arena, sqlite3_stmt *s, int i)
{
    const unsigned char *text = sqlite3_column_text(s, i);
    return text != NULL ? gw_arena_strdup(arena, (const char *)text) : NULL;
}

static const char *or_empty(const char *s)
{
    return s != NULL ? s : "";
}

static struct gw_slice column_slice(struct gw_arena *arena, sqlite3_stmt *s, int i)
{
    const unsigned char *text = sqlite3_column_text(s, i);
    return gw_arena_slice(arena,
                          gw_slice_of((const char *)text, (size_t)sqlite3_column_bytes(s, i)));
}

static void read_head(struct gw_message *m, sqlite3_stmt *s)
{
    const char *id = column_text(m->arena, s, 0);
    size_t len = strlen(id);
    memcpy(m->id, id, (len < GW_UUID_SIZE ? len : GW_UUID_SIZE - 1) + 1);
    m->id[GW_UUID_SIZE - 1] = '\0';
    m->tenant = or_empty(column_text(m->arena, s, 1));
    m->message_id = column_text(m->arena, s, 2);
    m->from = column_text(m->arena, s, 3);
    m->from_domain = column_text(m->arena, s, 4);
    m->subject = column_text(m->arena, s, 5);
    m->mail_from = column_text(m->arena, s, 6);
    m->mail_from_smtputf8 = sqlite3_column_int(s, 7) != 0;
    m->mime.len = (size_t)sqlite3_column_int64(s, 8);
    m->relay = column_text(m->arena, s, 9);
    m->require_tls = sqlite3_column_int(s, 10) != 0;
    m->priority = (enum gw_priority)sqlite3_column_int(s, 11);
    m->delivery_mode = (enum gw_delivery_mode)sqlite3_column_int(s, 12);
    m->on_uncertain = (enum gw_on_uncertain)sqlite3_column_int(s, 13);
    m->created_at_ms = sqlite3_column_int64(s, 14);
    m->expires_at_ms = sqlite3_column_int64(s, 15);
    m->scheduled_at_ms = sqlite3_column_int64(s, 16);
    m->retry_until_ms = sqlite3_column_int64(s, 17);
    m->crashes = (unsigned)sqlite3_column_int64(s, 18);
}

static void read_rcpt(struct gw_arena *a, struct gw_recipient *r, sqlite3_stmt *s)
{
    *r = (struct gw_recipient){.email = column_text(a, s, 0),
                               .domain = column_text(a, s, 1),
                               .kind = (enum gw_rcpt_kind)sqlite3_column_int(s, 2),
                               .status = (enum gw_rcpt_status)sqlite3_column_int(s, 3),
                               .category = (enum gw_category)sqlite3_column_int(s, 4),
                               .retryable = sqlite3_column_int(s, 5) != 0,
                               .uncertain = sqlite3_column_int(s, 6) != 0,
                               .needs_smtputf8 = sqlite3_column_int(s, 7) != 0,
                               .attempts = (unsigned)sqlite3_column_int64(s, 8),
                               .relay = column_text(a, s, 9),
                               .reason = column_text(a, s, 10),
                               .detail = column_text(a, s, 11),
                               .smtp = {.code = sqlite3_column_int(s, 12),
                                        .enhanced = or_empty(column_text(a, s, 13)),
                                        .command = column_text(a, s, 14),
                                        .text = or_empty(column_text(a, s, 15)),
                                        .tls = column_text(a, s, 16)},
                               .updated_at_ms = sqlite3_column_int64(s, 17),
                               .next_attempt_ms = sqlite3_column_int64(s, 18),
                               .duration_ms = sqlite3_column_int64(s, 19)};
}

/* Walks the rows of a list; the count stands in @count_column of each. */
struct list {
    struct gw_message *m;
    void (*start)(struct gw_message *m, size_t n);
    void (*add)(struct gw_message *m, size_t i, sqlite3_stmt *s);
    int count_column;
};

static int read_list(struct sqlite_db *d, enum sqlite_stmt_id id, int64_t seq, const struct list *l)
{
    struct binder b = bind_start(d, id);
    bind_int(&b, seq);
    size_t i = 0;
    int rc;
    while ((rc = sqlite3_step(b.s)) == SQLITE_ROW) {
        if (i == 0)
            l->start(l->m, (size_t)sqlite3_column_int64(b.s, l->count_column));
        l->add(l->m, i++, b.s);
    }
    (void)sqlite3_reset(b.s);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static void start_rcpts(struct gw_message *m, size_t n)
{
    m->rcpts = GW_ARENA_ARRAY(m->arena, struct gw_recipient, n);
    m->n_rcpts = n;
}

static void add_rcpt(struct gw_message *m, size_t i, sqlite3_stmt *s)
{
    read_rcpt(m->arena, &m->rcpts[i], s);
}

static void start_tags(struct gw_message *m, size_t n)
{
    m->tags = GW_ARENA_ARRAY(m->arena, struct gw_slice, n);
    m->n_tags = n;
}

static void add_tag(struct gw_message *m, size_t i, sqlite3_stmt *s)
{
    m->tags[i] = column_slice(m->arena, s, 0);
}

static void start_metadata(struct gw_message *m, size_t n)
{
    m->metadata = GW_ARENA_ARRAY(m->arena, struct gw_draft_pair, n);
    m->n_metadata = n;
}

static void add_metadata(struct gw_message *m, size_t i, sqlite3_stmt *s)
{
    m->metadata[i].name.value = column_slice(m->arena, s, 0);
    m->metadata[i].value.value = column_slice(m->arena, s, 1);
}

static int read_body(struct sqlite_db *d, int64_t seq, struct gw_message *m)
{
    struct binder b = bind_start(d, STMT_SELECT_BODY);
    bind_int(&b, seq);
    int rc = sqlite3_step(b.s);
    if (rc == SQLITE_ROW) {
        const void *data = sqlite3_column_blob(b.s, 0);
        size_t len = (size_t)sqlite3_column_bytes(b.s, 0);
        m->mime = gw_arena_slice(m->arena, gw_slice_of(data, len));
    }
    (void)sqlite3_reset(b.s);
    return rc == SQLITE_ROW ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_NOTFOUND : rc;
}

int sqlite_load_message(struct sqlite_db *d, int64_t seq, bool with_body, struct gw_message **out)
{
    *out = NULL;
    struct binder b = bind_start(d, STMT_SELECT_MESSAGE);
    bind_int(&b, seq);
    int rc = sqlite3_step(b.s);
    if (rc != SQLITE_ROW) {
        (void)sqlite3_reset(b.s);
        return rc == SQLITE_DONE ? SQLITE_NOTFOUND : rc;
    }
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_message *m = GW_ARENA_NEW(arena, struct gw_message);
    m->arena = arena;
    read_head(m, b.s);
    (void)sqlite3_reset(b.s);
    rc = read_list(
        d, STMT_SELECT_RCPTS, seq,
        &(struct list){.m = m, .start = start_rcpts, .add = add_rcpt, .count_column = 20});
    if (rc == SQLITE_OK)
        rc = read_list(
            d, STMT_SELECT_TAGS, seq,
            &(struct list){.m = m, .start = start_tags, .add = add_tag, .count_column = 1});
    if (rc == SQLITE_OK)
        rc =
            read_list(d, STMT_SELECT_METADATA, seq,
                      &(struct list){
                          .m = m, .start = start_metadata, .add = add_metadata, .count_column = 2});
    if (rc == SQLITE_OK && with_body)
        rc = read_body(d, seq, m);
    if (rc == SQLITE_OK)
        *out = m;
    else
        gw_message_free(&m);
    return rc;
}

int sqlite_find_message(struct sqlite_db *d, const char *tenant, const char *id,
                        struct gw_message **out)
{
    int64_t seq;
    *out = NULL;
    int rc = find_seq(d, tenant, id, &seq);
    return rc == SQLITE_OK ? sqlite_load_message(d, seq, false, out) : rc;
}
