/* SPDX-License-Identifier: MIT */
/* docs/configuration.md names every key there is, and every example in it loads. */
#include <fcntl.h>
#include <unistd.h>

#include "config/cfg_schema.h"
#include "tests/unit/config/cfg_helper.h"

enum {
    MAX_PAGE = 256 << 10
};

static char page[MAX_PAGE];

static int read_page(void **state)
{
    (void)state;
    FILE *f = fopen(TEST_SOURCE_DIR "/../docs/configuration.md", "r");
    if (f == NULL)
        return -1;
    size_t n = fread(page, 1, sizeof(page) - 1, f);
    page[n] = '\0';
    return fclose(f);
}

static void check_named(const struct cfg_section *s)
{
    for (size_t i = 0; i < s->n_fields; i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "`%s`", s->fields[i].name);
        char heading[64];
        (void)snprintf(heading, sizeof(heading), "\n### %s\n", s->fields[i].name);
        if (strstr(page, text) == NULL && strstr(page, heading) == NULL)
            fail_msg("docs/configuration.md says nothing of %s in %s", s->fields[i].name, s->what);
        if (s->fields[i].section != NULL)
            check_named(s->fields[i].section);
    }
}

static void every_key_is_documented(void **state)
{
    (void)state;
    check_named(&cfg_root_section);
}

/* Replace each path below /run/secrets/ in @yaml by @file. */
static void point_secrets_at(char *yaml, size_t size, const char *file)
{
    static const char secrets[] = "/run/secrets/";
    char *at;
    while ((at = strstr(yaml, secrets)) != NULL) {
        const char *end = at + strcspn(at, " ,}\n");
        char rest[8192];
        (void)snprintf(rest, sizeof(rest), "%s", end);
        (void)snprintf(at, size - (size_t)(at - yaml), "%s%s", file, rest);
    }
}

static void every_example_loads(void **state)
{
    (void)state;
    static const char *env[] = {"SMTP_USER=u", "SMTP_PASSWORD=p", NULL};
    static const char fence[] = "```yaml\n";
    static const char secret[] = "id.0123456789abcdef0123456789abcdef\n";
    char file[] = "cfg_docs_XXXXXX";
    int fd = mkstemp(file);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, secret, sizeof(secret) - 1), sizeof(secret) - 1);
    assert_int_equal(close(fd), 0);
    size_t n = 0;
    for (const char *at = strstr(page, fence); at != NULL; at = strstr(at, fence)) {
        at += sizeof(fence) - 1;
        const char *end = strstr(at, "\n```");
        assert_non_null(end);
        char yaml[8192];
        (void)snprintf(yaml, sizeof(yaml), "%.*s\n", (int)(end - at), at);
        point_secrets_at(yaml, sizeof(yaml), file);
        const struct cfg *c = helper_good(yaml, env);
        cfg_unref(&c);
        n++;
    }
    assert_true(n > 10);
    assert_int_equal(unlink(file), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_documented),
        cmocka_unit_test(every_example_loads),
    };
    return cmocka_run_group_tests(tests, read_page, NULL);
}
