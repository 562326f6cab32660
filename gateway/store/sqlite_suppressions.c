/* SPDX-License-Identifier: MIT */
/* Suppression lists as rows. The order of binds and columns follows
 * gateway/store/sqlite_schema.c. */
#include "gateway/store/sqlite_suppressions.h"

#include "gateway/base/gw_clock.h"
#include "gateway/store/sqlite_bind.h"

enum {
    MAX_STEPS = 20000, /* entries looked at per page */
    ENTRY_ARENA = 512
};

static struct gw_suppression read_entry(struct gw_arena *arena, sqlite3_stmt *s)
{
    return (struct gw_suppression){
        .seq = sqlite3_column_int64(s, 0),
        .email = sqlite_text(arena, s, 1),
        .reason = (enum gw_suppression_reason)sqlite3_column_int(s, 2),
        .detail = sqlite_text(arena, s, 3),
        .message_id = sqlite_text(arena, s, 4),
        .created_at_ms = sqlite3_column_int64(s, 5),
    };
}

/* *found_out says whether there is one; @out NULL: only that is asked. */
static int find(struct sqlite_db *d, const char *tenant, const char *email, struct gw_arena *arena,
                struct gw_suppression *out, bool *found_out)
{
    struct sqlite_binder b = sqlite_bind_start(d, STMT_FIND_SUPPRESSION);
    sqlite_bind_text(&b, tenant);
    sqlite_bind_text(&b, email);
    int rc = sqlite3_step(b.s);
    *found_out = rc == SQLITE_ROW;
    if (*found_out && out != NULL)
        *out = read_entry(arena, b.s);
    (void)sqlite3_reset(b.s);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int put(struct sqlite_db *d, const char *tenant, const struct gw_suppression *e)
{
    struct sqlite_binder b = sqlite_bind_start(d, STMT_PUT_SUPPRESSION);
    sqlite_bind_text(&b, tenant);
    sqlite_bind_text(&b, e->email);
    sqlite_bind_int(&b, e->reason);
    sqlite_bind_text(&b, e->detail);
    sqlite_bind_text(&b, e->message_id);
    sqlite_bind_int(&b, e->created_at_ms != 0 ? e->created_at_ms : gw_clock_wall_ms());
    int rc = sqlite_db_run(d, STMT_PUT_SUPPRESSION);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int sqlite_suppress_recipients(struct sqlite_db *d, struct gw_message *m, int64_t now_ms)
{
    struct gw_arena *arena = gw_arena_new(ENTRY_ARENA);
    int rc = SQLITE_OK;
    for (size_t i = 0; i < m->n_rcpts && rc == SQLITE_OK; i++) {
        struct gw_recipient *r = &m->rcpts[i];
        bool listed = false;
        if (!gw_rcpt_status_final(r->status))
            rc = find(d, m->tenant, gw_suppression_email(arena, r->email), NULL, NULL, &listed);
        if (listed)
            gw_recipient_suppress(r, now_ms);
    }
    gw_arena_free(&arena);
    return rc;
}

int sqlite_suppress_after(struct sqlite_db *d, const struct gw_event *e)
{
    struct gw_suppression entry;
    if (d->suppresses_unknown == NULL || !atomic_load(d->suppresses_unknown))
        return SQLITE_OK;
    struct gw_arena *arena = gw_arena_new(ENTRY_ARENA);
    int rc = SQLITE_OK;
    bool listed = true;
    if (gw_suppression_of_event(arena, e, &entry))
        rc = find(d, e->tenant, entry.email, NULL, NULL, &listed);
    if (rc == SQLITE_OK && !listed)
        rc = put(d, e->tenant, &entry);
    gw_arena_free(&arena);
    return rc;
}

int sqlite_suppress(struct sqlite_db *d, const char *tenant, const struct gw_suppression *entries,
                    size_t n, struct gw_arena *arena, struct sqlite_suppressions_page *page)
{
    int rc = SQLITE_OK;
    page->n = n;
    page->cursor = 0;
    for (size_t i = 0; i < n && rc == SQLITE_OK; i++) {
        bool listed = false;
        rc = find(d, tenant, entries[i].email, NULL, NULL, &listed);
        if (rc == SQLITE_OK)
            rc = put(d, tenant, &entries[i]);
        page->cursor += !listed;
        if (rc == SQLITE_OK)
            rc = find(d, tenant, entries[i].email, arena, &page->found[i], &listed);
    }
    return rc;
}

int sqlite_unsuppress(struct sqlite_db *d, const char *tenant, const char *const *emails, size_t n,
                      struct gw_arena *arena, struct sqlite_suppressions_page *page)
{
    int rc = SQLITE_OK;
    page->n = 0;
    for (size_t i = 0; i < n && rc == SQLITE_OK; i++) {
        bool listed = false;
        rc = find(d, tenant, emails[i], arena, &page->found[page->n], &listed);
        if (!listed)
            continue;
        struct sqlite_binder b = sqlite_bind_start(d, STMT_DELETE_SUPPRESSION);
        sqlite_bind_int(&b, page->found[page->n++].seq);
        rc = sqlite_db_run(d, STMT_DELETE_SUPPRESSION);
        rc = rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    return rc == SQLITE_OK && page->n == 0 ? SQLITE_NOTFOUND : rc;
}

static int find_one(struct sqlite_db *d, const struct gw_suppression_query *q,
                    struct gw_arena *arena, struct sqlite_suppressions_page *page)
{
    bool listed = false;
    const struct gw_suppression *one = &page->found[0];
    int rc = find(d, q->tenant, q->email, arena, &page->found[0], &listed);
    bool wanted = listed && (q->reason < 0 || q->reason == (int)one->reason) &&
                  (q->cursor == 0 || one->seq < q->cursor);
    page->n = wanted ? 1 : 0;
    return rc;
}

int sqlite_list_suppressions(struct sqlite_db *d, const struct gw_suppression_query *q,
                             struct gw_arena *arena, struct sqlite_suppressions_page *page)
{
    page->cursor = 0;
    if (q->email != NULL)
        return find_one(d, q, arena, page);
    struct sqlite_binder b = sqlite_bind_start(d, STMT_LIST_SUPPRESSIONS);
    sqlite_bind_text(&b, q->tenant);
    sqlite_bind_int(&b, q->cursor != 0 ? q->cursor : INT64_MAX);
    size_t steps = 0;
    int64_t last = 0;
    page->n = 0;
    int rc;
    while ((rc = sqlite3_step(b.s)) == SQLITE_ROW) {
        if (page->n == q->limit || steps++ == MAX_STEPS) {
            page->cursor = last;
            rc = SQLITE_DONE;
            break;
        }
        last = sqlite3_column_int64(b.s, 0);
        if (q->reason < 0 || q->reason == sqlite3_column_int(b.s, 2))
            page->found[page->n++] = read_entry(arena, b.s);
    }
    (void)sqlite3_reset(b.s);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}
