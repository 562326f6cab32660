/* SPDX-License-Identifier: MIT */
/* DKIM private keys: reading a key file with all checks, and the TXT record of a key. */
#ifndef GW_DKIM_KEY_H
#define GW_DKIM_KEY_H

#include <openssl/evp.h>

#include "gateway/base/gw_slice.h"
#include "gateway/base/gw_status.h"
#include "gateway/dkim.h"

enum {
    /* A 4096-bit RSA key is 3.3 KB of PEM; bag attributes and comments may stand before it. */
    GW_DKIM_MAX_KEY_FILE = 16 * 1024,
    /* RFC 8301 sec. 3.2: signers use 1024 to 4096 bits, at least 2048 wanted. Verifiers need not
     * know more than 4096. */
    GW_DKIM_MIN_RSA_BITS = 2048,
    GW_DKIM_MAX_RSA_BITS = 4096
};

/* Parse PEM text: PKCS#8 or PKCS#1, without a passphrase, of a type and size that DKIM has.
 * GW_OK with *out (EVP_PKEY_free), GW_CRYPTO; err->text never holds a byte of @pem. */
enum gw_status gw_dkim_key_parse(struct gw_slice pem, EVP_PKEY **out, enum gw_dkim_key_type *type,
                                 struct gw_err *err) GW_NODISCARD;

/* As above from @file: a regular file of at most GW_DKIM_MAX_KEY_FILE bytes that others can neither
 * read nor write (symbolic links are followed: that is how secrets are mounted).
 * GW_OK, GW_IO, GW_DENIED (file mode), GW_CRYPTO; err->text begins with @file. */
enum gw_status gw_dkim_key_load(const char *file, EVP_PKEY **out, enum gw_dkim_key_type *type,
                                struct gw_err *err) GW_NODISCARD;

/* The key as PKCS#8 PEM, NUL-terminated heap (gw_free_secret), or NULL when OpenSSL fails. */
char *gw_dkim_key_pem(const EVP_PKEY *key);

/* The content of the TXT record, heap, or NULL when OpenSSL fails. */
char *gw_dkim_key_txt(const EVP_PKEY *key, enum gw_dkim_key_type type);

#endif
