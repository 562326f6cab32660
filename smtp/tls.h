/* SPDX-License-Identifier: MIT */
/* TLS without sockets: ciphertext in, ciphertext out. The room's only door to OpenSSL's libssl.
 *
 * Happy path (client and server alike): new → (feed, handshake, swap the output out and send it)
 * until SMTP_TLS_OK → feed, read until SMTP_TLS_MORE; write, swap out → close_notify → free.
 * Failure: any call may say SMTP_TLS_FAILED; smtp_tls_failure() then says why in words that name
 * the thing to fix, output may hold an alert that is worth sending, and every later call fails too.
 *
 * Clients: TLS 1.2 or more, security level 2, no renegotiation, host names as RFC 9525 has them
 * (subjectAltName only, no partial wildcards), SNI for names, sessions resumed within one context.
 *
 * Spec: RFC 8446, 5246, 6066 sec. 3 (SNI), 8314 and 8997 (TLS for mail), 9525 (names).
 * Loop thread only, but for smtp_tls_client_context(): a context may be made in another thread. */
#ifndef SMTP_TLS_H
#define SMTP_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_status.h"
#include "smtp/outcome.h"

enum {
    SMTP_TLS_1_2 = 0x0303,
    SMTP_TLS_1_3 = 0x0304
};

enum smtp_tls_verify {
    SMTP_VERIFY_FULL, /* chain and host name */
    SMTP_VERIFY_CA,   /* chain only */
    SMTP_VERIFY_NONE  /* encrypt only; logged at start */
};

enum {
    SMTP_TLS_PIN_SIZE = 32,              /* octets of SHA-256 */
    SMTP_TLS_MAX_PINS = 16,              /* ours */
    SMTP_TLS_MAX_BUFFERED = 1024 * 1024, /* ciphertext waiting on either side; ours */
    SMTP_TLS_MAX_SESSIONS = 4,           /* kept per context for resumption; ours */
    SMTP_TLS_MAX_POST_HANDSHAKE = 64     /* tickets, key updates, renegotiation tries; ours */
};

/* SHA-256 of a certificate's SubjectPublicKeyInfo (RFC 7469 sec. 2.4). */
struct smtp_tls_pin {
    unsigned char sha256[SMTP_TLS_PIN_SIZE];
};

/* Strings are borrowed for the call only. */
struct smtp_tls_client_config {
    enum smtp_tls_verify verify;
    const char *ca_file;     /* PEM; NULL: the system's CAs */
    const char *server_name; /* DNS name or IP literal to verify; a name is also sent as SNI */
    const char *cert_file, *key_file; /* client certificate chain and key, PEM; both or neither */
    int min_version;                  /* SMTP_TLS_1_2 or SMTP_TLS_1_3; 0 means 1.2 */
    /* The server's key must be one of these, and that is all that is asked of its certificate: no
     * CA, no name, no date (as RFC 7671 sec. 5.1 has it for DANE-EE). None: as verify says. */
    const struct smtp_tls_pin *pins;
    size_t n_pins;
};

struct smtp_tls_context;

/* Reads the files now. GW_IO: a file cannot be read; GW_TLS: not PEM, no certificate in it, or the
 * key is encrypted or of another certificate. */
enum gw_status smtp_tls_client_context(const struct smtp_tls_client_config *config,
                                       struct smtp_tls_context **out,
                                       struct gw_err *err) GW_NODISCARD;
/* @cert_pem  the server's certificate first, then its chain. GW_TLS as above. */
enum gw_status smtp_tls_server_context(const char *cert_pem, const char *key_pem,
                                       struct smtp_tls_context **out,
                                       struct gw_err *err) GW_NODISCARD;
/* Another holder; each one frees it. */
struct smtp_tls_context *smtp_tls_context_ref(struct smtp_tls_context *context);
/* Client: has a file it was made from been replaced since it was made, or since this was asked
 * last? A system call per file. */
bool smtp_tls_context_is_stale(struct smtp_tls_context *context);
/* Connections that were made from it go on. */
void smtp_tls_context_free(struct smtp_tls_context **context);

