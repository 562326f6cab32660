/* SPDX-License-Identifier: MIT */
/* Certificates: why one was refused, in words, and the throw-away kind made at start. */
#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_mem.h"
#include "gateway/base/gw_random.h"
#include "smtp/tls.h"
#include "smtp/tls_internal.h"

enum {
    NAMES_SIZE = 120, /* of a certificate's names, as shown; the rest becomes "..." */
    DAY_S = 24 * 60 * 60,
    THROW_AWAY_DAYS = 3650
};

/* --- Why a certificate was refused --- */

static const struct {
    int code;
    enum smtp_reason reason;
} verify_reasons[] = {
    {X509_V_ERR_CERT_HAS_EXPIRED, SMTP_REASON_TLS_CERT_EXPIRED},
    {X509_V_ERR_CERT_NOT_YET_VALID, SMTP_REASON_TLS_CERT_NOT_YET_VALID},
    {X509_V_ERR_HOSTNAME_MISMATCH, SMTP_REASON_TLS_CERT_NAME},
    {X509_V_ERR_IP_ADDRESS_MISMATCH, SMTP_REASON_TLS_CERT_NAME},
    {X509_V_ERR_EE_KEY_TOO_SMALL, SMTP_REASON_TLS_WEAK},
    {X509_V_ERR_CA_KEY_TOO_SMALL, SMTP_REASON_TLS_WEAK},
    {X509_V_ERR_CA_MD_TOO_WEAK, SMTP_REASON_TLS_WEAK},
};

static enum smtp_reason reason_of(int code)
{
    for (size_t i = 0; i < sizeof(verify_reasons) / sizeof(verify_reasons[0]); i++)
        if (verify_reasons[i].code == code)
            return verify_reasons[i].reason;
    return SMTP_REASON_TLS_CERT_UNTRUSTED;
}

/* Text that a peer chose, made fit for people: printable ASCII without quotes, cut to @size. */
void smtp_tls_add_clean(char *out, size_t size, const char *text, size_t len)
{
    size_t at = strlen(out);
    for (size_t i = 0; i < len && at + 1 < size; i++) {
        bool clean = text[i] >= 0x20 && text[i] < 0x7f && text[i] != '"';
        char shown = '?';
        if (clean)
            shown = text[i];
        out[at++] = shown;
    }
    out[at] = '\0';
}

static bool add_name(char *out, size_t size, const GENERAL_NAME *name)
{
    char text[INET6_ADDRSTRLEN] = "";
    const char *data = text;
    size_t len = 0;
    if (name->type == GEN_DNS) {
        data = (const char *)ASN1_STRING_get0_data(name->d.dNSName);
        len = (size_t)ASN1_STRING_length(name->d.dNSName);
    } else if (name->type == GEN_IPADD) {
        int octets = ASN1_STRING_length(name->d.iPAddress);
        if (octets == 4 || octets == 16)
            (void)inet_ntop(octets == 4 ? AF_INET : AF_INET6,
                            ASN1_STRING_get0_data(name->d.iPAddress), text, sizeof(text));
        len = strlen(text);
    } else {
        return true;
    }
    size_t at = strlen(out);
    if (at + len + sizeof(", ...") > size) {
        (void)snprintf(out + at, size - at, "%s", at != 0 ? ", ..." : "...");
        return false;
    }
    if (at != 0)
        smtp_tls_add_clean(out, size, ", ", 2);
    smtp_tls_add_clean(out, size, data, len);
    return true;
}

void smtp_tls_names_of(X509 *cert, char *out, size_t size)
{
    out[0] = '\0';
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    int n = sk_GENERAL_NAME_num(names);
    for (int i = 0; i < n; i++)
        if (!add_name(out, size, sk_GENERAL_NAME_value(names, i)))
            break;
    GENERAL_NAMES_free(names);
}

