/* SPDX-License-Identifier: MIT */
/* TLS over buffers: good and bad peers, every split, resumption. The peer is our own server mode
 * where its limits allow, and bare OpenSSL where a bad server is wanted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "gateway/base/gw_mem.h"
#include "smtp/tls.h"
#include "tests/lib/test_ca.h"
#include "tests/lib/tls_peer.h"

/* --- Helpers --- */

/* Moves all output of @from into @to in pieces of @piece bytes; stops when @to fails. */
static void pump(struct smtp_tls *from, struct smtp_tls *to, size_t piece)
{
    struct gw_buf b;
    gw_buf_init(&b, SMTP_TLS_MAX_BUFFERED);
    smtp_tls_swap_output(from, &b);
    for (size_t i = 0; i < b.len; i += piece) {
        size_t n = b.len - i < piece ? b.len - i : piece;
        if (smtp_tls_feed(to, b.data + i, n) != SMTP_TLS_OK ||
            smtp_tls_handshake(to) == SMTP_TLS_FAILED)
            break;
    }
    gw_buf_deinit(&b);
}

/* The callers look at the state afterwards. */
static void go_on(struct smtp_tls *tls)
{
    if (smtp_tls_handshake(tls) == SMTP_TLS_ENDED)
        fail_msg("a handshake never ends in close_notify");
}

static void shake(struct smtp_tls *client, struct smtp_tls *server, size_t piece)
{
    for (int i = 0; i < 6; i++) {
        go_on(client);
        pump(client, server, piece);
        go_on(server);
        pump(server, client, piece);
    }
}

/* A handshake with a server that has this certificate; reason of the failure, or -1 for success. */
static int try_certificate(struct test_cert_spec spec, const char *name,
                           enum smtp_tls_verify verify, char detail[SMTP_DETAIL_SIZE])
{
    struct test_cert cert = test_ca_issue(spec);
    struct smtp_tls_context *ctx = test_tls_client_context(
        (struct smtp_tls_client_config){.verify = verify, .server_name = name});
    struct test_tls_server server = test_tls_server_new(&cert, 0);
    struct smtp_tls *client = smtp_tls_new(ctx);
    enum smtp_tls_status st = test_tls_shake_with(client, &server);
    int reason = st == SMTP_TLS_FAILED ? (int)smtp_tls_failure(client)->reason : -1;
    assert_true(st == SMTP_TLS_FAILED || st == SMTP_TLS_OK);
    (void)snprintf(detail, SMTP_DETAIL_SIZE, "%s", smtp_tls_failure(client)->detail);
    smtp_tls_free(&client);
    test_tls_server_free(&server);
    smtp_tls_context_free(&ctx);
    test_cert_free(&cert);
    return reason;
}

/* --- Certificates --- */

