/* SPDX-License-Identifier: MIT */
/* Good configurations: every key of a file, every variable, defaults. */
#include <openssl/sha.h>

#include <unistd.h>

#include "config/cfg_text.h"
#include "tests/unit/config/cfg_helper.h"

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char full[] =
    "listen:\n"
    "  - address: 127.0.0.1:8080\n"
    "  - address: 0.0.0.0:8443\n"
    "    tls: {cert_file: /tls/tls.crt, key_file: /tls/tls.key, client_ca_file: /tls/ca.crt}\n"
    "  - {address: \"unix:/run/mailhatch/api.sock\", mode: \"0600\"}\n"
    "  - \"[::1]:0\"\n"
    "store: {engine: memory, path: /data, retention: {bodies: 1h, history: 7d}}\n"
    "limits: {body: 1MB, recipients: 5, inflight: 2MB, connections: 7, connections_per_peer: 3}\n"
    "relays:\n"
    "  ses-eu:\n"
    "    url: smtp://Email-SMTP.eu-west-1.example\n"
    "    username: AKIA\n"
    "    password: ${PASSWORD}\n"
    "    auth: [login]\n"
    "    helo_name: app.example.com\n"
    "    tls: {verify: ca, ca_file: /ca.pem, pins: [], server_name: Real.example, min_version: "
    "\"1.3\", client_cert_file: /c.pem, client_key_file: /k.pem}\n"
    "    pool: {connections: 2, messages_per_connection: 10, idle: 5s, age: 1m}\n"
    "    rate: 14/s\n"
    "    burst: 20\n"
    "    per_domain: {connections: 1, rate: 30/m}\n"
    "    timeouts: {resolve: 1s, connect: 2s, greeting: 3s, ehlo: 4s, starttls: 5s, handshake: 6s, "
    "auth: 7s, mail: 8s, rcpt: 9s, data: 10s, body: 11s, dot: 12s, rset: 13s, quit: 14s}\n"
    "  backup: {url: \"smtps://us%40er:p%3Ass@[2001:db8::1]:4650\"}\n"
    "  catch: \"sandbox:\"\n"
    "api_keys:\n"
    "  - {name: billing, id: k_3f9a, hash: \"sha256:" HASH "\", senders: [\"*@Example.com\", "
    "\"A.B@*.example.org\"], scopes: [admin], rate: 50/s, relays: [backup, ses-eu]}\n"
    "  - {name: other, key: \"k2.0123456789abcdef.x\"}\n"
    "routes:\n"
    "  - {match: {from_domain: \"*.Example.com\", recipient_domain: b.example, tag: bulk, api_key: "
    "billing}, relays: [{relay: backup}]}\n"
    "  - {match: {}, relays: [{relay: ses-eu, priority: 10, weight: 3}, catch, {relay: backup, "
    "priority: 20}]}\n"
    "dkim:\n"
    "  sign: required\n"
    "  domains:\n"
    "    - domain: Example.com\n"
    "      keys: [{selector: r1, key_file: /keys/r1.pem}, {selector: e1, key_file: "
    "/keys/e1.pem}]\n"
    "retry: {schedule: [1m, 2h], jitter: 0.5, max_age: 2d, on_uncertain: hold, uncertain_delay: "
    "1m}\n"
    "webhooks:\n"
    "  - {name: crm, url: \"https://crm.example/hooks/mail\", secret: \"12345678\", events: "
    "[\"recipient.*\", message.completed]}\n"
    "log: {level: debug, format: text}\n";

static const char *full_env[] = {"PASSWORD=p$a$$b", NULL};

