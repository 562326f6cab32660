/* SPDX-License-Identifier: MIT */
/* What a relay's TLS must be like: pinned keys, the T rows of the fault matrix that test_tls.c has
 * not, files that change, and the certificate in words. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/base/gw_base64.h"
#include "tests/lib/loop_util.h"
#include "tests/lib/relay_fixture.h"
#include "tests/lib/tls_peer.h"

struct seen {
    int reason; /* -1: accepted */
    char detail[SMTP_DETAIL_SIZE];
    struct smtp_tls_certificate certificate;
    bool has_certificate;
};

static struct seen meet(const struct test_cert *cert, struct smtp_tls_client_config config)
{
    struct seen out = {.reason = -1};
    struct smtp_tls_context *ctx = test_tls_client_context(config);
    struct test_tls_server server = test_tls_server_new(cert, 0);
    struct smtp_tls *client = smtp_tls_new(ctx);
    smtp_tls_context_free(&ctx); /* the connection holds it */
    enum smtp_tls_status st = test_tls_shake_with(client, &server);
    assert_true(st == SMTP_TLS_FAILED || st == SMTP_TLS_OK);
    if (st == SMTP_TLS_FAILED)
        out.reason = (int)smtp_tls_failure(client)->reason;
    (void)snprintf(out.detail, sizeof(out.detail), "%s", smtp_tls_failure(client)->detail);
    out.has_certificate = smtp_tls_peer_certificate(client, &out.certificate);
    smtp_tls_free(&client);
    test_tls_server_free(&server);
    return out;
}

static struct smtp_tls_pin pin_of(const struct smtp_tls_certificate *c)
{
    struct smtp_tls_pin pin;
    unsigned char digest[64];
    size_t len = 0;
    assert_int_equal(strncmp(c->pin, "sha256/", 7), 0);
    assert_int_equal(gw_base64_decode(gw_slice_str(c->pin + 7), digest, &len, NULL), GW_OK);
    assert_int_equal(len, SMTP_TLS_PIN_SIZE);
    memcpy(pin.sha256, digest, SMTP_TLS_PIN_SIZE);
    return pin;
}

/* --- Pins --- */

/* A pinned key is all that is asked: no CA, no name, no date; but a weak key stays weak. */
static void pinned_key_is_enough_and_any_other_refused(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct test_cert_spec spec;
        int reason; /* when pinned */
    } rows[] = {
        {"good", {.san = "DNS:mx.example.test"}, -1},
        {"self-signed", {.san = "DNS:mx.example.test", .self_signed = true}, -1},
        {"wrong name", {.san = "DNS:other.test", .self_signed = true}, -1},
        {"expired", {.san = "DNS:mx.example.test", .from_day = -9, .to_day = -2}, -1},
        {"RSA-1024", {.san = "DNS:mx.example.test", .rsa_bits = 1024}, SMTP_REASON_TLS_WEAK},
    };
    static const struct smtp_tls_pin other = {.sha256 = {1, 2, 3}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct test_cert cert = test_ca_issue(rows[i].spec);
        struct seen seen = meet(&cert, (struct smtp_tls_client_config){.verify = SMTP_VERIFY_NONE});
        const struct smtp_tls_pin pins[] = {other, pin_of(&seen.certificate)};
        struct seen with = meet(&cert, (struct smtp_tls_client_config){.pins = pins, .n_pins = 2});
        if (with.reason != rows[i].reason)
            fail_msg("%s: %d %s", rows[i].what, with.reason, with.detail);
        struct seen without =
            meet(&cert, (struct smtp_tls_client_config){.pins = pins, .n_pins = 1});
        if (rows[i].reason == -1) {
            assert_int_equal(without.reason, SMTP_REASON_TLS_CERT_UNTRUSTED);
            assert_non_null(strstr(without.detail, seen.certificate.pin));
        }
        test_cert_free(&cert);
    }
}

/* --- Chains --- */

