/* SPDX-License-Identifier: MIT */
/* Large bodies: each is a file of its own beside the database, written once and synced before the
 * transaction that needs it begins. SQLite would write it twice or more (log, then database) and
 * give its pages back one by one. Small ones are rows. Each returns SQLITE_OK or an error code.
 *
 * All goes through SQLite's VFS: one door to the disk. */
#ifndef GW_STORE_SQLITE_BODIES_H
#define GW_STORE_SQLITE_BODIES_H

#include "gateway/base/gw_arena.h"
#include "gateway/store/sqlite_db.h"

enum {
    SQLITE_BODY_FILE_MIN = 128 * 1024 /* smaller ones are rows: docs/measurements.md */
};

/* Any thread: makes the file of a large body. On error there is none. Along the way about as much
 * of @gone goes as is written. */
int sqlite_body_write(const struct sqlite_db *d, const struct gw_message *m, struct gw_list *gone);
/* Any thread: the message is not stored, its file goes. */
void sqlite_body_unwrite(const struct sqlite_db *d, const struct gw_message *m);
/* The file of a large one is there already. */
int sqlite_body_insert(struct sqlite_db *d, int64_t seq, const struct gw_message *m);
/* mime.data stays NULL when the body is not kept any more. */
int sqlite_body_load(struct sqlite_db *d, int64_t seq, struct gw_message *m);
/* @size  of the body; tells whether there is a file */
int sqlite_body_delete(struct sqlite_db *d, int64_t seq, const char *id, size_t size);

/* The transaction is over: the files that it gave up are added to @gone, if it was committed. */
void sqlite_bodies_settle(struct sqlite_db *d, bool committed, struct gw_list *gone);
/* Any thread: a piece of the first of those files goes, or what is left of it. To delete a file of
 * tens of megabytes keeps the disk busy for tens of milliseconds where it discards the blocks. */
void sqlite_bodies_shrink(const struct sqlite_db *d, struct gw_list *gone);
/* Any thread: deletes all of those files at once. @gone is empty then. */
void sqlite_bodies_drop(const struct sqlite_db *d, struct gw_list *gone);

/* Whether the message of this id is on its way to be stored: its file is not left over. */
typedef bool (*sqlite_in_hand_fn)(const char *id, void *data);
/* Deletes the files that no message knows, what crashes leave behind; a few per call.
 * *more_out: call again. */
int sqlite_bodies_sweep(struct sqlite_db *d, sqlite_in_hand_fn in_hand, void *data, bool *more_out);
void sqlite_bodies_close(struct sqlite_db *d);

#endif
