/* SPDX-License-Identifier: MIT */
/* What is refused, where, and in which words. */
#include "tests/unit/config/cfg_helper.h"

static void what_is_not_yaml_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct helper_case cases[] = {
        {"", "t.yaml:1:1: the file is empty; it needs at least one key, such as \"relays:\""},
        {"# only this\n", "t.yaml:1:1: the file is empty; it needs at least one key, such as "
                          "\"relays:\""},
        {"~\n", "t.yaml:1:1: the file is empty; it needs at least one key, such as \"relays:\""},
        {"hello\n", "t.yaml:1:1: a configuration is a map of keys and values, such as \"relays:\""},
        {"\n - a\n", "t.yaml:2:2: a configuration is a map of keys and values, such as "
                     "\"relays:\""},
        {"log: [info\n", "t.yaml:2:1: not valid YAML: did not find expected ',' or ']' while "
                         "parsing a flow sequence that starts at line 1"},
        {"log: info\n  x: 1\n", "t.yaml:2:4: not valid YAML: mapping values are not allowed in "
                                "this context"},
        {"log: \"a\n", "t.yaml:2:1: not valid YAML: found unexpected end of stream while scanning "
                       "a quoted scalar that starts at line 1"},
        {"\tlog: info\n", "t.yaml:1:1: not valid YAML: found character that cannot start any token "
                          "while scanning for the next token that starts at line 1"},
        {"log: info\nab: \xC3\xBC \xFF\n", "t.yaml:2:7: not valid YAML: invalid leading UTF-8 "
                                           "octet"},
        {"log: \x01\n", "t.yaml:1:6: not valid YAML: control characters are not allowed"},
        {"log: info\n---\nlog: warn\n",
         "t.yaml:2:1: a second YAML document; a configuration is one document"},
        {"log: {level: &a info}\n",
         "t.yaml:1:14: YAML anchors (&name) are not supported; write the value out"},
        {"log: {level: &a info, format: *a}\n",
         "t.yaml:1:14: YAML anchors (&name) are not supported; write the value out\n"
         "t.yaml:1:31: YAML aliases (*name) are not supported; write the value out"},
        {"log: {level: !!str info}\n",
         "t.yaml:1:14: YAML tags (!name) are not supported; leave the tag out"},
        {"? [a]\n: b\n", "t.yaml:1:3: a key must be plain text"},
        {"\"\": b\n", "t.yaml:1:1: a key must be plain text"},
        {"\"l\\0g\": b\n", "t.yaml:1:1: a key must be plain text"},
        {"log: [[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]\n",
         "t.yaml:1:21: more than 16 maps and lists inside each other"},
    };
    HELPER_BAD_ALL(cases, NULL);
}

static void a_nul_byte_is_refused(void **state)
{
    (void)state;
    struct gw_slice text = GW_SLICE_LIT("log: info\nlisten: a\0b\n");
    const struct cfg *cfg;
    struct cfg_problems problems;
    assert_int_equal(cfg_load_text("t.yaml", &text, NULL, &cfg, &problems), GW_INVALID);
    assert_null(cfg);
    assert_int_equal(problems.n, 1);
    assert_string_equal(problems.text[0],
                        "t.yaml:2:10: not valid YAML: control characters are not allowed");
    cfg_problems_deinit(&problems);
}

static void unknown_and_repeated_keys_are_refused(void **state)
{
    (void)state;
    static const struct helper_case cases[] = {
        {"lgo: info\n", "t.yaml:1:1: unknown key \"lgo\"; did you mean \"log\"?"},
        {"log:\n  levle: info\n", "t.yaml:2:3: unknown key \"levle\"; did you mean \"level\"?"},
        {"log:\n  Level: info\n", "t.yaml:2:3: unknown key \"Level\"; did you mean \"level\"?"},
        {"log: {volume: 11}\n", "t.yaml:1:7: unknown key \"volume\"; known here: level, format"},
        {"log: {\"smtp://u:p@h\": 1}\n", "t.yaml:1:7: unknown key; known here: level, format"},
        {"relays: {a: {url: \"smtp://h\", passwort_file: x}}\n",
         "t.yaml:1:31: unknown key \"passwort_file\"; did you mean \"password_file\"?"},
        {"log: {level_file: x}\n",
         "t.yaml:1:7: unknown key \"level_file\"; known here: level, format"},
        {"log: info\nlisten: [\"127.0.0.1:1\"]\nlog: warn\n",
         "t.yaml:3:1: this key was given before, at line 1; keep one"},
        {"relays:\n  a: \"sandbox:\"\n  a: \"sandbox:\"\n",
         "t.yaml:3:3: this key was given before, at line 2; keep one"},
    };
    HELPER_BAD_ALL(cases, NULL);
}

