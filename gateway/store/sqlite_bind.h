/* SPDX-License-Identifier: MIT */
/* Values into statements, one after the other, and out of rows. */
#ifndef GW_STORE_SQLITE_BIND_H
#define GW_STORE_SQLITE_BIND_H

#include <sqlite3.h>
#include <stdint.h>

#include "gateway/base/gw_arena.h"
#include "gateway/base/gw_check.h"
#include "gateway/store/sqlite_db.h"

/* Binds one value after the other; texts are borrowed until the statement is reset. */
struct sqlite_binder {
    sqlite3_stmt *s;
    int at;
};

static inline struct sqlite_binder sqlite_bind_start(struct sqlite_db *d, enum sqlite_stmt_id id)
{
    return (struct sqlite_binder){.s = d->stmts[id], .at = 0};
}

static inline void sqlite_bind_int(struct sqlite_binder *b, int64_t v)
{
    CHECK(sqlite3_bind_int64(b->s, ++b->at, v) == SQLITE_OK);
}

/* NULL stays NULL. */
static inline void sqlite_bind_text(struct sqlite_binder *b, const char *v)
{
    CHECK(sqlite3_bind_text(b->s, ++b->at, v, -1, SQLITE_STATIC) == SQLITE_OK);
}

static inline void sqlite_bind_slice(struct sqlite_binder *b, struct gw_slice v)
{
    CHECK(sqlite3_bind_text64(b->s, ++b->at, v.data != NULL ? v.data : "", v.len, SQLITE_STATIC,
                              SQLITE_UTF8) == SQLITE_OK);
}

/* Borrowed until the statement is reset. */
static inline void sqlite_bind_blob(struct sqlite_binder *b, const void *data, size_t len)
{
    CHECK(sqlite3_bind_blob64(b->s, ++b->at, data, len, SQLITE_STATIC) == SQLITE_OK);
}

static inline void sqlite_bind_null(struct sqlite_binder *b)
{
    CHECK(sqlite3_bind_null(b->s, ++b->at) == SQLITE_OK);
}

/* 0 means "none" and is stored as NULL. */
static inline void sqlite_bind_time(struct sqlite_binder *b, int64_t ms)
{
    if (ms != 0)
        sqlite_bind_int(b, ms);
    else
        CHECK(sqlite3_bind_null(b->s, ++b->at) == SQLITE_OK);
}

/* A copy in @arena; NULL stays NULL. */
static inline const char *sqlite_text(struct gw_arena *arena, sqlite3_stmt *s, int i)
{
    const unsigned char *text = sqlite3_column_text(s, i);
    return text != NULL ? gw_arena_strdup(arena, (const char *)text) : NULL;
}

static inline const char *sqlite_or_empty(const char *s)
{
    return s != NULL ? s : "";
}

static inline struct gw_slice sqlite_slice(struct gw_arena *arena, sqlite3_stmt *s, int i)
{
    const unsigned char *text = sqlite3_column_text(s, i);
    return gw_arena_slice(arena,
                          gw_slice_of((const char *)text, (size_t)sqlite3_column_bytes(s, i)));
}

#endif
