/* SPDX-License-Identifier: MIT */
/* The supervisor: each test runs one in a child process of its own; its servers count themselves in
 * memory that all of them share. */
#include <poll.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_log.h"
#include "gateway/notify.h"
#include "gateway/supervisor.h"

enum {
    ON_PURPOSE = 3,
    DEADLINE_MS = 20000,
    MAX_STARTS = 16
};

static struct shared {
    atomic_int n_begun, n_starts, n_hups;
    atomic_int server; /* pid of the running one */
    sem_t started;     /* posted at each start */
    atomic_llong started_ms[MAX_STARTS];
} * shared;

static void enter(void)
{
    int n = atomic_fetch_add(&shared->n_begun, 1);
    if (n < MAX_STARTS)
        atomic_store(&shared->started_ms[n], gw_clock_mono_ms());
    atomic_store(&shared->server, getpid());
    atomic_fetch_add(&shared->n_starts, 1);
    (void)sem_post(&shared->started);
}

static int set_up(void **state)
{
    (void)state;
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shared != MAP_FAILED && sem_init(&shared->started, 1, 0) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return munmap(shared, sizeof(*shared));
}

static pid_t supervise(int (*run)(void *))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that failed leaves it */
        _exit(gw_supervise(run, NULL));
    }
    return pid;
}

static int exit_code(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void wait_for_start(int n)
{
    struct timespec end;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &end), 0);
    end.tv_sec += DEADLINE_MS / 1000;
    while (atomic_load(&shared->n_starts) < n)
        assert_int_equal(sem_clockwait(&shared->started, CLOCK_MONOTONIC, &end), 0);
}

static void on_hup(int signum)
{
    (void)signum;
    atomic_fetch_add(&shared->n_hups, 1);
}

static void on_term(int signum)
{
    (void)signum;
    _exit(ON_PURPOSE);
}

static int serve_until_term(void *data)
{
    (void)data;
    (void)signal(SIGTERM, on_term);
    (void)signal(SIGHUP, on_hup);
    gw_notify("READY=1\n");
    enter();
    while (pause() != 0) {
    }
    return 0;
}

static int fail_before_ready(void *data)
{
    (void)data;
    enter();
    return ON_PURPOSE;
}

static int die_young(void *data)
{
    (void)data;
    gw_notify("READY=1\n");
    enter();
    (void)raise(SIGKILL);
    return 0;
}

static int end_well(void *data)
{
    (void)data;
    gw_notify("READY=1\n");
    enter();
    return 0;
}

static void the_first_restart_is_at_once_then_the_delay_doubles_to_its_limit(void **state)
{
    (void)state;
    assert_int_equal(gw_supervisor_delay_ms(0), 0);
    assert_int_equal(gw_supervisor_delay_ms(1), GW_SUPERVISOR_FIRST_DELAY_MS);
    assert_int_equal(gw_supervisor_delay_ms(2), 2 * GW_SUPERVISOR_FIRST_DELAY_MS);
    assert_int_equal(gw_supervisor_delay_ms(7), GW_SUPERVISOR_MAX_DELAY_MS);
    assert_int_equal(gw_supervisor_delay_ms(4000000000U), GW_SUPERVISOR_MAX_DELAY_MS);
}

static void a_server_that_fails_before_it_was_ready_is_not_started_again(void **state)
{
    (void)state;
    assert_int_equal(exit_code(supervise(fail_before_ready)), ON_PURPOSE);
    assert_int_equal(atomic_load(&shared->n_starts), 1);
}

static void a_server_that_ends_well_ends_the_supervisor(void **state)
{
    (void)state;
    assert_int_equal(exit_code(supervise(end_well)), 0);
    assert_int_equal(atomic_load(&shared->n_starts), 1);
}

static void sigterm_is_passed_on_and_the_exit_code_comes_back(void **state)
{
    (void)state;
    pid_t pid = supervise(serve_until_term);
    wait_for_start(1);
    assert_int_equal(kill(pid, SIGHUP), 0);
    int64_t end = gw_clock_mono_ms() + DEADLINE_MS;
    while (atomic_load(&shared->n_hups) == 0)
        assert_true(gw_clock_mono_ms() < end);
    assert_int_equal(kill(pid, SIGTERM), 0);
    assert_int_equal(exit_code(pid), ON_PURPOSE);
    assert_int_equal(atomic_load(&shared->n_starts), 1);
}

static void a_server_that_dies_is_started_again(void **state)
{
    (void)state;
    pid_t pid = supervise(serve_until_term);
    wait_for_start(1);
    pid_t first = atomic_exchange(&shared->server, 0);
    assert_int_equal(kill(first, SIGKILL), 0);
    wait_for_start(2);
    assert_int_not_equal(atomic_load(&shared->server), first);
    assert_int_equal(kill(pid, SIGTERM), 0);
    assert_int_equal(exit_code(pid), ON_PURPOSE);
}

static void one_that_dies_again_and_again_is_started_more_and_more_slowly(void **state)
{
    (void)state;
    pid_t pid = supervise(die_young);
    wait_for_start(4);
    /* 0, FIRST, 2 × FIRST: what a loaded machine adds makes them longer only */
    int64_t fourth = atomic_load(&shared->started_ms[3]) - atomic_load(&shared->started_ms[2]);
    int64_t third = atomic_load(&shared->started_ms[2]) - atomic_load(&shared->started_ms[1]);
    assert_true(third >= GW_SUPERVISOR_FIRST_DELAY_MS);
    assert_true(fourth >= 2L * GW_SUPERVISOR_FIRST_DELAY_MS);
    assert_int_equal(kill(pid, SIGTERM), 0);
    int code = exit_code(pid); /* of the fourth, if it lived long enough to be told */
    assert_true(code == 128 + SIGKILL || code == 128 + SIGTERM);
}

static void the_server_dies_with_its_supervisor(void **state)
{
    (void)state;
    pid_t pid = supervise(serve_until_term);
    wait_for_start(1);
    /* tells of its end, also when it stays as a zombie of whoever inherits it */
    struct pollfd server = {.fd = pidfd_open(atomic_load(&shared->server), 0), .events = POLLIN};
    assert_true(server.fd >= 0);
    assert_int_equal(poll(&server, 1, 0), 0);
    assert_int_equal(kill(pid, SIGKILL), 0);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(poll(&server, 1, DEADLINE_MS), 1);
    (void)close(server.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_restart_is_at_once_then_the_delay_doubles_to_its_limit),
        cmocka_unit_test_setup_teardown(
            a_server_that_fails_before_it_was_ready_is_not_started_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_server_that_ends_well_ends_the_supervisor, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(sigterm_is_passed_on_and_the_exit_code_comes_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_server_that_dies_is_started_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            one_that_dies_again_and_again_is_started_more_and_more_slowly, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_server_dies_with_its_supervisor, set_up, tear_down),
    };
    gw_log_init(GW_LOG_ERROR, GW_LOG_FORMAT_TEXT, STDERR_FILENO);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