static void wrong_kinds_are_refused(void **state)
{
    (void)state;
    static const struct helper_case cases[] = {
        {"limits: [1]\n", "t.yaml:1:9: \"limits\" must be a map of keys and values (limits), not a "
                          "list"},
        {"limits: big\n", "t.yaml:1:9: \"limits\" must be a map of keys and values (limits)"},
        {"store: [memory]\n", "t.yaml:1:8: \"store\" must be a map of keys and values (store) or "
                              "just its engine, not a list"},
        {"listen: 127.0.0.1:8080\n", "t.yaml:1:9: \"listen\" must be a list such as [a, b]"},
        {"listen: [~]\n", "t.yaml:1:10: an item of \"listen\" must be a map of keys and values (a "
                          "listener) or just its address; it is empty"},
        {"relays: [\"sandbox:\"]\n",
         "t.yaml:1:9: \"relays\" must be a map of names, each with its settings, not a list"},
        {"limits: {body: {a: b}}\n",
         "t.yaml:1:16: \"body\" must be a size such as 64KB or 25MB, from 1KB to 100MB, not a map"},
        {"log: {level: [info]}\n",
         "t.yaml:1:14: \"level\" must be one of error, warn, info, debug, not a list"},
        {"retry: {schedule: 1m}\n", "t.yaml:1:19: \"schedule\" must be a list such as [a, b]"},
        {"retry: {schedule: [[1m]]}\n",
         "t.yaml:1:20: an item of \"schedule\" must be a duration such as 500ms, 10s, 5m, 4h or "
         "5d, from 1ms to 3650d, not a list"},
        {"relays: {a: {url: [x]}}\n", "t.yaml:1:19: \"url\" must be a URL such as smtp://host:587, "
                                      "not a list"},
        {"listen: []\n", "t.yaml:1:9: \"listen\" is an empty list; give it an item or leave the "
                         "key out"},
        {"listen:\n", "t.yaml:1:1: \"listen\" is empty; give it a value or leave the key out"},
        {"relays: {}\n", "t.yaml:1:9: \"relays\" is empty; give it an item or leave the key out"},
        {"relays:\n", "t.yaml:1:1: \"relays\" is empty; give it a value or leave the key out"},
        {"api_keys:\n", "t.yaml:1:1: \"api_keys\" is empty; give it a value or leave the key out"},
    };
    HELPER_BAD_ALL(cases, NULL);
}