static const struct {
    const char *what;
    struct test_cert_spec spec;
    const char *name;
    enum smtp_tls_verify verify;
    int reason; /* -1: accepted */
    const char *says;
} certificates[] = {
    {"good", {.san = "DNS:mx.example.test"}, NULL, SMTP_VERIFY_FULL, -1, ""},
    {"good by wildcard", {.san = "DNS:*.example.test"}, NULL, SMTP_VERIFY_FULL, -1, ""},
    {"good by address", {.san = "IP:127.0.0.1"}, "127.0.0.1", SMTP_VERIFY_FULL, -1, ""},
    {"good by IPv6 address", {.san = "IP:::1"}, "::1", SMTP_VERIFY_FULL, -1, ""},
    {"name with root dot",
     {.san = "DNS:mx.example.test"},
     "mx.example.test.",
     SMTP_VERIFY_FULL,
     -1,
     ""},
    {"chain sent",
     {.san = "DNS:mx.example.test", .intermediate = true, .send_chain = true},
     NULL,
     SMTP_VERIFY_FULL,
     -1,
     ""},
    {"expired",
     {.san = "DNS:mx.example.test", .from_day = -9, .to_day = -2},
     NULL,
     SMTP_VERIFY_FULL,
     SMTP_REASON_TLS_CERT_EXPIRED,
     "the relay's certificate expired at 20"},
    {"not yet valid",
     {.san = "DNS:mx.example.test", .from_day = 2, .to_day = 9},
     NULL,
     SMTP_VERIFY_FULL,
     SMTP_REASON_TLS_CERT_NOT_YET_VALID,
     "is not valid before 20"},
    {"expired, chain only",
     {.san = "DNS:other.test", .from_day = -9, .to_day = -2},
     NULL,
     SMTP_VERIFY_CA,
     SMTP_REASON_TLS_CERT_EXPIRED,
     "expired"},
    {"wrong name",
     {.san = "DNS:a.test,DNS:b.test,IP:192.0.2.1"},
     NULL,
     SMTP_VERIFY_FULL,
     SMTP_REASON_TLS_CERT_NAME,
     "not for \"mx.example.test\"; it is for: a.test, b.test, 192.0.2.1"},
    {"wrong address",
     {.san = "DNS:127.0.0.1"},
     "127.0.0.1",
     SMTP_VERIFY_FULL,
     SMTP_REASON_TLS_CERT_NAME,
     "not for \"127.0.0.1\""},
    {"wrong name, chain only", {.san = "DNS:other.test"}, NULL, SMTP_VERIFY_CA, -1, ""},
    {"name in CN only",
     {.cn = "mx.example.test"},
     NULL,
     SMTP_VERIFY_FULL,
     SMTP_REASON_TLS_CERT_NAME,
     "no subjectAltName"},
    {"partial wildcard",
     {.san = "DNS:m*.example.test"},
     NULL,
     SMTP_VERIFY_FULL,
     SMTP_REASON_TLS_CERT_NAME,
     "m*.example.test"},
    {"wildcard of a top-level domain",
     {.san = "DNS:*.test"},
     "example.test",
     SMTP_VERIFY_FULL,
     SMTP_REASON_TLS_CERT_NAME,
     "*.test"},
    {"wildcard two labels up",
     {.san = "DNS:*.test"},
     NULL,
     SMTP_VERIFY_FULL,
     SMTP_REASON_TLS_CERT_NAME,
     "*.test"},
    {"self-signed",
     {.san = "DNS:mx.example.test", .self_signed = true},
     NULL,
     SMTP_VERIFY_FULL,
     SMTP_REASON_TLS_CERT_UNTRUSTED,
     "self-signed"},
    {"self-signed, not verified",
     {.san = "DNS:x.test", .self_signed = true},
     NULL,
     SMTP_VERIFY_NONE,
     -1,
     ""},
    {"missing intermediate",
     {.san = "DNS:mx.example.test", .intermediate = true},
     NULL,
     SMTP_VERIFY_FULL,
     SMTP_REASON_TLS_CERT_UNTRUSTED,
     "Test Intermediate"},
    {"RSA-2048", {.san = "DNS:mx.example.test", .rsa_bits = 2048}, NULL, SMTP_VERIFY_FULL, -1, ""},
    {"RSA-1024",
     {.san = "DNS:mx.example.test", .rsa_bits = 1024},
     NULL,
     SMTP_VERIFY_FULL,
     SMTP_REASON_TLS_WEAK,
     "too weak"},
    {"SHA-1",
     {.san = "DNS:mx.example.test", .sha1 = true},
     NULL,
     SMTP_VERIFY_FULL,
     SMTP_REASON_TLS_WEAK,
     "too weak"},
};

static void certificates_are_judged_and_the_fault_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(certificates) / sizeof(certificates[0]); i++) {
        char detail[SMTP_DETAIL_SIZE];
        int reason = try_certificate(certificates[i].spec, certificates[i].name,
                                     certificates[i].verify, detail);
        if (reason != certificates[i].reason || strstr(detail, certificates[i].says) == NULL)
            fail_msg("%s: reason %s, detail \"%s\"", certificates[i].what,
                     reason < 0 ? "none" : smtp_reason_name((enum smtp_reason)reason), detail);
    }
}

