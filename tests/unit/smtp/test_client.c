/* SPDX-License-Identifier: MIT */
/* One connection to a relay, against a scripted server: every way to be told, cut off, kept
 * waiting, cancelled and closed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <netdb.h>
#include <openssl/ssl.h>

#include "gateway/base/gw_mem.h"
#include "smtp/client.h"
#include "tests/lib/loop_util.h"
#include "tests/lib/relay_fixture.h"

static struct test_server_config script(const char *text)
{
    return (struct test_server_config){.scripts = {text}};
}

/* --- Sending --- */

static const struct {
    enum smtp_tls_mode mode;
    const char *hello;
} modes[] = {
    {SMTP_TLS_NONE, TEST_PLAIN_HELLO "SERVE"},
    {SMTP_TLS_REQUIRED, TEST_STARTTLS_HELLO "SERVE"},
    {SMTP_TLS_IMPLICIT, TEST_TLS_HELLO "SERVE"},
    {SMTP_TLS_OPPORTUNISTIC, TEST_STARTTLS_HELLO "SERVE"},
    {SMTP_TLS_OPPORTUNISTIC, TEST_PLAIN_HELLO "SERVE"},
};

static void mail_is_sent_in_every_tls_mode(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        struct test_relay t;
        struct test_mail m = {.done = false};
        struct smtp_relay_config config = test_relay_config();
        const struct test_server_config server = script(modes[i].hello);
        config.tls_mode = modes[i].mode;
        test_relay_begin(&t, &server, config);
        test_mail_send(&t, &m);
        test_mail_assert_sent(&m);
        bool tls = strstr(modes[i].hello, "TLS\n") != NULL;
        assert_true((m.txn.tls_version != NULL) == tls);
        if (tls)
            assert_string_equal(m.txn.tls_version, "TLSv1.3");
        assert_false(m.txn.reused_connection);
        assert_true(m.txn.timing.ms[SMTP_STAGE_CONNECT] >= 0);
        assert_true(m.txn.timing.ms[SMTP_STAGE_EHLO] >= 0);
        assert_int_equal(m.txn.timing.ms[SMTP_STAGE_TLS] >= 0, tls);
        char *log = test_server_log(t.server);
        assert_non_null(strstr(log, "EHLO client.test\r\n"));
        assert_non_null(strstr(log, "\r\nMAIL FROM:<me@example.test>"));
        assert_non_null(strstr(log, "\r\nSubject: hello\r\n\r\n..dots\r\nand lines\r\n.\r\n"));
        free(log);
        test_relay_end(&t, 0);
    }
}

/* Lines of 64 octets; heap. */
static char *large_body(size_t size)
{
    enum {
        LINE = 64
    };
    char *body = gw_malloc(size);
    for (size_t i = 0; i < size; i++) {
        body[i] = (char)('a' + i / LINE % 26);
        if (i % LINE >= LINE - 2)
            body[i] = i % LINE == LINE - 2 ? '\r' : '\n';
    }
    return body;
}

static void large_messages_arrive_whole(void **state)
{
    (void)state;
    enum {
        SIZE = 3 * 1024 * 1024
    };
    char *body = large_body(SIZE);
    for (size_t i = 0; i < 3; i++) {
        struct test_relay t;
        struct test_mail m = {
            .txn = {.envelope = {.content = {.data = body, .len = SIZE}}},
        };
        struct smtp_relay_config config = test_relay_config();
        const struct test_server_config server = script(modes[i].hello);
        config.tls_mode = modes[i].mode;
        test_relay_begin(&t, &server, config);
        test_mail_send(&t, &m);
        test_mail_assert_sent(&m);
        char *log = test_server_log(t.server);
        const char *got = strstr(log, "DATA\r\n");
        assert_non_null(got);
        assert_memory_equal(got + 6, body, SIZE);
        assert_memory_equal(got + 6 + SIZE, ".\r\n", 3);
        free(log);
        test_relay_end(&t, 0);
    }
    gw_free(body);
}

/* --- TLS faults --- */

