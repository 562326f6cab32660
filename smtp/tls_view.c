/* SPDX-License-Identifier: MIT */
/* A peer's certificate: its key against the pins, and all of it in words.
 *
 * Spec: RFC 7469 sec. 2.4 (pins), RFC 7671 sec. 5.1 (what a pinned key makes unnecessary). */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_base64.h"
#include "gateway/base/gw_check.h"
#include "smtp/tls.h"
#include "smtp/tls_internal.h"

enum {
    MIN_SECURITY_BITS = 112, /* as security level 2 asks of every key (RSA: 2048 bits) */
    NAME_LINE = 256
};

static const char pin_prefix[] = "sha256/";

static bool digest_of_key(X509 *cert, unsigned char out[SMTP_TLS_PIN_SIZE])
{
    unsigned char *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
    bool ok = len > 0 && EVP_Digest(der, (size_t)len, out, NULL, EVP_sha256(), NULL) == 1;
    OPENSSL_free(der);
    return ok;
}

static void write_pin(const unsigned char digest[SMTP_TLS_PIN_SIZE], char *out, size_t size)
{
    char text[64];
    size_t len = gw_base64_encode(digest, SMTP_TLS_PIN_SIZE, text);
    (void)snprintf(out, size, "%s%.*s", pin_prefix, (int)len, text);
}

bool smtp_tls_is_pinned(const struct smtp_tls_context *context, X509 *cert,
                        struct smtp_tls_failure *out)
{
    unsigned char digest[SMTP_TLS_PIN_SIZE];
    char pin[64];
    const EVP_PKEY *key = X509_get0_pubkey(cert);
    if (key == NULL || EVP_PKEY_get_security_bits(key) < MIN_SECURITY_BITS) {
        out->reason = SMTP_REASON_TLS_WEAK;
        (void)snprintf(out->detail, sizeof(out->detail), "%s",
                       "the relay's certificate is too weak: key too small");
        return false;
    }
    CHECK(digest_of_key(cert, digest));
    for (size_t i = 0; i < context->n_pins; i++)
        if (memcmp(context->pins[i].sha256, digest, sizeof(digest)) == 0)
            return true;
    write_pin(digest, pin, sizeof(pin));
    out->reason = SMTP_REASON_TLS_CERT_UNTRUSTED;
    (void)snprintf(out->detail, sizeof(out->detail),
                   "the relay's key is %s, which is none of tls.pins; if the relay has a new key, "
                   "pin that",
                   pin);
    return false;
}

static void write_name(const X509_NAME *name, char *out, size_t size)
{
    char line[NAME_LINE] = "";
    out[0] = '\0';
    (void)X509_NAME_oneline(name, line, sizeof(line));
    smtp_tls_add_clean(out, size, line, strlen(line));
}

static void write_key(X509 *cert, char *out, size_t size)
{
    const EVP_PKEY *key = X509_get0_pubkey(cert);
    const char *type = key != NULL ? EVP_PKEY_get0_type_name(key) : NULL;
    (void)snprintf(out, size, "%s %d", type != NULL ? type : "unknown",
                   key != NULL ? EVP_PKEY_get_bits(key) : 0);
}

enum gw_status smtp_tls_pin_of(const char *pem, struct smtp_tls_pin *out)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    bool ok = cert != NULL && digest_of_key(cert, out->sha256);
    X509_free(cert);
    (void)BIO_free(bio);
    return ok ? GW_OK : GW_INVALID;
}

bool smtp_tls_peer_certificate(const struct smtp_tls *tls, struct smtp_tls_certificate *out)
{
    unsigned char digest[SMTP_TLS_PIN_SIZE];
    *out = (struct smtp_tls_certificate){.subject = ""};
    if (tls->peer == NULL || !digest_of_key(tls->peer, digest))
        return false;
    write_name(X509_get_subject_name(tls->peer), out->subject, sizeof(out->subject));
    write_name(X509_get_issuer_name(tls->peer), out->issuer, sizeof(out->issuer));
    smtp_tls_names_of(tls->peer, out->names, sizeof(out->names));
    smtp_tls_time_of(X509_get0_notBefore(tls->peer), out->not_before, sizeof(out->not_before));
    smtp_tls_time_of(X509_get0_notAfter(tls->peer), out->not_after, sizeof(out->not_after));
    write_key(tls->peer, out->key, sizeof(out->key));
    write_pin(digest, out->pin, sizeof(out->pin));
    return true;
}
