/* SPDX-License-Identifier: MIT */
/* A TLS server that shares nothing with the code under test and may be as bad as a test wants. */
#ifndef TEST_TLS_PEER_H
#define TEST_TLS_PEER_H

#include <openssl/ssl.h>

#include "smtp/tls.h"
#include "tests/lib/test_ca.h"

struct test_tls_server {
    SSL_CTX *ctx;
    SSL *ssl;
    BIO *in, *out;
};

/* @max_version  OpenSSL's number; 0: any */
struct test_tls_server test_tls_server_new(const struct test_cert *cert, int max_version);
void test_tls_server_free(struct test_tls_server *s);

/* A client that trusts the test CA and expects mx.example.test, unless @config says otherwise. */
struct smtp_tls_context *test_tls_client_context(struct smtp_tls_client_config config);
/* The handshake, as far as it goes. */
enum smtp_tls_status test_tls_shake_with(struct smtp_tls *client, struct test_tls_server *s);

#endif