static void values_out_of_range_say_the_range(void **state)
{
    (void)state;
    static const struct helper_case cases[] = {
        {"limits: {body: 1023}\n", "t.yaml:1:16: \"body\" must be a size such as 64KB or 25MB, "
                                   "from 1KB to 100MB, not \"1023\""},
        {"limits: {body: 101MB, inflight: 200MB}\n",
         "t.yaml:1:16: \"body\" must be a size such as 64KB or 25MB, from 1KB to 100MB, not "
         "\"101MB\""},
        {"limits: {recipients: 0}\n",
         "t.yaml:1:22: \"recipients\" must be a number from 1 to 100000, not \"0\""},
        {"limits: {recipients: true}\n",
         "t.yaml:1:22: \"recipients\" must be a number from 1 to 100000, not \"true\""},
        {"limits: {body: 50MB, inflight: 40MB}\n",
         "t.yaml:1:9: \"inflight\" (all bodies at once) is smaller than \"body\" (one of them)"},
        {"retry: {jitter: 1.1}\n",
         "t.yaml:1:17: \"jitter\" must be a number from 0 to 1, such as 0.2, not \"1.1\""},
        {"retry: {jitter: -0.1}\n",
         "t.yaml:1:17: \"jitter\" must be a number from 0 to 1, such as 0.2, not \"-0.1\""},
        {"retry: {max_age: 5}\n",
         "t.yaml:1:18: \"max_age\" must be a duration such as 500ms, 10s, 5m, 4h or 5d, from 1ms "
         "to 3650d, not \"5\""},
        {"retry: {on_uncertain: stopp}\n", "t.yaml:1:23: \"on_uncertain\" must be one of retry, "
                                           "hold, stop, not \"stopp\"; did you mean \"stop\"?"},
        {"log: loud\n", "t.yaml:1:6: \"log\" must be one of error, warn, info, debug, not "
                        "\"loud\""},
        {"store: redis\n", "t.yaml:1:8: \"store\" must be one of sqlite, memory, not \"redis\""},
        {"store: {engine: postgres}\n",
         "t.yaml:1:17: \"postgres\" is not supported by this release; it must be one of sqlite, "
         "memory"},
        {"store: \"postgres://u:secret@h/db\"\n",
         "t.yaml:1:8: the PostgreSQL store is not supported by this release; it must be sqlite or "
         "memory"},
        {"store: {engine: memory, url: \"postgres://h/db\"}\n",
         "t.yaml:1:8: \"url\" is for engine postgres only"},
        {"store: {engine: memory, url: \"mysql://u:secret@h\"}\n",
         "t.yaml:1:30: \"url\" must be a URL such as postgres://user:pass@host/database"},
        {"store: {path: \"\"}\n",
         "t.yaml:1:15: \"path\" must be the path of a directory, not \"\""},
        {"relays: {a: {url: \"sandbox:\", rate: 0/s}}\n",
         "t.yaml:1:37: \"rate\" must be a rate such as 14/s, 600/m or 1000/h, from 1/h to "
         "1000000/s, not \"0/s\""},
        {"relays: {a: {url: \"sandbox:\", timeouts: {dot: 9ms}}}\n",
         "t.yaml:1:47: \"dot\" must be a duration such as 500ms, 10s, 5m, 4h or 5d, from 10ms to "
         "1h, not \"9ms\""},
    };
    HELPER_BAD_ALL(cases, NULL);
}

static void variables_in_values_must_be_set_and_clean(void **state)
{
    (void)state;
    static const char *env[] = {"SECRET=hunter2hunter2", "EMPTY=", "NUMBER=abc", "BAD=\xFF",
                                "CONTROL=a\nb",          NULL};
    static const struct helper_case cases[] = {
        {"log: ${NOPE}\n", "t.yaml:1:6: environment variable NOPE is not set; set it, or write "
                           "${NOPE:-default}"},
        {"log: ${NOPE:-loud}\n",
         "t.yaml:1:6: \"log\" must be one of error, warn, info, debug, not \"${NOPE:-loud}\""},
        {"log: ${NUMBER}\n",
         "t.yaml:1:6: \"log\" must be one of error, warn, info, debug, not \"${NUMBER}\""},
        {"limits: {recipients: \"${SECRET}\"}\n",
         "t.yaml:1:22: \"recipients\" must be a number from 1 to 100000, not \"${SECRET}\""},
        {"store: {path: \"${EMPTY}\"}\n",
         "t.yaml:1:15: \"path\" must be the path of a directory, not \"${EMPTY}\""},
        {"log: ${X\n", "t.yaml:1:6: \"${\" has no closing \"}\"; write $${ for a literal ${"},
        {"log: ${}\n", "t.yaml:1:6: not a reference to an environment variable; write ${NAME} or "
                       "${NAME:-default}, or $${ for a literal ${"},
        {"log: ${1X}\n", "t.yaml:1:6: not a reference to an environment variable; write ${NAME} or "
                         "${NAME:-default}, or $${ for a literal ${"},
        {"log: ${X:?no}\n", "t.yaml:1:6: not a reference to an environment variable; write ${NAME} "
                            "or ${NAME:-default}, or $${ for a literal ${"},
        {"log: \"${X:-${Y}}\"\n", "t.yaml:1:6: not a reference to an environment variable; write "
                                  "${NAME} or ${NAME:-default}, or $${ for a literal ${"},
        {"log: ${BAD}\n", "t.yaml:1:6: \"log\" holds a line break, another control character, or "
                          "bytes that are not UTF-8"},
        {"store: {path: \"${CONTROL}\"}\n",
         "t.yaml:1:15: \"path\" holds a line break, another control character, or bytes that are "
         "not UTF-8"},
        {"store: {path: \"a\\0b\"}\n", "t.yaml:1:15: \"path\" holds a line break, another control "
                                       "character, or bytes that are not UTF-8"},
        {"store: {path: \"a\\nb\"}\n", "t.yaml:1:15: \"path\" holds a line break, another control "
                                       "character, or bytes that are not UTF-8"},
    };
    HELPER_BAD_ALL(cases, env);
}

