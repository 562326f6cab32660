/* SPDX-License-Identifier: MIT */
/* Configuration files and secret files, the life of a snapshot, and what is left of its secrets. */
#include <fcntl.h>
#include <unistd.h>

#include "gateway/base/gw_mem.h"
#include "tests/unit/config/cfg_helper.h"

/* A file of its own with @text in it; the caller unlinks it. */
static void write_file(char path[], const char *text, size_t len)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    assert_int_equal(close(fd), 0);
}

static void check_password_file(const char *content, size_t len, const char *want)
{
    char path[] = "cfg_test_XXXXXX";
    char yaml[256];
    write_file(path, content, len);
    (void)snprintf(yaml, sizeof(yaml),
                   "relays: {a: {url: \"smtp://h\", username: u, password_file: \"${F}\"}}\n");
    char variable[64];
    (void)snprintf(variable, sizeof(variable), "F=%s", path);
    const char *env[] = {variable, NULL};
    if (want[0] != '\0') {
        const struct cfg *c = helper_good(yaml, env);
        assert_string_equal(c->relays[0].password, want);
        cfg_unref(&c);
    } else {
        const struct cfg *c;
        struct cfg_problems problems;
        assert_int_equal(helper_load(yaml, env, &c, &problems), GW_INVALID);
        assert_int_equal(problems.n, 1);
        assert_memory_equal(problems.text[0], "t.yaml:1:59: ", 13);
        cfg_problems_deinit(&problems);
    }
    assert_int_equal(unlink(path), 0);
}

static void a_secret_file_loses_one_line_end(void **state)
{
    (void)state;
    check_password_file("secret", 6, "secret");
    check_password_file("secret\n", 7, "secret");
    check_password_file("secret\r\n", 8, "secret");
    check_password_file("sec ret ", 8, "sec ret ");
    check_password_file("${HOME}", 7, "${HOME}");
}

static void a_secret_file_that_is_no_secret_is_refused(void **state)
{
    (void)state;
    static char large[CFG_MAX_TEXT + 10];
    memset(large, 'x', sizeof(large));
    check_password_file("", 0, "");
    check_password_file("\n", 1, "");
    check_password_file("a\nb\n", 4, "");
    check_password_file("a\0b", 3, "");
    check_password_file("a\xFF", 2, "");
    check_password_file("secret\n\n", 8, "");
    check_password_file(large, CFG_MAX_TEXT + 1, "");
    check_password_file(large, sizeof(large), "");
}

static void a_file_is_found_by_name_or_variable(void **state)
{
    (void)state;
    char path[] = "cfg_test_XXXXXX";
    static const char text[] = "log: warn\n";
    write_file(path, text, sizeof(text) - 1);
    const struct cfg *c;
    struct cfg_problems problems;
    assert_int_equal(cfg_load(path, NULL, &c, &problems), GW_OK);
    assert_int_equal(c->log.level, GW_LOG_WARN);
    cfg_unref(&c);
    char variable[64];
    (void)snprintf(variable, sizeof(variable), "MAILHATCH_CONFIG=%s", path);
    const char *env[] = {variable, NULL};
    assert_int_equal(cfg_load(NULL, env, &c, &problems), GW_OK);
    assert_int_equal(c->log.level, GW_LOG_WARN);
    cfg_unref(&c);
    assert_int_equal(unlink(path), 0);
}

static void a_file_that_cannot_be_read_is_an_io_error(void **state)
{
    (void)state;
    static const struct {
        const char *file, *want;
    } cases[] = {
        {"/nonexistent/x.yaml", "/nonexistent/x.yaml cannot be read: No such file or directory"},
        {"/dev/null", "/dev/null cannot be read: not a regular file"},
        {"/", "/ cannot be read: not a regular file"},
    };
    const struct cfg *c;
    struct cfg_problems problems;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(cfg_load(cases[i].file, NULL, &c, &problems), GW_IO);
        assert_null(c);
        assert_int_equal(problems.n, 1);
        assert_string_equal(problems.text[0], cases[i].want);
        cfg_problems_deinit(&problems);
    }
    const char *env[] = {"MAILHATCH_CONFIG=", NULL};
    assert_int_equal(cfg_load(NULL, env, &c, &problems), GW_INVALID);
    assert_null(c);
    assert_string_equal(problems.text[0],
                        "MAILHATCH_CONFIG: is set but empty; unset it or name a file");
    cfg_problems_deinit(&problems);
}