static void bad_certificates_end_the_attempt_by_name(void **state)
{
    (void)state;
    static const struct {
        struct test_cert_spec cert;
        enum smtp_reason reason;
        const char *says;
    } rows[] = {
        {{.san = "DNS:localhost"}, SMTP_REASON_TLS_CERT_NAME, "it is for: localhost"},
        {{.san = "IP:127.0.0.1", .from_day = -9, .to_day = -1},
         SMTP_REASON_TLS_CERT_EXPIRED,
         "expired at"},
        {{.san = "IP:127.0.0.1", .from_day = 1, .to_day = 9},
         SMTP_REASON_TLS_CERT_NOT_YET_VALID,
         "not valid before"},
        {{.san = "IP:127.0.0.1", .self_signed = true},
         SMTP_REASON_TLS_CERT_UNTRUSTED,
         "self-signed"},
        {{.san = "IP:127.0.0.1", .intermediate = true},
         SMTP_REASON_TLS_CERT_UNTRUSTED,
         "Test Intermediate"},
        {{.san = "IP:127.0.0.1", .rsa_bits = 1024}, SMTP_REASON_TLS_WEAK, "too weak"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t mode = 1; mode <= 2; mode++) {
            struct test_relay t;
            struct test_mail m = {.done = false};
            struct smtp_relay_config config = test_relay_config();
            struct test_server_config server = script(modes[mode].hello);
            server.cert = rows[i].cert;
            config.tls_mode = modes[mode].mode;
            config.username = "user";
            config.password = "secret";
            test_relay_begin(&t, &server, config);
            test_mail_send(&t, &m);
            test_mail_assert_failed(&m, rows[i].reason, SMTP_STAGE_TLS, false);
            assert_non_null(strstr(m.outcomes[0].detail, rows[i].says));
            test_relay_end(&t, 0);
        }
    }
}

static void server_name_overrides_the_host_in_verification(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m = {.done = false};
    struct smtp_relay_config config = test_relay_config();
    struct test_server_config server = script(TEST_TLS_HELLO "SERVE");
    server.cert = (struct test_cert_spec){.san = "DNS:mx.example.test"};
    config.tls_mode = SMTP_TLS_IMPLICIT;
    config.server_name = "mx.example.test";
    test_relay_begin(&t, &server, config);
    test_mail_send(&t, &m);
    test_mail_assert_sent(&m);
    test_relay_end(&t, 0);
}

static void unverified_certificate_is_no_obstacle_where_that_is_configured(void **state)
{
    (void)state;
    static const struct {
        enum smtp_tls_mode mode;
        enum smtp_tls_verify verify;
        const char *username;
        bool sent;
    } rows[] = {
        {SMTP_TLS_REQUIRED, SMTP_VERIFY_NONE, NULL, true},
        {SMTP_TLS_REQUIRED, SMTP_VERIFY_FULL, NULL, false},
        {SMTP_TLS_OPPORTUNISTIC, SMTP_VERIFY_FULL, NULL, true},
        {SMTP_TLS_OPPORTUNISTIC, SMTP_VERIFY_FULL, "user", false}, /* never to a stranger */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct test_relay t;
        struct test_mail m = {.done = false};
        struct smtp_relay_config config = test_relay_config();
        struct test_server_config server = script(TEST_STARTTLS_HELLO "SERVE");
        server.cert = (struct test_cert_spec){.san = "DNS:x.test", .self_signed = true};
        config.tls_mode = rows[i].mode;
        config.verify = rows[i].verify;
        config.username = rows[i].username;
        config.password = rows[i].username;
        test_relay_begin(&t, &server, config);
        test_mail_send(&t, &m);
        assert_int_equal(m.outcomes[0].accepted, rows[i].sent);
        test_relay_end(&t, 0);
    }
}

static void wrong_tls_mode_is_named_with_the_url_that_works(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m = {.done = false};
    char url[64];
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server = script(TEST_PLAIN_HELLO "SERVE");
    config.tls_mode = SMTP_TLS_IMPLICIT;
    test_relay_begin(&t, &server, config);
    test_mail_send(&t, &m);
    test_mail_assert_failed(&m, SMTP_REASON_WRONG_TLS_MODE, SMTP_STAGE_TLS, false);
    (void)snprintf(url, sizeof(url), "smtp://127.0.0.1:%u", test_server_port(t.server));
    assert_non_null(strstr(m.outcomes[0].detail, url));
    test_relay_end(&t, 0);
}

