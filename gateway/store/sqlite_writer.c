/* SPDX-License-Identifier: MIT */
/* The thread that writes and deletes large bodies: whoever commits a small message meanwhile does
 * not wait for them.
 *
 * Happy path: a commit with large bodies is queued here → each becomes a file, synced → it goes on
 * to the store thread, whose transaction makes the message known → the transaction that gives the
 * body up sends the file back here, to be deleted piece by piece: while others are written about
 * as much as that, else with pauses.
 * Failure: what was written goes, and the store thread refuses the operation; a process that ends
 * in between leaves files that the sweep of the next start finds. */
#include <string.h>

#include "gateway/base/gw_failpoint.h"
#include "gateway/store/sqlite_bodies.h"
#include "gateway/store/sqlite_internal.h"

enum {
    DELETE_PAUSE_MS = 5 /* between two pieces of files that go; ours */
};

static bool is_large(const struct gw_message *m)
{
    return m->mime.len >= SQLITE_BODY_FILE_MIN;
}

bool sqlite_op_is_large(const struct sqlite_op *op)
{
    bool large = false;
    for (size_t i = 0; i < op->n_fresh; i++)
        large = large || is_large(op->fresh[i].m);
    return large;
}

static void undo(struct sqlite_store *s, const struct sqlite_op *op, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_large(op->fresh[i].m))
            sqlite_body_unwrite(&s->db, op->fresh[i].m);
}

void sqlite_writer_undo(struct sqlite_store *s, const struct sqlite_op *op)
{
    undo(s, op, op->n_fresh);
}

/* SQLITE_OK, or an error code and no file is there. */
static int write_bodies(struct sqlite_store *s, const struct sqlite_op *op, struct gw_list *gone)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; i < op->n_fresh && rc == SQLITE_OK; i++) {
        if (!is_large(op->fresh[i].m))
            continue;
        if (atomic_load(&s->failed))
            rc = SQLITE_IOERR;
        else if (atomic_load(&s->full))
            rc = SQLITE_FULL;
        else
            rc = sqlite_body_write(&s->db, op->fresh[i].m, gone);
        if (rc != SQLITE_OK)
            undo(s, op, i);
    }
    GW_FAILPOINT("store.bodies_written");
    return rc;
}

void sqlite_writer_drop(struct sqlite_store *s, struct gw_list *gone)
{
    if (gw_list_empty(gone))
        return;
    uv_mutex_lock(&s->lock);
    gw_list_splice(&s->gone, gone);
    uv_cond_signal(&s->for_writer);
    uv_mutex_unlock(&s->lock);
}

/* Both are called with the lock. */
static void write_next(struct sqlite_store *s, struct gw_list *gone)
{
    struct sqlite_op *op = gw_list_entry(s->unwritten.next, struct sqlite_op, link);
    gw_list_remove(&op->link);
    uv_mutex_unlock(&s->lock);
    op->written = write_bodies(s, op, gone);
    uv_mutex_lock(&s->lock);
    gw_list_push_back(&s->waiting, &op->link);
    uv_cond_signal(&s->not_empty);
}

/* With pauses, unless somebody waits for the room, or for us. */
static void delete_some(struct sqlite_store *s, struct gw_list *gone)
{
    bool at_once = s->writer_stop || atomic_load(&s->full);
    uv_mutex_unlock(&s->lock);
    if (at_once)
        sqlite_bodies_drop(&s->db, gone);
    else
        sqlite_bodies_shrink(&s->db, gone);
    uv_mutex_lock(&s->lock);
    if (!gw_list_empty(gone) && gw_list_empty(&s->unwritten) && !s->writer_stop)
        (void)uv_cond_timedwait(&s->for_writer, &s->lock, (uint64_t)DELETE_PAUSE_MS * 1000000);
}

void sqlite_writer_main(void *arg)
{
    struct sqlite_store *s = arg;
    struct gw_list gone;
    gw_list_init(&gone);
    uv_mutex_lock(&s->lock);
    for (;;) {
        gw_list_splice(&gone, &s->gone);
        if (!gw_list_empty(&s->unwritten))
            write_next(s, &gone);
        else if (!gw_list_empty(&gone))
            delete_some(s, &gone);
        else if (s->writer_stop)
            break;
        else
            uv_cond_wait(&s->for_writer, &s->lock);
    }
    uv_mutex_unlock(&s->lock);
}

bool sqlite_writer_has(const char *id, void *data)
{
    struct sqlite_store *s = data;
    bool found = false;
    uv_mutex_lock(&s->lock);
    gw_list_foreach (it, &s->large) {
        const struct sqlite_op *op = gw_list_entry(it, struct sqlite_op, large_link);
        for (size_t i = 0; i < op->n_fresh && !found; i++)
            found = strcmp(op->fresh[i].m->id, id) == 0;
    }
    uv_mutex_unlock(&s->lock);
    return found;
}
