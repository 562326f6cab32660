/* SPDX-License-Identifier: MIT */
/* Rows of the embedded store, read. The order of columns follows gateway/store/sqlite_schema.c. */
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/store/sqlite_bind.h"
#include "gateway/store/sqlite_bodies.h"
#include "gateway/store/sqlite_rows.h"

int sqlite_find(struct sqlite_db *d, const char *tenant, const char *id, struct sqlite_place *out)
{
    *out = (struct sqlite_place){.seq = 0};
    struct sqlite_binder b = sqlite_bind_start(d, STMT_FIND_SEQ);
    sqlite_bind_text(&b, id);
    sqlite_bind_text(&b, tenant);
    int rc = sqlite3_step(b.s);
    if (rc == SQLITE_ROW) {
        out->seq = sqlite3_column_int64(b.s, 0);
        out->leased = sqlite3_column_int(b.s, 1) != 0;
        const char *status = (const char *)sqlite3_column_text(b.s, 2);
        size_t len = strlen(status);
        bool fits = len < sizeof(out->status);
        if (fits)
            memcpy(out->status, status, len + 1);
        rc = fits ? SQLITE_ROW : SQLITE_CORRUPT;
    }
    (void)sqlite3_reset(b.s);
    return rc == SQLITE_ROW ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_NOTFOUND : rc;
}

int sqlite_has_row(struct sqlite_db *d, enum sqlite_stmt_id id, int64_t seq, bool *out)
{
    struct sqlite_binder b = sqlite_bind_start(d, id);
    sqlite_bind_int(&b, seq);
    int rc = sqlite3_step(b.s);
    *out = rc == SQLITE_ROW && sqlite3_column_int(b.s, 0) != 0;
    (void)sqlite3_reset(b.s);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static void read_head(struct gw_message *m, sqlite3_stmt *s)
{
    const char *id = sqlite_text(m->arena, s, 0);
    size_t len = strlen(id);
    memcpy(m->id, id, (len < GW_UUID_SIZE ? len : GW_UUID_SIZE - 1) + 1);
    m->id[GW_UUID_SIZE - 1] = '\0';
    m->tenant = sqlite_or_empty(sqlite_text(m->arena, s, 1));
    m->message_id = sqlite_text(m->arena, s, 2);
    m->from = sqlite_text(m->arena, s, 3);
    m->from_domain = sqlite_text(m->arena, s, 4);
    m->subject = sqlite_text(m->arena, s, 5);
    m->mail_from = sqlite_text(m->arena, s, 6);
    m->mail_from_smtputf8 = sqlite3_column_int(s, 7) != 0;
    m->mime.len = (size_t)sqlite3_column_int64(s, 8);
    m->relay = sqlite_text(m->arena, s, 9);
    m->require_tls = sqlite3_column_int(s, 10) != 0;
    m->priority = (enum gw_priority)sqlite3_column_int(s, 11);
    m->delivery_mode = (enum gw_delivery_mode)sqlite3_column_int(s, 12);
    m->on_uncertain = (enum gw_on_uncertain)sqlite3_column_int(s, 13);
    m->created_at_ms = sqlite3_column_int64(s, 14);
    m->expires_at_ms = sqlite3_column_int64(s, 15);
    m->scheduled_at_ms = sqlite3_column_int64(s, 16);
    m->retry_until_ms = sqlite3_column_int64(s, 17);
    m->crashes = (unsigned)sqlite3_column_int64(s, 18);
    m->dsn = (struct gw_dsn){.ret = (enum gw_dsn_ret)sqlite3_column_int(s, 19),
                             .envid = sqlite_text(m->arena, s, 20),
                             .notify = (unsigned)sqlite3_column_int(s, 21)};
    m->traceparent = sqlite_text(m->arena, s, 22);
}

static void read_rcpt(struct gw_arena *a, struct gw_recipient *r, sqlite3_stmt *s)
{
    *r = (struct gw_recipient){.email = sqlite_text(a, s, 0),
                               .domain = sqlite_text(a, s, 1),
                               .kind = (enum gw_rcpt_kind)sqlite3_column_int(s, 2),
                               .status = (enum gw_rcpt_status)sqlite3_column_int(s, 3),
                               .category = (enum gw_category)sqlite3_column_int(s, 4),
                               .retryable = sqlite3_column_int(s, 5) != 0,
                               .uncertain = sqlite3_column_int(s, 6) != 0,
                               .needs_smtputf8 = sqlite3_column_int(s, 7) != 0,
                               .attempts = (unsigned)sqlite3_column_int64(s, 8),
                               .relay = sqlite_text(a, s, 9),
                               .reason = sqlite_text(a, s, 10),
                               .detail = sqlite_text(a, s, 11),
                               .smtp = {.code = sqlite3_column_int(s, 12),
                                        .enhanced = sqlite_or_empty(sqlite_text(a, s, 13)),
                                        .command = sqlite_text(a, s, 14),
                                        .text = sqlite_or_empty(sqlite_text(a, s, 15)),
                                        .tls = sqlite_text(a, s, 16)},
                               .updated_at_ms = sqlite3_column_int64(s, 17),
                               .next_attempt_ms = sqlite3_column_int64(s, 18),
                               .duration_ms = sqlite3_column_int64(s, 19),
                               .copy_at = (size_t)sqlite3_column_int64(s, 21),
                               .copy_len = (size_t)sqlite3_column_int64(s, 22)};
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
    struct sqlite_binder b = sqlite_bind_start(d, id);
    sqlite_bind_int(&b, seq);
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
    m->tags[i] = sqlite_slice(m->arena, s, 0);
}

static void start_metadata(struct gw_message *m, size_t n)
{
    m->metadata = GW_ARENA_ARRAY(m->arena, struct gw_draft_pair, n);
    m->n_metadata = n;
}

static void add_metadata(struct gw_message *m, size_t i, sqlite3_stmt *s)
{
    m->metadata[i].name.value = sqlite_slice(m->arena, s, 0);
    m->metadata[i].value.value = sqlite_slice(m->arena, s, 1);
}

int sqlite_load_message(struct sqlite_db *d, int64_t seq, bool with_body, struct gw_message **out)
{
    *out = NULL;
    struct sqlite_binder b = sqlite_bind_start(d, STMT_SELECT_MESSAGE);
    sqlite_bind_int(&b, seq);
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
        rc = sqlite_body_load(d, seq, m);
    if (rc == SQLITE_OK)
        *out = m;
    else
        gw_message_free(&m);
    return rc;
}