static void check_front(const struct cfg *c)
{
    assert_int_equal(c->n_listen, 4);
    assert_string_equal(c->listen[0].address, "127.0.0.1:8080");
    assert_true(c->listen[0].loopback);
    assert_null(c->listen[0].cert_file);
    assert_int_equal(c->listen[1].kind, CFG_LISTEN_TCP);
    assert_string_equal(c->listen[1].host, "0.0.0.0");
    assert_int_equal(c->listen[1].port, 8443);
    assert_false(c->listen[1].loopback);
    assert_string_equal(c->listen[1].cert_file, "/tls/tls.crt");
    assert_string_equal(c->listen[1].key_file, "/tls/tls.key");
    assert_string_equal(c->listen[1].client_ca_file, "/tls/ca.crt");
    assert_int_equal(c->listen[2].kind, CFG_LISTEN_UNIX);
    assert_string_equal(c->listen[2].path, "/run/mailhatch/api.sock");
    assert_int_equal(c->listen[2].mode, 0600);
    assert_true(c->listen[2].loopback);
    assert_string_equal(c->listen[3].host, "::1");
    assert_string_equal(c->listen[3].address, "[::1]:0");
    assert_int_equal(c->listen[3].port, 0);
    assert_true(c->listen[3].loopback);
    assert_int_equal(c->store.engine, CFG_STORE_MEMORY);
    assert_string_equal(c->store.path, "/data");
    assert_int_equal(c->store.retention_bodies_ms, 3600000);
    assert_int_equal(c->store.retention_history_ms, 7 * 86400000);
    assert_int_equal(c->limits.body_bytes, 1 << 20);
    assert_int_equal(c->limits.recipients, 5);
    assert_int_equal(c->limits.inflight_bytes, 2 << 20);
    assert_int_equal(c->limits.connections, 7);
    assert_int_equal(c->limits.connections_per_peer, 3);
}

static void check_relays(const struct cfg *c)
{
    assert_int_equal(c->n_relays, 3);
    const struct cfg_relay *r = &c->relays[0];
    assert_string_equal(r->name, "ses-eu");
    assert_false(r->sandbox);
    assert_string_equal(r->host, "email-smtp.eu-west-1.example");
    assert_int_equal(r->port, 587);
    assert_int_equal(r->tls_mode, CFG_TLS_STARTTLS);
    assert_int_equal(r->verify, CFG_VERIFY_CA);
    assert_string_equal(r->ca_file, "/ca.pem");
    assert_string_equal(r->server_name, "real.example");
    assert_string_equal(r->client_cert_file, "/c.pem");
    assert_string_equal(r->client_key_file, "/k.pem");
    assert_int_equal(r->min_tls_version, 0x0304);
    assert_string_equal(r->username, "AKIA");
    assert_string_equal(r->password, "p$a$$b"); /* a variable's value is taken as it is */
    assert_int_equal(r->n_auth, 1);
    assert_int_equal(r->auth[0], CFG_AUTH_LOGIN);
    assert_string_equal(r->helo_name, "app.example.com");
    assert_int_equal(r->pool_connections, 2);
    assert_int_equal(r->pool_messages_per_connection, 10);
    assert_int_equal(r->pool_idle_ms, 5000);
    assert_int_equal(r->pool_age_ms, 60000);
    assert_true(r->rate_per_s > 13.999 && r->rate_per_s < 14.001);
    assert_int_equal(r->burst, 20);
    assert_int_equal(r->domain_connections, 1);
    assert_true(r->domain_rate_per_s > 0.499 && r->domain_rate_per_s < 0.501);
    const struct cfg_timeouts *t = &r->timeouts;
    const int64_t ms[] = {t->resolve_ms,  t->connect_ms,   t->greeting_ms, t->ehlo_ms,
                          t->starttls_ms, t->handshake_ms, t->auth_ms,     t->mail_ms,
                          t->rcpt_ms,     t->data_ms,      t->body_ms,     t->dot_ms,
                          t->rset_ms,     t->quit_ms};
    for (size_t i = 0; i < sizeof(ms) / sizeof(ms[0]); i++)
        assert_int_equal(ms[i], 1000 * (i + 1));
    r = &c->relays[1];
    assert_string_equal(r->host, "2001:db8::1");
    assert_int_equal(r->port, 4650);
    assert_int_equal(r->tls_mode, CFG_TLS_IMPLICIT);
    assert_string_equal(r->username, "us@er");
    assert_string_equal(r->password, "p:ss");
    assert_true(c->relays[2].sandbox);
}