static void names_a_peer_chose_are_cleaned_and_cut(void **state)
{
    (void)state;
    char detail[SMTP_DETAIL_SIZE];
    char san[2048] = "DNS:a\x1b[31m.test";
    for (int i = 0; i < 60; i++)
        (void)snprintf(san + strlen(san), sizeof(san) - strlen(san), ",DNS:n%d.example.test", i);
    int reason =
        try_certificate((struct test_cert_spec){.san = san}, NULL, SMTP_VERIFY_FULL, detail);
    assert_int_equal(reason, SMTP_REASON_TLS_CERT_NAME);
    assert_non_null(strstr(detail, "a?[31m.test, n0.example.test"));
    assert_string_equal(detail + strlen(detail) - 5, ", ...");
}

static void system_trust_does_not_know_a_private_ca(void **state)
{
    (void)state;
    struct test_cert cert = test_ca_issue((struct test_cert_spec){.san = "DNS:mx.example.test"});
    struct smtp_tls_client_config config = {.server_name = "mx.example.test"};
    struct smtp_tls_context *ctx = NULL;
    assert_int_equal(smtp_tls_client_context(&config, &ctx, NULL), GW_OK);
    struct test_tls_server server = test_tls_server_new(&cert, 0);
    struct smtp_tls *client = smtp_tls_new(ctx);
    assert_int_equal(test_tls_shake_with(client, &server), SMTP_TLS_FAILED);
    assert_int_equal(smtp_tls_failure(client)->reason, SMTP_REASON_TLS_CERT_UNTRUSTED);
    assert_non_null(strstr(smtp_tls_failure(client)->detail, "the system's CAs"));
    smtp_tls_free(&client);
    test_tls_server_free(&server);
    smtp_tls_context_free(&ctx);
    test_cert_free(&cert);
}

static void old_versions_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        int server_max, client_min, want;
    } rows[] = {
        {TLS1_VERSION, SMTP_TLS_1_2, SMTP_REASON_TLS_VERSION},
        {TLS1_1_VERSION, SMTP_TLS_1_2, SMTP_REASON_TLS_VERSION},
        {TLS1_2_VERSION, SMTP_TLS_1_3, SMTP_REASON_TLS_VERSION},
        {TLS1_2_VERSION, SMTP_TLS_1_2, -1},
        {TLS1_3_VERSION, SMTP_TLS_1_3, -1},
    };
    struct test_cert cert = test_ca_issue((struct test_cert_spec){.san = "DNS:mx.example.test"});
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct smtp_tls_context *ctx = test_tls_client_context(
            (struct smtp_tls_client_config){.min_version = rows[i].client_min});
        struct test_tls_server server = test_tls_server_new(&cert, rows[i].server_max);
        struct smtp_tls *client = smtp_tls_new(ctx);
        enum smtp_tls_status st = test_tls_shake_with(client, &server);
        assert_int_equal(st, rows[i].want < 0 ? SMTP_TLS_OK : SMTP_TLS_FAILED);
        if (rows[i].want >= 0)
            assert_int_equal(smtp_tls_failure(client)->reason, rows[i].want);
        smtp_tls_free(&client);
        test_tls_server_free(&server);
        smtp_tls_context_free(&ctx);
    }
    test_cert_free(&cert);
}

/* --- Peers that do not speak TLS --- */

