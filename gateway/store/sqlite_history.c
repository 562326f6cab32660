/* SPDX-License-Identifier: MIT */
/* Events and attempts as rows. The order of binds and columns follows
 * gateway/store/sqlite_schema.c. */
#include "gateway/store/sqlite_history.h"

#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"
#include "gateway/store/sqlite_bind.h"
#include "gateway/store/sqlite_suppressions.h"

enum {
    MAX_EVENT_STEPS = 20000, /* events looked at per page */
    /* columns of SELECT_ATTEMPTS */
    COL_STEPS = 13,
    COL_COUNT = COL_STEPS + GW_N_STEPS
};

/* ---- events ---- */

struct events_insert {
    struct sqlite_db *d;
    int64_t seq;
    int rc;
};

static void insert_event(const struct gw_event *e, size_t rcpt, void *data)
{
    struct events_insert *insert = data;
    if (insert->rc != SQLITE_OK)
        return;
    struct sqlite_binder b = sqlite_bind_start(insert->d, STMT_INSERT_EVENT);
    sqlite_bind_int(&b, insert->seq);
    if (e->email != NULL)
        sqlite_bind_int(&b, (int64_t)rcpt);
    else
        sqlite_bind_null(&b);
    sqlite_bind_int(&b, e->type);
    sqlite_bind_int(&b, e->at_ms);
    sqlite_bind_text(&b, e->message_status);
    sqlite_bind_int(&b, e->category);
    sqlite_bind_int(&b, e->uncertain);
    sqlite_bind_int(&b, e->attempt);
    sqlite_bind_text(&b, e->relay);
    sqlite_bind_text(&b, e->reason);
    sqlite_bind_int(&b, e->code);
    sqlite_bind_text(&b, e->enhanced);
    sqlite_bind_text(&b, e->command);
    sqlite_bind_text(&b, e->text);
    sqlite_bind_int(&b, e->next_attempt_ms);
    int rc = sqlite_db_run(insert->d, STMT_INSERT_EVENT);
    insert->rc = rc == SQLITE_DONE ? sqlite_suppress_after(insert->d, e) : rc;
    insert->d->tally.has_events = true;
}

int sqlite_insert_events(struct sqlite_db *d, int64_t seq, const struct gw_recipient *before,
                         const struct gw_message *after, int64_t now_ms)
{
    struct events_insert insert = {.d = d, .seq = seq, .rc = SQLITE_OK};
    gw_history_events(before, after, now_ms, insert_event, &insert);
    return insert.rc;
}