#define RELAY(rest) "relays: {a: {" rest "}}\n"
#define BAD_URL(url, why) \
    { \
        RELAY("url: \"" url "\""), "t.yaml:1:19: \"url\": " why \
    }
#define SCHEMES  "a relay is smtp://host:587 (STARTTLS), smtps://host:465 (TLS) or sandbox:"
#define NO_HOST  "the host is missing; write smtp://host:587 or smtps://host:465"
#define BAD_PORT "the port must be a number, at most 65535"
#define NOT_HOST \
    "not a host name: use an IP address, or letters, digits, \"-\" and single dots, at most 63 " \
    "characters between dots and 253 in all (names in other scripts in their xn-- form)"
#define PERCENT \
    "user and password: % must be followed by two hex digits that make text (write a literal % " \
    "as %25)"
#define QUERY \
    "after \"?\" only tls=opportunistic or tls=none is known (without it STARTTLS is required)"

static void relay_urls_are_refused_without_showing_them(void **state)
{
    (void)state;
    static const struct helper_case cases[] = {
        BAD_URL("http://u:secret@h", SCHEMES),
        BAD_URL("h:25", SCHEMES),
        BAD_URL("smtp:h", SCHEMES),
        BAD_URL("smtp://", NO_HOST),
        BAD_URL("smtp://u:secret@", NO_HOST),
        BAD_URL("smtp://:587", NO_HOST),
        BAD_URL("smtp://h:0", "port 0 is not a relay's; leave it out for the usual one"),
        BAD_URL("smtp://h:65536", BAD_PORT),
        BAD_URL("smtp://h:", BAD_PORT),
        BAD_URL("smtp://h:25x", BAD_PORT),
        BAD_URL("smtp://h..x", NOT_HOST),
        BAD_URL("smtp://127.1", NOT_HOST),
        BAD_URL("smtp://b\xC3\xBC.de", NOT_HOST),
        BAD_URL("smtp://a b", NOT_HOST),
        BAD_URL("smtp://::1", "an IPv6 address is written in brackets, such as [::1]:8080"),
        BAD_URL("smtp://[::1", "an IPv6 address is written [::1]:8080"),
        BAD_URL("smtp://[::1]x", "an IPv6 address is written [::1]:8080"),
        BAD_URL("smtp://[1.2.3.4]", "what is in brackets is not an IPv6 address"),
        BAD_URL("smtp://u:%zz@h", PERCENT),
        BAD_URL("smtp://u:%4@h", PERCENT),
        BAD_URL("smtp://u:a%00b@h", PERCENT),
        BAD_URL("smtp://u:a%0Ab@h", PERCENT),
        BAD_URL("smtp://u:a%FFb@h", PERCENT),
        BAD_URL("smtp://:secret@h", "the user before \"@\" is empty"),
        BAD_URL("smtp://u:se/cret@h",
                "user or password holds / ? or #; write / as %2F, ? as %3F, # as %23"),
        BAD_URL("smtp://u:se#cret@h",
                "user or password holds / ? or #; write / as %2F, ? as %3F, # as %23"),
        BAD_URL("smtp://h/inbox", "nothing but ?tls=… may follow the port"),
        BAD_URL("smtp://h#x", "nothing but ?tls=… may follow the port"),
        BAD_URL("smtp://h?tls=maybe", QUERY),
        BAD_URL("smtp://h?", QUERY),
        BAD_URL("smtp://h/?x=1", QUERY),
        BAD_URL("smtps://h?tls=none",
                "smtps:// is TLS from the first byte and takes nothing after \"?\""),
        BAD_URL("sandbox://h", "the built-in sandbox is written sandbox: and nothing more"),
    };
    HELPER_BAD_ALL(cases, NULL);
}

