/* SPDX-License-Identifier: MIT */
/* A throw-away certification authority for tests: good certificates and every kind of bad one. */
#ifndef TEST_CA_H
#define TEST_CA_H

#include <stdbool.h>
#include <stddef.h>

struct test_cert_spec {
    const char *san;      /* OpenSSL notation, e.g. "DNS:localhost,IP:127.0.0.1"; NULL: none */
    const char *cn;       /* NULL: "test" */
    int from_day, to_day; /* validity relative to today; both 0: yesterday to tomorrow */
    int rsa_bits;         /* 0: ECDSA P-256 */
    bool self_signed;     /* instead of signed by the CA */
    bool intermediate;    /* signed by an intermediate of the CA... */
    bool send_chain;      /* ...which is put behind the certificate in the PEM */
    bool sha1;            /* signature digest */
    bool issuer_is_no_ca; /* signed by a certificate with CA:false, which is sent if send_chain */
    const char *raw_dns;  /* one DNS name of raw_dns_len octets, in place of san */
    size_t raw_dns_len;
};

struct test_cert {
    char *cert_pem, *key_pem; /* heap, free() */
};

/* PEM of the root, made at the first call and the same for the whole process. */
const char *test_ca_root(void);
struct test_cert test_ca_issue(struct test_cert_spec spec);
void test_cert_free(struct test_cert *c);

/* Writes text to a new file below the build's temporary folder; the name is heap memory. */
char *test_write_temp(const char *text);
/* Removes the file and frees the name. */
void test_remove_temp(char *path);

#endif
