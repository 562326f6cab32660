/* SPDX-License-Identifier: MIT */
/* Search of messages.
 *
 * The driving index is chosen here, not by SQLite's planner, which knows nothing of the data: the
 * condition with the fewest rows, or among those with many the most telling one (recipient, tag,
 * from, relay, status), walks its index from the newest row down; the others are looked up per row.
 * Row numbers follow time, so that `until` and `since` become bounds of the walk. A row that
 * matches nothing costs a step, and a page ends after MAX_STEPS of them or MAX_WALK_US: then it is
 * short and has a cursor. */
#include "gateway/store/sqlite_list.h"

#include <string.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"

enum {
    MAX_SQL = 4096,
    MAX_STEPS = 20000,
    STEPS_PER_LOOK = 64,        /* at the clock */
    MAX_WALK_US = 10 * 1000,    /* per page, whatever the machine */
    ENOUGH = 1000,              /* rows; a condition with fewer of them drives */
    CLOCK_SLACK_MS = 60 * 1000, /* messages are stored in the order of their time but for this */
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

static void bind_text(sqlite3_stmt *s, int *at, const char *text)
{
    CHECK(sqlite3_bind_text(s, ++*at, text, -1, SQLITE_STATIC) == SQLITE_OK);
}

static void bind_int(sqlite3_stmt *s, int *at, int64_t value)
{
    CHECK(sqlite3_bind_int64(s, ++*at, value) == SQLITE_OK);
}

/* How many rows a condition has below @before, counted up to ENOUGH; -1: an error. */
static int64_t count_rows(struct sqlite_db *d, const struct gw_list_query *q, size_t i,
                          int64_t before)
{
    struct gw_buf sql;
    gw_buf_init(&sql, MAX_SQL);
    (void)gw_buf_printf(&sql,
                        "SELECT count(*) FROM (SELECT 1 FROM %s WHERE %s AND x.seq < ? LIMIT %d)",
                        conditions[i].source, conditions[i].equals, ENOUGH);
    (void)gw_buf_add_char(&sql, '\0');
    sqlite3_stmt *s = NULL;
    int64_t n = -1;
    int at = 0;
    if (sqlite3_prepare_v2(d->db, sql.data, -1, &s, NULL) == SQLITE_OK) {
        bind_text(s, &at, given(q, i));
        bind_int(s, &at, before);
        if (sqlite3_step(s) == SQLITE_ROW)
            n = sqlite3_column_int64(s, 0);
    }
    (void)sqlite3_finalize(s);
    gw_buf_deinit(&sql);
    return n;
}

/* The condition that leaves the fewest rows to look at; N_CONDITIONS: none is given. */
static size_t pick_driver(struct sqlite_db *d, const struct gw_list_query *q, int64_t before)
{
    size_t driver = N_CONDITIONS;
    size_t n_given = 0;
    for (size_t i = 0; i < N_CONDITIONS; i++)
        n_given += given(q, i) != NULL ? 1 : 0;
    int64_t fewest = INT64_MAX;
    for (size_t i = 0; i < N_CONDITIONS; i++) {
        if (given(q, i) == NULL)
            continue;
        int64_t n = n_given > 1 ? count_rows(d, q, i, before) : 0;
        if (n < fewest) {
            fewest = n;
            driver = i;
        }
    }
    return driver;
}

/* When the first message at or after row @seq was created; INT64_MAX: there is none. */
static int created_at(sqlite3_stmt *probe, int64_t seq, int64_t *out)
{
    int at = 0;
    bind_int(probe, &at, seq);
    int rc = sqlite3_step(probe);
    *out = rc == SQLITE_ROW ? sqlite3_column_int64(probe, 0) : INT64_MAX;
    (void)sqlite3_reset(probe);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* A row number that no message created before @until_ms lies beyond. Row numbers follow time but
 * for CLOCK_SLACK_MS. */
static int find_end(struct sqlite_db *d, int64_t until_ms, int64_t *end)
{
    sqlite3_stmt *probe = NULL;
    int rc = sqlite3_prepare_v2(
        d->db, "SELECT created_ms FROM messages WHERE seq >= ? ORDER BY seq LIMIT 1", -1, &probe,
        NULL);
    int64_t low = 0;
    int64_t high = 1;
    int64_t created = 0;
    while (rc == SQLITE_OK && created < until_ms + CLOCK_SLACK_MS && high < *end) {
        low = high;
        high = high < INT64_MAX / 2 ? high * 2 : INT64_MAX;
        rc = created_at(probe, high, &created);
    }
    while (rc == SQLITE_OK && low + 1 < high) {
        int64_t middle = low + (high - low) / 2;
        rc = created_at(probe, middle, &created);
        if (created < until_ms + CLOCK_SLACK_MS)
            low = middle;
        else
            high = middle;
    }
    (void)sqlite3_finalize(probe);
    *end = high < *end ? high : *end;
    return rc;
}

/* The walk over the driving index: (seq, matches, created) per row, newest first. */
static enum gw_status write_sql(const struct gw_list_query *q, size_t driver, struct gw_buf *sql)
{
    bool driven = driver < N_CONDITIONS;
    (void)gw_buf_add_str(sql, "SELECT x.seq, (1");
    for (size_t i = 0; i < N_CONDITIONS; i++)
        if (i != driver && given(q, i) != NULL)
            (void)gw_buf_printf(sql, " AND %s", conditions[i].filter);
    (void)gw_buf_printf(sql,
                        " AND m.created_ms >= ? AND m.created_ms < ?), m.created_ms FROM %s CROSS"
                        " JOIN messages m ON m.seq = x.seq WHERE %s AND x.seq < ? ORDER BY x.seq"
                        " DESC",
                        driven ? conditions[driver].source : "messages AS x",
                        driven ? conditions[driver].equals : "1");
    return gw_buf_add_char(sql, '\0');
}

static void bind_all(sqlite3_stmt *s, const struct gw_list_query *q, size_t driver, int64_t before)
{
    int at = 0;
    for (size_t i = 0; i < N_CONDITIONS; i++)
        if (i != driver && given(q, i) != NULL)
            bind_text(s, &at, given(q, i));
    bind_int(s, &at, q->since_ms);
    bind_int(s, &at, q->until_ms != 0 ? q->until_ms : INT64_MAX);
    if (driver < N_CONDITIONS)
        bind_text(s, &at, given(q, driver));
    bind_int(s, &at, before);
}

/* A page has had its share of work. */
static bool is_enough(size_t steps, int64_t started_us)
{
    return steps == MAX_STEPS ||
           (steps % STEPS_PER_LOOK == 0 && gw_clock_mono_us() - started_us > MAX_WALK_US);
}

static int walk(sqlite3_stmt *s, const struct gw_list_query *q, int64_t *seqs, size_t *n_out,
                int64_t *cursor_out)
{
    size_t n = 0;
    int64_t last = 0;
    int rc;
    size_t steps = 0;
    int64_t started_us = gw_clock_mono_us();
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        int64_t seq = sqlite3_column_int64(s, 0);
        if (sqlite3_column_int64(s, 2) < q->since_ms - CLOCK_SLACK_MS)
            break; /* the rest is older still */
        if (n == q->limit || is_enough(++steps, started_us)) {
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
    int64_t before = query->cursor != 0 ? query->cursor : INT64_MAX;
    int rc = query->until_ms != 0 ? find_end(d, query->until_ms, &before) : SQLITE_OK;
    if (rc != SQLITE_OK)
        return rc;
    size_t driver = pick_driver(d, query, before);
    struct gw_buf sql;
    gw_buf_init(&sql, MAX_SQL);
    CHECK(write_sql(query, driver, &sql) == GW_OK);
    sqlite3_stmt *s = NULL;
    rc = sqlite3_prepare_v2(d->db, sql.data, -1, &s, NULL);
    if (rc == SQLITE_OK) {
        bind_all(s, query, driver, before);
        rc = walk(s, query, seqs, n_out, cursor_out);
    }
    (void)sqlite3_finalize(s);
    gw_buf_deinit(&sql);
    return rc;
}
