/* SPDX-License-Identifier: MIT */
/* The prepare pool: one queue in, by turns, one queue out, an async handle that wakes the loop.
 *
 * Happy path: submit → a thread runs it → finished queue → uv_async → done on the loop.
 * Failure: none of its own; a job that cannot be queued is refused at submit. */
#include "gateway/workers.h"

#include <stdbool.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"
#include "gateway/base/gw_turns.h"

enum {
    MAX_THREADS = 64
};

struct gw_workers {
    uv_async_t wake;
    uv_mutex_t lock; /* guards waiting, finished, turns, stop */
    uv_cond_t not_empty;
    struct gw_list waiting, finished; /* waiting: by turn */
    struct gw_turns turns;
    bool stop;
    size_t pending, max_queue; /* loop thread only */
    size_t n_threads;
    uv_thread_t threads[MAX_THREADS];
    void (*on_closed)(void *);
    void *closed_data;
};

static void thread_main(void *arg)
{
    struct gw_workers *p = arg;
    uv_mutex_lock(&p->lock);
    for (;;) {
        while (gw_list_empty(&p->waiting) && !p->stop)
            uv_cond_wait(&p->not_empty, &p->lock);
        if (gw_list_empty(&p->waiting))
            break;
        struct gw_work *w = gw_list_entry(p->waiting.next, struct gw_work, link);
        gw_list_remove(&w->link);
        gw_turns_taken(&p->turns, w->turn);
        uv_mutex_unlock(&p->lock);
        w->run(w);
        uv_mutex_lock(&p->lock);
        bool was_empty = gw_list_empty(&p->finished);
        gw_list_push_back(&p->finished, &w->link);
        if (was_empty)
            (void)uv_async_send(&p->wake);
    }
    uv_mutex_unlock(&p->lock);
}

static void on_wake(uv_async_t *handle)
{
    struct gw_workers *p = handle->data;
    struct gw_list batch;
    gw_list_init(&batch);
    uv_mutex_lock(&p->lock);
    while (!gw_list_empty(&p->finished)) {
        struct gw_list *node = p->finished.next;
        gw_list_remove(node);
        gw_list_push_back(&batch, node);
    }
    uv_mutex_unlock(&p->lock);
    while (!gw_list_empty(&batch)) {
        struct gw_work *w = gw_list_entry(batch.next, struct gw_work, link);
        gw_list_remove(&w->link);
        p->pending--;
        w->done(w);
    }
}

enum gw_status gw_workers_new(uv_loop_t *loop, size_t n_threads, size_t max_queue,
                              struct gw_workers **out, struct gw_err *err)
{
    PRE(max_queue > 0);
    if (n_threads == 0)
        n_threads = uv_available_parallelism();
    if (n_threads > MAX_THREADS)
        n_threads = MAX_THREADS;
    struct gw_workers *p = gw_calloc(1, sizeof(*p));
    p->max_queue = max_queue;
    gw_list_init(&p->waiting);
    gw_list_init(&p->finished);
    CHECK(uv_mutex_init(&p->lock) == 0 && uv_cond_init(&p->not_empty) == 0);
    int rc = uv_async_init(loop, &p->wake, on_wake);
    if (rc != 0) {
        uv_cond_destroy(&p->not_empty);
        uv_mutex_destroy(&p->lock);
        gw_free(p);
        return gw_err_set(err, GW_IO, "prepare pool: %s", uv_strerror(rc));
    }
    p->wake.data = p;
    for (; p->n_threads < n_threads; p->n_threads++)
        CHECK(uv_thread_create(&p->threads[p->n_threads], thread_main, p) == 0);
    *out = p;
    return GW_OK;
}

/* Under the lock. */
static void enqueue(struct gw_workers *p, struct gw_work *w)
{
    struct gw_list *before = p->waiting.prev;
    w->turn = gw_turns_next(&p->turns, w->flow);
    while (before != &p->waiting && gw_list_entry(before, struct gw_work, link)->turn > w->turn)
        before = before->prev;
    gw_list_push_front(before, &w->link); /* right behind it */
}

enum gw_status gw_workers_submit(struct gw_workers *p, struct gw_work *w)
{
    if (p->pending >= p->max_queue)
        return GW_BUSY;
    p->pending++;
    uv_mutex_lock(&p->lock);
    enqueue(p, w);
    uv_cond_signal(&p->not_empty);
    uv_mutex_unlock(&p->lock);
    return GW_OK;
}

size_t gw_workers_pending(const struct gw_workers *p)
{
    return p->pending;
}

static void on_wake_closed(uv_handle_t *handle)
{
    struct gw_workers *p = handle->data;
    void (*on_closed)(void *) = p->on_closed;
    void *data = p->closed_data;
    uv_cond_destroy(&p->not_empty);
    uv_mutex_destroy(&p->lock);
    gw_free(p);
    on_closed(data);
}

void gw_workers_close(struct gw_workers *p, void (*on_closed)(void *), void *data)
{
    PRE(p->pending == 0);
    p->on_closed = on_closed;
    p->closed_data = data;
    uv_mutex_lock(&p->lock);
    p->stop = true;
    uv_cond_broadcast(&p->not_empty);
    uv_mutex_unlock(&p->lock);
    for (size_t i = 0; i < p->n_threads; i++)
        CHECK(uv_thread_join(&p->threads[i]) == 0);
    uv_close((uv_handle_t *)&p->wake, on_wake_closed);
}
