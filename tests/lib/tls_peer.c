/* SPDX-License-Identifier: MIT */
/* A TLS server made of bare OpenSSL with memory BIOs, all limits off. */
#include "tests/lib/tls_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/pem.h>

struct test_tls_server test_tls_server_new(const struct test_cert *cert, int max_version)
{
    struct test_tls_server s = {.ctx = SSL_CTX_new(TLS_server_method())};
    SSL_CTX_set_security_level(s.ctx, 0);
    SSL_CTX_set_min_proto_version(s.ctx, TLS1_VERSION);
    if (max_version != 0)
        SSL_CTX_set_max_proto_version(s.ctx, max_version);
    assert_int_equal(SSL_CTX_set_cipher_list(s.ctx, "ALL:@SECLEVEL=0"), 1);
    BIO *pem = BIO_new_mem_buf(cert->cert_pem, -1);
    X509 *x = PEM_read_bio_X509(pem, NULL, NULL, NULL);
    assert_int_equal(SSL_CTX_use_certificate(s.ctx, x), 1);
    X509_free(x);
    while ((x = PEM_read_bio_X509(pem, NULL, NULL, NULL)) != NULL)
        assert_int_equal(SSL_CTX_add0_chain_cert(s.ctx, x), 1);
    BIO_free(pem);
    pem = BIO_new_mem_buf(cert->key_pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(pem, NULL, NULL, NULL);
    assert_int_equal(SSL_CTX_use_PrivateKey(s.ctx, key), 1);
    EVP_PKEY_free(key);
    BIO_free(pem);
    s.ssl = SSL_new(s.ctx);
    s.in = BIO_new(BIO_s_mem());
    s.out = BIO_new(BIO_s_mem());
    SSL_set_bio(s.ssl, s.in, s.out);
    SSL_set_accept_state(s.ssl);
    return s;
}

void test_tls_server_free(struct test_tls_server *s)
{
    SSL_free(s->ssl);
    SSL_CTX_free(s->ctx);
}

struct smtp_tls_context *test_tls_client_context(struct smtp_tls_client_config config)
{
    struct smtp_tls_context *c = NULL;
    struct gw_err err = {.text = ""};
    char *ca = NULL;
    if (config.ca_file == NULL) {
        ca = test_write_temp(test_ca_root());
        config.ca_file = ca;
    }
    if (config.server_name == NULL)
        config.server_name = "mx.example.test";
    enum gw_status st = smtp_tls_client_context(&config, &c, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(st, GW_OK);
    if (ca != NULL)
        test_remove_temp(ca);
    return c;
}

enum smtp_tls_status test_tls_shake_with(struct smtp_tls *client, struct test_tls_server *s)
{
    enum smtp_tls_status st = SMTP_TLS_MORE;
    for (int i = 0; i < 6 && st == SMTP_TLS_MORE; i++) {
        struct gw_buf b;
        gw_buf_init(&b, SMTP_TLS_MAX_BUFFERED);
        st = smtp_tls_handshake(client);
        smtp_tls_swap_output(client, &b);
        if (b.len != 0)
            BIO_write(s->in, b.data, (int)b.len);
        (void)SSL_do_handshake(s->ssl);
        char buf[4096];
        for (int n; (n = BIO_read(s->out, buf, sizeof(buf))) > 0;)
            if (smtp_tls_feed(client, buf, (size_t)n) == SMTP_TLS_FAILED)
                st = SMTP_TLS_FAILED;
        gw_buf_deinit(&b);
    }
    return st;
}