static void plaintext_instead_of_tls_is_named_at_the_first_byte(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        int reason; /* -1: more bytes wanted */
    } rows[] = {
        {"220 mx.example ESMTP\r\n", SMTP_REASON_WRONG_TLS_MODE},
        {"2", SMTP_REASON_WRONG_TLS_MODE},
        {"554 no\r\n", SMTP_REASON_WRONG_TLS_MODE},
        {"HTTP/1.1 400 Bad Request\r\n", SMTP_REASON_TLS_ERROR},
        {"\x16\x03\x01\x02", -1},
        {"\x16\x09\x01\x00\x05hello", SMTP_REASON_TLS_ERROR},
        {"\x15\x03\x01\x00\x02\x02\x46", SMTP_REASON_TLS_VERSION}, /* alert 70 */
        {"\x15\x03\x01\x00\x02\x02\x28", SMTP_REASON_TLS_ERROR},   /* alert 40 */
    };
    static const size_t lens[] = {22, 1, 8, 26, 4, 10, 7, 7};
    struct smtp_tls_context *ctx =
        test_tls_client_context((struct smtp_tls_client_config){.ca_file = NULL});
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct smtp_tls *client = smtp_tls_new(ctx);
        assert_int_equal(smtp_tls_handshake(client), SMTP_TLS_MORE);
        enum smtp_tls_status st = SMTP_TLS_MORE;
        for (size_t k = 0; k < lens[i] && st != SMTP_TLS_FAILED; k++) {
            st = smtp_tls_feed(client, rows[i].bytes + k, 1);
            if (st == SMTP_TLS_OK)
                st = smtp_tls_handshake(client);
        }
        if (rows[i].reason == -1) {
            assert_int_equal(st, SMTP_TLS_MORE);
        } else {
            assert_int_equal(st, SMTP_TLS_FAILED);
            assert_int_equal(smtp_tls_failure(client)->reason, rows[i].reason);
            assert_true(smtp_tls_failure(client)->detail[0] != '\0');
            assert_int_equal(smtp_tls_handshake(client), SMTP_TLS_FAILED);
        }
        smtp_tls_free(&client);
    }
    smtp_tls_context_free(&ctx);
}

static void alerts_are_named(void **state)
{
    (void)state;
    struct smtp_tls_context *ctx =
        test_tls_client_context((struct smtp_tls_client_config){.ca_file = NULL});
    struct smtp_tls *client = smtp_tls_new(ctx);
    assert_int_equal(smtp_tls_handshake(client), SMTP_TLS_MORE);
    assert_int_equal(smtp_tls_feed(client, "\x15\x03\x03\x00\x02\x02\x50", 7), SMTP_TLS_OK);
    assert_int_equal(smtp_tls_handshake(client), SMTP_TLS_FAILED);
    assert_non_null(strstr(smtp_tls_failure(client)->detail, "internal error"));
    smtp_tls_free(&client);
    smtp_tls_context_free(&ctx);
}

/* --- Our client and our server --- */

struct pair {
    struct smtp_tls_context *client_ctx, *server_ctx;
    struct smtp_tls *client, *server;
};

static struct pair pair_new(void)
{
    struct pair p = {.client = NULL};
    char *cert = NULL;
    char *key = NULL;
    assert_int_equal(smtp_tls_make_certificate(&cert, &key, NULL), GW_OK);
    char *ca = test_write_temp(cert);
    p.client_ctx = test_tls_client_context(
        (struct smtp_tls_client_config){.ca_file = ca, .server_name = "127.0.0.1"});
    test_remove_temp(ca);
    assert_int_equal(smtp_tls_server_context(cert, key, &p.server_ctx, NULL), GW_OK);
    gw_free(cert);
    gw_free_secret(&key);
    p.client = smtp_tls_new(p.client_ctx);
    p.server = smtp_tls_new(p.server_ctx);
    return p;
}

static void pair_free(struct pair *p)
{
    smtp_tls_free(&p->client);
    smtp_tls_free(&p->server);
    smtp_tls_context_free(&p->client_ctx);
    smtp_tls_context_free(&p->server_ctx);
}

static void throw_away_certificate_serves_a_client_that_trusts_it(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 40; piece += 6) {
        struct pair p = pair_new();
        shake(p.client, p.server, piece);
        assert_int_equal(smtp_tls_handshake(p.client), SMTP_TLS_OK);
        assert_int_equal(smtp_tls_handshake(p.server), SMTP_TLS_OK);
        assert_string_equal(smtp_tls_version(p.client), "TLSv1.3");
        assert_true(smtp_tls_cipher(p.client)[0] != '\0');
        pair_free(&p);
    }
}

static size_t drain(struct smtp_tls *tls, char *out, size_t size)
{
    size_t total = 0;
    size_t n;
    while (smtp_tls_read(tls, out + total, size - total, &n) == SMTP_TLS_OK)
        total += n;
    return total;
}

