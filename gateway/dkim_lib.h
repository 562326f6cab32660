/* SPDX-License-Identifier: MIT */
/* libopendkim behind a wall: only gateway/dkim_lib.c, dkim_verify.c and dkim_lib_internal.h know
 * it. */
#ifndef GW_DKIM_LIB_H
#define GW_DKIM_LIB_H

#include <stdbool.h>

#include <openssl/evp.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_status.h"
#include "gateway/dkim.h"
#include "gateway/dkim_fields.h"

enum {
    /* One DKIM-Signature field is at most: b= of RSA 4096 (700 bytes, folded), h= with all names
     * (GW_DKIM_MAX_SIGNED of 31 bytes, folded), d= and s= of 253 each, and the rest. */
    GW_DKIM_MAX_SIGNATURE = 8 * 1024
};

struct gw_dkim_signer {
    const char *domain, *selector; /* d= and s=; LDH labels */
    enum gw_dkim_key_type type;    /* always that of key */
    EVP_PKEY *key;
    char *pem; /* NULL: libopendkim borrows `key`; else it parses this every time */
};

/* Once per process, any number of calls. GW_CRYPTO when libopendkim lacks what we need. */
enum gw_status gw_dkim_lib_init(struct gw_err *err) GW_NODISCARD;

/* The self-check's result: libopendkim borrows parsed keys. After gw_dkim_lib_init(). */
bool gw_dkim_lib_borrows_keys(void);

/* Append one DKIM-Signature field with its CRLF to @out. Thread-safe.
 * GW_OK, GW_CRYPTO, GW_TOOBIG (@out is full); on error @out may hold part of it. */
enum gw_status gw_dkim_lib_sign(const struct gw_dkim_signer *signer,
                                const struct gw_dkim_fields *fields, struct gw_buf *out,
                                struct gw_err *err) GW_NODISCARD;

/* Sign a sample message and verify it: key, type and library fit. GW_OK or GW_CRYPTO. */
enum gw_status gw_dkim_lib_check(const struct gw_dkim_signer *signer,
                                 struct gw_err *err) GW_NODISCARD;

/* Check @signature (a whole field as gw_dkim_lib_sign() writes it) over @fields with libopendkim's
 * verifier and the TXT record @txt. GW_OK or GW_CRYPTO. */
enum gw_status gw_dkim_lib_verify(struct gw_slice signature, const struct gw_dkim_fields *fields,
                                  const char *txt, struct gw_err *err) GW_NODISCARD;

#endif
