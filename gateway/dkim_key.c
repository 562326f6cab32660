/* SPDX-License-Identifier: MIT */
/* Reading DKIM private key files. */
#include "gateway/dkim_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "gateway/base/gw_mem.h"

enum {
    OTHERS_ANY = S_IRWXO,
    GROUP_WRITE = S_IWGRP
};

/* NOLINTNEXTLINE(readability-non-const-parameter): OpenSSL's type */
static int no_passphrase(char *buf, int size, int rwflag, void *asked)
{
    (void)buf;
    (void)size;
    (void)rwflag;
    *(bool *)asked = true;
    return -1;
}

/* NULL when DKIM can use the key, else what is wrong with it. */
static const char *key_fault(const EVP_PKEY *key, enum gw_dkim_key_type *type)
{
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_ED25519:
        *type = GW_DKIM_ED25519;
        return NULL;
    case EVP_PKEY_RSA:
        *type = GW_DKIM_RSA;
        if (EVP_PKEY_get_bits(key) < GW_DKIM_MIN_RSA_BITS)
            return "the RSA key is too short; DKIM needs 2048 to 4096 bits (RFC 8301)";
        if (EVP_PKEY_get_bits(key) > GW_DKIM_MAX_RSA_BITS)
            return "the RSA key is too long; DKIM verifiers stop at 4096 bits (RFC 8301)";
        return NULL;
    case EVP_PKEY_RSA_PSS:
        return "is an RSA-PSS key; DKIM needs plain RSA or Ed25519";
    case EVP_PKEY_EC:
        return "is an elliptic curve (EC) key; DKIM needs RSA or Ed25519";
    default:
        return "is a key of a type that DKIM does not have; it needs RSA or Ed25519";
    }
}

enum gw_status gw_dkim_key_parse(struct gw_slice pem, EVP_PKEY **out, enum gw_dkim_key_type *type,
                                 struct gw_err *err)
{
    const char *fault = "holds no private key in PEM form (BEGIN PRIVATE KEY or BEGIN RSA PRIVATE "
                        "KEY)";
    bool asked = false;
    EVP_PKEY *key = NULL;
    BIO *bio = pem.len != 0 && pem.len <= GW_DKIM_MAX_KEY_FILE
                   ? BIO_new_mem_buf(pem.data, (int)pem.len)
                   : NULL;
    if (bio != NULL)
        key = PEM_read_bio_PrivateKey_ex(bio, NULL, no_passphrase, &asked, NULL, NULL);
    if (key != NULL)
        fault = key_fault(key, type);
    else if (asked)
        fault = "is protected by a passphrase; store it without one (openssl pkey -in … -out …)";
    (void)BIO_free(bio);
    ERR_clear_error();
    if (fault == NULL) {
        *out = key;
        return GW_OK;
    }
    EVP_PKEY_free(key);
    return gw_err_set(err, GW_CRYPTO, "%s", fault);
}

/* Everything about the file that is wrong before a byte of it is read. */
static enum gw_status check_file(const char *file, const struct stat *st, struct gw_err *err)
{
    if (S_ISDIR(st->st_mode))
        return gw_err_set(err, GW_IO, "%s: is a directory, not a key file", file);
    if (!S_ISREG(st->st_mode))
        return gw_err_set(err, GW_IO, "%s: is not a regular file", file);
    if ((st->st_mode & (OTHERS_ANY | GROUP_WRITE)) != 0)
        return gw_err_set(err, GW_DENIED,
                          "%s: mode %04o lets others at the private key; chmod 600 (or 640) it",
                          file, (unsigned)st->st_mode & 07777U);
    if (st->st_size == 0)
        return gw_err_set(err, GW_CRYPTO, "%s: is empty", file);
    if (st->st_size > GW_DKIM_MAX_KEY_FILE)
        return gw_err_set(err, GW_CRYPTO, "%s: is over %d bytes, too large for a key", file,
                          GW_DKIM_MAX_KEY_FILE);
    return GW_OK;
}

static enum gw_status read_file(int fd, const char *file, struct gw_slice *out, char *buf,
                                struct gw_err *err)
{
    size_t len = 0;
    while (len < GW_DKIM_MAX_KEY_FILE) {
        ssize_t n = read(fd, buf + len, GW_DKIM_MAX_KEY_FILE - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return gw_err_errno(err, GW_IO, errno, "%s", file);
        if (n == 0)
            break;
        len += (size_t)n;
    }
    *out = gw_slice_of(buf, len);
    return GW_OK;
}

enum gw_status gw_dkim_key_load(const char *file, EVP_PKEY **out, enum gw_dkim_key_type *type,
                                struct gw_err *err)
{
    /* Not blocking: a FIFO without a writer would hold the start for ever. */
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return gw_err_errno(err, GW_IO, errno, "%s", file);
    char *buf = gw_malloc(GW_DKIM_MAX_KEY_FILE);
    struct gw_slice pem = {0};
    struct stat st;
    enum gw_status status = fstat(fd, &st) == 0 ? check_file(file, &st, err)
                                                : gw_err_errno(err, GW_IO, errno, "%s", file);
    if (status == GW_OK)
        status = read_file(fd, file, &pem, buf, err);
    if (status == GW_OK) {
        struct gw_err why;
        status = gw_dkim_key_parse(pem, out, type, &why);
        if (status != GW_OK)
            status = gw_err_set(err, status, "%s: %s", file, why.text);
    }
    (void)close(fd);
    gw_wipe(buf, GW_DKIM_MAX_KEY_FILE);
    gw_free(buf);
    return status;
}