static void check_rest(const struct cfg *c)
{
    assert_int_equal(c->n_api_keys, 2);
    const struct cfg_api_key *k = &c->api_keys[0];
    assert_string_equal(k->name, "billing");
    assert_string_equal(k->id, "k_3f9a");
    assert_int_equal(k->sha256[0], 0x01);
    assert_int_equal(k->sha256[31], 0xEF);
    assert_int_equal(k->n_senders, 2);
    assert_string_equal(k->senders[0], "*@example.com");
    assert_string_equal(k->senders[1], "A.B@*.example.org");
    assert_int_equal(k->scopes, CFG_SCOPE_ADMIN);
    assert_int_equal(k->n_relays, 2);
    assert_int_equal(k->relays[0], 1);
    assert_int_equal(k->relays[1], 0);
    assert_string_equal(c->api_keys[1].id, "k2");
    assert_int_equal(c->api_keys[1].scopes, CFG_SCOPE_SEND | CFG_SCOPE_READ);
    assert_int_equal(c->n_routes, 2);
    assert_string_equal(c->routes[0].from_domain, "*.example.com");
    assert_string_equal(c->routes[0].recipient_domain, "b.example");
    assert_string_equal(c->routes[0].tag, "bulk");
    assert_string_equal(c->routes[0].api_key, "billing");
    assert_int_equal(c->routes[0].relays[0].relay, 1);
    assert_int_equal(c->routes[0].relays[0].priority, 1);
    assert_int_equal(c->routes[0].relays[0].weight, 1);
    assert_null(c->routes[1].from_domain);
    assert_int_equal(c->routes[1].n_relays, 3);
    assert_int_equal(c->routes[1].relays[0].priority, 10);
    assert_int_equal(c->routes[1].relays[0].weight, 3);
    assert_int_equal(c->routes[1].relays[1].relay, 2);
    assert_int_equal(c->routes[1].relays[1].priority, 11); /* after the one before it */
    assert_int_equal(c->routes[1].relays[2].priority, 20);
    assert_int_equal(c->dkim.sign, CFG_DKIM_REQUIRED);
    assert_int_equal(c->dkim.n_domains, 1);
    assert_string_equal(c->dkim.domains[0].domain, "example.com");
    assert_int_equal(c->dkim.domains[0].n_keys, 2);
    assert_string_equal(c->dkim.domains[0].keys[1].selector, "e1");
    assert_string_equal(c->dkim.domains[0].keys[1].key_file, "/keys/e1.pem");
    assert_int_equal(c->retry.n_schedule, 2);
    assert_int_equal(c->retry.schedule_ms[0], 60000);
    assert_int_equal(c->retry.schedule_ms[1], 7200000);
    assert_true(c->retry.jitter > 0.499 && c->retry.jitter < 0.501);
    assert_int_equal(c->retry.max_age_ms, 2 * 86400000);
    assert_int_equal(c->retry.on_uncertain, CFG_UNCERTAIN_HOLD);
    assert_int_equal(c->retry.uncertain_delay_ms, 60000);
    assert_int_equal(c->n_webhooks, 1);
    assert_string_equal(c->webhooks[0].secret, "12345678");
    assert_int_equal(c->webhooks[0].n_events, 2);
    assert_string_equal(c->webhooks[0].events[0], "recipient.*");
    assert_int_equal(c->log.level, GW_LOG_DEBUG);
    assert_int_equal(c->log.format, GW_LOG_FORMAT_TEXT);
}

static void a_file_with_every_key_is_loaded(void **state)
{
    (void)state;
    const struct cfg *c = helper_good(full, full_env);
    check_front(c);
    check_relays(c);
    check_rest(c);
    cfg_unref(&c);
    assert_null(c);
}

static void nothing_at_all_gives_a_sandbox_on_loopback(void **state)
{
    (void)state;
    const struct cfg *c = helper_good(NULL, NULL);
    assert_int_equal(c->n_listen, 1);
    assert_string_equal(c->listen[0].address, "127.0.0.1:8080");
    assert_int_equal(c->n_relays, 1);
    assert_string_equal(c->relays[0].name, "sandbox");
    assert_true(c->relays[0].sandbox);
    assert_int_equal(c->n_routes, 0);
    assert_int_equal(c->n_api_keys, 0);
    assert_int_equal(c->store.engine, (enum cfg_store_engine)CFG_STORE_DEFAULT);
    assert_string_equal(c->store.path, geteuid() == 0 ? "/var/lib/mailhatch" : "./mailhatch-data");
    assert_int_equal(c->limits.body_bytes, 40 << 20);
    assert_int_equal(c->limits.recipients, 1000);
    assert_int_equal(c->limits.inflight_bytes, 256 << 20);
    assert_int_equal(c->limits.connections, 1000);
    assert_int_equal(c->limits.connections_per_peer, 100);
    assert_int_equal(c->retry.n_schedule, 6);
    assert_int_equal(c->retry.schedule_ms[5], 6 * 3600000);
    assert_int_equal(c->retry.max_age_ms, 5 * 86400000);
    assert_int_equal(c->log.level, GW_LOG_INFO);
    cfg_unref(&c);
}