/* A server that speaks TLS at once, for example an alert about what it takes for a bad hello. */
static void tls_record_where_a_greeting_should_be_is_named(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m = {.done = false};
    char url[64];
    const struct test_server_config server = script("R: \\x15\\x03\\x01\\x00\\x02\\x02\\x46\nHANG");
    test_relay_begin(&t, &server, test_relay_config());
    test_mail_send(&t, &m);
    test_mail_assert_failed(&m, SMTP_REASON_WRONG_TLS_MODE, SMTP_STAGE_GREETING, false);
    (void)snprintf(url, sizeof(url), "smtps://127.0.0.1:%u", test_server_port(t.server));
    assert_non_null(strstr(m.outcomes[0].detail, url));
    test_relay_end(&t, 0);
}

/* The other side of it: both wait, we for a greeting, the relay for a ClientHello. */
static void silent_relay_is_asked_whether_it_waits_for_tls(void **state)
{
    (void)state;
    static const enum smtp_tls_mode plain_starts[] = {SMTP_TLS_NONE, SMTP_TLS_REQUIRED,
                                                      SMTP_TLS_OPPORTUNISTIC};
    for (size_t i = 0; i < 3; i++) {
        struct test_relay t;
        struct test_mail m = {.done = false};
        char url[64];
        struct smtp_relay_config config = test_relay_config();
        const struct test_server_config server = script(TEST_TLS_HELLO "SERVE");
        config.tls_mode = plain_starts[i];
        config.tls_probe_ms = 30;
        test_relay_begin(&t, &server, config);
        test_mail_send(&t, &m);
        test_mail_assert_failed(&m, SMTP_REASON_WRONG_TLS_MODE, SMTP_STAGE_GREETING, false);
        (void)snprintf(url, sizeof(url), "smtps://127.0.0.1:%u", test_server_port(t.server));
        assert_non_null(strstr(m.outcomes[0].detail, url));
        test_relay_end(&t, 0);
    }
}

static bool probe_is_over(void *data)
{
    return test_server_closed(data) == 1;
}

/* R9: the question does no harm to a server that is only slow. */
static void slow_greeting_is_waited_for(void **state)
{
    (void)state;
    static const char *const seconds[] = {"S: 220 hi\nHANG", "HANG", "FIN", "RST"};
    for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
        struct test_relay t;
        struct test_mail m = {.done = false};
        struct smtp_relay_config config = test_relay_config();
        const struct test_server_config server = {
            .scripts = {"WAIT\n" TEST_PLAIN_HELLO "SERVE", seconds[i]}};
        config.tls_probe_ms = 20;
        test_relay_begin(&t, &server, config);
        test_mail_submit(&t, &m);
        if (strcmp(seconds[i], "HANG") != 0)
            test_loop_until_true(&t.loop, probe_is_over, t.server);
        test_server_go(t.server);
        test_mail_wait(&t, &m);
        test_mail_assert_sent(&m);
        test_relay_end(&t, 0);
    }
}

static void old_tls_version_is_named(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m = {.done = false};
    struct smtp_relay_config config = test_relay_config();
    struct test_server_config server = script(TEST_STARTTLS_HELLO "SERVE");
    server.max_tls_version = TLS1_1_VERSION;
    config.tls_mode = SMTP_TLS_REQUIRED;
    test_relay_begin(&t, &server, config);
    test_mail_send(&t, &m);
    test_mail_assert_failed(&m, SMTP_REASON_TLS_VERSION, SMTP_STAGE_TLS, false);
    test_relay_end(&t, 0);
}

#define BEFORE_STARTTLS "S: 220 hi\nC: EHLO\nS: 250-me\nS: 250 STARTTLS\nC: STARTTLS\n"

