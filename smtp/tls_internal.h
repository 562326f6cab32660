/* SPDX-License-Identifier: MIT */
/* What tls.c and tls_context.c share, and nobody else sees. */
#ifndef SMTP_TLS_INTERNAL_H
#define SMTP_TLS_INTERNAL_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/gw_buf.h"
#include "smtp/tls.h"

struct smtp_tls_context {
    SSL_CTX *ctx;
    BIO_METHOD *bio; /* reads smtp_tls.in, appends to smtp_tls.out */
    bool server;
    char *server_name; /* NULL: do not look at names */
    bool name_is_ip;
    char *ca_file; /* for texts; NULL: the system's */
    /* Client: newest last. A TLS 1.3 ticket is used once (RFC 8446 sec. C.4). */
    struct ssl_session_st *sessions[SMTP_TLS_MAX_SESSIONS];
    size_t n_sessions;
};

struct smtp_tls {
    struct smtp_tls_context *context;
    SSL *ssl;
    struct gw_buf in, out;
    size_t in_used; /* of in, already taken by OpenSSL */
    bool seen_first_byte, handshaken, failed, ended, notified;
    unsigned n_post_handshake;
    bool verify_failed; /* failure below was written by the certificate check */
    struct smtp_tls_failure failure;
};

/* Sessions for resumption. keep takes the reference over. */
void smtp_tls_session_keep(struct smtp_tls_context *c, struct ssl_session_st *session);
void smtp_tls_session_offer(struct smtp_tls_context *c, SSL *ssl);
void smtp_tls_session_drop_all(struct smtp_tls_context *c);

/* Callbacks and methods of tls.c that a context is built with. */
BIO_METHOD *smtp_tls_bio_method(void);
int smtp_tls_on_verify(int ok, X509_STORE_CTX *store);
int smtp_tls_on_session(SSL *ssl, struct ssl_session_st *session);

/* The certificate check failed with OpenSSL's @code on @cert at @depth: reason and words. */
void smtp_tls_explain_certificate(const struct smtp_tls_context *context, int code, int depth,
                                  X509 *cert, struct smtp_tls_failure *out);

#endif
