/* SPDX-License-Identifier: MIT */
/* Our PEM_read_bio_PrivateKey(), which libopendkim's call resolves to.
 *
 * Alone in its file: the linker takes it because of `-u PEM_read_bio_PrivateKey` (CMakeLists.txt),
 * and a test of the slow path can bring a definition of its own instead. */
#include <openssl/pem.h>

#include "gateway/pem_cache.h"

/* Everything in the process that reads a key comes through here, so apart from the loan it is
 * OpenSSL's own definition to the letter. */
__attribute__((visibility("default"))) EVP_PKEY * /* NOLINTNEXTLINE(readability-identifier-naming)*/
PEM_read_bio_PrivateKey(BIO *out, EVP_PKEY **x, pem_password_cb *cb, void *u)
{
    EVP_PKEY *lent = gw_pem_loan_take(out);
    return lent != NULL ? lent : PEM_read_bio_PrivateKey_ex(out, x, cb, u, NULL, NULL);
}