/* T7 to T9: whatever the split on the wire, nothing said in plaintext is believed. */
static void plaintext_behind_starttls_is_never_believed(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        bool same_segment;
    } rows[] = {
        {BEFORE_STARTTLS "R: 220 go\\r\\n250 SIZE 1\\r\\n\nHANG", true},
        {BEFORE_STARTTLS "R: 220 go\\r\\n250-AUTH PLAI\nHANG", true},
        {BEFORE_STARTTLS "S: 220 go\nS: 250-AUTH PLAIN\nHANG", false},
        {BEFORE_STARTTLS
         "R: 454 no\\r\\n235 ok\\r\\n250 ok\\r\\n250 ok\\r\\n354 go\\r\\n250 x\\r\\n\n"
         "HANG",
         false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct test_relay t;
        struct test_mail m = {.done = false};
        struct smtp_relay_config config = test_relay_config();
        const struct test_server_config server = script(rows[i].script);
        config.tls_mode = SMTP_TLS_REQUIRED;
        config.username = "user";
        config.password = "secret";
        test_relay_begin(&t, &server, config);
        test_mail_send(&t, &m);
        assert_false(m.outcomes[0].accepted);
        if (rows[i].same_segment)
            assert_int_equal(m.outcomes[0].reason, SMTP_REASON_STARTTLS_INJECTION);
        char *log = test_server_log(t.server);
        assert_null(strstr(log, "AUTH"));
        assert_null(strstr(log, "MAIL"));
        free(log);
        test_relay_end(&t, 0);
    }
}

/* T21. */
static void missing_close_notify_after_the_last_reply_is_no_fault(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m = {.done = false};
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server = script(TEST_TLS_HELLO "SERVE 1\nCUT");
    config.tls_mode = SMTP_TLS_IMPLICIT;
    test_relay_begin(&t, &server, config);
    test_mail_send(&t, &m);
    test_mail_assert_sent(&m);
    test_relay_end(&t, 0);
}

/* --- Cut off and kept waiting --- */

#define FLIGHT "C: MAIL\nC: RCPT\nC: RCPT\nC: DATA\n"

static const struct {
    const char *script; /* what follows is said by the test */
    enum smtp_tls_mode mode;
    enum smtp_stage stage;
    bool uncertain;
} places[] = {
    {"", SMTP_TLS_NONE, SMTP_STAGE_GREETING, false},
    {"R: 22\n", SMTP_TLS_NONE, SMTP_STAGE_GREETING, false},
    {"S: 220 hi\nC: EHLO\n", SMTP_TLS_NONE, SMTP_STAGE_EHLO, false},
    {"S: 220 hi\nC: EHLO\nS: 250-more\n", SMTP_TLS_NONE, SMTP_STAGE_EHLO, false},
    {BEFORE_STARTTLS, SMTP_TLS_REQUIRED, SMTP_STAGE_STARTTLS, false},
    {BEFORE_STARTTLS "S: 220 go\n", SMTP_TLS_REQUIRED, SMTP_STAGE_TLS, false},
    {"", SMTP_TLS_IMPLICIT, SMTP_STAGE_TLS, false},
    {"TLS\n", SMTP_TLS_IMPLICIT, SMTP_STAGE_GREETING, false},
    {TEST_PLAIN_HELLO FLIGHT, SMTP_TLS_NONE, SMTP_STAGE_MAIL, false},
    {TEST_TLS_HELLO FLIGHT, SMTP_TLS_IMPLICIT, SMTP_STAGE_MAIL, false},
    {TEST_PLAIN_HELLO FLIGHT "S: 250 ok\n", SMTP_TLS_NONE, SMTP_STAGE_RCPT, false},
    {TEST_PLAIN_HELLO FLIGHT "S: 250 ok\nS: 250 ok\nS: 250 ok\n", SMTP_TLS_NONE, SMTP_STAGE_DATA,
     false},
    {TEST_PLAIN_HELLO FLIGHT "S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\nBODY\n", SMTP_TLS_NONE,
     SMTP_STAGE_DOT, true},
    {TEST_TLS_HELLO FLIGHT "S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\nBODY\nR: 25\n",
     SMTP_TLS_IMPLICIT, SMTP_STAGE_DOT, true},
};
enum {
    N_PLACES = sizeof(places) / sizeof(places[0])
};

