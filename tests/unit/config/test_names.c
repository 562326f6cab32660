/* SPDX-License-Identifier: MIT */
/* Hosts, domains, patterns, names, addresses, suggestions. */
#include "config/cfg_text.h"
#include "tests/unit/config/cfg_helper.h"

#define L63  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define L61  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define L64  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define L65  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define D253 L63 "." L63 "." L63 "." L61
#define D254 D253 "a"

/* Every text of @yes is one, none of @no. */
static void check(bool (*is)(const char *), const char *const *yes, const char *const *no)
{
    for (; *yes != NULL; yes++)
        if (!is(*yes))
            fail_msg("\"%s\" was refused", *yes);
    for (; *no != NULL; no++)
        if (is(*no))
            fail_msg("\"%s\" was accepted", *no);
}

static void hosts_are_names_or_addresses(void **state)
{
    (void)state;
    static const char *const yes[] = {"a",
                                      "a.b",
                                      "mail.example.com",
                                      "xn--bcher-kva.example",
                                      "my_host",
                                      "1a.2b",
                                      "127.0.0.1",
                                      "::1",
                                      "2001:db8::1",
                                      "1.2.3.4a",
                                      "A.B",
                                      "localhost",
                                      D253,
                                      NULL};
    static const char *const no[] = {
        "",       ".",          "a.",        ".a",        "a..b",         "-a",    "a-",
        "a.-b",   "a b",        "a\tb",      "a\x01",     "b\xC3\xBC.de", "127.1", "2130706433",
        "0x7f.1", "0x7f000001", "256.1.1.1", "1.2.3.4.5", "a:b",          "[::1]", "fe80::1%lo",
        "a/b",    "a@b",        "a;b",       "a\x7F",     D254,           L64,     NULL};
    check(cfg_is_host, yes, no);
}

static void helo_names_are_hosts_or_address_literals(void **state)
{
    (void)state;
    static const char *const yes[] = {"a.example", "[192.0.2.1]", "[IPv6:2001:db8::1]", NULL};
    static const char *const no[] = {
        "",    "192.0.2.1", "[192.0.2.1", "[]", "[::1]", "[IPv6:1.2.3.4]", "[192.0.2.999]",
        "a b", "[a]",       "[IPv6:]",    NULL};
    check(cfg_is_helo, yes, no);
}

static void sender_patterns_have_one_form_each(void **state)
{
    (void)state;
    static const char *const yes[] = {"a@b",   "*@b.example", "*@*.b.example", "a+b.c@b.example",
                                      "a/b@x", NULL};
    static const char *const no[] = {
        "",      "a",     "@b",    "a@",      "*a@b", "a*@b",  "**@b",       "*@*",         "*@*b",
        "*@a.*", "a b@c", "a@b@c", "\"a\"@b", "a@b.", "<a@b>", "\xC3\xBC@b", "a@b\xC3\xBC", NULL};
    check(cfg_is_sender_pattern, yes, no);
}

static void selectors_are_labels(void **state)
{
    (void)state;
    static const char *const yes[] = {"r1", "2026", "a.b", "a_b", "a-b", NULL};
    static const char *const no[] = {"", "a..b", ".a", "a.", "dkim; d=evil.ee", "a b", "-a", NULL};
    check(cfg_is_selector, yes, no);
}

static void names_and_ids_have_small_alphabets(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "ses-eu", "A.b_c-1", "0", L64, NULL};
    static const char *const not_names[] = {"", "-a", ".a", "a b", "a/b", L65, "\xC3\xBC", NULL};
    check(cfg_is_name, names, not_names);
    static const char *const ids[] = {"k_3f9a", "-", "_", "A", L64, NULL};
    static const char *const not_ids[] = {"", "a.b", "a b", L65, NULL};
    check(cfg_is_key_id, ids, not_ids);
}

static void webhooks_go_to_https(void **state)
{
    (void)state;
    static const char *const yes[] = {"https://h",
                                      "https://h/",
                                      "https://h:8443/a?b=c",
                                      "https://[2001:db8::1]/x",
                                      "https://192.0.2.1/",
                                      "https://h?x",
                                      NULL};
    static const char *const no[] = {"",
                                     "http://h",
                                     "https://",
                                     "https:///x",
                                     "https://u@h",
                                     "https://u:p@h/",
                                     "https://h:0/",
                                     "https://h:65536/",
                                     "https://h:/",
                                     "https://h:x",
                                     "https://h/#f",
                                     "https://h/a b",
                                     "https://h\\@127.0.0.1/",
                                     "https://127.1/",
                                     "https://0x7f.1/",
                                     "https://2130706433/",
                                     "https://h./",
                                     "https://[::1",
                                     "https://[::1]x",
                                     "https://[1.2.3.4]/",
                                     "https://[]/",
                                     "https://h/\x7F",
                                     "gopher://h",
                                     "https://" D254 "/",
                                     NULL};
    check(cfg_is_https_url, yes, no);
}