static void certificate_signed_by_a_server_s_is_untrusted(void **state)
{
    (void)state;
    struct test_cert cert = test_ca_issue((struct test_cert_spec){
        .san = "DNS:mx.example.test", .issuer_is_no_ca = true, .send_chain = true});
    struct seen seen = meet(&cert, (struct smtp_tls_client_config){.verify = SMTP_VERIFY_FULL});
    assert_int_equal(seen.reason, SMTP_REASON_TLS_CERT_UNTRUSTED);
    assert_true(seen.has_certificate);
    test_cert_free(&cert);
}

static void name_with_a_nul_in_it_is_another_name(void **state)
{
    (void)state;
    struct test_cert cert = test_ca_issue(
        (struct test_cert_spec){.raw_dns = "mx.example.test\0.evil.test",
                                .raw_dns_len = sizeof("mx.example.test\0.evil.test") - 1});
    struct seen seen = meet(&cert, (struct smtp_tls_client_config){.verify = SMTP_VERIFY_FULL});
    assert_int_equal(seen.reason, SMTP_REASON_TLS_CERT_NAME);
    assert_non_null(strstr(seen.detail, "mx.example.test?.evil.test"));
    test_cert_free(&cert);
}

static void certificate_is_told_in_words(void **state)
{
    (void)state;
    struct test_cert cert = test_ca_issue((struct test_cert_spec){
        .san = "DNS:mx.example.test,DNS:*.example.net,IP:192.0.2.1", .cn = "mx", .rsa_bits = 2048});
    struct seen seen = meet(&cert, (struct smtp_tls_client_config){.verify = SMTP_VERIFY_FULL});
    assert_int_equal(seen.reason, -1);
    assert_string_equal(seen.certificate.subject, "/CN=mx");
    assert_string_equal(seen.certificate.issuer, "/CN=Test Root");
    assert_string_equal(seen.certificate.names, "mx.example.test, *.example.net, 192.0.2.1");
    assert_string_equal(seen.certificate.key, "RSA 2048");
    assert_int_equal(strlen(seen.certificate.pin), 7 + 44);
    assert_non_null(strstr(seen.certificate.not_after, "UTC"));
    test_cert_free(&cert);
}

/* --- Servers that are odd --- */

static int refuse_name(SSL *ssl, int *alert, void *arg)
{
    (void)ssl;
    (void)arg;
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_TLSEXT_ERR_ALERT_WARNING;
}

/* T18: the warning alone is no reason; the certificate decides. */
static void server_name_warning_is_passed_over(void **state)
{
    (void)state;
    struct test_cert cert = test_ca_issue((struct test_cert_spec){.san = "DNS:mx.example.test"});
    struct smtp_tls_context *ctx =
        test_tls_client_context((struct smtp_tls_client_config){.verify = SMTP_VERIFY_FULL});
    struct test_tls_server server = test_tls_server_new(&cert, TLS1_2_VERSION);
    SSL_CTX_set_tlsext_servername_callback(server.ctx, refuse_name);
    struct smtp_tls *client = smtp_tls_new(ctx);
    assert_int_equal(test_tls_shake_with(client, &server), SMTP_TLS_OK);
    smtp_tls_free(&client);
    test_tls_server_free(&server);
    smtp_tls_context_free(&ctx);
    test_cert_free(&cert);
}

/* T17: ciphers that encrypt nothing, or badly, are never agreed on. */
static void weak_ciphers_are_not_agreed_on(void **state)
{
    (void)state;
    static const char *const lists[] = {"eNULL:@SECLEVEL=0", "aNULL:@SECLEVEL=0",
                                        "PSK:@SECLEVEL=0"};
    struct test_cert cert =
        test_ca_issue((struct test_cert_spec){.san = "DNS:mx.example.test", .rsa_bits = 2048});
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        struct smtp_tls_context *ctx =
            test_tls_client_context((struct smtp_tls_client_config){.verify = SMTP_VERIFY_FULL});
        struct test_tls_server server = test_tls_server_new(&cert, TLS1_2_VERSION);
        assert_int_equal(SSL_set_cipher_list(server.ssl, lists[i]), 1);
        struct smtp_tls *client = smtp_tls_new(ctx);
        assert_int_equal(test_tls_shake_with(client, &server), SMTP_TLS_FAILED);
        assert_int_equal(smtp_tls_failure(client)->reason, SMTP_REASON_TLS_ERROR);
        smtp_tls_free(&client);
        test_tls_server_free(&server);
        smtp_tls_context_free(&ctx);
    }
    test_cert_free(&cert);
}

