/* SPDX-License-Identifier: MIT */
/* TLS contexts: trust, identity, limits, and the sessions kept for resumption. */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"
#include "smtp/tls.h"
#include "smtp/tls_internal.h"

enum {
    /* No RSA below 2048 bits, no SHA-1 or MD5 signatures, no cipher below 112 bits. */
    SECURITY_LEVEL = 2
};

/* An encrypted key must fail, not ask at a terminal that a server does not have. */
/* NOLINTNEXTLINE(readability-non-const-parameter): OpenSSL's signature */
static int no_passphrase(char *buf, int size, int writing, void *data)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)data;
    return -1;
}

static enum gw_status openssl_err(struct gw_err *err, const char *what, const char *file)
{
    unsigned long code = ERR_get_error();
    const char *why = ERR_reason_error_string(code);
    ERR_clear_error();
    return gw_err_set(err, GW_TLS, "%s%s%s: %s", what, file != NULL ? " " : "",
                      file != NULL ? file : "", why != NULL ? why : "unknown OpenSSL error");
}

static struct smtp_tls_context *context_new(bool server)
{
    struct smtp_tls_context *c = gw_calloc(1, sizeof(*c));
    c->n_refs = 1;
    c->server = server;
    c->ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    CHECK(c->ctx != NULL);
    c->bio = smtp_tls_bio_method();
    SSL_CTX_set_security_level(c->ctx, SECURITY_LEVEL);
    CHECK(SSL_CTX_set_min_proto_version(c->ctx, TLS1_2_VERSION) == 1);
    SSL_CTX_set_options(c->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    (void)SSL_CTX_set_mode(c->ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_default_passwd_cb(c->ctx, no_passphrase);
    return c;
}

void smtp_tls_context_free(struct smtp_tls_context **context)
{
    struct smtp_tls_context *c = *context;
    *context = NULL;
    if (c == NULL || --c->n_refs > 0)
        return;
    smtp_tls_session_drop_all(c);
    SSL_CTX_free(c->ctx);
    BIO_meth_free(c->bio);
    gw_free(c->server_name);
    gw_free(c->ca_file);
    gw_free(c->cert_file);
    gw_free(c->key_file);
    gw_free(c);
}

struct smtp_tls_context *smtp_tls_context_ref(struct smtp_tls_context *context)
{
    context->n_refs++;
    return context;
}

bool smtp_tls_context_is_stale(struct smtp_tls_context *c)
{
    const char *const files[] = {c->ca_file, c->cert_file, c->key_file};
    bool stale = false;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        stale = gw_file_stamp_differs(files[i], &c->seen[i]) || stale;
    return stale;
}

static enum gw_status check_readable(const char *what, const char *file, struct gw_err *err)
{
    if (access(file, R_OK) == 0)
        return GW_OK;
    return gw_err_errno(err, GW_IO, errno, "%s %s", what, file);
}

static enum gw_status load_trust(struct smtp_tls_context *c, const char *ca_file,
                                 struct gw_err *err)
{
    if (ca_file == NULL)
        return SSL_CTX_set_default_verify_paths(c->ctx) == 1
                   ? GW_OK
                   : openssl_err(err, "system CA certificates", NULL);
    enum gw_status st = check_readable("tls.ca_file", ca_file, err);
    if (st != GW_OK)
        return st;
    ERR_clear_error();
    if (SSL_CTX_load_verify_file(c->ctx, ca_file) != 1) {
        ERR_clear_error();
        return gw_err_set(err, GW_TLS, "tls.ca_file %s: no PEM certificate in it", ca_file);
    }
    /* What the file names is trusted as it stands, also an intermediate or the server's own. */
    (void)X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(c->ctx), X509_V_FLAG_PARTIAL_CHAIN);
    return GW_OK;
}

static enum gw_status load_identity(struct smtp_tls_context *c, const char *cert_file,
                                    const char *key_file, struct gw_err *err)
{
    if (cert_file == NULL && key_file == NULL)
        return GW_OK;
    if (cert_file == NULL || key_file == NULL)
        return gw_err_set(err, GW_TLS,
                          "tls.client_cert_file and tls.client_key_file need each other");
    enum gw_status st = check_readable("tls.client_cert_file", cert_file, err);
    if (st == GW_OK)
        st = check_readable("tls.client_key_file", key_file, err);
    if (st != GW_OK)
        return st;
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(c->ctx, cert_file) != 1)
        return openssl_err(err, "tls.client_cert_file", cert_file);
    if (SSL_CTX_use_PrivateKey_file(c->ctx, key_file, SSL_FILETYPE_PEM) != 1)
        return openssl_err(err, "tls.client_key_file (PEM without passphrase)", key_file);
    return GW_OK;
}

static bool is_ip(const char *name)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

/* RFC 9525: subjectAltName only, wildcards only as a whole left-most label. */
static enum gw_status set_name(struct smtp_tls_context *c, enum smtp_tls_verify verify,
                               const char *name, struct gw_err *err)
{
    if (name == NULL)
        return verify != SMTP_VERIFY_FULL
                   ? GW_OK
                   : gw_err_set(err, GW_TLS, "no server name to verify certificates against");
    size_t len = strlen(name);
    if (len > 1 && name[len - 1] == '.')
        len--; /* the root dot is never in a certificate */
    c->server_name = gw_memdup0(name, len);
    c->name_is_ip = is_ip(c->server_name);
    if (verify != SMTP_VERIFY_FULL)
        return GW_OK;
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(c->ctx);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    int ok = c->name_is_ip ? X509_VERIFY_PARAM_set1_ip_asc(param, c->server_name)
                           : X509_VERIFY_PARAM_set1_host(param, c->server_name, len);
    return ok == 1 ? GW_OK : openssl_err(err, "tls.server_name", c->server_name);
}

