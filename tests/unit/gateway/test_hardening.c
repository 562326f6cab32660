/* SPDX-License-Identifier: MIT */
/* What the process gives up. Each test does it in a child process and looks from there. */
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/hardening.h"

#define DOCUMENT TEST_SOURCE_DIR "/../docs/operations.md"

static void assert_in_child(bool (*holds)(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(holds() ? 0 : 1);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static bool filtered(void)
{
    struct gw_err err;
    if (gw_seccomp_enable(&err) == GW_OK)
        return true;
    (void)fprintf(stderr, "%s\n", err.text);
    return false;
}

static bool starts_no_program(void)
{
    char program[] = "/bin/true";
    char *const argv[] = {program, NULL};
    return filtered() && execv(argv[0], argv) == -1 && errno == ENOSYS;
}

static void *start_program(void *data)
{
    (void)data;
    static char program[] = "/bin/true";
    char *const argv[] = {program, NULL};
    return execv(argv[0], argv) == -1 && errno == ENOSYS ? argv[0] : NULL;
}

static bool nor_do_its_threads(void)
{
    pthread_t thread;
    void *result = NULL;
    return filtered() && pthread_create(&thread, NULL, start_program, NULL) == 0 &&
           pthread_join(thread, &result) == 0 && result != NULL;
}

static bool mounts_nothing(void)
{
    return filtered() && mount("none", "/tmp", "tmpfs", 0, NULL) == -1 && errno == ENOSYS;
}

static bool still_resolves_and_writes(void)
{
    struct addrinfo *found = NULL;
    FILE *f = filtered() ? tmpfile() : NULL;
    bool wrote = f != NULL && fputs("x", f) != EOF && fclose(f) == 0;
    bool resolved = getaddrinfo("localhost", "25", NULL, &found) == 0;
    if (resolved)
        freeaddrinfo(found);
    return wrote && resolved;
}

static bool dumps_no_core_and_gains_nothing(void)
{
    struct rlimit core;
    struct rlimit files;
    gw_harden_process();
    return getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 && core.rlim_max == 0 &&
           prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && getrlimit(RLIMIT_NOFILE, &files) == 0 &&
           (files.rlim_cur == files.rlim_max || files.rlim_cur >= GW_MAX_OPEN_FILES);
}

static void no_other_program_can_be_started(void **state)
{
    (void)state;
    assert_in_child(starts_no_program);
    assert_in_child(nor_do_its_threads);
}

static void the_system_stays_as_it_is(void **state)
{
    (void)state;
    assert_in_child(mounts_nothing);
}

static void what_we_need_goes_on_working(void **state)
{
    (void)state;
    assert_in_child(still_resolves_and_writes);
}

static void limits_are_set(void **state)
{
    (void)state;
    assert_in_child(dumps_no_core_and_gains_nothing);
}

static char *read_file(const char *name)
{
    FILE *f = fopen(name, "rb");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    long size = ftell(f);
    rewind(f);
    char *text = calloc(1, (size_t)size + 1);
    assert_int_equal(fread(text, 1, (size_t)size, f), (size_t)size);
    (void)fclose(f);
    return text;
}

static void the_document_lists_every_call(void **state)
{
    (void)state;
    char *text = read_file(DOCUMENT);
    char *list = strstr(text, "<!-- seccomp -->");
    assert_non_null(list);
    *strstr(list, "<!-- /seccomp -->") = '\0';
    char quoted[64];
    size_t n = 0;
    for (; gw_seccomp_name(n) != NULL; n++) {
        if (strcmp(gw_seccomp_name(n), "ptrace") == 0) /* what follows is for sanitizers */
            break;
        (void)snprintf(quoted, sizeof(quoted), "`%s`", gw_seccomp_name(n));
        if (strstr(list, quoted) == NULL)
            fail_msg("docs/operations.md does not list %s", quoted);
    }
    size_t n_listed = 0;
    for (const char *p = list; (p = strchr(p, '`')) != NULL; p++)
        n_listed++;
    assert_int_equal(n_listed, 2 * n);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_other_program_can_be_started),
        cmocka_unit_test(the_system_stays_as_it_is),
        cmocka_unit_test(what_we_need_goes_on_working),
        cmocka_unit_test(limits_are_set),
        cmocka_unit_test(the_document_lists_every_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