static void a_file_over_the_limit_is_refused(void **state)
{
    (void)state;
    char path[] = "cfg_test_XXXXXX";
    static const char start[] = "log: info\n#";
    size_t size = (size_t)CFG_MAX_FILE_SIZE + 1;
    char *text = test_malloc(size);
    memset(text, ' ', size);
    memcpy(text, start, sizeof(start) - 1);
    write_file(path, text, size);
    const struct cfg *c;
    struct cfg_problems problems;
    assert_int_equal(cfg_load(path, NULL, &c, &problems), GW_INVALID);
    cfg_problems_deinit(&problems);
    assert_int_equal(truncate(path, (off_t)size - 1), 0);
    assert_int_equal(cfg_load(path, NULL, &c, &problems), GW_OK);
    cfg_unref(&c);
    assert_int_equal(unlink(path), 0);
    test_free(text);
}

/* References and secrets */

static void the_last_reference_frees(void **state)
{
    (void)state;
    const struct cfg *a = helper_good(NULL, NULL);
    const struct cfg *b = cfg_ref(a);
    assert_ptr_equal(a, b);
    cfg_unref(&a);
    assert_null(a);
    assert_string_equal(b->relays[0].name, "sandbox");
    cfg_unref(&b);
    cfg_unref(&b);
    assert_null(b);
    struct cfg own = {0};
    const struct cfg *c = cfg_ref(&own);
    cfg_unref(&c);
    assert_null(c);
}

/* How often the bytes of @needle, each plus one, are in this process's own writable memory. */
static size_t count_in_memory(const unsigned char *shifted, size_t len)
{
    size_t found = 0;
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    size_t max = 64 << 20;
    unsigned char *copy = gw_malloc(max);
    assert_non_null(maps);
    assert_true(mem >= 0);
    while (fgets(line, sizeof(line), maps) != NULL) {
        char *end;
        unsigned long long from = strtoull(line, &end, 16);
        unsigned long long to = strtoull(end + 1, &end, 16);
        /* The sanitizers' reservations are larger; what we allocate is not in there. */
        if (end[2] != 'w' || to - from > max)
            continue;
        ssize_t n = pread(mem, copy, (size_t)(to - from), (off_t)from);
        for (ssize_t i = 0; i + (ssize_t)len <= n; i++) {
            size_t k = 0;
            while (k < len && copy[i + (ssize_t)k] == (unsigned char)(shifted[k] - 1))
                k++;
            found += k == len ? 1 : 0;
        }
        memset(copy, 0, n > 0 ? (size_t)n : 0);
    }
    gw_free(copy);
    (void)close(mem);
    (void)fclose(maps);
    return found;
}

static void no_copy_of_a_secret_outlives_the_configuration(void **state)
{
    (void)state;
    /* Shifted, so that the needle itself is not found. */
    static const unsigned char shifted[] = "Cbuufsz.Tubqmf.Ipstf.:5382:5382";
    size_t len = sizeof(shifted) - 1;
    char path[] = "cfg_test_XXXXXX";
    char yaml[512];
    int n = snprintf(yaml, sizeof(yaml), "relays: {a: {url: \"smtp://h\", username: u, password: ");
    for (size_t i = 0; i < len; i++)
        yaml[n++] = (char)(shifted[i] - 1);
    n += snprintf(yaml + n, sizeof(yaml) - (size_t)n, "}, b: \"smtp://u:");
    for (size_t i = 0; i < len; i++)
        yaml[n++] = (char)(shifted[i] - 1);
    n += snprintf(yaml + n, sizeof(yaml) - (size_t)n, "@h\"}\n");
    write_file(path, yaml, (size_t)n);
    explicit_bzero(yaml, sizeof(yaml));
    assert_int_equal(count_in_memory(shifted, len), 0);
    const struct cfg *c;
    struct cfg_problems problems;
    assert_int_equal(cfg_load(path, NULL, &c, &problems), GW_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(count_in_memory(shifted, len), 2); /* exactly the two passwords */
    cfg_unref(&c);
    assert_int_equal(count_in_memory(shifted, len), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_file_loses_one_line_end),
        cmocka_unit_test(a_secret_file_that_is_no_secret_is_refused),
        cmocka_unit_test(a_file_is_found_by_name_or_variable),
        cmocka_unit_test(a_file_that_cannot_be_read_is_an_io_error),
        cmocka_unit_test(a_file_over_the_limit_is_refused),
        cmocka_unit_test(the_last_reference_frees),
        cmocka_unit_test(no_copy_of_a_secret_outlives_the_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