static void relays_have_the_defaults_of_the_standard(void **state)
{
    (void)state;
    const struct cfg *c = helper_good("relays: {a: \"smtp://h\"}\n", NULL);
    const struct cfg_relay *r = &c->relays[0];
    assert_int_equal(r->tls_mode, CFG_TLS_STARTTLS);
    assert_int_equal(r->verify, CFG_VERIFY_FULL);
    assert_int_equal(r->min_tls_version, 0x0303);
    assert_int_equal(r->n_auth, 2);
    assert_int_equal(r->auth[0], CFG_AUTH_PLAIN);
    assert_int_equal(r->auth[1], CFG_AUTH_LOGIN);
    assert_int_equal(r->pool_connections, 8);
    assert_int_equal(r->pool_messages_per_connection, 100);
    assert_int_equal(r->pool_idle_ms, 60000);
    assert_int_equal(r->pool_age_ms, 600000);
    assert_int_equal(r->timeouts.connect_ms, 30000);
    assert_int_equal(r->timeouts.greeting_ms, 300000);
    assert_int_equal(r->timeouts.data_ms, 120000);
    assert_int_equal(r->timeouts.dot_ms, 600000);
    assert_null(r->username);
    assert_null(r->helo_name);
    cfg_unref(&c);
}

struct url_case {
    const char *url, *host, *user, *password;
    int port;
    enum cfg_tls_mode mode;
};

static void relay_urls_have_these_forms(void **state)
{
    (void)state;
    static const struct url_case cases[] = {
        {"smtp://h", "h", NULL, NULL, 587, CFG_TLS_STARTTLS},
        {"SMTP://H.Example/", "h.example", NULL, NULL, 587, CFG_TLS_STARTTLS},
        {"smtp://h:25?tls=opportunistic", "h", NULL, NULL, 25, CFG_TLS_OPPORTUNISTIC},
        {"smtp://h?tls=none", "h", NULL, NULL, 587, CFG_TLS_NONE},
        {"smtp://h/?tls=none", "h", NULL, NULL, 587, CFG_TLS_NONE},
        {"smtp://u:p@127.0.0.1:25?tls=none", "127.0.0.1", "u", "p", 25, CFG_TLS_NONE},
        {"smtp://u:p@localhost?tls=none", "localhost", "u", "p", 587, CFG_TLS_NONE},
        {"smtps://h", "h", NULL, NULL, 465, CFG_TLS_IMPLICIT},
        {"smtps://[::1]:65535", "::1", NULL, NULL, 65535, CFG_TLS_IMPLICIT},
        {"smtp://me@a.example:p@h", "h", "me@a.example", "p", 587, CFG_TLS_STARTTLS},
        {"smtp://u:a:b@h", "h", "u", "a:b", 587, CFG_TLS_STARTTLS},
        {"smtp://%75:%2F%3f%23%40%25@h", "h", "u", "/?#@%", 587, CFG_TLS_STARTTLS},
        {"smtp://u:+%20@h", "h", "u", "+ ", 587, CFG_TLS_STARTTLS},
        {"smtp://u:p%C3%BC@h", "h", "u", "p\xC3\xBC", 587, CFG_TLS_STARTTLS},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char yaml[256];
        (void)snprintf(yaml, sizeof(yaml), "relays: {a: \"%s\"}\n", cases[i].url);
        const struct cfg *c = helper_good(yaml, NULL);
        const struct cfg_relay *r = &c->relays[0];
        assert_string_equal(r->host, cases[i].host);
        assert_int_equal(r->port, cases[i].port);
        assert_int_equal(r->tls_mode, cases[i].mode);
        assert_true((r->username == NULL) == (cases[i].user == NULL));
        if (cases[i].user != NULL) {
            assert_string_equal(r->username, cases[i].user);
            assert_string_equal(r->password, cases[i].password);
        }
        cfg_unref(&c);
    }
}

