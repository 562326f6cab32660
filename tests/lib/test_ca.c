/* SPDX-License-Identifier: MIT */
/* Certificates for tests, made with OpenSSL in-process. */
#include "tests/lib/test_ca.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"

struct authority {
    EVP_PKEY *key;
    X509 *cert;
};

static struct authority root;
static struct authority middle;
static struct authority no_ca;
static char *root_pem;

static char *pem_of(X509 *cert, X509 *next, EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    if (cert != NULL)
        CHECK(PEM_write_bio_X509(bio, cert) == 1);
    if (next != NULL)
        CHECK(PEM_write_bio_X509(bio, next) == 1);
    if (key != NULL)
        CHECK(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
    long len = BIO_get_mem_data(bio, &data);
    char *out = gw_memdup0(data, (size_t)len);
    BIO_free(bio);
    return out;
}

static void extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    CHECK(e != NULL && X509_add_ext(cert, e, -1) == 1);
    X509_EXTENSION_free(e);
}

static void add_raw_dns(X509 *cert, const struct test_cert_spec *spec)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    CHECK(ASN1_STRING_set(text, spec->raw_dns, (int)spec->raw_dns_len) == 1);
    GENERAL_NAME_set0_value(name, GEN_DNS, text);
    CHECK(sk_GENERAL_NAME_push(names, name) == 1);
    CHECK(X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0) == 1);
    GENERAL_NAMES_free(names);
}

static X509 *certificate(EVP_PKEY *key, const char *cn, const struct authority *issuer,
                         const struct test_cert_spec *spec, bool is_ca)
{
    static long serial = 1;
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    bool days = spec->from_day != 0 || spec->to_day != 0;
    CHECK(X509_set_version(cert, X509_VERSION_3) == 1);
    serial++;
    CHECK(ASN1_INTEGER_set(X509_get_serialNumber(cert), serial) == 1);
    CHECK(X509_time_adj_ex(X509_getm_notBefore(cert), days ? spec->from_day : -1, 0, NULL) != NULL);
    CHECK(X509_time_adj_ex(X509_getm_notAfter(cert), days ? spec->to_day : 1, 0, NULL) != NULL);
    CHECK(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1,
                                     0) == 1);
    CHECK(X509_set_pubkey(cert, key) == 1);
    CHECK(X509_set_issuer_name(cert, issuer != NULL ? X509_get_subject_name(issuer->cert) : name) ==
          1);
    extend(cert, cert, NID_basic_constraints, is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (spec->raw_dns != NULL)
        add_raw_dns(cert, spec);
    if (spec->san != NULL)
        extend(cert, cert, NID_subject_alt_name, spec->san);
    CHECK(X509_sign(cert, issuer != NULL ? issuer->key : key,
                    spec->sha1 ? EVP_sha1() : EVP_sha256()) > 0);
    return cert;
}

static void make_authorities(void)
{
    static const struct test_cert_spec plain;
    if (root.cert != NULL)
        return;
    root.key = EVP_EC_gen("P-256");
    root.cert = certificate(root.key, "Test Root", NULL, &plain, true);
    middle.key = EVP_EC_gen("P-256");
    middle.cert = certificate(middle.key, "Test Intermediate", &root, &plain, true);
    no_ca.key = EVP_EC_gen("P-256");
    no_ca.cert = certificate(no_ca.key, "Test Server", &root, &plain, false);
    root_pem = pem_of(root.cert, NULL, NULL);
}

const char *test_ca_root(void)
{
    make_authorities();
    return root_pem;
}

struct test_cert test_ca_issue(struct test_cert_spec spec)
{
    make_authorities();
    EVP_PKEY *key = spec.rsa_bits != 0 ? EVP_RSA_gen((unsigned)spec.rsa_bits) : EVP_EC_gen("P-256");
    const struct authority *issuer = spec.self_signed ? NULL : spec.intermediate ? &middle : &root;
    if (spec.issuer_is_no_ca)
        issuer = &no_ca;
    bool chain = spec.send_chain && (spec.intermediate || spec.issuer_is_no_ca);
    X509 *cert = certificate(key, spec.cn != NULL ? spec.cn : "test", issuer, &spec, false);
    struct test_cert out = {.cert_pem =
                                pem_of(cert, chain && issuer != NULL ? issuer->cert : NULL, NULL),
                            .key_pem = pem_of(NULL, NULL, key)};
    X509_free(cert);
    EVP_PKEY_free(key);
    return out;
}

void test_cert_free(struct test_cert *c)
{
    free(c->cert_pem);
    free(c->key_pem);
    *c = (struct test_cert){.cert_pem = NULL};
}

char *test_write_temp(const char *text)
{
    char *path = strdup("./test_XXXXXX");
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    size_t len = strlen(text);
    CHECK(write(fd, text, len) == (ssize_t)len);
    CHECK(close(fd) == 0);
    return path;
}

void test_remove_temp(char *path)
{
    (void)unlink(path);
    free(path);
}