static void loopback_is_known_in_every_spelling(void **state)
{
    (void)state;
    static const char *const yes[] = {"127.0.0.1",        "127.9.9.9", "::1",
                                      "::ffff:127.0.0.1", "localhost", "LocalHost",
                                      "0:0:0:0:0:0:0:1",  NULL};
    static const char *const no[] = {
        "0.0.0.0",           "::", "10.0.0.1", "128.0.0.1", "::ffff:10.0.0.1",
        "localhost.example", "",   "::2",      NULL};
    check(cfg_is_loopback, yes, no);
}

static void clean_text_is_utf8_without_controls(void **state)
{
    (void)state;
    static const char *const yes[] = {"",    "abc", "\xC3\xBC", "\xE2\x82\xAC", "\xF0\x9F\x98\x80",
                                      "a b", NULL};
    static const char *const no[] = {"\x01",
                                     "a\nb",
                                     "a\tb",
                                     "\x7F",
                                     "\xC2\x85",
                                     "\xC0\xAF",
                                     "\xE0\x80\xAF",
                                     "\xED\xA0\x80",
                                     "\xF4\x90\x80\x80",
                                     "\xF5\x80\x80\x80",
                                     "\xFF",
                                     "\xC3",
                                     "\xE2\x82",
                                     "\x80",
                                     "\xE2\x80\xA8",
                                     "\xE2\x80\xA9",
                                     "\xEF\xBF\xBE",
                                     "\xEF\xBF\xBF",
                                     NULL};
    for (size_t i = 0; yes[i] != NULL; i++)
        assert_true(cfg_is_clean(gw_slice_str(yes[i])));
    for (size_t i = 0; no[i] != NULL; i++)
        if (cfg_is_clean(gw_slice_str(no[i])))
            fail_msg("number %zu was accepted", i);
    assert_false(cfg_is_clean(gw_slice_of("a\0b", 3)));
}

static void ports_are_numbers_to_65535(void **state)
{
    (void)state;
    static const char *const bad[] = {"",   "65536", "99999", "100000", "-1",
                                      "+1", " 1",    "1 ",    "0x1"};
    uint16_t port;
    assert_true(cfg_parse_port(gw_slice_str("65535"), &port));
    assert_int_equal(port, 65535);
    assert_true(cfg_parse_port(gw_slice_str("0"), &port));
    assert_int_equal(port, 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(cfg_parse_port(gw_slice_str(bad[i]), &port));
}

static void the_nearest_name_is_suggested(void **state)
{
    (void)state;
    static const char *const names[] = {"listen", "limits", "relays",
                                        "routes", "log",    "messages_per_connection"};
    static const struct {
        const char *word, *near;
    } cases[] = {{"limts", "limits"},
                 {"limist", "limits"},
                 {"Relay", "relays"},
                 {"route", "routes"},
                 {"lgo", "log"},
                 {"messages-per-connection", "messages_per_connection"},
                 {"messagesPerConnection", "messages_per_connection"},
                 {"password", NULL},
                 {"x", NULL},
                 {"", NULL}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *near = cfg_nearest(cases[i].word, names, 6);
        if (cases[i].near == NULL)
            assert_null(near);
        else if (near == NULL || strcmp(near, cases[i].near) != 0)
            fail_msg("for %s: %s", cases[i].word, near != NULL ? near : "nothing");
    }
    char longest[200];
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_null(cfg_nearest(longest, names, 6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_are_names_or_addresses),
        cmocka_unit_test(helo_names_are_hosts_or_address_literals),
        cmocka_unit_test(sender_patterns_have_one_form_each),
        cmocka_unit_test(selectors_are_labels),
        cmocka_unit_test(names_and_ids_have_small_alphabets),
        cmocka_unit_test(webhooks_go_to_https),
        cmocka_unit_test(loopback_is_known_in_every_spelling),
        cmocka_unit_test(clean_text_is_utf8_without_controls),
        cmocka_unit_test(ports_are_numbers_to_65535),
        cmocka_unit_test(the_nearest_name_is_suggested),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