static void data_arrives_in_every_split_and_in_one_byte_records(void **state)
{
    (void)state;
    enum {
        BIG = 100000
    };
    struct pair p = pair_new();
    shake(p.client, p.server, 5000);
    char *sent = gw_malloc(BIG);
    char *got = gw_malloc(BIG + 1);
    for (size_t i = 0; i < BIG; i++)
        sent[i] = (char)(i * 31);
    assert_int_equal(smtp_tls_write(p.server, sent, BIG), SMTP_TLS_OK);
    for (size_t i = 0; i < 50; i++)
        assert_int_equal(smtp_tls_write(p.client, sent + i, 1), SMTP_TLS_OK);
    pump(p.client, p.server, 1);
    assert_int_equal(drain(p.server, got, BIG), 50);
    assert_memory_equal(got, sent, 50);
    struct gw_buf b;
    gw_buf_init(&b, SMTP_TLS_MAX_BUFFERED);
    smtp_tls_swap_output(p.server, &b);
    size_t total = 0;
    for (size_t i = 0; i < b.len; i += 163) {
        assert_int_equal(smtp_tls_feed(p.client, b.data + i, b.len - i < 163 ? b.len - i : 163),
                         SMTP_TLS_OK);
        total += drain(p.client, got + total, BIG + 1 - total);
    }
    assert_int_equal(total, BIG);
    assert_memory_equal(got, sent, BIG);
    gw_buf_deinit(&b);
    gw_free(sent);
    gw_free(got);
    pair_free(&p);
}

static void damaged_record_fails_and_stays_failed(void **state)
{
    (void)state;
    struct pair p = pair_new();
    struct gw_buf b;
    char got[64];
    size_t n;
    gw_buf_init(&b, SMTP_TLS_MAX_BUFFERED);
    shake(p.client, p.server, 5000);
    assert_int_equal(smtp_tls_write(p.server, "250 ok\r\n", 8), SMTP_TLS_OK);
    smtp_tls_swap_output(p.server, &b);
    b.data[b.len - 1] ^= 1;
    assert_int_equal(smtp_tls_feed(p.client, b.data, b.len), SMTP_TLS_OK);
    assert_int_equal(smtp_tls_read(p.client, got, sizeof(got), &n), SMTP_TLS_FAILED);
    assert_int_equal(n, 0);
    assert_int_equal(smtp_tls_failure(p.client)->reason, SMTP_REASON_TLS_ERROR);
    assert_int_equal(smtp_tls_write(p.client, "QUIT\r\n", 6), SMTP_TLS_FAILED);
    assert_int_equal(smtp_tls_feed(p.client, "x", 1), SMTP_TLS_FAILED);
    gw_buf_deinit(&b);
    pair_free(&p);
}

static void close_notify_ends_reading_after_the_data_before_it(void **state)
{
    (void)state;
    struct pair p = pair_new();
    char got[64];
    size_t n;
    shake(p.client, p.server, 5000);
    assert_int_equal(smtp_tls_write(p.server, "221 bye\r\n", 9), SMTP_TLS_OK);
    smtp_tls_close_notify(p.server);
    smtp_tls_close_notify(p.server);
    pump(p.server, p.client, 10);
    assert_int_equal(smtp_tls_read(p.client, got, sizeof(got), &n), SMTP_TLS_OK);
    assert_int_equal(n, 9);
    assert_int_equal(smtp_tls_read(p.client, got, sizeof(got), &n), SMTP_TLS_ENDED);
    assert_int_equal(smtp_tls_read(p.client, got, sizeof(got), &n), SMTP_TLS_ENDED);
    pair_free(&p);
}

static void unread_input_over_the_cap_fails(void **state)
{
    (void)state;
    struct pair p = pair_new();
    char *junk = gw_calloc(1, SMTP_TLS_MAX_BUFFERED);
    junk[0] = 0x16;
    assert_int_equal(smtp_tls_feed(p.client, junk, SMTP_TLS_MAX_BUFFERED), SMTP_TLS_OK);
    assert_int_equal(smtp_tls_feed(p.client, junk, 1), SMTP_TLS_FAILED);
    assert_int_equal(smtp_tls_handshake(p.client), SMTP_TLS_FAILED);
    gw_free(junk);
    pair_free(&p);
}