static int take_any(int ok, X509_STORE_CTX *store)
{
    (void)ok;
    (void)store;
    return 1;
}

/* T19: asked for a certificate, the client shows the configured one or none. */
static void client_certificate_is_shown_when_configured(void **state)
{
    (void)state;
    struct test_cert cert = test_ca_issue((struct test_cert_spec){.san = "DNS:mx.example.test"});
    struct test_cert own = test_ca_issue((struct test_cert_spec){.cn = "client"});
    char *cert_file = test_write_temp(own.cert_pem);
    char *key_file = test_write_temp(own.key_pem);
    for (int with = 0; with < 2; with++) {
        struct smtp_tls_client_config config = {.verify = SMTP_VERIFY_FULL};
        if (with != 0) {
            config.cert_file = cert_file;
            config.key_file = key_file;
        }
        struct smtp_tls_context *ctx = test_tls_client_context(config);
        struct test_tls_server server = test_tls_server_new(&cert, TLS1_2_VERSION);
        SSL_set_verify(server.ssl, SSL_VERIFY_PEER, take_any);
        struct smtp_tls *client = smtp_tls_new(ctx);
        assert_int_equal(test_tls_shake_with(client, &server), SMTP_TLS_OK);
        X509 *shown = SSL_get1_peer_certificate(server.ssl);
        assert_int_equal(shown != NULL, with);
        X509_free(shown);
        smtp_tls_free(&client);
        test_tls_server_free(&server);
        smtp_tls_context_free(&ctx);
    }
    test_remove_temp(cert_file);
    test_remove_temp(key_file);
    test_cert_free(&cert);
    test_cert_free(&own);
}

/* T20: the client does not take part in renegotiation. */
static void renegotiation_is_refused(void **state)
{
    (void)state;
    struct test_cert cert = test_ca_issue((struct test_cert_spec){.san = "DNS:mx.example.test"});
    struct smtp_tls_context *ctx =
        test_tls_client_context((struct smtp_tls_client_config){.verify = SMTP_VERIFY_FULL});
    struct test_tls_server server = test_tls_server_new(&cert, TLS1_2_VERSION);
    struct smtp_tls *client = smtp_tls_new(ctx);
    struct gw_buf b;
    char buf[4096];
    size_t got;
    assert_int_equal(test_tls_shake_with(client, &server), SMTP_TLS_OK);
    assert_int_equal(SSL_renegotiate(server.ssl), 1);
    (void)SSL_do_handshake(server.ssl); /* sends HelloRequest */
    for (int n; (n = BIO_read(server.out, buf, sizeof(buf))) > 0;)
        assert_int_equal(smtp_tls_feed(client, buf, (size_t)n), SMTP_TLS_OK);
    assert_int_equal(smtp_tls_read(client, buf, sizeof(buf), &got), SMTP_TLS_MORE);
    gw_buf_init(&b, SMTP_TLS_MAX_BUFFERED);
    smtp_tls_swap_output(client, &b); /* the alert "no renegotiation", and no new hello */
    assert_true(b.len > 0 && b.data[0] == 21);
    gw_buf_deinit(&b);
    smtp_tls_free(&client);
    test_tls_server_free(&server);
    smtp_tls_context_free(&ctx);
    test_cert_free(&cert);
}

/* --- Files that change --- */

static void replace(const char *file, const char *text)
{
    char *other = test_write_temp(text);
    assert_int_equal(rename(other, file), 0);
    free(other);
}

