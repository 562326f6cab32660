/* SPDX-License-Identifier: MIT */
/* What tls.c and tls_context.c share, and nobody else sees. */
#ifndef SMTP_TLS_INTERNAL_H
#define SMTP_TLS_INTERNAL_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_file_stamp.h"
#include "smtp/tls.h"

struct smtp_tls_context {
    unsigned n_refs;
    SSL_CTX *ctx;
    BIO_METHOD *bio; /* reads smtp_tls.in, appends to smtp_tls.out */
    bool server;
    char *server_name; /* NULL: do not look at names */
    bool name_is_ip;
    char *ca_file; /* for texts; NULL: the system's */
    char *cert_file, *key_file;
    struct gw_file_stamp seen[3]; /* of these three */
    struct smtp_tls_pin pins[SMTP_TLS_MAX_PINS];
    size_t n_pins;
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
    X509 *peer;         /* the certificate that was shown, or NULL */
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
int smtp_tls_on_chain(X509_STORE_CTX *store, void *unused);
int smtp_tls_on_session(SSL *ssl, struct ssl_session_st *session);

/* tls_certificate.c: words for people. */
/* Append text that a peer chose, made fit for people: printable ASCII without quotes, cut to @size.
 */
void smtp_tls_add_clean(char *out, size_t size, const char *text, size_t len);
/* "a.test, 192.0.2.1, ..." */
void smtp_tls_names_of(X509 *cert, char *out, size_t size);
/* "2026-11-25 22:00:00 UTC" */
void smtp_tls_time_of(const ASN1_TIME *time, char *out, size_t size);

/* tls_view.c */
/* Is the key of @cert one of the pins? If not, @out says which key it has. */
bool smtp_tls_is_pinned(const struct smtp_tls_context *context, X509 *cert,
                        struct smtp_tls_failure *out);
/* tls_certificate.c */
/* The certificate check failed with OpenSSL's @code on @cert at @depth: reason and words. */
void smtp_tls_explain_certificate(const struct smtp_tls_context *context, int code, int depth,
                                  X509 *cert, struct smtp_tls_failure *out);

#endif
