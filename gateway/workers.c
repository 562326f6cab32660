/* SPDX-License-Identifier: MIT */
/* The prepare pool: two queues in, by turns, one queue out, an async handle that wakes the loop.
 *
 * Happy path: submit → a thread runs it → finished queue → uv_async → done on the loop.
 * Failure: none of its own; a job that cannot be queued is refused at submit. */
#include "gateway/workers.h"

#include <sys/resource.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"
#include "gateway/base/gw_turns.h"

enum {
    MAX_THREADS = 64
};

/* A queue and the threads that work it off. */
struct crew {
    struct gw_workers *pool;
    struct gw_list waiting; /* by turn */
    struct gw_turns turns;
    uv_cond_t not_empty;
    int less; /* of priority, than the process has */
    size_t n_threads;
    uv_thread_t threads[MAX_THREADS];
};

enum {
    SHORT,
    LONG,
    N_CREWS
};

struct gw_workers {
    uv_async_t wake;
    uv_mutex_t lock; /* guards the crews' queues, finished, stop */
    struct crew crews[N_CREWS];
    struct gw_list finished;
    bool stop;
    size_t pending, max_queue; /* loop thread only */
    void (*on_closed)(void *);
    void *closed_data;
};

static void thread_main(void *arg)
{
    struct crew *c = arg;
    struct gw_workers *p = c->pool;
    if (c->less != 0) /* of this thread alone, in Linux; that it may fail costs only promptness */
        (void)setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + c->less);
    uv_mutex_lock(&p->lock);
    for (;;) {
        while (gw_list_empty(&c->waiting) && !p->stop)
            uv_cond_wait(&c->not_empty, &p->lock);
        if (gw_list_empty(&c->waiting))
            break;
        struct gw_work *w = gw_list_entry(c->waiting.next, struct gw_work, link);
        gw_list_remove(&w->link);
        gw_turns_taken(&c->turns, w->turn);
        bool is_awaited = w->done != NULL;
        uv_mutex_unlock(&p->lock);
        w->run(w);
        uv_mutex_lock(&p->lock);
        if (!is_awaited)
            continue;
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

static void free_pool(struct gw_workers *p)
{
    for (size_t i = 0; i < N_CREWS; i++)
        uv_cond_destroy(&p->crews[i].not_empty);
    uv_mutex_destroy(&p->lock);
    gw_free(p);
}

static void start_crew(struct crew *c, size_t n_threads, int less)
{
    c->less = less;
    for (; c->n_threads < n_threads; c->n_threads++)
        CHECK(uv_thread_create(&c->threads[c->n_threads], thread_main, c) == 0);
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
    gw_list_init(&p->finished);
    CHECK(uv_mutex_init(&p->lock) == 0);
    for (size_t i = 0; i < N_CREWS; i++) {
        p->crews[i].pool = p;
        gw_list_init(&p->crews[i].waiting);
        CHECK(uv_cond_init(&p->crews[i].not_empty) == 0);
    }
    int rc = uv_async_init(loop, &p->wake, on_wake);
    if (rc != 0) {
        free_pool(p);
        return gw_err_set(err, GW_IO, "prepare pool: %s", uv_strerror(rc));
    }
    p->wake.data = p;
    start_crew(&p->crews[SHORT], n_threads, 0);
    start_crew(&p->crews[LONG], (n_threads + 1) / 2, GW_WORK_LONG_NICE);
    *out = p;
    return GW_OK;
}

/* Under the lock. */
static void enqueue(struct crew *c, struct gw_work *w)
{
    struct gw_list *before = c->waiting.prev;
    w->turn = gw_turns_next(&c->turns, w->flow);
    while (before != &c->waiting && gw_list_entry(before, struct gw_work, link)->turn > w->turn)
        before = before->prev;
    gw_list_push_front(before, &w->link); /* right behind it */
}

static void give(struct gw_workers *p, struct gw_work *w)
{
    struct crew *c = &p->crews[w->is_long ? LONG : SHORT];
    uv_mutex_lock(&p->lock);
    enqueue(c, w);
    uv_cond_signal(&c->not_empty);
    uv_mutex_unlock(&p->lock);
}

enum gw_status gw_workers_submit(struct gw_workers *p, struct gw_work *w)
{
    PRE(w->done != NULL);
    if (p->pending >= p->max_queue)
        return GW_BUSY;
    p->pending++;
    give(p, w);
    return GW_OK;
}

void gw_workers_post(struct gw_workers *p, struct gw_work *w)
{
    PRE(w->done == NULL);
    give(p, w);
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
    free_pool(p);
    on_closed(data);
}

void gw_workers_close(struct gw_workers *p, void (*on_closed)(void *), void *data)
{
    PRE(p->pending == 0);
    p->on_closed = on_closed;
    p->closed_data = data;
    uv_mutex_lock(&p->lock);
    p->stop = true;
    for (size_t i = 0; i < N_CREWS; i++)
        uv_cond_broadcast(&p->crews[i].not_empty);
    uv_mutex_unlock(&p->lock);
    for (size_t i = 0; i < N_CREWS; i++)
        for (size_t k = 0; k < p->crews[i].n_threads; k++)
            CHECK(uv_thread_join(&p->crews[i].threads[k]) == 0);
    uv_close((uv_handle_t *)&p->wake, on_wake_closed);
}