static void replaced_files_make_a_context_stale_once(void **state)
{
    (void)state;
    struct test_cert own = test_ca_issue((struct test_cert_spec){.cn = "client"});
    char *ca = test_write_temp(test_ca_root());
    char *cert = test_write_temp(own.cert_pem);
    char *key = test_write_temp(own.key_pem);
    const char *const files[] = {ca, cert, key};
    const char *const texts[] = {test_ca_root(), own.cert_pem, own.key_pem};
    struct smtp_tls_context *ctx = test_tls_client_context(
        (struct smtp_tls_client_config){.ca_file = ca, .cert_file = cert, .key_file = key});
    assert_false(smtp_tls_context_is_stale(ctx));
    for (size_t i = 0; i < 3; i++) {
        replace(files[i], texts[i]);
        assert_true(smtp_tls_context_is_stale(ctx));
        assert_false(smtp_tls_context_is_stale(ctx));
    }
    assert_int_equal(remove(ca), 0);
    assert_false(smtp_tls_context_is_stale(ctx)); /* in the middle of being replaced */
    smtp_tls_context_free(&ctx);
    free(ca);
    test_remove_temp(cert);
    test_remove_temp(key);
    test_cert_free(&own);
}

/* A relay whose CA file did not know the server, and then does; a broken file changes nothing. */
static void relay_reads_a_replaced_ca_file_at_its_next_connection(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m[3] = {{.done = false}, {.done = false}, {.done = false}};
    struct test_cert other =
        test_ca_issue((struct test_cert_spec){.san = "DNS:other.test", .self_signed = true});
    char *ca = test_write_temp(other.cert_pem);
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server = {.scripts = {"TLS\nHANG", TEST_TLS_HELLO "SERVE"},
                                              .cert = {.san = "IP:127.0.0.1"}};
    config.tls_mode = SMTP_TLS_IMPLICIT;
    config.ca_file = ca;
    config.max_messages_per_connection = 1;
    test_relay_begin(&t, &server, config);
    test_mail_send(&t, &m[0]);
    test_mail_assert_failed(&m[0], SMTP_REASON_TLS_CERT_UNTRUSTED, SMTP_STAGE_TLS, false);
    replace(ca, test_ca_root());
    test_mail_send(&t, &m[1]);
    test_mail_assert_sent(&m[1]);
    replace(ca, "not PEM\n");
    test_mail_send(&t, &m[2]);
    test_mail_assert_sent(&m[2]);
    test_relay_end(&t, 0);
    test_remove_temp(ca);
    test_cert_free(&other);
}

/* A CA file that is a pipe: whoever reads it waits until somebody writes. */
struct slow_file {
    const char *name;
    int writer; /* -1: nobody reads yet */
};

static void replace_by_pipe(struct slow_file *f, const char *name)
{
    *f = (struct slow_file){.name = name, .writer = -1};
    char *pipe = test_write_temp("");
    assert_int_equal(remove(pipe), 0);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_int_equal(rename(pipe, name), 0);
    free(pipe);
}

