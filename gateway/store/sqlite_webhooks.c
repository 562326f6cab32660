/* SPDX-License-Identifier: MIT */
/* Webhooks as rows. The order of binds and columns follows gateway/store/sqlite_schema.c. */
#include "gateway/store/sqlite_webhooks.h"

#include "gateway/store/sqlite_bind.h"

static int load_state(struct sqlite_db *d, const char *name, struct gw_webhook_state *out)
{
    struct sqlite_binder b = sqlite_bind_start(d, STMT_FIND_WEBHOOK);
    sqlite_bind_text(&b, name);
    int rc = sqlite3_step(b.s);
    if (rc == SQLITE_ROW)
        *out = (struct gw_webhook_state){.cursor = sqlite3_column_int64(b.s, 0),
                                         .paused = sqlite3_column_int(b.s, 1) != 0,
                                         .failing_since_ms = sqlite3_column_int64(b.s, 2),
                                         .replay_next = sqlite3_column_int64(b.s, 3),
                                         .replay_end = sqlite3_column_int64(b.s, 4),
                                         .replay_since_ms = sqlite3_column_int64(b.s, 5),
                                         .replay_until_ms = sqlite3_column_int64(b.s, 6)};
    (void)sqlite3_reset(b.s);
    return rc == SQLITE_ROW ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_NOTFOUND : rc;
}

static int put_state(struct sqlite_db *d, const char *name, const struct gw_webhook_state *state)
{
    struct sqlite_binder b = sqlite_bind_start(d, STMT_PUT_WEBHOOK);
    sqlite_bind_text(&b, name);
    sqlite_bind_int(&b, state->cursor);
    sqlite_bind_int(&b, state->paused);
    sqlite_bind_int(&b, state->failing_since_ms);
    sqlite_bind_int(&b, state->replay_next);
    sqlite_bind_int(&b, state->replay_end);
    sqlite_bind_int(&b, state->replay_since_ms);
    sqlite_bind_int(&b, state->replay_until_ms);
    return sqlite_db_run(d, STMT_PUT_WEBHOOK);
}

static int begin(struct sqlite_db *d, const char *name, struct gw_webhook_state *out)
{
    *out = (struct gw_webhook_state){.cursor = 0};
    sqlite3_stmt *s = d->stmts[STMT_LAST_EVENT];
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW)
        out->cursor = sqlite3_column_int64(s, 0);
    (void)sqlite3_reset(s);
    if (rc != SQLITE_ROW)
        return rc;
    rc = put_state(d, name, out);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int sqlite_load_webhook(struct sqlite_db *d, const char *name, struct gw_arena *arena,
                        struct gw_webhook_state *state_out, struct gw_webhook_retry **retries_out,
                        size_t *n_out)
{
    int rc = load_state(d, name, state_out);
    if (rc == SQLITE_NOTFOUND)
        rc = begin(d, name, state_out);
    struct sqlite_binder b = sqlite_bind_start(d, STMT_SELECT_RETRIES);
    sqlite_bind_text(&b, name);
    *retries_out = NULL;
    *n_out = 0;
    while (rc == SQLITE_OK && (rc = sqlite3_step(b.s)) == SQLITE_ROW) {
        if (*retries_out == NULL)
            *retries_out = GW_ARENA_ARRAY(arena, struct gw_webhook_retry,
                                          (size_t)sqlite3_column_int64(b.s, 3));
        (*retries_out)[(*n_out)++] =
            (struct gw_webhook_retry){.event = sqlite3_column_int64(b.s, 0),
                                      .attempts = (unsigned)sqlite3_column_int64(b.s, 1),
                                      .next_ms = sqlite3_column_int64(b.s, 2)};
        rc = SQLITE_OK;
    }
    (void)sqlite3_reset(b.s);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int put_retry(struct sqlite_db *d, const char *name, const struct gw_webhook_retry *r)
{
    enum sqlite_stmt_id id = r->next_ms != 0 ? STMT_PUT_RETRY : STMT_DELETE_RETRY;
    struct sqlite_binder b = sqlite_bind_start(d, id);
    sqlite_bind_text(&b, name);
    sqlite_bind_int(&b, r->event);
    if (r->next_ms != 0) {
        sqlite_bind_int(&b, r->attempts);
        sqlite_bind_int(&b, r->next_ms);
    }
    return sqlite_db_run(d, id);
}

int sqlite_save_webhook(struct sqlite_db *d, const char *name, const struct gw_webhook_state *state,
                        const struct gw_webhook_retry *changes, size_t n)
{
    int rc = put_state(d, name, state);
    for (size_t i = 0; i < n && rc == SQLITE_DONE; i++)
        rc = put_retry(d, name, &changes[i]);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}
