/* SPDX-License-Identifier: MIT */
/* The thread that writes large bodies: whoever commits a small message meanwhile does not wait for
 * them.
 *
 * Happy path: a commit with large bodies is queued here → each becomes a file, synced → it goes on
 * to the store thread, whose transaction makes the message known.
 * Failure: what was written goes, and the store thread refuses the operation; a process that ends
 * in between leaves files that the sweep of the next start finds. */
#include <string.h>

#include "gateway/base/gw_failpoint.h"
#include "gateway/store/sqlite_bodies.h"
#include "gateway/store/sqlite_internal.h"

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
static int write_bodies(struct sqlite_store *s, const struct sqlite_op *op)
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
            rc = sqlite_body_write(&s->db, op->fresh[i].m);
        if (rc != SQLITE_OK)
            undo(s, op, i);
    }
    GW_FAILPOINT("store.bodies_written");
    return rc;
}

/* Called with the lock. */
static struct sqlite_op *next(struct sqlite_store *s)
{
    while (gw_list_empty(&s->unwritten) && !s->stop)
        uv_cond_wait(&s->has_unwritten, &s->lock);
    if (gw_list_empty(&s->unwritten))
        return NULL;
    struct sqlite_op *op = gw_list_entry(s->unwritten.next, struct sqlite_op, link);
    gw_list_remove(&op->link);
    return op;
}

void sqlite_writer_main(void *arg)
{
    struct sqlite_store *s = arg;
    struct sqlite_op *op;
    uv_mutex_lock(&s->lock);
    while ((op = next(s)) != NULL) {
        uv_mutex_unlock(&s->lock);
        op->written = write_bodies(s, op);
        uv_mutex_lock(&s->lock);
        gw_list_push_back(&s->waiting, &op->link);
        uv_cond_signal(&s->not_empty);
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
