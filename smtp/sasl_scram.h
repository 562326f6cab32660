/* SPDX-License-Identifier: MIT */
/* SCRAM-SHA-256: the password is proved, never sent, and the relay has to prove that it knows it.
 * No channel binding: the gs2 header is "n,,".
 *
 * The costly part, PBKDF2, is done in slices, so that a relay that asks for many iterations does
 * not stop the loop, and its result is kept per relay: only the first connection pays for it.
 *
 * Spec: RFC 5802, RFC 7677; RFC 4954 sec. 4 (the server's last message comes as a challenge). */
#ifndef SMTP_SASL_SCRAM_H
#define SMTP_SASL_SCRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/gw_slice.h"
#include "gateway/base/gw_status.h"

enum {
    SMTP_SCRAM_HASH = 32,               /* octets of SHA-256 */
    SMTP_SCRAM_MIN_ITERATIONS = 4096,   /* RFC 7677 sec. 4: a relay that asks for less weakens it */
    SMTP_SCRAM_MAX_ITERATIONS = 600000, /* ours: about a second of work, once per relay */
    SMTP_SCRAM_SLICE = 2048,            /* iterations at one go, about 2 ms; ours */
    SMTP_SCRAM_MAX_SALT = 64,           /* octets; ours */
    SMTP_SCRAM_MAX_MESSAGE = 1024,      /* octets of one message of the exchange; ours */
    SMTP_SCRAM_NONCE_SIZE = 25          /* 18 random octets in base64, with NUL */
};

/* The last salted password of a relay. The owner zeroes it at first and wipes it at last. */
struct smtp_scram_cache {
    bool filled;
    size_t salt_len;
    uint32_t iterations;
    unsigned char salt[SMTP_SCRAM_MAX_SALT];
    unsigned char of[SMTP_SCRAM_HASH];     /* digest of user name and password */
    unsigned char salted[SMTP_SCRAM_HASH]; /* RFC 5802's SaltedPassword: as good as the password */
};

struct smtp_scram {
    char nonce[SMTP_SCRAM_NONCE_SIZE];
    char messages[3 * SMTP_SCRAM_MAX_MESSAGE]; /* RFC 5802's AuthMessage, as it grows */
    size_t messages_len;
    char combined[SMTP_SCRAM_MAX_MESSAGE]; /* nonce, ours and the relay's; NUL-terminated */
    size_t salt_len;
    uint32_t iterations, done;
    unsigned char salt[SMTP_SCRAM_MAX_SALT];
    unsigned char u[SMTP_SCRAM_HASH];      /* PBKDF2's running value */
    unsigned char salted[SMTP_SCRAM_HASH]; /* and its sum */
    bool verified;                         /* the relay's signature is right */
};

struct smtp_sasl;

/* A fresh exchange with a nonce of its own. */
void smtp_scram_start(struct smtp_scram *s);
/* Judge message @i of the relay, decoded: 0 the server-first-message, 1 the server-final-message.
 * GW_OK, GW_BUSY (smtp_scram_work() first) or GW_PROTO. */
enum gw_status smtp_scram_challenge(struct smtp_sasl *sasl, size_t i,
                                    struct gw_slice message) GW_NODISCARD;
/* True when the salted password is there. */
bool smtp_scram_work(struct smtp_sasl *sasl);
/* Token @i at @out, at most @size octets; its length, or more than @size when it does not fit. */
size_t smtp_scram_token(struct smtp_sasl *sasl, size_t i, char *out, size_t size);

#endif
