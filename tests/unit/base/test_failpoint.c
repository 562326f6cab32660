/* SPDX-License-Identifier: MIT */
/* Failpoints do what the environment says, at the count it says, and nothing without it. Each case
 * runs in a child process, as the environment is read once. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/base/gw_failpoint.h"

/* Passes "a.b" @a times and "a.c" @c times; the exit status counts the errors. */
static _Noreturn void child(const char *environment, int b, int c)
{
    static const struct rlimit no_core = {.rlim_cur = 0};
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)signal(SIGILL, SIG_DFL); /* cmocka's handlers belong to the parent */
    (void)signal(SIGABRT, SIG_DFL);
    (void)setenv("MAILHATCH_FAILPOINTS", environment, 1);
    int n_errors = 0;
    while (b-- > 0)
        n_errors += GW_FAILPOINT_FAILS("a.b") ? 1 : 0;
    while (c-- > 0)
        GW_FAILPOINT_OF("a", "c");
    _exit(n_errors);
}

static int run(const char *environment, int b, int c)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        child(environment, b, c);
    int status;
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    if (WIFSTOPPED(status)) {
        assert_int_equal(WSTOPSIG(status), SIGSTOP);
        assert_int_equal(kill(pid, SIGCONT), 0);
        int end;
        assert_int_equal(waitpid(pid, &end, 0), pid);
        assert_int_equal(end, 0);
    }
    return status;
}

#ifdef GW_FAILPOINTS

static void a_crash_comes_at_its_count(void **state)
{
    (void)state;
    assert_int_equal(run("a.b:crash:3", 2, 9), 0);
    int status = run("a.b:crash:3", 3, 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void an_error_comes_once(void **state)
{
    (void)state;
    assert_int_equal(WEXITSTATUS(run("a.b:error:2", 1, 0)), 0);
    assert_int_equal(WEXITSTATUS(run("a.b:error:2", 9, 0)), 1);
}

static void a_pause_lasts_until_continued(void **state)
{
    (void)state;
    assert_true(WIFSTOPPED(run("a.c:pause:1", 1, 1)));
}

static void several_points_are_kept_apart(void **state)
{
    (void)state;
    assert_int_equal(WEXITSTATUS(run("a.b:error:1,a.b:error:2,a.c:pause:7", 2, 6)), 2);
    assert_true(WIFSIGNALED(run("a.b:error:1,a.c:crash:2", 1, 2)));
}

static void other_points_pass(void **state)
{
    (void)state;
    assert_int_equal(run("a:crash:1,a.b.c:crash:1,b:crash:1,ab:crash:1", 3, 3), 0);
    assert_int_equal(run("", 3, 3), 0);
}

static void a_mistake_in_the_environment_is_noticed(void **state)
{
    (void)state;
    static const char *const mistakes[] = {"a.b", "a.b:crash", "a.b:crash:0", "a.b:crash:1x",
                                           "a.b:nonsense:1"};
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        assert_true(WIFSIGNALED(run(mistakes[i], 1, 0)));
    }
}

#else

static void without_the_option_nothing_happens(void **state)
{
    (void)state;
    assert_int_equal(run("a.b:crash:1,a.c:crash:1", 3, 3), 0);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef GW_FAILPOINTS
        cmocka_unit_test(a_crash_comes_at_its_count),
        cmocka_unit_test(an_error_comes_once),
        cmocka_unit_test(a_pause_lasts_until_continued),
        cmocka_unit_test(several_points_are_kept_apart),
        cmocka_unit_test(other_points_pass),
        cmocka_unit_test(a_mistake_in_the_environment_is_noticed),
#else
        cmocka_unit_test(without_the_option_nothing_happens),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