static struct smtp_timeouts all_of(int64_t ms)
{
    return (struct smtp_timeouts){.resolve_ms = ms,
                                  .connect_ms = ms,
                                  .greeting_ms = ms,
                                  .ehlo_ms = ms,
                                  .starttls_ms = ms,
                                  .handshake_ms = ms,
                                  .auth_ms = ms,
                                  .mail_ms = ms,
                                  .rcpt_ms = ms,
                                  .data_ms = ms,
                                  .dot_ms = ms,
                                  .rset_ms = ms,
                                  .quit_ms = ms,
                                  .body_floor_ms = ms,
                                  .body_min_rate_bps = 500};
}

/* Sends one mail to a server that follows places[i] and then does @last. */
static void send_at_place(size_t i, const char *last, struct test_mail *m, int64_t timeout_ms)
{
    char text[1000];
    struct test_relay t;
    struct smtp_relay_config config = test_relay_config();
    (void)snprintf(text, sizeof(text), "%s%s", places[i].script, last);
    const struct test_server_config server = script(text);
    config.tls_mode = places[i].mode;
    if (timeout_ms != 0)
        config.timeouts = all_of(timeout_ms);
    test_relay_begin(&t, &server, config);
    test_mail_send(&t, m);
    test_relay_end(&t, 0);
}

static void connection_lost_at_every_stage(void **state)
{
    (void)state;
    static const char *const ways[] = {"FIN", "RST", "CUT"};
    for (size_t i = 0; i < N_PLACES; i++) {
        for (size_t w = 0; w < 3; w++) {
            struct test_mail m = {.done = false};
            send_at_place(i, ways[w], &m, 0);
            const struct smtp_outcome *o = &m.outcomes[0];
            bool lost = o->reason == SMTP_REASON_CONN_CLOSED || o->reason == SMTP_REASON_CONN_RESET;
            /* A reset may overtake replies sent just before it, so the stage may be earlier. */
            bool overtaken = w == 1 && o->stage < places[i].stage && !o->uncertain;
            bool as_told = o->stage == places[i].stage && o->uncertain == places[i].uncertain;
            if (!lost || !(as_told || overtaken))
                fail_msg("place %zu, %s: %s at %s, uncertain %d (%s)", i, ways[w],
                         smtp_reason_name(o->reason), smtp_stage_name(o->stage), o->uncertain,
                         o->detail);
            assert_true(o->detail[0] != '\0');
        }
    }
}

static void deadline_passes_at_every_stage(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_PLACES; i++) {
        struct test_mail m = {.done = false};
        send_at_place(i, "HANG", &m, 60);
        test_mail_assert_failed(&m, SMTP_REASON_TIMEOUT, places[i].stage, places[i].uncertain);
        assert_true(m.outcomes[0].detail[0] != '\0');
    }
}

/* D5: the peer takes the commands and then not a byte of the body. */
static void peer_that_stops_reading_runs_into_the_body_deadline(void **state)
{
    (void)state;
    enum {
        SIZE = 16 * 1024 * 1024
    };
    struct test_relay t;
    char *body = large_body(SIZE);
    struct test_mail m = {.txn = {.envelope = {.content = {.data = body, .len = SIZE}}}};
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server =
        script(TEST_PLAIN_HELLO FLIGHT "S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\nWAIT\n");
    config.timeouts.body_floor_ms = 100;
    config.timeouts.body_min_rate_bps = 1000000000;
    test_relay_begin(&t, &server, config);
    test_mail_send(&t, &m);
    test_mail_assert_failed(&m, SMTP_REASON_TIMEOUT, SMTP_STAGE_BODY, false);
    test_server_go(t.server);
    test_relay_end(&t, 0);
    gw_free(body);
}

/* D3: the verdict is in the socket before our write fails. */
static void refusal_sent_before_the_hang_up_is_heard(void **state)
{
    (void)state;
    enum {
        SIZE = 8 * 1024 * 1024
    };
    struct test_relay t;
    char *body = large_body(SIZE);
    struct test_mail m = {.txn = {.envelope = {.content = {.data = body, .len = SIZE}}}};
    const struct test_server_config server =
        script(TEST_PLAIN_HELLO FLIGHT "S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\n"
                                       "S: 552 5.3.4 too big\nFIN");
    test_relay_begin(&t, &server, test_relay_config());
    test_mail_send(&t, &m);
    test_mail_assert_failed(&m, SMTP_REASON_REPLY, SMTP_STAGE_BODY, false);
    assert_int_equal(m.outcomes[0].reply.code, 552);
    test_relay_end(&t, 0);
    gw_free(body);
}