static bool is_being_read(void *data)
{
    struct slow_file *f = data;
    f->writer = open(f->name, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    return f->writer >= 0;
}

/* The relay's loop goes on while a file is being read, and its new connection waits for it. */
static void slow_ca_file_holds_up_nothing_but_new_connections(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m[2] = {{.done = false}, {.done = false}};
    struct slow_file file;
    char *ca = test_write_temp(test_ca_root());
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server = {.scripts = {TEST_TLS_HELLO "SERVE"},
                                              .cert = {.san = "IP:127.0.0.1"}};
    config.tls_mode = SMTP_TLS_IMPLICIT;
    config.ca_file = ca;
    config.max_messages_per_connection = 1;
    test_relay_begin(&t, &server, config);
    test_mail_send(&t, &m[0]);
    replace_by_pipe(&file, ca);
    test_mail_submit(&t, &m[1]);
    test_loop_until_true(&t.loop, is_being_read, &file);
    assert_false(m[1].done);
    replace(ca, test_ca_root()); /* a pipe would be another one for having been written to */
    assert_int_equal(write(file.writer, test_ca_root(), strlen(test_ca_root())),
                     strlen(test_ca_root()));
    assert_int_equal(close(file.writer), 0);
    test_mail_wait(&t, &m[1]);
    test_mail_assert_sent(&m[1]);
    test_relay_end(&t, 0);
    test_remove_temp(ca);
}

static void relay_closes_while_a_file_is_being_read(void **state)
{
    (void)state;
    struct test_relay t;
    struct test_mail m = {.done = false};
    struct slow_file file;
    char *ca = test_write_temp(test_ca_root());
    struct smtp_relay_config config = test_relay_config();
    const struct test_server_config server = {.scripts = {"HANG"}};
    config.tls_mode = SMTP_TLS_IMPLICIT;
    config.ca_file = ca;
    test_relay_begin(&t, &server, config);
    replace_by_pipe(&file, ca);
    test_mail_submit(&t, &m);
    test_loop_until_true(&t.loop, is_being_read, &file);
    assert_int_equal(close(file.writer), 0);
    test_relay_end(&t, 0);
    test_mail_assert_failed(&m, SMTP_REASON_SHUTDOWN, SMTP_STAGE_CONNECT, false);
    test_remove_temp(ca);
}

/* RFC 8689 asks for a relay that is verified: opportunistic TLS without credentials is not. */
static void require_tls_needs_a_relay_that_is_verified(void **state)
{
    (void)state;
    static const char script[] = "S: 220 hi\nC: EHLO\nS: 250-me\nS: 250 STARTTLS\nC: STARTTLS\n"
                                 "S: 220 go\nTLS\nC: EHLO\nS: 250-me\nS: 250 REQUIRETLS\nSERVE";
    static const struct {
        enum smtp_tls_mode mode;
        enum smtp_tls_verify verify;
        bool sent;
    } rows[] = {{SMTP_TLS_REQUIRED, SMTP_VERIFY_FULL, true},
                {SMTP_TLS_REQUIRED, SMTP_VERIFY_CA, false},
                {SMTP_TLS_OPPORTUNISTIC, SMTP_VERIFY_FULL, false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct test_relay t;
        struct test_mail m = {.txn = {.envelope = {.require_tls = true}}};
        struct smtp_relay_config config = test_relay_config();
        const struct test_server_config server = {.scripts = {script},
                                                  .cert = {.san = "IP:127.0.0.1"}};
        config.tls_mode = rows[i].mode;
        config.verify = rows[i].verify;
        test_relay_begin(&t, &server, config);
        test_mail_send(&t, &m);
        if (rows[i].sent)
            test_mail_assert_sent(&m);
        else
            assert_int_equal(m.outcomes[0].reason, SMTP_REASON_REQUIRETLS_UNSUPPORTED);
        test_relay_end(&t, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pinned_key_is_enough_and_any_other_refused),
        cmocka_unit_test(certificate_signed_by_a_server_s_is_untrusted),
        cmocka_unit_test(name_with_a_nul_in_it_is_another_name),
        cmocka_unit_test(certificate_is_told_in_words),
        cmocka_unit_test(server_name_warning_is_passed_over),
        cmocka_unit_test(weak_ciphers_are_not_agreed_on),
        cmocka_unit_test(client_certificate_is_shown_when_configured),
        cmocka_unit_test(renegotiation_is_refused),
        cmocka_unit_test(replaced_files_make_a_context_stale_once),
        cmocka_unit_test(require_tls_needs_a_relay_that_is_verified),
        cmocka_unit_test(relay_reads_a_replaced_ca_file_at_its_next_connection),
        cmocka_unit_test(slow_ca_file_holds_up_nothing_but_new_connections),
        cmocka_unit_test(relay_closes_while_a_file_is_being_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
