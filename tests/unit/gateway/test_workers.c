/* SPDX-License-Identifier: MIT */
/* The prepare pool. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/resource.h>

#include "gateway/base/gw_mem.h"
#include "gateway/discard.h"
#include "gateway/workers.h"

enum {
    N_JOBS = 500
};

struct job {
    struct gw_work work;
    int in, out;
    uv_thread_t ran_in;
    int *n_done;
};

static void run(struct gw_work *w)
{
    struct job *j = gw_list_entry(w, struct job, work);
    j->out = j->in * 2;
    j->ran_in = uv_thread_self();
}

static void done(struct gw_work *w)
{
    struct job *j = gw_list_entry(w, struct job, work);
    (*j->n_done)++;
}

static void on_closed(void *data)
{
    *(bool *)data = true;
}

static void every_job_runs_elsewhere_and_is_done_once_on_the_loop(void **state)
{
    (void)state;
    static struct job jobs[N_JOBS];
    uv_loop_t loop;
    assert_int_equal(uv_loop_init(&loop), 0);
    struct gw_workers *p;
    assert_int_equal(gw_workers_new(&loop, 3, N_JOBS, &p, NULL), GW_OK);
    int n_done = 0;
    for (int i = 0; i < N_JOBS; i++) {
        jobs[i] = (struct job){.work = {.run = run, .done = done}, .in = i, .n_done = &n_done};
        assert_int_equal(gw_workers_submit(p, &jobs[i].work), GW_OK);
    }
    struct job extra = {.work = {.run = run, .done = done}, .n_done = &n_done};
    assert_int_equal(gw_workers_submit(p, &extra.work), GW_BUSY);
    while (gw_workers_pending(p) != 0)
        (void)uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(n_done, N_JOBS);
    uv_thread_t self = uv_thread_self();
    for (int i = 0; i < N_JOBS; i++) {
        assert_int_equal(jobs[i].out, 2 * i);
        assert_false(uv_thread_equal(&jobs[i].ran_in, &self));
    }
    bool closed = false;
    gw_workers_close(p, on_closed, &closed);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_true(closed);
    assert_int_equal(uv_loop_close(&loop), 0);
}

enum {
    N_FLOOD = 100
};

struct ordered_job {
    struct gw_work work;
    int *n_ran, place;
};

static void run_in_order(struct gw_work *w)
{
    struct ordered_job *j = gw_list_entry(w, struct ordered_job, work);
    j->place = ++*j->n_ran; /* there is one thread */
}

static void ignore(struct gw_work *w)
{
    (void)w;
}

struct gate {
    struct gw_work work;
    uv_sem_t open;
};

static void wait_at_gate(struct gw_work *w)
{
    uv_sem_wait(&gw_list_entry(w, struct gate, work)->open);
}

static void who_has_little_to_do_does_not_wait_for_who_has_much(void **state)
{
    (void)state;
    static struct ordered_job flood[N_FLOOD];
    struct ordered_job others[2];
    struct gate gate = {.work = {.run = wait_at_gate, .done = ignore}};
    uv_loop_t loop;
    struct gw_workers *p;
    int n_ran = 0;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(uv_sem_init(&gate.open, 0), 0);
    assert_int_equal(gw_workers_new(&loop, 1, N_FLOOD + 3, &p, NULL), GW_OK);
    assert_int_equal(gw_workers_submit(p, &gate.work), GW_OK);
    for (int i = 0; i < N_FLOOD; i++) {
        flood[i] = (struct ordered_job){.work = {.run = run_in_order, .done = ignore, .flow = 1},
                                        .n_ran = &n_ran};
        assert_int_equal(gw_workers_submit(p, &flood[i].work), GW_OK);
    }
    for (int i = 0; i < 2; i++) {
        others[i] = (struct ordered_job){.work = {.run = run_in_order, .done = ignore, .flow = 2},
                                         .n_ran = &n_ran};
        assert_int_equal(gw_workers_submit(p, &others[i].work), GW_OK);
    }
    uv_sem_post(&gate.open);
    while (gw_workers_pending(p) != 0)
        (void)uv_run(&loop, UV_RUN_ONCE);
    assert_in_range(others[0].place, 1, 3);
    assert_in_range(others[1].place, 3, 5);
    for (int i = 1; i < N_FLOOD; i++)
        assert_true(flood[i].place > flood[i - 1].place);
    bool closed = false;
    gw_workers_close(p, on_closed, &closed);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_true(closed);
    uv_sem_destroy(&gate.open);
    assert_int_equal(uv_loop_close(&loop), 0);
}

