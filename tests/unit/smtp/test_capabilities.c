/* SPDX-License-Identifier: MIT */
/* What is read from an EHLO reply. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "smtp/capabilities.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct smtp_capabilities parse(const char *text)
{
    struct smtp_reply_parser p;
    struct smtp_capabilities caps;
    size_t used = 0;
    memset(&caps, 0xff, sizeof(caps));
    smtp_reply_parser_init(&p);
    assert_int_equal(smtp_reply_parse(&p, gw_slice_str(text), &used), SMTP_REPLY_DONE);
    smtp_capabilities_parse(&p, &caps);
    smtp_reply_parser_deinit(&p);
    return caps;
}

static void every_keyword_is_known(void **state)
{
    (void)state;
    struct smtp_capabilities c =
        parse("250-mx\r\n250-STARTTLS\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n"
              "250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250-CHUNKING\r\n250-DSN\r\n"
              "250-REQUIRETLS\r\n250 AUTH PLAIN LOGIN\r\n");
    assert_true(c.esmtp && c.starttls && c.pipelining && c.size && c.eightbitmime && c.smtputf8);
    assert_true(c.enhanced_codes && c.chunking && c.dsn && c.requiretls);
    assert_true(c.auth[SMTP_AUTH_PLAIN] && c.auth[SMTP_AUTH_LOGIN]);
    assert_int_equal(c.max_size, 52428800);
}

static void nothing_is_offered_by_default(void **state)
{
    (void)state;
    static const struct smtp_capabilities none = {.esmtp = true};
    static const char *const nothing[] = {
        "250 mx\r\n",
        "250 STARTTLS\r\n",
        "250-PIPELINING SIZE 5\r\n250 HELP\r\n",
        "250-mx\r\n250-XSTARTTLS\r\n250-STARTTLSX\r\n250-HELP STARTTLS\r\n250 START TLS\r\n",
        "250-mx\r\n250-AUTHPLAIN\r\n250-XAUTH PLAIN\r\n250-AUTH\r\n250 AUTH PLAINX XLOGIN\r\n",
        "250-mx\r\n250-\r\n250-   \r\n250\r\n",
    };
    for (size_t i = 0; i < COUNT(nothing); i++) {
        struct smtp_capabilities c = parse(nothing[i]);
        if (c.starttls != none.starttls || c.pipelining || c.size || c.eightbitmime || c.smtputf8 ||
            c.chunking || c.dsn || c.requiretls || c.auth[0] || c.auth[1] || c.max_size != 0)
            fail_msg("case %zu offers something", i);
    }
}

static void case_and_spacing_do_not_matter(void **state)
{
    (void)state;
    struct smtp_capabilities c =
        parse("250-mx\r\n250-starttls\r\n250- PipeLining \r\n250-size  7  8\r\n250 auth=login\r\n");
    assert_true(c.starttls && c.pipelining && c.auth[SMTP_AUTH_LOGIN] && !c.auth[SMTP_AUTH_PLAIN]);
    assert_int_equal(c.max_size, 7);
}

static void size_is_a_plain_number_or_unknown(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t size;
    } cases[] = {
        {"250-mx\r\n250 SIZE\r\n", 0},
        {"250-mx\r\n250 SIZE 0\r\n", 0},
        {"250-mx\r\n250 SIZE -1\r\n", 0},
        {"250-mx\r\n250 SIZE +1\r\n", 0},
        {"250-mx\r\n250 SIZE 1k\r\n", 0},
        {"250-mx\r\n250 SIZE 0x10\r\n", 0},
        {"250-mx\r\n250 SIZE 18446744073709551615\r\n", UINT64_MAX},
        {"250-mx\r\n250 SIZE 18446744073709551616\r\n", 0},
        {"250-mx\r\n250 SIZE 99999999999999999999\r\n", 0},
        {"250-mx\r\n250 SIZE 00000000000000000000000000000012\r\n", 12},
        {"250-mx\r\n250-SIZE 5\r\n250 SIZE 6\r\n", 6},
        {"250-mx\r\n250 SIZEX 5\r\n", 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct smtp_capabilities c = parse(cases[i].text);
        if (c.max_size != cases[i].size)
            fail_msg("%s gives %llu", cases[i].text, (unsigned long long)c.max_size);
    }
}

static void limits_are_numbers_without_leading_zero(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t mails, rcpts, domains;
    } cases[] = {
        {"250-mx\r\n250 LIMITS MAILMAX=5 RCPTMAX=100 RCPTDOMAINMAX=3\r\n", 5, 100, 3},
        {"250-mx\r\n250 limits rcptmax=7 FOO=1 BAR\r\n", 0, 7, 0},
        {"250-mx\r\n250 LIMITS RCPTMAX=999999\r\n", 0, 999999, 0},
        {"250-mx\r\n250 LIMITS RCPTMAX=1000000\r\n", 0, 0, 0},
        {"250-mx\r\n250 LIMITS RCPTMAX=0 MAILMAX=01 RCPTDOMAINMAX=\r\n", 0, 0, 0},
        {"250-mx\r\n250 LIMITS RCPTMAX=-1 MAILMAX=1k RCPTDOMAINMAX=+2\r\n", 0, 0, 0},
        {"250-mx\r\n250 LIMITS\r\n", 0, 0, 0},
        {"250-mx\r\n250 LIMITSRCPTMAX=3\r\n", 0, 0, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct smtp_capabilities c = parse(cases[i].text);
        if (c.mail_max != cases[i].mails || c.rcpt_max != cases[i].rcpts ||
            c.rcpt_domain_max != cases[i].domains)
            fail_msg("%s gives %u %u %u", cases[i].text, c.mail_max, c.rcpt_max, c.rcpt_domain_max);
    }
}

static void repeated_auth_lines_add_up(void **state)
{
    (void)state;
    struct smtp_capabilities c =
        parse("250-mx\r\n250-AUTH LOGIN\r\n250-AUTH=GSSAPI PLAIN\r\n250 X\r\n");
    assert_true(c.auth[SMTP_AUTH_PLAIN] && c.auth[SMTP_AUTH_LOGIN]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_keyword_is_known),
        cmocka_unit_test(nothing_is_offered_by_default),
        cmocka_unit_test(case_and_spacing_do_not_matter),
        cmocka_unit_test(size_is_a_plain_number_or_unknown),
        cmocka_unit_test(limits_are_numbers_without_leading_zero),
        cmocka_unit_test(repeated_auth_lines_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
