/* SPDX-License-Identifier: MIT */
/* The embedded durable engine: SQLite in WAL mode on a thread of its own, group commit. */
#ifndef GW_STORE_SQLITE_H
#define GW_STORE_SQLITE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "gateway/store.h"

struct gw_store_sqlite_config {
    const char *dir;              /* data directory */
    int64_t retention_bodies_ms;  /* bodies are kept this long after the last verdict */
    int64_t retention_history_ms; /* settled messages are forgotten after this */
    /* The disk has failed in a way that makes further promises impossible (fsync reported an error,
     * the file is damaged): called once, from the loop. The owner stops accepting and ends the
     * process; nothing is acknowledged any more. */
    void (*on_fatal)(const char *detail, void *data);
    void *data;
};

/* Open or create; messages that were leased when the last process ended are due at once.
 * GW_OK; GW_BUSY, GW_CONFLICT or GW_IO with err->text that says what to do. */
enum gw_status gw_store_sqlite_new(uv_loop_t *loop, const struct gw_store_sqlite_config *config,
                                   struct gw_store **out, struct gw_err *err) GW_NODISCARD;

/* What a salvage found. */
struct gw_salvage {
    int64_t n_messages, n_live; /* saved; of them not final */
    int64_t n_bodies_lost;      /* of live ones: they will be `rejected` with `body_lost` */
    int64_t n_tables_broken;    /* tables of which not every row could be read */
    bool log_missing;           /* the write-ahead log was needed and is gone */
};

/* Rebuilds a damaged database from the rows that can still be read; nobody may use the directory
 * meanwhile. The old files stay beside it as `mailhatch.db.damaged*`.
 *
 * GW_OK, GW_BUSY (in use), GW_NOTFOUND (no database there), GW_IO (nothing can be read, or the new
 * file cannot be written), with err->text. */
enum gw_status gw_store_sqlite_salvage(const char *dir, struct gw_salvage *out,
                                       struct gw_err *err) GW_NODISCARD;

/* Forgets, at once, the messages that were settled longer than @older_than_ms ago, and gives their
 * space back. The same errors. */
enum gw_status gw_store_sqlite_purge(const char *dir, int64_t older_than_ms, int64_t *n_out,
                                     struct gw_err *err) GW_NODISCARD;

/* The database as it is now, to look at: works beside the process that uses the directory. Blocking
 * calls, for command-line tools. */
struct gw_store_reader;

/* GW_OK, GW_NOTFOUND (no database there), GW_CONFLICT (other schema), GW_IO, with err->text. */
enum gw_status gw_store_reader_open(const char *dir, struct gw_store_reader **out,
                                    struct gw_err *err) GW_NODISCARD;
void gw_store_reader_free(struct gw_store_reader **r);

/* A page: see gw_store_list_cb. @messages: room for query->limit; the caller frees each. */
enum gw_status gw_store_reader_list(struct gw_store_reader *r, const struct gw_list_query *query,
                                    struct gw_message **messages, size_t *n_out,
                                    int64_t *cursor_out) GW_NODISCARD;
/* One message with its attempts, which live in its arena. GW_NOTFOUND. */
enum gw_status gw_store_reader_find(struct gw_store_reader *r, const char *id,
                                    struct gw_message **out, struct gw_attempt_log **attempts,
                                    size_t *n_attempts) GW_NODISCARD;
enum gw_status gw_store_reader_stats(struct gw_store_reader *r,
                                     struct gw_store_stats *out) GW_NODISCARD;

#endif