static void the_environment_alone_is_enough(void **state)
{
    (void)state;
    static const char *env[] = {
        "MAILHATCH_RELAY= smtps://u:p@mx.example  smtp://mx.example\tsmtp://[::1]?tls=none "
        "sandbox: "
        "smtp://_x.example",
        "MAILHATCH_LISTEN=127.0.0.1:0 https://0.0.0.0:8443?cert=/a%20b&key=/k&client_ca=/c "
        "http://[::1]:80/ unix:/x",
        "MAILHATCH_API_KEY=k_1.0123456789abcdef.x",
        "MAILHATCH_STORE=memory",
        "MAILHATCH_DATA_DIR=/d",
        "MAILHATCH_DKIM=a.example:r1:/k/r:1.pem A.Example:e1:/k/e1.pem b.example:s:/b",
        "MAILHATCH_LOG=warn",
        NULL};
    const struct cfg *c = helper_good(NULL, env);
    static const char *const names[] = {"mx.example", "mx.example-2", "ipv6", "sandbox",
                                        "r_x.example"};
    assert_int_equal(c->n_relays, 5);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(c->relays[i].name, names[i]);
    assert_string_equal(c->relays[0].password, "p");
    assert_int_equal(c->n_routes, 0);
    assert_int_equal(c->n_listen, 4);
    assert_string_equal(c->listen[1].cert_file, "/a b");
    assert_string_equal(c->listen[1].key_file, "/k");
    assert_string_equal(c->listen[1].client_ca_file, "/c");
    assert_string_equal(c->listen[2].address, "[::1]:80");
    assert_int_equal(c->listen[3].mode, 0660);
    assert_int_equal(c->n_api_keys, 1);
    assert_string_equal(c->api_keys[0].id, "k_1");
    assert_string_equal(c->api_keys[0].name, "default");
    assert_int_equal(c->api_keys[0].scopes, CFG_SCOPE_SEND | CFG_SCOPE_READ | CFG_SCOPE_ADMIN);
    unsigned char hash[32];
    (void)SHA256((const unsigned char *)"0123456789abcdef.x", 18, hash);
    assert_memory_equal(c->api_keys[0].sha256, hash, 32);
    assert_string_equal(c->store.path, "/d");
    assert_int_equal(c->dkim.n_domains, 2);
    assert_string_equal(c->dkim.domains[0].domain, "a.example");
    assert_int_equal(c->dkim.domains[0].n_keys, 2);
    assert_string_equal(c->dkim.domains[0].keys[0].key_file, "/k/r:1.pem");
    assert_int_equal(c->log.level, GW_LOG_WARN);
    cfg_unref(&c);
}

static void variables_override_parts_of_a_file(void **state)
{
    (void)state;
    static const char *env[] = {"MAILHATCH_LISTEN=[::1]:1", "MAILHATCH_API_KEY=k.0123456789abcdef",
                                "MAILHATCH_STORE=memory",   "MAILHATCH_DATA_DIR=/d",
                                "MAILHATCH_LOG=debug",      NULL};
    const struct cfg *c = helper_good("listen: [\"127.0.0.1:2\"]\n"
                                      "store: memory\n"
                                      "log: {level: error, format: text}\n"
                                      "api_keys: [{name: a, key: a.0123456789abcdef}]\n"
                                      "relays: {a: \"smtp://h\"}\n",
                                      env);
    assert_int_equal(c->n_listen, 1);
    assert_string_equal(c->listen[0].address, "[::1]:1");
    assert_int_equal(c->n_api_keys, 1);
    assert_string_equal(c->api_keys[0].id, "k");
    assert_string_equal(c->api_keys[0].secret, "0123456789abcdef");
    assert_null(c->master_key);
    assert_string_equal(c->store.path, "/d");
    assert_int_equal(c->log.level, GW_LOG_DEBUG);
    assert_int_equal(c->log.format, GW_LOG_FORMAT_TEXT);
    assert_string_equal(c->relays[0].name, "a");
    cfg_unref(&c);
    static const char *relay[] = {"MAILHATCH_RELAY=smtp://h2", "MAILHATCH_DKIM=a.b:c:/d", NULL};
    c = helper_good("log: warn\nrelays:\ndkim:\n", relay);
    assert_string_equal(c->relays[0].host, "h2");
    assert_int_equal(c->dkim.n_domains, 1);
    assert_int_equal(c->log.level, GW_LOG_WARN);
    cfg_unref(&c);
}