static void relay_settings_must_fit_together(void **state)
{
    (void)state;
    static const struct helper_case cases[] = {
        {RELAY("username: u"), "t.yaml:1:13: a relay needs \"url\" or \"url_file\""},
        {RELAY("url: \"smtp://h\", username: u"),
         "t.yaml:1:10: the password is missing; username and password come together"},
        {RELAY("url: \"smtp://h\", burst: 3"),
         "t.yaml:1:10: burst does nothing without rate; add a rate or leave burst out"},
        {RELAY("url: \"smtp://u@h\""),
         "t.yaml:1:10: the password is missing; username and password come together"},
        {RELAY("url: \"smtp://h\", password: p"),
         "t.yaml:1:10: the username is missing; username and password come together"},
        {RELAY("url: \"smtp://u:p@h\", username: u"),
         "t.yaml:1:45: \"username\" is in the URL already; keep one of them"},
        {RELAY("url: \"smtp://h\", username: u, password: p, password_file: f"),
         "t.yaml:1:57: both \"password\" and \"password_file\" are given; keep one"},
        {RELAY("url: \"smtp://h\", username: u, password_file: /nonexistent/x"),
         "t.yaml:1:59: /nonexistent/x cannot be read: No such file or directory"},
        {RELAY("url: \"smtp://h\", username: u, password_file: /dev/zero"),
         "t.yaml:1:59: /dev/zero cannot be read: not a regular file"},
        {RELAY("url: \"smtp://h\", username: u, password: \"\""),
         "t.yaml:1:54: \"password\" must be a password"},
        {RELAY("url: \"smtp://h\", username: u, password: \"p\\u00a0\\ue000\""),
         "t.yaml:1:54: the password has a character that SASLprep (RFC 4013) does not allow, such "
         "as a control character"},
        {RELAY("url: \"smtp://h\", username: \"\\u06271\", password: p"),
         "t.yaml:1:41: the username has right-to-left letters but does not begin and end with one, "
         "which SASLprep (RFC 4013) does not allow"},
        {RELAY("url: \"smtp://u:%C2%AD@h\""),
         "t.yaml:1:10: the password has nothing left after SASLprep (RFC 4013)"},
        {RELAY("url: \"smtp://u:p@h?tls=none\""),
         "t.yaml:1:10: ?tls=none would send the password of this relay over the network in clear "
         "text; leave ?tls=none out, or the password, or use a relay on 127.0.0.1"},
        {RELAY("url: \"smtp://127.0.0.1?tls=none\", tls: {ca_file: x}"),
         "t.yaml:1:10: ?tls=none and the keys of \"tls\" contradict each other; leave one of them "
         "out"},
        {RELAY("url: \"smtp://h\", tls: {client_cert_file: x}"),
         "t.yaml:1:10: client_cert_file and client_key_file come together"},
        {RELAY("url: \"sandbox:\", username: u"), "t.yaml:1:10: sandbox: takes no username and no "
                                                  "password; the section \"sandbox\" may have "
                                                  "them"},
        {"relays: {a: \"sandbox:\"}\nsandbox: {username: u}\n",
         "t.yaml:2:1: the password is missing; username and password come together"},
        {"relays: {a: \"sandbox:\"}\nsandbox: {password: p}\n",
         "t.yaml:2:1: the username is missing; username and password come together"},
        {"relays: {a: \"sandbox:\"}\nsandbox: {port: 65536}\n",
         "t.yaml:2:17: \"port\" must be a number from 0 to 65535, not \"65536\""},
        {"relays: {a: \"sandbox:\"}\nsandbox: opportunistic\n",
         "t.yaml:2:10: \"sandbox\" must be one of none, starttls, implicit, not \"opportunistic\""},
        {"relays: {a: \"sandbox:\"}\nsandbox: {extensions: [size]}\n",
         "t.yaml:2:24: an item of \"extensions\" must be one of pipelining, chunking, not "
         "\"size\""},
        {RELAY("url: \"smtp://h\", tls: {pins: [x]}"),
         "t.yaml:1:44: an item of \"pins\" must be sha256/ and the base64 of a SHA-256, as "
         "`mailhatch relay "
         "check` prints it, not \"x\""},
        {RELAY("url: \"smtp://h?tls=none\", tls: {pins: "
               "[sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=]}"),
         "t.yaml:1:10: ?tls=none and the keys of \"tls\" contradict each other; leave one of them "
         "out"},
        {RELAY("url: \"smtp://h\", username: u, password: p, auth: [xoauth2]"),
         "t.yaml:1:10: xoauth2 and oauthbearer need oauth2 beside auth"},
        {RELAY("url: \"smtp://h\", auth: {oauth2: {token_url: x}}"),
         "t.yaml:1:37: \"auth\" is a list of mechanisms; \"oauth2\" is a key of its own beside it"},
        {RELAY("url: \"smtp://h\", auth: [plain, plain]"), "t.yaml:1:45: \"plain\" is there twice"},
        {RELAY("url: \"smtp://h\", auth: []"),
         "t.yaml:1:37: \"auth\" is an empty list; give it an item or leave the key out"},
        {RELAY("url: \"smtp://h\", helo_name: \"a b\""),
         "t.yaml:1:42: \"helo_name\" must be a host name, or an IP address as [192.0.2.1] or "
         "[IPv6:2001:db8::1], not \"a b\""},
        {RELAY("url: \"smtp://h\", tls: {server_name: 127.0.0.1}"),
         "t.yaml:1:50: \"server_name\" must be a host name (letters, digits and \"-\", single "
         "dots, at most 253 characters), not \"127.0.0.1\""},
        {"relays: {\"a b\": \"sandbox:\"}\n",
         "t.yaml:1:10: not a name; use 1 to 64 letters, digits, \".\", \"_\" and \"-\", starting "
         "with a letter or digit"},
    };
    HELPER_BAD_ALL(cases, NULL);
}

