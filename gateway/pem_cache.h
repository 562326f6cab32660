/* SPDX-License-Identifier: MIT */
/* A parsed private key, lent to libopendkim in place of the PEM text it insists on.
 *
 * libopendkim parses its key anew for every signature, with PEM_read_bio_PrivateKey(), which costs
 * more than the signature. We give it GW_PEM_TOKEN as the "key" and define that function ourselves
 * (gateway/pem_interpose.c; the dynamic linker prefers the executable's definition): a thread that
 * has a loan open and reads the token gets the lent key, everybody else gets OpenSSL's parser. So
 * the real key never passes through libopendkim's memory. See docs/decisions/020. */
#ifndef GW_PEM_CACHE_H
#define GW_PEM_CACHE_H

#include <openssl/evp.h>

/* Starts as libopendkim expects of PEM; no parser accepts it, so a loan that is not honoured is an
 * error, never a wrong signature. */
#define GW_PEM_TOKEN "-----MAILHATCH LENT KEY-----"

struct gw_pem_loan {
    EVP_PKEY *key;  /* borrowed for the time of the loan */
    unsigned taken; /* references handed out; whoever took one owes an EVP_PKEY_free() */
};

/* Open a loan for the calling thread, one at a time; @loan stays the caller's, until the end. */
void gw_pem_loan_begin(struct gw_pem_loan *loan);
void gw_pem_loan_end(void);

/* For the interposed function: a new reference to the lent key when @bio holds just the token,
 * else NULL and @bio is untouched. */
EVP_PKEY *gw_pem_loan_take(BIO *bio);

#endif
