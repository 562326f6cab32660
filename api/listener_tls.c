/* SPDX-License-Identifier: MIT */
/* TLS contexts of listeners. */
#include "api/listener_tls.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/sha.h>

#include "api/h2_selfcheck.h"

/* What OpenSSL reported first, which names the cause. */
static const char *tls_reason(void)
{
    unsigned long code = ERR_get_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
    ERR_clear_error();
    return reason != NULL ? reason : "unknown error";
}

static int select_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned int in_len, void *arg)
{
    static const unsigned char both[] = "\x02h2\x08http/1.1";
    enum {
        H2_ENTRY = 3
    };
    const unsigned char *ours = api_h2_offered() ? both : both + H2_ENTRY;
    unsigned n = (unsigned)sizeof(both) - 1 - (unsigned)(ours - both);
    (void)ssl;
    (void)arg;
    unsigned char *chosen = NULL;
    if (SSL_select_next_proto(&chosen, out_len, ours, n, in, in_len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL; /* RFC 7301 sec. 3.2 */
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static enum gw_status load_files(SSL_CTX *ctx, const struct cfg_listen *c, struct gw_err *err)
{
    if (SSL_CTX_use_certificate_chain_file(ctx, c->cert_file) != 1)
        return gw_err_set(err, GW_TLS, "listen %s: cert_file %s: %s", c->address, c->cert_file,
                          tls_reason());
    if (SSL_CTX_use_PrivateKey_file(ctx, c->key_file, SSL_FILETYPE_PEM) != 1)
        return gw_err_set(err, GW_TLS, "listen %s: key_file %s: %s", c->address, c->key_file,
                          tls_reason());
    if (SSL_CTX_check_private_key(ctx) != 1)
        return gw_err_set(err, GW_TLS, "listen %s: key_file %s does not belong to cert_file %s",
                          c->address, c->key_file, c->cert_file);
    if (c->client_ca_file == NULL)
        return GW_OK;
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(c->client_ca_file);
    if (names == NULL || SSL_CTX_load_verify_file(ctx, c->client_ca_file) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return gw_err_set(err, GW_TLS, "listen %s: client_ca_file %s: %s", c->address,
                          c->client_ca_file, tls_reason());
    }
    SSL_CTX_set_client_CA_list(ctx, names);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return GW_OK;
}

enum gw_status api_listener_tls_new(const struct cfg_listen *config, SSL_CTX **out,
                                    struct gw_err *err)
{
    ERR_clear_error();
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (ctx == NULL)
        return gw_err_set(err, GW_TLS, "listen %s: %s", config->address, tls_reason());
    /* Sessions of one listener are worth nothing on another (CVE-2023-41337). */
    unsigned char context_id[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)config->address, strlen(config->address), context_id);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_select_cb(ctx, select_protocol, NULL);
    enum gw_status status = load_files(ctx, config, err);
    if (status == GW_OK &&
        (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
         SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1 ||
         SSL_CTX_set_session_id_context(ctx, context_id, sizeof(context_id)) != 1))
        status = gw_err_set(err, GW_TLS, "listen %s: %s", config->address, tls_reason());
    if (status != GW_OK) {
        SSL_CTX_free(ctx);
        ctx = NULL;
    }
    *out = ctx;
    return status;
}