static void sessions_are_resumed_within_a_context_and_not_across(void **state)
{
    (void)state;
    struct pair p = pair_new();
    char got[16];
    shake(p.client, p.server, 5000);
    assert_false(smtp_tls_resumed(p.client));
    (void)drain(p.client, got, sizeof(got)); /* takes the tickets in */
    for (int i = 0; i < 3; i++) {
        smtp_tls_free(&p.client);
        smtp_tls_free(&p.server);
        p.client = smtp_tls_new(p.client_ctx);
        p.server = smtp_tls_new(p.server_ctx);
        shake(p.client, p.server, 5000);
        assert_int_equal(smtp_tls_handshake(p.client), SMTP_TLS_OK);
        assert_true(smtp_tls_resumed(p.client));
        (void)drain(p.client, got, sizeof(got));
    }
    struct pair other = pair_new();
    smtp_tls_free(&other.client);
    other.client = smtp_tls_new(p.client_ctx); /* has sessions of another server */
    shake(other.client, other.server, 5000);
    assert_int_equal(smtp_tls_handshake(other.client), SMTP_TLS_FAILED);
    assert_int_equal(smtp_tls_failure(other.client)->reason, SMTP_REASON_TLS_CERT_UNTRUSTED);
    pair_free(&other);
    pair_free(&p);
}

static void sessions_of_tls_1_2_are_resumed(void **state)
{
    (void)state;
    struct test_cert cert = test_ca_issue((struct test_cert_spec){.san = "DNS:mx.example.test"});
    struct smtp_tls_context *ctx =
        test_tls_client_context((struct smtp_tls_client_config){.ca_file = NULL});
    struct test_tls_server server = test_tls_server_new(&cert, TLS1_2_VERSION);
    for (int i = 0; i < 3; i++) {
        struct smtp_tls *client = smtp_tls_new(ctx);
        assert_int_equal(test_tls_shake_with(client, &server), SMTP_TLS_OK);
        assert_int_equal(smtp_tls_resumed(client), i > 0);
        smtp_tls_close_notify(client);
        smtp_tls_free(&client);
        SSL_shutdown(server.ssl);
        (void)BIO_reset(server.in);
        (void)BIO_reset(server.out);
        assert_int_equal(SSL_clear(server.ssl), 1);
    }
    test_tls_server_free(&server);
    smtp_tls_context_free(&ctx);
    test_cert_free(&cert);
}

