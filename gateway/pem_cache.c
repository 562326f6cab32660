/* SPDX-License-Identifier: MIT */
/* The calling thread's loan of a parsed key. */
#include "gateway/pem_cache.h"

#include <string.h>

#include <openssl/bio.h>

#include "gateway/base/gw_check.h"

static _Thread_local struct gw_pem_loan *current;

void gw_pem_loan_begin(struct gw_pem_loan *loan)
{
    PRE(current == NULL && loan->key != NULL);
    loan->taken = 0;
    current = loan;
}

void gw_pem_loan_end(void)
{
    PRE(current != NULL);
    current = NULL;
}

EVP_PKEY *gw_pem_loan_take(BIO *bio)
{
    if (current == NULL || bio == NULL || BIO_method_type(bio) != BIO_TYPE_MEM)
        return NULL;
    const char *text = NULL;
    long len = BIO_get_mem_data(bio, &text);
    if (len != (long)strlen(GW_PEM_TOKEN) || memcmp(text, GW_PEM_TOKEN, (size_t)len) != 0)
        return NULL;
    if (EVP_PKEY_up_ref(current->key) != 1)
        return NULL;
    current->taken++;
    return current->key;
}