/* A throw-away ECDSA P-256 certificate that signs itself, for localhost, 127.0.0.1 and ::1, valid
 * for ten years. Both PEM texts are heap memory; free the key with gw_free_secret(). */
enum gw_status smtp_tls_make_certificate(char **cert_pem_out, char **key_pem_out,
                                         struct gw_err *err) GW_NODISCARD;

enum smtp_tls_status {
    SMTP_TLS_OK,
    SMTP_TLS_MORE,  /* nothing to be had before more ciphertext is fed */
    SMTP_TLS_ENDED, /* the peer's close_notify */
    SMTP_TLS_FAILED /* see smtp_tls_failure() */
};

struct smtp_tls_failure {
    enum smtp_reason reason; /* WRONG_TLS_MODE: the first byte was a digit, so SMTP in plaintext */
    char detail[SMTP_DETAIL_SIZE];
};

struct smtp_tls;

/* Client or server, as the context is. Never NULL. Holds the context. */
struct smtp_tls *smtp_tls_new(struct smtp_tls_context *context);
void smtp_tls_free(struct smtp_tls **tls);

/* Ciphertext from the peer in any split; copied. Follow it with handshake or read until they say
 * MORE: what is fed and never read counts against SMTP_TLS_MAX_BUFFERED, over which this is FAILED.
 */
enum smtp_tls_status smtp_tls_feed(struct smtp_tls *tls, const void *data, size_t len) GW_NODISCARD;
/* Go on with the handshake; a client calls it once before the first feed. OK when it is finished.
 */
enum smtp_tls_status smtp_tls_handshake(struct smtp_tls *tls) GW_NODISCARD;
/* OK with 1 ≤ *len_out ≤ size, else *len_out is 0. Call until it is not OK. */
enum smtp_tls_status smtp_tls_read(struct smtp_tls *tls, void *out, size_t size,
                                   size_t *len_out) GW_NODISCARD;
/* Encrypt all of it into the output. OK or FAILED. Only after the handshake. */
enum smtp_tls_status smtp_tls_write(struct smtp_tls *tls, const void *data,
                                    size_t len) GW_NODISCARD;
/* Put our close_notify into the output; once, later calls do nothing. */
void smtp_tls_close_notify(struct smtp_tls *tls);

/* Ciphertext that waits to be sent. */
size_t smtp_tls_output_size(const struct smtp_tls *tls);
/* Exchange memory with @into, which is empty but initialised: it gets the waiting output and the
 * connection goes on in its memory, so two buffers serve a connection for life without a copy. */
void smtp_tls_swap_output(struct smtp_tls *tls, struct gw_buf *into);

/* Let what is written next go into the memory of @from, an empty buffer, unless output waits. */
void smtp_tls_take_memory(struct smtp_tls *tls, struct gw_buf *from);

/* What pins the key of @pem, one certificate. GW_INVALID when it is none. */
enum gw_status smtp_tls_pin_of(const char *pem, struct smtp_tls_pin *out) GW_NODISCARD;

/* A peer's certificate in words, for people: printable ASCII. */
struct smtp_tls_certificate {
    char subject[160], issuer[160];
    char names[400]; /* DNS names and addresses of the subjectAltName, "a, b, ..." */
    char not_before[32], not_after[32]; /* "2026-11-25 22:00:00 UTC" */
    char key[32];                       /* "RSA 2048", "EC 256" */
    char pin[64];                       /* "sha256/…", as tls.pins takes it */
};
/* False when the peer has shown none (yet); also after a handshake that failed on it. */
bool smtp_tls_peer_certificate(const struct smtp_tls *tls, struct smtp_tls_certificate *out);

const struct smtp_tls_failure *smtp_tls_failure(const struct smtp_tls *tls);
/* After the handshake: static text such as "TLSv1.3". */
const char *smtp_tls_version(const struct smtp_tls *tls);
const char *smtp_tls_cipher(const struct smtp_tls *tls);
bool smtp_tls_resumed(const struct smtp_tls *tls);

#endif
