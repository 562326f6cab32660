/* SPDX-License-Identifier: MIT */
/* Search of messages.
 *
 * The driving index is chosen here, not by SQLite's planner, which knows nothing of the data: the
 * most telling condition that is given (recipient, tag, from, relay, status) walks its index from
 * the newest row down; the others are looked up per row. A row that matches nothing costs a step,
 * and a page ends after MAX_STEPS of them. */
#include "gateway/store/sqlite_list.h"

#include <string.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_check.h"

enum {
    MAX_SQL = 4096,
    MAX_STEPS = 20000
};

/* Conditions from the most to the least telling. The first that is given drives: its table is
 * walked by (column, seq). */
static const struct condition {
    size_t offset;      /* of the text in struct gw_list_query */
    const char *source; /* FROM when it drives; seq is the row number */
    const char *equals; /* the driving equality */
    const char *filter; /* when another drives; m is messages */
} conditions[] = {
    {offsetof(struct gw_list_query, recipient), "recipients AS x INDEXED BY recipients_email",
     "x.email = ?", "EXISTS (SELECT 1 FROM recipients r WHERE r.seq = m.seq AND r.email = ?)"},
    {offsetof(struct gw_list_query, tag), "tags AS x INDEXED BY tags_tag", "x.tag = ?",
     "EXISTS (SELECT 1 FROM tags t WHERE t.seq = m.seq AND t.tag = ?)"},
    {offsetof(struct gw_list_query, from), "messages AS x INDEXED BY messages_from",
     "x.from_addr = ?", "m.from_addr = ?"},
    {offsetof(struct gw_list_query, relay), "recipients AS x INDEXED BY recipients_relay",
     "x.relay = ?", "EXISTS (SELECT 1 FROM recipients r WHERE r.seq = m.seq AND r.relay = ?)"},
    {offsetof(struct gw_list_query, status), "messages AS x INDEXED BY messages_status",
     "x.status = ?", "m.status = ?"},
    {offsetof(struct gw_list_query, tenant), "messages AS x INDEXED BY messages_tenant",
     "x.tenant = ?", "m.tenant = ?"},
};
enum {
    N_CONDITIONS = sizeof(conditions) / sizeof(conditions[0])
};

static const char *given(const struct gw_list_query *q, size_t i)
{
    const char *text;
    memcpy(&text, (const char *)q + conditions[i].offset, sizeof(text));
    return text != NULL && text[0] != '\0' ? text : NULL;
}

/* The walk over the driving index: (seq, matches) per row, newest first. */
static enum gw_status write_sql(const struct gw_list_query *q, struct gw_buf *sql)
{
    size_t driver = 0;
    while (driver < N_CONDITIONS && given(q, driver) == NULL)
        driver++;
    bool driven = driver < N_CONDITIONS;
    (void)gw_buf_add_str(sql, "SELECT x.seq, (1");
    for (size_t i = 0; i < N_CONDITIONS; i++)
        if (i != driver && given(q, i) != NULL)
            (void)gw_buf_printf(sql, " AND %s", conditions[i].filter);
    (void)gw_buf_printf(sql,
                        " AND m.created_ms >= ? AND m.created_ms < ?) FROM %s CROSS JOIN messages m"
                        " ON m.seq = x.seq WHERE %s AND x.seq < ? ORDER BY x.seq DESC",
                        driven ? conditions[driver].source : "messages AS x",
                        driven ? conditions[driver].equals : "1");
    return gw_buf_add_char(sql, '\0');
}

static void bind_text(sqlite3_stmt *s, int *at, const char *text)
{
    CHECK(sqlite3_bind_text(s, ++*at, text, -1, SQLITE_STATIC) == SQLITE_OK);
}

static void bind_int(sqlite3_stmt *s, int *at, int64_t value)
{
    CHECK(sqlite3_bind_int64(s, ++*at, value) == SQLITE_OK);
}

static void bind_all(sqlite3_stmt *s, const struct gw_list_query *q)
{
    size_t driver = 0;
    while (driver < N_CONDITIONS && given(q, driver) == NULL)
        driver++;
    int at = 0;
    for (size_t i = 0; i < N_CONDITIONS; i++)
        if (i != driver && given(q, i) != NULL)
            bind_text(s, &at, given(q, i));
    bind_int(s, &at, q->since_ms);
    bind_int(s, &at, q->until_ms != 0 ? q->until_ms : INT64_MAX);
    if (driver < N_CONDITIONS)
        bind_text(s, &at, given(q, driver));
    bind_int(s, &at, q->cursor != 0 ? q->cursor : INT64_MAX);
}

static int walk(sqlite3_stmt *s, const struct gw_list_query *q, int64_t *seqs, size_t *n_out,
                int64_t *cursor_out)
{
    size_t n = 0;
    int64_t last = 0;
    int rc;
    size_t steps = 0;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        int64_t seq = sqlite3_column_int64(s, 0);
        if (n == q->limit || steps++ == MAX_STEPS) {
            *cursor_out = last;
            break;
        }
        /* two recipients of one message may match the driving condition */
        if (seq != last && sqlite3_column_int(s, 1) != 0)
            seqs[n++] = seq;
        last = seq;
    }
    *n_out = n;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int sqlite_list(struct sqlite_db *d, const struct gw_list_query *query, int64_t *seqs,
                size_t *n_out, int64_t *cursor_out)
{
    PRE(query->limit > 0 && query->limit <= GW_LIST_MAX);
    *n_out = 0;
    *cursor_out = 0;
    struct gw_buf sql;
    gw_buf_init(&sql, MAX_SQL);
    CHECK(write_sql(query, &sql) == GW_OK);
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(d->db, sql.data, -1, &s, NULL);
    if (rc == SQLITE_OK) {
        bind_all(s, query);
        rc = walk(s, query, seqs, n_out, cursor_out);
    }
    (void)sqlite3_finalize(s);
    gw_buf_deinit(&sql);
    return rc;
}
