/* SPDX-License-Identifier: MIT */
/* The TLS side of the scripted server, by bare OpenSSL. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "gateway/base/gw_check.h"
#include "tests/lib/scripted_server_impl.h"

const char test_server_names[] = "DNS:localhost,IP:127.0.0.1";

static int warn_of_name(SSL *ssl, int *alert, void *arg)
{
    (void)ssl;
    (void)arg;
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_TLSEXT_ERR_ALERT_WARNING;
}

/* Any certificate will do. */
static int trust(int ok, X509_STORE_CTX *store)
{
    (void)ok;
    (void)store;
    return 1;
}

static void ask_client(SSL_CTX *ctx, const struct test_server_config *config)
{
    int mode = SSL_VERIFY_PEER;
    if (config->client_cert == TEST_CLIENT_CERT_REQUIRED)
        mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    if (config->client_cert != TEST_CLIENT_CERT_NONE)
        SSL_CTX_set_verify(ctx, mode, trust);
    if (config->sni_warning)
        CHECK(SSL_CTX_set_tlsext_servername_callback(ctx, warn_of_name) == 1);
}

static SSL_CTX *make_ctx(struct test_server *s)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    CHECK(ctx != NULL);
    SSL_CTX_set_security_level(ctx, 0);
    CHECK(SSL_CTX_set_cipher_list(ctx, "ALL:@SECLEVEL=0") == 1);
    CHECK(SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION) == 1);
    CHECK(SSL_CTX_set_max_proto_version(ctx, s->config.max_tls_version) == 1);
    BIO *pem = BIO_new_mem_buf(s->cert.cert_pem, -1);
    X509 *x = PEM_read_bio_X509(pem, NULL, NULL, NULL);
    CHECK(SSL_CTX_use_certificate(ctx, x) == 1);
    X509_free(x);
    while ((x = PEM_read_bio_X509(pem, NULL, NULL, NULL)) != NULL)
        CHECK(SSL_CTX_add0_chain_cert(ctx, x) == 1);
    BIO_free(pem);
    ERR_clear_error();
    pem = BIO_new_mem_buf(s->cert.key_pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(pem, NULL, NULL, NULL);
    CHECK(SSL_CTX_use_PrivateKey(ctx, key) == 1);
    EVP_PKEY_free(key);
    BIO_free(pem);
    ask_client(ctx, &s->config);
    return ctx;
}

static bool is_ordinary(const struct test_server_config *c)
{
    const struct test_cert_spec *t = &c->cert;
    return c->client_cert == TEST_CLIENT_CERT_NONE && !c->sni_warning && c->max_tls_version == 0 &&
           t->cn == NULL && t->raw_dns == NULL && strcmp(t->san, test_server_names) == 0 &&
           t->from_day == 0 && t->to_day == 0 && t->rsa_bits == 0 && !t->self_signed &&
           !t->intermediate && !t->sha1 && !t->issuer_is_no_ca;
}

static SSL_CTX *new_ctx(struct test_server *s)
{
    s->cert = test_ca_issue(s->config.cert);
    return make_ctx(s);
}

/* Made when it is needed first. All ordinary servers of a process share one, as it takes longer to
 * make than most tests to run. */
static SSL_CTX *ctx_of(struct test_server *s)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static SSL_CTX *ordinary;
    pthread_mutex_lock(&lock);
    if (s->ctx == NULL && is_ordinary(&s->config)) {
        if (ordinary == NULL)
            ordinary = new_ctx(s);
        CHECK(SSL_CTX_up_ref(ordinary) == 1);
        s->ctx = ordinary;
    } else if (s->ctx == NULL) {
        s->ctx = new_ctx(s);
    }
    pthread_mutex_unlock(&lock);
    return s->ctx;
}

/* --- Ciphertext in pieces --- */

static int write_pieces(BIO *bio, const char *data, size_t len, size_t *written)
{
    const struct test_server_conn *c = BIO_get_data(bio);
    size_t at = 0;
    while (at < len) {
        size_t left = len - at;
        size_t n = c->piece != 0 && c->piece < left ? c->piece : left;
        ssize_t sent = send(c->fd, data + at, n, MSG_NOSIGNAL);
        if (sent <= 0)
            break;
        at += (size_t)sent;
    }
    *written = at;
    return at == len ? 1 : 0;
}

static long control(BIO *bio, int command, long num, void *ptr)
{
    (void)bio;
    (void)num;
    (void)ptr;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static void make_method(void);
static BIO_METHOD *method;

static BIO *pieces_bio(struct test_server_conn *c)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    CHECK(pthread_once(&once, make_method) == 0);
    BIO *bio = BIO_new(method);
    CHECK(bio != NULL);
    BIO_set_data(bio, c);
    BIO_set_init(bio, 1);
    return bio;
}

static void make_method(void)
{
    method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "pieces");
    CHECK(method != NULL);
    BIO_meth_set_write_ex(method, write_pieces);
    BIO_meth_set_ctrl(method, control);
}

/* --- Steps --- */

bool test_server_start_tls(struct test_server_conn *c, const char *args)
{
    (void)args;
    c->ssl = SSL_new(ctx_of(c->server));
    CHECK(c->ssl != NULL && SSL_set_fd(c->ssl, c->fd) == 1);
    SSL_set0_wbio(c->ssl, pieces_bio(c));
    bool ok = SSL_accept(c->ssl) == 1;
    pthread_mutex_lock(&c->server->lock);
    c->server->n_resumed += ok && SSL_session_reused(c->ssl) == 1 ? 1 : 0;
    pthread_mutex_unlock(&c->server->lock);
    return ok;
}

bool test_server_end_tls(struct test_server_conn *c, const char *args)
{
    (void)args;
    return SSL_shutdown(c->ssl) >= 0;
}

bool test_server_update_keys(struct test_server_conn *c, const char *args)
{
    for (long n = strtol(args, NULL, 10); n > 0; n--)
        if (SSL_key_update(c->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1 ||
            SSL_do_handshake(c->ssl) != 1)
            return false;
    return true;
}

bool test_server_renegotiate(struct test_server_conn *c, const char *args)
{
    (void)args;
    return SSL_renegotiate(c->ssl) == 1 && SSL_do_handshake(c->ssl) == 1;
}