static char *copy(const char *s)
{
    return s != NULL ? gw_strdup(s) : NULL;
}

/* Looked at before they are read: a file replaced in between is read once more, not once less. */
static void remember_files(struct smtp_tls_context *c, const struct smtp_tls_client_config *config)
{
    c->ca_file = copy(config->ca_file);
    c->cert_file = copy(config->cert_file);
    c->key_file = copy(config->key_file);
    (void)smtp_tls_context_is_stale(c);
}

static void set_pins(struct smtp_tls_context *c, const struct smtp_tls_client_config *config)
{
    PRE(config->n_pins <= SMTP_TLS_MAX_PINS);
    c->n_pins = config->n_pins;
    for (size_t i = 0; i < c->n_pins; i++)
        c->pins[i] = config->pins[i];
}

enum gw_status smtp_tls_client_context(const struct smtp_tls_client_config *config,
                                       struct smtp_tls_context **out, struct gw_err *err)
{
    struct smtp_tls_context *c = context_new(false);
    bool pinned = config->n_pins > 0;
    bool verify = pinned || config->verify != SMTP_VERIFY_NONE;
    set_pins(c, config);
    remember_files(c, config);
    SSL_CTX_set_cert_verify_callback(c->ctx, smtp_tls_on_chain, NULL);
    SSL_CTX_set_verify(c->ctx, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                       verify ? smtp_tls_on_verify : NULL);
    if (config->min_version == SMTP_TLS_1_3)
        CHECK(SSL_CTX_set_min_proto_version(c->ctx, TLS1_3_VERSION) == 1);
    SSL_CTX_set_session_cache_mode(c->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(c->ctx, smtp_tls_on_session);
    enum gw_status st = verify && !pinned ? load_trust(c, config->ca_file, err) : GW_OK;
    if (st == GW_OK)
        st = load_identity(c, config->cert_file, config->key_file, err);
    if (st == GW_OK)
        st = set_name(c, pinned ? SMTP_VERIFY_CA : config->verify, config->server_name, err);
    if (st != GW_OK)
        smtp_tls_context_free(&c);
    *out = c;
    return st;
}

static bool use_chain(SSL_CTX *ctx, const char *pem)
{
    BIO *in = BIO_new_mem_buf(pem, -1);
    CHECK(in != NULL);
    X509 *cert = PEM_read_bio_X509(in, NULL, no_passphrase, NULL);
    bool ok = cert != NULL && SSL_CTX_use_certificate(ctx, cert) == 1;
    while (ok && cert != NULL) {
        X509_free(cert);
        cert = PEM_read_bio_X509(in, NULL, no_passphrase, NULL);
        ok = cert == NULL || SSL_CTX_add1_chain_cert(ctx, cert) == 1;
    }
    X509_free(cert);
    BIO_free(in);
    return ok;
}

static bool use_key(SSL_CTX *ctx, const char *pem)
{
    BIO *in = BIO_new_mem_buf(pem, -1);
    CHECK(in != NULL);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL);
    bool ok = key != NULL && SSL_CTX_use_PrivateKey(ctx, key) == 1;
    EVP_PKEY_free(key);
    BIO_free(in);
    return ok;
}

enum gw_status smtp_tls_server_context(const char *cert_pem, const char *key_pem,
                                       struct smtp_tls_context **out, struct gw_err *err)
{
    struct smtp_tls_context *c = context_new(true);
    enum gw_status st = GW_OK;
    ERR_clear_error();
    if (!use_chain(c->ctx, cert_pem))
        st = openssl_err(err, "server certificate", NULL);
    else if (!use_key(c->ctx, key_pem))
        st = openssl_err(err, "server key", NULL);
    ERR_clear_error(); /* the end of the chain's PEM leaves "no start line" behind */
    static const unsigned char id[] = "smtp";
    CHECK(SSL_CTX_set_session_id_context(c->ctx, id, sizeof(id) - 1) == 1);
    if (st != GW_OK)
        smtp_tls_context_free(&c);
    *out = c;
    return st;
}

void smtp_tls_session_keep(struct smtp_tls_context *c, SSL_SESSION *session)
{
    if (c->n_sessions == SMTP_TLS_MAX_SESSIONS) {
        SSL_SESSION_free(c->sessions[0]);
        c->n_sessions--;
        memmove(c->sessions, c->sessions + 1, c->n_sessions * sizeof(SSL_SESSION *));
    }
    c->sessions[c->n_sessions++] = session;
}

void smtp_tls_session_offer(struct smtp_tls_context *c, SSL *ssl)
{
    if (c->n_sessions == 0)
        return;
    SSL_SESSION *newest = c->sessions[c->n_sessions - 1];
    bool offered = SSL_SESSION_is_resumable(newest) == 1 && SSL_set_session(ssl, newest) == 1;
    if (offered && SSL_SESSION_get_protocol_version(newest) < TLS1_3_VERSION)
        return;
    SSL_SESSION_free(newest);
    c->n_sessions--;
}

void smtp_tls_session_drop_all(struct smtp_tls_context *c)
{
    while (c->n_sessions > 0)
        SSL_SESSION_free(c->sessions[--c->n_sessions]);
}