static void all_problems_come_at_once_in_file_order(void **state)
{
    (void)state;
    static const char *env[] = {"MAILHATCH_LOG=loud", NULL};
    helper_bad("routes: [{relays: [nope]}]\n"
               "relays:\n"
               "  a: \"smtp://h:x\"\n"
               "  b: {url: \"smtp://h\", usrname: u, pool: {connections: 0}}\n"
               "limits: {body: 1, wat: 2}\n"
               "retry: {jitter: 7, jitter: 8}\n",
               env,
               "t.yaml:1:20: there is no relay of this name under \"relays\"\n"
               "t.yaml:3:6: \"a\": " BAD_PORT "\n"
               "t.yaml:4:24: unknown key \"usrname\"; did you mean \"username\"?\n"
               "t.yaml:4:56: \"connections\" must be a number from 1 to 1000, not \"0\"\n"
               "t.yaml:5:16: \"body\" must be a size such as 64KB or 25MB, from 1KB to 100MB, not "
               "\"1\"\n"
               "t.yaml:5:19: unknown key \"wat\"; known here: body, recipients, inflight, "
               "connections, connections_per_peer, header_timeout, idle_timeout, body_timeout, "
               "connection_age, min_rate, stall_window\n"
               "t.yaml:6:17: \"jitter\" must be a number from 0 to 1, such as 0.2, not \"7\"\n"
               "t.yaml:6:20: this key was given before, at line 6; keep one\n"
               "MAILHATCH_LOG: it must be one of error, warn, info, debug, not \"loud\"");
}