void smtp_tls_time_of(const ASN1_TIME *time, char *out, size_t size)
{
    struct tm t;
    if (ASN1_TIME_to_tm(time, &t) != 1)
        (void)snprintf(out, size, "%s", "an unreadable time");
    else
        (void)snprintf(out, size, "%04d-%02d-%02d %02d:%02d:%02d UTC", t.tm_year + 1900,
                       t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
}

static void explain_time(const char *whose, const ASN1_TIME *time, const char *verb,
                         struct smtp_tls_failure *out)
{
    char when[64];
    smtp_tls_time_of(time, when, sizeof(when));
    (void)snprintf(out->detail, sizeof(out->detail), "%s certificate %s %s", whose, verb, when);
}

static void explain_untrusted(const struct smtp_tls_context *context, int code, X509 *cert,
                              struct smtp_tls_failure *out)
{
    const char *trust = context->ca_file != NULL ? "tls.ca_file" : "the system's CAs";
    char issuer[80] = "?";
    if (code == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT) {
        (void)snprintf(out->detail, sizeof(out->detail),
                       "the relay's certificate is self-signed and not in %s; put it into "
                       "tls.ca_file to trust it",
                       trust);
        return;
    }
    if (cert != NULL) {
        char line[256] = "";
        (void)X509_NAME_oneline(X509_get_issuer_name(cert), line, sizeof(line));
        issuer[0] = '\0';
        smtp_tls_add_clean(issuer, sizeof(issuer), line, strlen(line));
    }
    (void)snprintf(out->detail, sizeof(out->detail),
                   "the relay's certificate is not trusted (%s): issuer \"%s\" is neither in %s "
                   "nor sent by the relay as an intermediate",
                   X509_verify_cert_error_string(code), issuer, trust);
}

void smtp_tls_explain_certificate(const struct smtp_tls_context *context, int code, int depth,
                                  X509 *cert, struct smtp_tls_failure *out)
{
    const char *whose = depth == 0 ? "the relay's" : "the issuer of the relay's";
    char names[NAMES_SIZE];
    out->reason = reason_of(code);
    if (cert == NULL)
        out->reason = SMTP_REASON_TLS_CERT_UNTRUSTED;
    if (out->reason == SMTP_REASON_TLS_CERT_EXPIRED) {
        explain_time(whose, X509_get0_notAfter(cert), "expired at", out);
    } else if (out->reason == SMTP_REASON_TLS_CERT_NOT_YET_VALID) {
        explain_time(whose, X509_get0_notBefore(cert), "is not valid before", out);
    } else if (out->reason == SMTP_REASON_TLS_CERT_NAME) {
        smtp_tls_names_of(cert, names, sizeof(names));
        if (names[0] == '\0')
            (void)snprintf(names, sizeof(names), "no name at all (it has no subjectAltName)");
        (void)snprintf(out->detail, sizeof(out->detail),
                       "the relay's certificate is not for \"%.64s\"; it is for: %s",
                       context->server_name, names);
    } else if (out->reason == SMTP_REASON_TLS_WEAK) {
        (void)snprintf(out->detail, sizeof(out->detail), "%s certificate is too weak: %s", whose,
                       X509_verify_cert_error_string(code));
    } else {
        explain_untrusted(context, code, cert, out);
    }
}

/* --- A throw-away certificate --- */

static void add_extension(X509 *cert, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    CHECK(extension != NULL && X509_add_ext(cert, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

static void set_serial(X509 *cert)
{
    uint64_t serial;
    gw_random_bytes(&serial, sizeof(serial));
    CHECK(ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1) == 1);
}

static X509 *self_signed(EVP_PKEY *key)
{
    static const unsigned char name[] = "mailhatch throw-away certificate";
    X509 *cert = X509_new();
    CHECK(cert != NULL && X509_set_version(cert, X509_VERSION_3) == 1);
    set_serial(cert);
    time_t now = (time_t)(gw_clock_wall_ms() / 1000);
    CHECK(ASN1_TIME_set(X509_getm_notBefore(cert), now - DAY_S) != NULL);
    CHECK(ASN1_TIME_adj(X509_getm_notAfter(cert), now, THROW_AWAY_DAYS, 0) != NULL);
    X509_NAME *subject = X509_get_subject_name(cert);
    CHECK(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, name, -1, -1, 0) == 1);
    CHECK(X509_set_issuer_name(cert, subject) == 1 && X509_set_pubkey(cert, key) == 1);
    add_extension(cert, NID_basic_constraints, "critical,CA:FALSE");
    add_extension(cert, NID_key_usage, "critical,digitalSignature");
    add_extension(cert, NID_ext_key_usage, "serverAuth");
    add_extension(cert, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1");
    CHECK(X509_sign(cert, key, EVP_sha256()) > 0);
    return cert;
}

static char *take_pem(BIO *bio)
{
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);
    CHECK(len > 0);
    char *pem = gw_memdup0(data, (size_t)len);
    gw_wipe(data, (size_t)len);
    BIO_free(bio);
    return pem;
}

enum gw_status smtp_tls_make_certificate(char **cert_pem_out, char **key_pem_out,
                                         struct gw_err *err)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    if (key == NULL) {
        ERR_clear_error();
        return gw_err_set(err, GW_TLS, "OpenSSL cannot make a P-256 key");
    }
    X509 *cert = self_signed(key);
    BIO *cert_bio = BIO_new(BIO_s_mem());
    BIO *key_bio = BIO_new(BIO_s_mem());
    CHECK(cert_bio != NULL && key_bio != NULL);
    CHECK(PEM_write_bio_X509(cert_bio, cert) == 1);
    CHECK(PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) == 1);
    *cert_pem_out = take_pem(cert_bio);
    *key_pem_out = take_pem(key_bio);
    X509_free(cert);
    EVP_PKEY_free(key);
    return GW_OK;
}