/* T20. */
static void key_update_flood_is_bounded(void **state)
{
    (void)state;
    struct test_cert cert = test_ca_issue((struct test_cert_spec){.san = "DNS:mx.example.test"});
    struct smtp_tls_context *ctx =
        test_tls_client_context((struct smtp_tls_client_config){.ca_file = NULL});
    struct test_tls_server server = test_tls_server_new(&cert, TLS1_3_VERSION);
    struct smtp_tls *client = smtp_tls_new(ctx);
    assert_int_equal(test_tls_shake_with(client, &server), SMTP_TLS_OK);
    struct gw_buf b;
    gw_buf_init(&b, SMTP_TLS_MAX_BUFFERED);
    smtp_tls_swap_output(client, &b);
    BIO_write(server.in, b.data, (int)b.len);
    assert_int_equal(SSL_do_handshake(server.ssl), 1);
    int updates = 0;
    enum smtp_tls_status st = SMTP_TLS_MORE;
    for (; updates < 1000 && st == SMTP_TLS_MORE; updates++) {
        char buf[4096];
        size_t got;
        assert_int_equal(SSL_key_update(server.ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        assert_int_equal(SSL_do_handshake(server.ssl), 1);
        for (int n; (n = BIO_read(server.out, buf, sizeof(buf))) > 0;)
            assert_int_equal(smtp_tls_feed(client, buf, (size_t)n), SMTP_TLS_OK);
        st = smtp_tls_read(client, buf, sizeof(buf), &got);
    }
    assert_int_equal(st, SMTP_TLS_FAILED);
    assert_in_range(updates, SMTP_TLS_MAX_POST_HANDSHAKE - 4, SMTP_TLS_MAX_POST_HANDSHAKE + 1);
    assert_non_null(strstr(smtp_tls_failure(client)->detail, "floods"));
    gw_buf_deinit(&b);
    smtp_tls_free(&client);
    test_tls_server_free(&server);
    smtp_tls_context_free(&ctx);
    test_cert_free(&cert);
}

/* --- Files --- */

static void bad_files_are_named(void **state)
{
    (void)state;
    struct test_cert one = test_ca_issue((struct test_cert_spec){.san = NULL});
    struct test_cert two = test_ca_issue((struct test_cert_spec){.san = NULL});
    char *cert = test_write_temp(one.cert_pem);
    char *key = test_write_temp(one.key_pem);
    char *wrong_key = test_write_temp(two.key_pem);
    char *junk = test_write_temp("not PEM\n");
    char *locked = test_write_temp("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n"
                                   "-----END ENCRYPTED PRIVATE KEY-----\n");
    const struct {
        struct smtp_tls_client_config config;
        enum gw_status st;
        const char *says;
    } rows[] = {
        {{.cert_file = cert, .key_file = key}, GW_OK, ""},
        {{.ca_file = "/nonexistent/ca.pem"}, GW_IO, "/nonexistent/ca.pem"},
        {{.ca_file = junk}, GW_TLS, junk},
        {{.cert_file = cert}, GW_TLS, "client_key_file"},
        {{.cert_file = cert, .key_file = "/nonexistent/k"}, GW_IO, "/nonexistent/k"},
        {{.cert_file = junk, .key_file = key}, GW_TLS, junk},
        {{.cert_file = cert, .key_file = wrong_key}, GW_TLS, "mismatch"},
        {{.cert_file = cert, .key_file = junk}, GW_TLS, junk},
        {{.cert_file = cert, .key_file = locked}, GW_TLS, locked},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct smtp_tls_client_config config = rows[i].config;
        struct smtp_tls_context *ctx = NULL;
        struct gw_err err = {.text = ""};
        config.server_name = "mx.example.test";
        assert_int_equal(smtp_tls_client_context(&config, &ctx, &err), rows[i].st);
        assert_non_null(strstr(err.text, rows[i].says));
        assert_true((ctx != NULL) == (rows[i].st == GW_OK));
        smtp_tls_context_free(&ctx);
    }
    struct smtp_tls_context *ctx = NULL;
    assert_int_equal(smtp_tls_server_context(one.cert_pem, two.key_pem, &ctx, NULL), GW_TLS);
    assert_int_equal(smtp_tls_server_context("junk", two.key_pem, &ctx, NULL), GW_TLS);
    assert_null(ctx);
    test_remove_temp(cert);
    test_remove_temp(key);
    test_remove_temp(wrong_key);
    test_remove_temp(junk);
    test_remove_temp(locked);
    test_cert_free(&one);
    test_cert_free(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_are_judged_and_the_fault_named),
        cmocka_unit_test(names_a_peer_chose_are_cleaned_and_cut),
        cmocka_unit_test(system_trust_does_not_know_a_private_ca),
        cmocka_unit_test(old_versions_are_refused_by_name),
        cmocka_unit_test(plaintext_instead_of_tls_is_named_at_the_first_byte),
        cmocka_unit_test(alerts_are_named),
        cmocka_unit_test(throw_away_certificate_serves_a_client_that_trusts_it),
        cmocka_unit_test(data_arrives_in_every_split_and_in_one_byte_records),
        cmocka_unit_test(damaged_record_fails_and_stays_failed),
        cmocka_unit_test(close_notify_ends_reading_after_the_data_before_it),
        cmocka_unit_test(unread_input_over_the_cap_fails),
        cmocka_unit_test(sessions_are_resumed_within_a_context_and_not_across),
        cmocka_unit_test(sessions_of_tls_1_2_are_resumed),
        cmocka_unit_test(key_update_flood_is_bounded),
        cmocka_unit_test(bad_files_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
