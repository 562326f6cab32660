/* SPDX-License-Identifier: MIT */
/* Making DKIM keys and their DNS records.
 *
 * Spec: RFC 6376 sec. 3.6.1 (record), RFC 8463 sec. 4.2 (Ed25519: the bare 32 bytes). */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "gateway/base/gw_base64.h"
#include "gateway/base/gw_mem.h"
#include "gateway/dkim_key.h"

enum {
    ED25519_KEY_SIZE = 32,
    MAX_TXT = 1024 /* RSA 4096: 753 */
};

char *gw_dkim_key_pem(const EVP_PKEY *key)
{
    char *pem = NULL;
    BIO *bio = BIO_new(BIO_s_mem()); /* wipes its memory when freed */
    if (bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1) {
        const char *text = NULL;
        long len = BIO_get_mem_data(bio, &text);
        if (len > 0)
            pem = gw_memdup0(text, (size_t)len);
    }
    (void)BIO_free(bio);
    ERR_clear_error();
    return pem;
}

static char *txt_of(const char *type, const unsigned char *data, size_t len)
{
    struct gw_buf b;
    gw_buf_init(&b, MAX_TXT);
    (void)gw_buf_printf(&b, "v=DKIM1; k=%s; p=", type);
    size_t n = gw_base64_encoded_size(len);
    char *room = gw_buf_reserve(&b, n);
    if (room == NULL) {
        gw_buf_deinit(&b);
        return NULL;
    }
    b.len += gw_base64_encode(data, len, room);
    return gw_buf_take(&b, &n);
}

char *gw_dkim_key_txt(const EVP_PKEY *key, enum gw_dkim_key_type type)
{
    char *txt = NULL;
    if (type == GW_DKIM_ED25519) {
        unsigned char raw[ED25519_KEY_SIZE];
        size_t len = sizeof(raw);
        if (EVP_PKEY_get_raw_public_key(key, raw, &len) == 1)
            txt = txt_of("ed25519", raw, len);
    } else {
        unsigned char *der = NULL;
        int len = i2d_PUBKEY(key, &der);
        if (len > 0)
            txt = txt_of("rsa", der, (size_t)len);
        OPENSSL_free(der);
    }
    ERR_clear_error();
    return txt;
}

enum gw_status gw_dkim_keygen(enum gw_dkim_key_type type, unsigned rsa_bits, char **private_pem_out,
                              char **dns_txt_out, struct gw_err *err)
{
    unsigned bits = rsa_bits != 0 ? rsa_bits : GW_DKIM_MIN_RSA_BITS;
    if (type == GW_DKIM_RSA && (bits < GW_DKIM_MIN_RSA_BITS || bits > GW_DKIM_MAX_RSA_BITS))
        return gw_err_set(err, GW_INVALID, "an RSA key of %u bits; DKIM needs %d to %d", bits,
                          GW_DKIM_MIN_RSA_BITS, GW_DKIM_MAX_RSA_BITS);
    EVP_PKEY *key =
        type == GW_DKIM_RSA ? EVP_RSA_gen(bits) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    char *pem = key != NULL ? gw_dkim_key_pem(key) : NULL;
    char *txt = key != NULL ? gw_dkim_key_txt(key, type) : NULL;
    EVP_PKEY_free(key);
    ERR_clear_error();
    if (pem == NULL || txt == NULL) {
        gw_free_secret(&pem);
        gw_free(txt);
        return gw_err_set(err, GW_CRYPTO, "OpenSSL could not make a key");
    }
    *private_pem_out = pem;
    *dns_txt_out = txt;
    return GW_OK;
}

enum gw_status gw_dkim_dns_txt(const char *key_file, char **dns_txt_out, struct gw_err *err)
{
    EVP_PKEY *key = NULL;
    enum gw_dkim_key_type type = GW_DKIM_RSA;
    enum gw_status st = gw_dkim_key_load(key_file, &key, &type, err);
    if (st != GW_OK)
        return st;
    char *txt = gw_dkim_key_txt(key, type);
    EVP_PKEY_free(key);
    if (txt == NULL)
        return gw_err_set(err, GW_CRYPTO, "%s: OpenSSL could not write the public key", key_file);
    *dns_txt_out = txt;
    return GW_OK;
}
