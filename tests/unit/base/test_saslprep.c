/* SPDX-License-Identifier: MIT */
/* SASLprep: RFC 4013's examples, what else it maps and forbids, and its limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/gw_saslprep.h"

static const struct {
    const char *text;
    const char *prepared; /* NULL: refused */
    const char *why;      /* a part of the words */
} rows[] = {
    /* RFC 4013 sec. 3 */
    {"I\xc2\xadX", "IX", NULL},
    {"user", "user", NULL},
    {"USER", "USER", NULL},
    {"\xc2\xaa", "a", NULL},
    {"\xe2\x85\xa8", "IX", NULL},
    {"\a", NULL, "a character that SASLprep"},
    {"\xd8\xa7\x31", NULL, "does not begin and end with one"},
    /* sec. 2.1 and 2.2: spaces, NFKC */
    {"a\xc2\xa0z\xe3\x80\x80", "a z ", NULL},
    {"o\xcc\x88\xef\xac\x81",
     "\xc3\xb6"
     "fi",
     NULL},
    /* sec. 2.3 */
    {"\x7f", NULL, "a character that SASLprep"},
    {"\xc2\x80", NULL, "a character that SASLprep"},
    {"\xee\x80\x80", NULL, "a character that SASLprep"},     /* private use */
    {"\xef\xbf\xbe", NULL, "a character that SASLprep"},     /* no character */
    {"\xef\xbf\xbd", NULL, "a character that SASLprep"},     /* replacement */
    {"\xe2\x80\x8e", NULL, "a character that SASLprep"},     /* a mark of direction */
    {"\xf3\xa0\x80\x81", NULL, "a character that SASLprep"}, /* a tag */
    /* sec. 2.4 */
    {"\xd8\xa7\x31\xd8\xa8", "\xd8\xa7\x31\xd8\xa8", NULL},
    {"\xd8\xa7"
     "a\xd8\xa8",
     NULL, "mixes"},
    /* sec. 2.5: Unicode 3.2 did not know it, a query may have it */
    {"\xf0\x9f\x94\x91", "\xf0\x9f\x94\x91", NULL},
    {"\xc3\xa4\xff", NULL, "no UTF-8"},
    {"\xc2\xad", NULL, "nothing left"},
    {"", "", NULL},
};

static void names_and_passwords_are_prepared_or_refused(void **state)
{
    (void)state;
    char out[GW_SASLPREP_SIZE];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *why = gw_saslprep(rows[i].text, out);
        if (rows[i].prepared == NULL && (why == NULL || strstr(why, rows[i].why) == NULL))
            fail_msg("row %zu: %s", i, why != NULL ? why : "taken");
        if (rows[i].prepared != NULL && (why != NULL || strcmp(out, rows[i].prepared) != 0))
            fail_msg("row %zu: %s", i, why != NULL ? why : out);
        const char *problem = gw_saslprep_problem(rows[i].text);
        assert_int_equal(problem == NULL, rows[i].prepared != NULL);
        if (why == NULL) { /* what is prepared stays as it is */
            char again[GW_SASLPREP_SIZE];
            assert_null(gw_saslprep(out, again));
            assert_string_equal(again, out);
        }
    }
}

static const char *problem_of(const char *tail, size_t len)
{
    static char text[GW_SASLPREP_SIZE + 8];
    size_t n = strlen(tail);
    memset(text, 'p', len - n);
    memcpy(text + len - n, tail, n + 1);
    return gw_saslprep_problem(text);
}

static void length_has_a_limit_unless_nothing_is_to_be_done(void **state)
{
    (void)state;
    assert_null(problem_of("\xc3\xa4", GW_SASLPREP_SIZE - 1));
    assert_string_equal(problem_of("\xc3\xa4", GW_SASLPREP_SIZE), "is too long");
    assert_null(problem_of("pp", GW_SASLPREP_SIZE));
    /* U+FB03 grows: "ffi" */
    assert_null(problem_of("\xef\xac\x83", GW_SASLPREP_SIZE - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_passwords_are_prepared_or_refused),
        cmocka_unit_test(length_has_a_limit_unless_nothing_is_to_be_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
