/* SPDX-License-Identifier: MIT */
/* What is printed is what was loaded: it loads again to the same, and shows no secret. */
#include "tests/unit/config/cfg_helper.h"

enum {
    MAX_PRINT = 1 << 20
};

/* The printed form; free with test_free. */
static char *print(const struct cfg *c)
{
    struct gw_buf b;
    gw_buf_init(&b, MAX_PRINT);
    assert_int_equal(cfg_print(c, &b), GW_OK);
    char *text = test_malloc(b.len + 1);
    memcpy(text, b.data, b.len);
    text[b.len] = '\0';
    gw_buf_deinit(&b);
    return text;
}

/* Print, load, print: the same both times. Returns the text. */
static char *round_trip(const char *yaml, const char **env)
{
    const struct cfg *c = helper_good(yaml, env);
    char *first = print(c);
    cfg_unref(&c);
    c = helper_good(first, NULL);
    char *second = print(c);
    cfg_unref(&c);
    assert_string_equal(first, second);
    test_free(second);
    return first;
}

static void the_defaults_survive_a_round_trip(void **state)
{
    (void)state;
    char *text = round_trip(NULL, NULL);
    assert_non_null(strstr(text, "listen:\n  - address: \"127.0.0.1:8080\"\n"));
    assert_non_null(strstr(text, "relays:\n  sandbox:\n    url: \"sandbox:\"\n"));
    assert_non_null(strstr(text, "  schedule: [1m, 5m, 15m, 1h, 3h, 6h]\n"));
    assert_null(strstr(text, "routes"));
    test_free(text);
}

static void every_key_survives_a_round_trip(void **state)
{
    (void)state;
    static const char yaml[] =
        "listen:\n"
        "  - {address: \"https://0.0.0.0:8443?cert=/a%20b&key=/k$&client_ca=/c\"}\n"
        "  - {address: \"unix:/a \\\"b\\\\\", mode: \"0600\"}\n"
        "  - \"[::1]:0\"\n"
        "store: {engine: memory, path: \"/d/\xC3\xBC/$${X}/\xF0\x9F\x98\x80\"}\n"
        "limits: {body: 1025, inflight: 1MB}\n"
        "relays:\n"
        "  one: {url: \"smtp://u:p@h?tls=opportunistic\", rate: 7/m, burst: 3, per_domain: {rate: "
        "1/h}, "
        "auth: "
        "[login], helo_name: \"[IPv6:::1]\", tls: {ca_file: x, min_version: 1.3, pins: "
        "[sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=]}}\n"
        "  \"null\": \"smtp://[2001:db8::1]:25?tls=none\"\n"
        "  \"1e3\": {url: \"smtps://h\", per_domain: {connections: 3}}\n"
        "  \"true\": \"sandbox:\"\n"
        "api_keys:\n"
        "  - {name: a, key: \"id.0123456789abcdef\", senders: [\"*@a.b\"], scopes: [read], relays: "
        "[\"1e3\", \"null\"], rate: 0.3333/s}\n"
        "master_key: 01234567890123456789012345678901\n"
        "routes:\n"
        "  - {match: {from_domain: a.b, tag: \"t: [x] # y\", api_key: a}, relays: [one, \"1e3\"]}\n"
        "  - {relays: [{relay: \"true\", weight: 5}]}\n"
        "dkim: {domains: [{domain: a.b, keys: [{selector: s, key_file: /f}]}]}\n"
        "retry: {schedule: [1500ms], jitter: 0.123456789, on_uncertain: stop}\n"
        "webhooks: [{name: w, url: \"https://h/?a=b&c=$x\", secret: 12345678, events: [\"*\"]}]\n"
        "log: {level: error, format: text}\n";
    char *text = round_trip(yaml, NULL);
    assert_non_null(strstr(text, "    cert_file: \"/a b\"\n"));
    assert_non_null(strstr(text, "  path: \"/d/\xC3\xBC/$${X}/\xF0\x9F\x98\x80\"\n"));
    assert_non_null(strstr(text, "  - address: \"unix:/a \\\"b\\\\\"\n    mode: \"0600\"\n"));
    assert_non_null(strstr(text, "    url: \"smtp://h:587?tls=opportunistic\"\n"));
    assert_non_null(strstr(text, "    url: \"smtp://[2001:db8::1]:25?tls=none\"\n"));
    assert_non_null(strstr(text, "    relays: [\"1e3\", \"null\"]\n"));
    assert_non_null(strstr(text, "      tag: \"t: [x] # y\"\n"));
    assert_null(strstr(text, "  jitter: 0.123457\n"));
    test_free(text);
}

static void secrets_are_masked(void **state)
{
    (void)state;
    static const char *env[] = {"MAILHATCH_API_KEY=id.hidden-hidden-hidden", "W=hidden-webhook",
                                NULL};
    char *text = round_trip("relays: {a: {url: \"smtp://user:hidden@h\"}, b: {url: \"smtp://h\", "
                            "username: user, password: hidden}}\n"
                            "master_key: hidden-hidden-hidden-hidden-hidden\n"
                            "webhooks: [{name: w, url: \"https://h\", secret: \"${W}\"}]\n",
                            env);
    assert_null(strstr(text, "hidden"));
    assert_non_null(strstr(text, "    username: \"user\"\n    password: \"********\"\n"));
    assert_non_null(strstr(text, "    secret: \"********\"\n"));
    assert_non_null(strstr(text, "master_key: \"********************************\"\n"));
    test_free(text);
}

static void a_buffer_that_is_too_small_is_an_error(void **state)
{
    (void)state;
    const struct cfg *c = helper_good(NULL, NULL);
    struct gw_buf b;
    gw_buf_init(&b, MAX_PRINT);
    assert_int_equal(cfg_print(c, &b), GW_OK);
    size_t size = b.len;
    gw_buf_deinit(&b);
    for (size_t max = 1; max <= size; max++) {
        gw_buf_init(&b, max);
        assert_int_equal(cfg_print(c, &b), max < size ? GW_TOOBIG : GW_OK);
        gw_buf_deinit(&b);
    }
    cfg_unref(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults_survive_a_round_trip),
        cmocka_unit_test(every_key_survives_a_round_trip),
        cmocka_unit_test(secrets_are_masked),
        cmocka_unit_test(a_buffer_that_is_too_small_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
