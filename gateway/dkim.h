/* SPDX-License-Identifier: MIT */
/* DKIM signing by libopendkim with keys parsed once.
 *
 * rsa-sha256 and ed25519-sha256, relaxed/relaxed, oversigned; every key of a domain signs. All keys
 * are checked at load: type, size (RSA 2048 to 4096), file permission (not readable by others), and
 * one signature made and verified.
 * Thread-safe after gw_dkim_new(): any number of threads may sign at once.
 *
 * Spec: RFC 6376, 8301 (RSA sizes), 8463 (Ed25519). */
#ifndef GW_DKIM_H
#define GW_DKIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/cfg.h"
#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_slice.h"
#include "gateway/base/gw_status.h"

struct gw_dkim;

enum gw_dkim_key_type {
    GW_DKIM_RSA,
    GW_DKIM_ED25519
};

/* The first call with keys also runs the self-check of the cached-key technique
 * (docs/decisions/020-dkim-cached-keys.md) and logs a warning when it is not in effect.
 * Safe while other threads sign (a reload).
 * GW_OK; GW_INVALID (domain or selector is no DNS name or is there twice), GW_IO, GW_CRYPTO or
 * GW_DENIED with err->text naming domain, selector and file. */
enum gw_status gw_dkim_new(const struct cfg_dkim *config, struct gw_dkim **out,
                           struct gw_err *err) GW_NODISCARD;
void gw_dkim_free(struct gw_dkim **d);

/* Keys are looked up by exact domain, then by parent domains (RFC 6376 sec. 3.5 allows d= to be a
 * parent of the From domain): a.b.example.com is signed with d=example.com when neither a.b nor b
 * has keys of its own. ASCII case does not matter. A domain without keys in its list ends the
 * search. */
bool gw_dkim_has_key(const struct gw_dkim *d, const char *from_domain);

/* A key that signs, as the world may see it. */
struct gw_dkim_public {
    const char *domain, *selector;
    enum gw_dkim_key_type type;
    const char *txt; /* the content of its DNS record */
};
/* The keys that sign for @from_domain, at most @max; copied to @arena. */
struct gw_arena;
size_t gw_dkim_public_keys(const struct gw_dkim *d, const char *from_domain, struct gw_arena *arena,
                           struct gw_dkim_public *out, size_t max);

/* Append the DKIM-Signature header fields (one per key, CRLF-ended, folded) for @message (headers,
 * empty line, body; CRLF only) to @out. Nothing is appended when the domain has no key.
 * @n_signatures_out  may be NULL
 * GW_OK, GW_INVALID (message not canonical: bare CR/LF, not exactly one From/Date/Message-ID, see
 * gateway/dkim_fields.h), GW_TOOBIG (@out has no room), GW_CRYPTO. On error @out is as before. */
enum gw_status gw_dkim_sign(const struct gw_dkim *d, const char *from_domain,
                            struct gw_slice message, struct gw_buf *out, size_t *n_signatures_out,
                            struct gw_err *err) GW_NODISCARD;

/* True when libopendkim signs with our cached keys (self-check passed). False until a configuration
 * with keys has been loaded. */
bool gw_dkim_cached_keys_active(void);

/* Make a key pair; @rsa_bits 2048 to 4096, 0 means 2048. *private_pem_out (heap, PKCS#8 PEM; wipe
 * it) and *dns_txt_out (heap, the TXT record's content "v=DKIM1; k=rsa; p=…"). GW_OK, GW_INVALID
 * (rsa_bits), GW_CRYPTO. */
enum gw_status gw_dkim_keygen(enum gw_dkim_key_type type, unsigned rsa_bits, char **private_pem_out,
                              char **dns_txt_out, struct gw_err *err) GW_NODISCARD;
/* The TXT content for an existing private key file. */
enum gw_status gw_dkim_dns_txt(const char *key_file, char **dns_txt_out,
                               struct gw_err *err) GW_NODISCARD;

#endif