static void the_first_hundred_problems_are_kept(void **state)
{
    (void)state;
    char yaml[16384] = "";
    for (unsigned i = 0; i < 150; i++) {
        size_t used = strlen(yaml);
        (void)snprintf(yaml + used, sizeof(yaml) - used, "wrong%u: 1\n", i);
    }
    size_t used = strlen(yaml);
    (void)snprintf(yaml + used, sizeof(yaml) - used, "log: loud\n");
    const struct cfg *cfg;
    struct cfg_problems problems;
    assert_int_equal(helper_load(yaml, NULL, &cfg, &problems), GW_INVALID);
    assert_int_equal(problems.n, CFG_MAX_PROBLEMS);
    assert_int_equal(problems.n_dropped, 51);
    assert_memory_equal(problems.text[99], "t.yaml:100:1:", 13);
    cfg_problems_deinit(&problems);
    assert_int_equal(problems.n, 0);
}

/* "key: [x, x, …]" with @n items. */
static char *long_list(const char *before, const char *item, size_t n, const char *after)
{
    size_t size = strlen(before) + n * (strlen(item) + 1) + strlen(after) + 1;
    char *yaml = test_malloc(size);
    char *at = yaml;
    at += snprintf(at, size, "%s", before);
    for (size_t i = 0; i < n; i++)
        at += snprintf(at, size - (size_t)(at - yaml), "%s,", item);
    (void)snprintf(at, size - (size_t)(at - yaml), "%s", after);
    return yaml;
}

static void sizes_are_bounded(void **state)
{
    (void)state;
    char *yaml = long_list("log: [", "1", CFG_MAX_NODES - 1, "]\n"); /* and the map, the list */
    helper_bad(yaml, NULL,
               "t.yaml:1:400003: more than 200000 keys and values; make the file smaller");
    test_free(yaml);
    yaml = long_list("log: [", "1", CFG_MAX_NODES - 2, "]\n");
    helper_bad(
        yaml, NULL,
        "t.yaml:1:6: \"log\" must be a map of keys and values (log) or just its level, not a "
        "list");
    test_free(yaml);
    yaml = long_list("listen: [", "\"127.0.0.1:0\"", 65, "]\n");
    helper_bad(yaml, NULL, "t.yaml:1:9: \"listen\" has more than 64 items");
    test_free(yaml);
    yaml = long_list("listen: [", "\"127.0.0.1:0\"", 64, "]\n");
    const struct cfg *cfg = helper_good(yaml, NULL);
    assert_int_equal(cfg->n_listen, 64);
    cfg_unref(&cfg);
    test_free(yaml);
    yaml = long_list("store: {path: \"", "1234567", CFG_MAX_TEXT / 8, "\"}\n");
    helper_bad(yaml, NULL, "t.yaml:1:15: \"path\" must be the path of a directory");
    test_free(yaml);
    yaml = long_list("store: {path: \"", "1234567", CFG_MAX_TEXT / 8, "1\"}\n");
    helper_bad(yaml, NULL, "t.yaml:1:15: \"path\" is over 8192 bytes long");
    test_free(yaml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_yaml_is_refused_with_its_place),
        cmocka_unit_test(a_nul_byte_is_refused),
        cmocka_unit_test(unknown_and_repeated_keys_are_refused),
        cmocka_unit_test(wrong_kinds_are_refused),
        cmocka_unit_test(values_out_of_range_say_the_range),
        cmocka_unit_test(variables_in_values_must_be_set_and_clean),
        cmocka_unit_test(relay_urls_are_refused_without_showing_them),
        cmocka_unit_test(relay_settings_must_fit_together),
        cmocka_unit_test(all_problems_come_at_once_in_file_order),
        cmocka_unit_test(the_first_hundred_problems_are_kept),
        cmocka_unit_test(sizes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