int sqlite_insert_note(struct sqlite_db *d, const struct gw_event *e)
{
    struct sqlite_binder b = sqlite_bind_start(d, STMT_NOTE);
    sqlite_bind_int(&b, e->type);
    sqlite_bind_int(&b, e->at_ms);
    sqlite_bind_text(&b, e->subject);
    sqlite_bind_text(&b, e->reason);
    sqlite_bind_text(&b, e->text);
    int rc = sqlite_db_run(d, STMT_NOTE);
    d->tally.has_events = true;
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static struct gw_event read_event(struct gw_arena *a, sqlite3_stmt *s)
{
    return (struct gw_event){.seq = sqlite3_column_int64(s, 0),
                             .at_ms = sqlite3_column_int64(s, 1),
                             .type = (enum gw_event_type)sqlite3_column_int(s, 2),
                             .id = sqlite_text(a, s, 3),
                             .tenant = sqlite_or_empty(sqlite_text(a, s, 4)),
                             .subject = sqlite_text(a, s, 19),
                             .message_status = sqlite_text(a, s, 5),
                             .email = sqlite_text(a, s, 6),
                             .category = (enum gw_category)sqlite3_column_int(s, 7),
                             .uncertain = sqlite3_column_int(s, 8) != 0,
                             .attempt = (unsigned)sqlite3_column_int64(s, 9),
                             .relay = sqlite_text(a, s, 10),
                             .reason = sqlite_text(a, s, 11),
                             .code = sqlite3_column_int(s, 12),
                             .enhanced = sqlite_or_empty(sqlite_text(a, s, 13)),
                             .command = sqlite_text(a, s, 14),
                             .text = sqlite_or_empty(sqlite_text(a, s, 15)),
                             .next_attempt_ms = sqlite3_column_int64(s, 16)};
}

static int has_tag(struct sqlite_db *d, int64_t message, const char *tag, bool *out)
{
    struct sqlite_binder b = sqlite_bind_start(d, STMT_HAS_TAG);
    sqlite_bind_int(&b, message);
    sqlite_bind_text(&b, tag);
    int rc = sqlite3_step(b.s);
    *out = rc == SQLITE_ROW;
    (void)sqlite3_reset(b.s);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int matches(struct sqlite_db *d, const struct gw_event_query *q, sqlite3_stmt *s, bool *out)
{
    const char *tenant = sqlite_or_empty((const char *)sqlite3_column_text(s, 4));
    bool note = q->operations && sqlite3_column_type(s, 18) == SQLITE_NULL;
    bool seen = note || q->tenant == NULL || q->tenant[0] == '\0' || strcmp(q->tenant, tenant) == 0;
    int64_t at = sqlite3_column_int64(s, 1);
    bool then = at >= q->since_ms && (q->until_ms == 0 || at < q->until_ms);
    *out = seen && then &&
           (q->types == 0 || (q->types & (1U << (unsigned)sqlite3_column_int(s, 2))) != 0);
    return *out && q->tag != NULL ? has_tag(d, sqlite3_column_int64(s, 18), q->tag, out)
                                  : SQLITE_OK;
}

static int find_end(struct sqlite_db *d, int64_t *next_out)
{
    sqlite3_stmt *s = d->stmts[STMT_LAST_EVENT];
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW)
        *next_out = sqlite3_column_int64(s, 0);
    (void)sqlite3_reset(s);
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/* The statement that passes over most of what @q does not want. */
static enum sqlite_stmt_id select_for(const struct gw_event_query *q)
{
    static const unsigned notes = 1U << GW_EVENT_RELAY_DOWN | 1U << GW_EVENT_RELAY_UP |
                                  1U << GW_EVENT_WEBHOOK_PAUSED | 1U << GW_EVENT_WEBHOOK_RESUMED;
    if (q->id != NULL)
        return STMT_SELECT_MESSAGE_EVENTS;
    return q->types != 0 && (q->types & ~notes) == 0 ? STMT_SELECT_NOTES : STMT_SELECT_EVENTS;
}

int sqlite_load_events(struct sqlite_db *d, const struct gw_event_query *query,
                       struct gw_arena *arena, struct gw_event_page *out)
{
    *out = (struct gw_event_page){.events = GW_ARENA_ARRAY(arena, struct gw_event, query->max),
                                  .next = query->after};
    if (query->after == GW_EVENTS_LATEST)
        return find_end(d, &out->next);
    struct sqlite_binder b = sqlite_bind_start(d, select_for(query));
    sqlite_bind_int(&b, query->after);
    if (query->id != NULL)
        sqlite_bind_text(&b, query->id);
    size_t steps = 0;
    int rc;
    while ((rc = sqlite3_step(b.s)) == SQLITE_ROW) {
        if (out->n == query->max || steps++ == MAX_EVENT_STEPS) {
            out->more = true;
            rc = SQLITE_DONE;
            break;
        }
        bool wanted;
        rc = matches(d, query, b.s, &wanted);
        if (rc != SQLITE_OK)
            break;
        if (wanted)
            out->events[out->n++] = read_event(arena, b.s);
        out->next = sqlite3_column_int64(b.s, 0);
    }
    (void)sqlite3_reset(b.s);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* ---- attempts ---- */

int sqlite_insert_attempt(struct sqlite_db *d, int64_t seq, const struct gw_attempt_log *a)
{
    PRE(a->n_rcpts > 0);
    size_t n_bytes = a->rcpts[a->n_rcpts - 1] / 8 + 1;
    unsigned char *bits = gw_calloc(n_bytes, 1);
    for (size_t i = 0; i < a->n_rcpts; i++)
        bits[a->rcpts[i] / 8] |= (unsigned char)(1U << (a->rcpts[i] % 8));
    struct sqlite_binder b = sqlite_bind_start(d, STMT_INSERT_ATTEMPT);
    sqlite_bind_int(&b, seq);
    sqlite_bind_blob(&b, bits, n_bytes);
    sqlite_bind_text(&b, a->relay);
    sqlite_bind_text(&b, a->stage);
    sqlite_bind_text(&b, a->reason);
    sqlite_bind_text(&b, a->detail);
    sqlite_bind_int(&b, a->code);
    sqlite_bind_text(&b, a->enhanced);
    sqlite_bind_text(&b, a->text);
    sqlite_bind_text(&b, a->tls);
    sqlite_bind_int(&b, a->uncertain);
    sqlite_bind_int(&b, a->reused_connection);
    sqlite_bind_int(&b, a->started_at_ms);
    sqlite_bind_int(&b, a->duration_ms);
    for (size_t i = 0; i < GW_N_STEPS; i++) {
        if (a->step_ms[i] >= 0)
            sqlite_bind_int(&b, a->step_ms[i]);
        else
            sqlite_bind_null(&b);
    }
    int rc = sqlite_db_run(d, STMT_INSERT_ATTEMPT);
    (void)sqlite3_clear_bindings(b.s);
    gw_free(bits);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static void read_rcpts(struct gw_arena *arena, struct gw_attempt_log *a, sqlite3_stmt *s)
{
    const unsigned char *bits = sqlite3_column_blob(s, 0);
    size_t n_bits = (size_t)sqlite3_column_bytes(s, 0) * 8;
    size_t *rcpts = GW_ARENA_ARRAY(arena, size_t, n_bits);
    for (size_t i = 0; i < n_bits; i++)
        if ((bits[i / 8] & (1U << (i % 8))) != 0)
            rcpts[a->n_rcpts++] = i;
    a->rcpts = rcpts;
}

static struct gw_attempt_log read_attempt(struct gw_arena *arena, sqlite3_stmt *s)
{
    struct gw_attempt_log a = {.relay = sqlite_text(arena, s, 1),
                               .stage = sqlite_text(arena, s, 2),
                               .reason = sqlite_text(arena, s, 3),
                               .detail = sqlite_text(arena, s, 4),
                               .code = sqlite3_column_int(s, 5),
                               .enhanced = sqlite_or_empty(sqlite_text(arena, s, 6)),
                               .text = sqlite_or_empty(sqlite_text(arena, s, 7)),
                               .tls = sqlite_text(arena, s, 8),
                               .uncertain = sqlite3_column_int(s, 9) != 0,
                               .reused_connection = sqlite3_column_int(s, 10) != 0,
                               .started_at_ms = sqlite3_column_int64(s, 11),
                               .duration_ms = sqlite3_column_int64(s, 12)};
    read_rcpts(arena, &a, s);
    for (int i = 0; i < GW_N_STEPS; i++)
        a.step_ms[i] = sqlite3_column_type(s, COL_STEPS + i) == SQLITE_NULL
                           ? -1
                           : sqlite3_column_int(s, COL_STEPS + i);
    return a;
}

int sqlite_load_attempts(struct sqlite_db *d, int64_t seq, struct gw_arena *arena,
                         struct gw_attempt_log **out, size_t *n_out)
{
    struct sqlite_binder b = sqlite_bind_start(d, STMT_SELECT_ATTEMPTS);
    sqlite_bind_int(&b, seq);
    *out = NULL;
    *n_out = 0;
    int rc;
    while ((rc = sqlite3_step(b.s)) == SQLITE_ROW) {
        if (*out == NULL)
            *out = GW_ARENA_ARRAY(arena, struct gw_attempt_log,
                                  (size_t)sqlite3_column_int64(b.s, COL_COUNT));
        (*out)[(*n_out)++] = read_attempt(arena, b.s);
    }
    (void)sqlite3_reset(b.s);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}