static void null_means_the_default(void **state)
{
    (void)state;
    const struct cfg *c = helper_good("limits:\n"
                                      "log: ~\n"
                                      "store: {path: null, engine: }\n"
                                      "relays: {a: {url: \"smtp://h\", tls: {ca_file: null, pins: "
                                      "null}, username: ~, password: ~, password_file: ~}}\n",
                                      NULL);
    assert_int_equal(c->limits.recipients, 1000);
    assert_null(c->relays[0].ca_file);
    assert_null(c->relays[0].username);
    cfg_unref(&c);
}

static void references_to_variables_are_expanded(void **state)
{
    (void)state;
    static const char *env[] = {"A=one", "EMPTY=", "N=7", NULL};
    static const struct {
        const char *yaml, *path;
    } cases[] = {
        {"${A}", "one"},
        {"x${A}y${A}", "xoneyone"},
        {"${NO:-two}", "two"},
        {"${EMPTY:-two}", "two"},
        {"${A:-two}", "one"},
        {"$${A}", "${A}"},
        {"$$", "$"},
        {"$", "$"},
        {"a$b", "a$b"},
        {"$$$${A}", "$${A}"},
        {"$$${A}", "$one"},
        {"${NO:-}x", "x"},
        {"${NO:-a:-b}", "a:-b"},
        {"${EMPTY}x", "x"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char yaml[128];
        (void)snprintf(yaml, sizeof(yaml), "store: {path: \"%s\"}\n", cases[i].yaml);
        const struct cfg *c = helper_good(yaml, env);
        assert_string_equal(c->store.path, cases[i].path);
        cfg_unref(&c);
    }
    const struct cfg *c = helper_good("limits:\n  recipients: ${N}\n", env);
    assert_int_equal(c->limits.recipients, 7);
    cfg_unref(&c);
}

static void json_is_yaml(void **state)
{
    (void)state;
    const struct cfg *c = helper_good("{\n\t\"relays\": {\"a\": {\"url\": \"smtp:\\/\\/h\"}},\n"
                                      "\t\"limits\": {\"recipients\": 3, \"body\": \"2KB\"},\n"
                                      "\t\"webhooks\": []\n}\n",
                                      NULL);
    assert_int_equal(c->limits.recipients, 3);
    assert_string_equal(c->relays[0].host, "h");
    cfg_unref(&c);
}

static void a_master_key_may_come_from_the_environment(void **state)
{
    (void)state;
    static const char *env[] = {"M=01234567890123456789012345678901", NULL};
    const struct cfg *c = helper_good("master_key: \"${M}\"\n"
                                      "api_keys: [{name: a, id: a, hash: \"sha256:"
                                      "00112233445566778899aabbccddeeff"
                                      "00112233445566778899aabbccddeeff\"}]\n",
                                      env);
    assert_string_equal(c->master_key, "01234567890123456789012345678901");
    assert_null(c->api_keys[0].secret);
    cfg_unref(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_with_every_key_is_loaded),
        cmocka_unit_test(nothing_at_all_gives_a_sandbox_on_loopback),
        cmocka_unit_test(relays_have_the_defaults_of_the_standard),
        cmocka_unit_test(relay_urls_have_these_forms),
        cmocka_unit_test(the_environment_alone_is_enough),
        cmocka_unit_test(variables_override_parts_of_a_file),
        cmocka_unit_test(a_master_key_may_come_from_the_environment),
        cmocka_unit_test(null_means_the_default),
        cmocka_unit_test(references_to_variables_are_expanded),
        cmocka_unit_test(json_is_yaml),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