enum {
    N_LONG = 5
};

static void see_priority(struct gw_work *w)
{
    struct job *j = gw_list_entry(w, struct job, work);
    j->out = getpriority(PRIO_PROCESS, 0);
}

/* Long ones are in hand until the gate opens, which is after the short one is done. */
static void what_takes_long_has_threads_of_its_own(void **state)
{
    (void)state;
    struct gate gate[N_LONG];
    struct job quick;
    uv_loop_t loop;
    struct gw_workers *p;
    int n_done = 0;
    int ours = getpriority(PRIO_PROCESS, 0);
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(gw_workers_new(&loop, 1, N_LONG + 2, &p, NULL), GW_OK);
    for (int i = 0; i < N_LONG; i++) {
        gate[i] = (struct gate){.work = {.run = wait_at_gate, .done = ignore, .is_long = true}};
        assert_int_equal(uv_sem_init(&gate[i].open, 0), 0);
        assert_int_equal(gw_workers_submit(p, &gate[i].work), GW_OK);
    }
    quick = (struct job){.work = {.run = see_priority, .done = done}, .n_done = &n_done};
    assert_int_equal(gw_workers_submit(p, &quick.work), GW_OK);
    while (n_done == 0)
        (void)uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(gw_workers_pending(p), N_LONG);
    assert_int_equal(quick.out, ours);
    for (int i = 0; i < N_LONG; i++)
        uv_sem_post(&gate[i].open);
    quick.work.is_long = true;
    assert_int_equal(gw_workers_submit(p, &quick.work), GW_OK);
    while (gw_workers_pending(p) != 0)
        (void)uv_run(&loop, UV_RUN_ONCE);
    int lower = ours + GW_WORK_LONG_NICE;
    assert_int_equal(quick.out, lower < 19 ? lower : 19);
    bool closed = false;
    gw_workers_close(p, on_closed, &closed);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_true(closed);
    for (int i = 0; i < N_LONG; i++)
        uv_sem_destroy(&gate[i].open);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static uv_thread_t freed_in;
static bool is_freed;

static void note_thread(struct gw_work *w)
{
    uv_sem_t *done = &gw_list_entry(w, struct gate, work)->open;
    freed_in = uv_thread_self();
    is_freed = true;
    uv_sem_post(done);
}

static void what_nobody_waits_for_is_run_before_the_pool_is_gone(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct gw_workers *p;
    struct gate note = {.work = {.run = note_thread, .is_long = true}};
    bool closed = false;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(uv_sem_init(&note.open, 0), 0);
    assert_int_equal(gw_workers_new(&loop, 1, 1, &p, NULL), GW_OK);
    gw_workers_post(p, &note.work);
    assert_int_equal(gw_workers_pending(p), 0);
    struct gw_arena *arena = gw_arena_new(0);
    (void)gw_arena_bytes(arena, GW_WORK_LONG_BYTES);
    gw_discard_arena(p, &arena);
    assert_null(arena);
    gw_discard_heap(p, gw_malloc(GW_WORK_LONG_BYTES), GW_WORK_LONG_BYTES);
    gw_discard_heap(NULL, gw_malloc(GW_WORK_LONG_BYTES), GW_WORK_LONG_BYTES);
    gw_discard_heap(p, NULL, 0);
    gw_workers_close(p, on_closed, &closed);
    assert_true(is_freed); /* and the leak detector looks at the rest */
    uv_thread_t self = uv_thread_self();
    assert_false(uv_thread_equal(&freed_in, &self));
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_true(closed);
    uv_sem_destroy(&note.open);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_job_runs_elsewhere_and_is_done_once_on_the_loop),
        cmocka_unit_test(who_has_little_to_do_does_not_wait_for_who_has_much),
        cmocka_unit_test(what_takes_long_has_threads_of_its_own),
        cmocka_unit_test(what_nobody_waits_for_is_run_before_the_pool_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