/* --- Cancel and close after any number of loop rounds --- */

static void run_rounds(struct test_relay *t, int rounds, const bool *done)
{
    for (int i = 0; i < rounds && !*done; i++)
        (void)uv_run(&t->loop, UV_RUN_ONCE);
}

enum {
    MAX_ROUNDS = 40
};

static void cancel_after_every_round(void **state)
{
    (void)state;
    for (size_t mode = 0; mode < 3; mode++) {
        bool canceled_once = false;
        for (int rounds = 0; rounds < MAX_ROUNDS; rounds++) {
            struct test_relay t;
            struct test_mail m = {.done = false};
            struct test_mail next = {.done = false};
            struct smtp_relay_config config = test_relay_config();
            const struct test_server_config server = script(modes[mode].hello);
            config.tls_mode = modes[mode].mode;
            test_relay_begin(&t, &server, config);
            test_mail_submit(&t, &m);
            run_rounds(&t, rounds, &m.done);
            bool late = m.done;
            if (!late) {
                test_mail_cancel(&t, &m);
                test_mail_cancel(&t, &m);
                test_mail_wait(&t, &m);
                if (!m.outcomes[0].accepted)
                    test_mail_assert_failed(&m, SMTP_REASON_CANCELED, m.outcomes[0].stage, false);
                canceled_once = canceled_once || !m.outcomes[0].accepted;
            }
            test_mail_send(&t, &next); /* the slot is free again */
            test_mail_assert_sent(&next);
            test_relay_end(&t, 0);
            if (late)
                break;
        }
        assert_true(canceled_once);
    }
}

static void close_after_every_round(void **state)
{
    (void)state;
    for (size_t mode = 0; mode < 3; mode++) {
        for (int rounds = 0; rounds < MAX_ROUNDS; rounds++) {
            struct test_relay t;
            struct test_mail m[3] = {{.done = false}, {.done = false}, {.done = false}};
            struct smtp_relay_config config = test_relay_config();
            const struct test_server_config server = script(modes[mode].hello);
            config.tls_mode = modes[mode].mode;
            config.max_connections = 2;
            test_relay_begin(&t, &server, config);
            for (size_t i = 0; i < 3; i++)
                test_mail_submit(&t, &m[i]);
            run_rounds(&t, rounds, &m[2].done);
            bool late = m[2].done;
            test_relay_end(&t, rounds % 2 == 0 ? 0 : 1000);
            for (size_t i = 0; i < 3; i++)
                assert_int_equal(m[i].n_done, 1);
            if (late)
                break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mail_is_sent_in_every_tls_mode),
        cmocka_unit_test(large_messages_arrive_whole),
        cmocka_unit_test(bad_certificates_end_the_attempt_by_name),
        cmocka_unit_test(server_name_overrides_the_host_in_verification),
        cmocka_unit_test(unverified_certificate_is_no_obstacle_where_that_is_configured),
        cmocka_unit_test(wrong_tls_mode_is_named_with_the_url_that_works),
        cmocka_unit_test(tls_record_where_a_greeting_should_be_is_named),
        cmocka_unit_test(silent_relay_is_asked_whether_it_waits_for_tls),
        cmocka_unit_test(slow_greeting_is_waited_for),
        cmocka_unit_test(old_tls_version_is_named),
        cmocka_unit_test(plaintext_behind_starttls_is_never_believed),
        cmocka_unit_test(missing_close_notify_after_the_last_reply_is_no_fault),
        cmocka_unit_test(connection_lost_at_every_stage),
        cmocka_unit_test(deadline_passes_at_every_stage),
        cmocka_unit_test(peer_that_stops_reading_runs_into_the_body_deadline),
        cmocka_unit_test(refusal_sent_before_the_hang_up_is_heard),
        cmocka_unit_test(cancel_after_every_round),
        cmocka_unit_test(close_after_every_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
