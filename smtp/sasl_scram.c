/* SPDX-License-Identifier: MIT */
/* SCRAM-SHA-256. */
#include "smtp/sasl_scram.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <openssl/sha.h>

#include "gateway/base/gw_base64.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"
#include "gateway/base/gw_random.h"
#include "smtp/sasl.h"

enum {
    NONCE_OCTETS = 18,
    MAX_USER = 255 /* octets of the name, before "=2C" makes three of one; ours */
};

static const char gs2_header[] = "n,,";
static const char final_head[] = "c=biws,r="; /* base64 of the gs2 header */

void smtp_scram_start(struct smtp_scram *s)
{
    unsigned char random[NONCE_OCTETS];
    *s = (struct smtp_scram){.messages_len = 0};
    gw_random_bytes(random, sizeof(random));
    s->nonce[gw_base64_encode(random, sizeof(random), s->nonce)] = '\0';
}

static void hmac(const void *key, size_t key_len, const void *data, size_t len,
                 unsigned char out[SMTP_SCRAM_HASH])
{
    unsigned out_len = 0;
    CHECK(HMAC(EVP_sha256(), key, (int)key_len, data, len, out, &out_len) != NULL);
    CHECK(out_len == SMTP_SCRAM_HASH);
}

/* --- PBKDF2 in slices --- */

/* One block is enough: its length is that of the hash (RFC 5802 sec. 2.2). */
static void first_round(struct smtp_scram *s, const char *password)
{
    unsigned char block[SMTP_SCRAM_MAX_SALT + 4] = {0};
    memcpy(block, s->salt, s->salt_len);
    block[s->salt_len + 3] = 1;
    hmac(password, strlen(password), block, s->salt_len + 4, s->u);
    memcpy(s->salted, s->u, sizeof(s->salted));
    s->done = 1;
}

static EVP_MAC_CTX *keyed_mac(const char *password)
{
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac);
    CHECK(ctx != NULL);
    CHECK(EVP_MAC_init(ctx, (const unsigned char *)password, strlen(password), params) == 1);
    return ctx;
}

static void more_rounds(struct smtp_scram *s, const char *password, uint32_t until)
{
    EVP_MAC_CTX *ctx = keyed_mac(password);
    size_t len = 0;
    for (; s->done < until; s->done++) {
        CHECK(EVP_MAC_init(ctx, NULL, 0, NULL) == 1 &&
              EVP_MAC_update(ctx, s->u, sizeof(s->u)) == 1 &&
              EVP_MAC_final(ctx, s->u, &len, sizeof(s->u)) == 1);
        for (size_t i = 0; i < SMTP_SCRAM_HASH; i++)
            s->salted[i] ^= s->u[i];
    }
    EVP_MAC_CTX_free(ctx);
}

/* --- The cache --- */

/* Whose password it is, so that a changed one does not get the old one's result. */
static void digest_of(const struct smtp_sasl_credentials *who, unsigned char out[SMTP_SCRAM_HASH])
{
    hmac(who->username, strlen(who->username), who->password, strlen(who->password), out);
}

static bool is_cached(struct smtp_scram *s, const struct smtp_sasl_credentials *who)
{
    const struct smtp_scram_cache *c = who->scram_cache;
    unsigned char of[SMTP_SCRAM_HASH];
    if (c == NULL || !c->filled || c->iterations != s->iterations || c->salt_len != s->salt_len ||
        memcmp(c->salt, s->salt, s->salt_len) != 0)
        return false;
    digest_of(who, of);
    if (CRYPTO_memcmp(c->of, of, sizeof(of)) != 0)
        return false;
    memcpy(s->salted, c->salted, sizeof(s->salted));
    s->done = s->iterations;
    return true;
}

static void keep(const struct smtp_scram *s, const struct smtp_sasl_credentials *who)
{
    struct smtp_scram_cache *c = who->scram_cache;
    if (c == NULL)
        return;
    c->filled = true;
    c->iterations = s->iterations;
    c->salt_len = s->salt_len;
    memcpy(c->salt, s->salt, s->salt_len);
    memcpy(c->salted, s->salted, sizeof(c->salted));
    digest_of(who, c->of);
}

bool smtp_scram_work(struct smtp_sasl *sasl)
{
    struct smtp_scram *s = &sasl->scram;
    if (s->done == s->iterations)
        return true;
    uint32_t left = s->iterations - s->done;
    more_rounds(s, smtp_sasl_password(sasl),
                s->done + (left < SMTP_SCRAM_SLICE ? left : SMTP_SCRAM_SLICE));
    if (s->done < s->iterations)
        return false;
    gw_wipe(s->u, sizeof(s->u));
    keep(s, &sasl->who);
    return true;
}

/* --- Messages --- */

/* Append to the AuthMessage; false when it is full. */
static bool add(struct smtp_scram *s, const char *data, size_t len)
{
    if (len > sizeof(s->messages) - s->messages_len)
        return false;
    memcpy(s->messages + s->messages_len, data, len);
    s->messages_len += len;
    return true;
}

static bool add_str(struct smtp_scram *s, const char *text)
{
    return add(s, text, strlen(text));
}

/* Cut "k=value" and the comma behind it off @rest. */
static bool next_attribute(struct gw_slice *rest, char key, struct gw_slice *value_out)
{
    if (rest->len < 2 || rest->data[0] != key || rest->data[1] != '=')
        return false;
    struct gw_slice value = gw_slice_of(rest->data + 2, rest->len - 2);
    const char *comma = value.len > 0 ? memchr(value.data, ',', value.len) : NULL;
    if (comma != NULL)
        value.len = (size_t)(comma - value.data);
    *value_out = value;
    size_t used = 2 + value.len + (comma != NULL ? 1 : 0);
    *rest = gw_slice_of(rest->data + used, rest->len - used);
    return true;
}

/* The relay's nonce is ours and more of its own. */
static bool take_nonce(struct smtp_scram *s, struct gw_slice nonce)
{
    size_t ours = strlen(s->nonce);
    if (nonce.len <= ours || nonce.len >= sizeof(s->combined) ||
        memcmp(nonce.data, s->nonce, ours) != 0)
        return false;
    for (size_t i = 0; i < nonce.len; i++) {
        if (nonce.data[i] < 0x21 || nonce.data[i] > 0x7E)
            return false;
    }
    memcpy(s->combined, nonce.data, nonce.len);
    s->combined[nonce.len] = '\0';
    return true;
}

static bool take_salt(struct smtp_scram *s, struct gw_slice salt)
{
    return salt.len > 0 && gw_base64_decoded_max(salt.len) <= sizeof(s->salt) &&
           gw_base64_decode(salt, s->salt, &s->salt_len, NULL) == GW_OK && s->salt_len > 0;
}

static bool take_iterations(struct smtp_scram *s, struct gw_slice text)
{
    s->iterations = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || s->iterations > SMTP_SCRAM_MAX_ITERATIONS)
            return false;
        s->iterations = s->iterations * 10 + (uint32_t)(text.data[i] - '0');
    }
    return s->iterations >= SMTP_SCRAM_MIN_ITERATIONS && s->iterations <= SMTP_SCRAM_MAX_ITERATIONS;
}

/* "r=…,s=…,i=…" and extensions that may be passed over; "m=" may not and is none of these. */
static enum gw_status server_first(struct smtp_sasl *sasl, struct gw_slice message)
{
    struct smtp_scram *s = &sasl->scram;
    struct gw_slice rest = message;
    struct gw_slice nonce;
    struct gw_slice salt;
    struct gw_slice iterations;
    bool sound = message.len <= SMTP_SCRAM_MAX_MESSAGE && next_attribute(&rest, 'r', &nonce) &&
                 next_attribute(&rest, 's', &salt) && next_attribute(&rest, 'i', &iterations) &&
                 take_nonce(s, nonce) && take_salt(s, salt) && take_iterations(s, iterations);
    if (!sound || !add_str(s, ",") || !add(s, message.data, message.len) || !add_str(s, ",") ||
        !add_str(s, final_head) || !add_str(s, s->combined))
        return GW_PROTO;
    if (is_cached(s, &sasl->who))
        return GW_OK;
    first_round(s, smtp_sasl_password(sasl));
    return GW_BUSY;
}

/* "v=" and the signature that only a server which knows the password can make. */
static enum gw_status server_final(struct smtp_scram *s, struct gw_slice message)
{
    unsigned char key[SMTP_SCRAM_HASH];
    unsigned char ours[SMTP_SCRAM_HASH];
    char theirs[SMTP_SCRAM_HASH + 4];
    struct gw_slice value;
    size_t len = 0;
    if (!next_attribute(&message, 'v', &value) ||
        gw_base64_decoded_max(value.len) > sizeof(theirs) ||
        gw_base64_decode(value, theirs, &len, NULL) != GW_OK || len != SMTP_SCRAM_HASH)
        return GW_PROTO;
    hmac(s->salted, sizeof(s->salted), "Server Key", 10, key);
    hmac(key, sizeof(key), s->messages, s->messages_len, ours);
    s->verified = CRYPTO_memcmp(ours, theirs, sizeof(ours)) == 0;
    return s->verified ? GW_OK : GW_PROTO;
}

enum gw_status smtp_scram_challenge(struct smtp_sasl *sasl, size_t i, struct gw_slice message)
{
    return i == 0 ? server_first(sasl, message) : server_final(&sasl->scram, message);
}

/* "n=user,r=nonce", the begin of the AuthMessage. */
static bool client_first_bare(struct smtp_scram *s, const char *user)
{
    if (strlen(user) > MAX_USER)
        return false;
    s->messages_len = 0;
    bool fits = add_str(s, "n=");
    for (; *user != '\0' && fits; user++) {
        if (*user == ',' || *user == '=')
            fits = add_str(s, *user == ',' ? "=2C" : "=3D");
        else
            fits = add(s, user, 1);
    }
    return fits && add_str(s, ",r=") && add_str(s, s->nonce);
}

/* ClientProof = ClientKey XOR HMAC(H(ClientKey), AuthMessage) */
static void proof(const struct smtp_scram *s, unsigned char out[SMTP_SCRAM_HASH])
{
    unsigned char stored[SMTP_SCRAM_HASH];
    unsigned char signature[SMTP_SCRAM_HASH];
    hmac(s->salted, sizeof(s->salted), "Client Key", 10, out);
    (void)SHA256(out, SMTP_SCRAM_HASH, stored);
    hmac(stored, sizeof(stored), s->messages, s->messages_len, signature);
    for (size_t i = 0; i < SMTP_SCRAM_HASH; i++)
        out[i] ^= signature[i];
    gw_wipe(stored, sizeof(stored));
}

/* "c=biws,r=…,p=…": all but the proof is the end of the AuthMessage already. */
static size_t client_final(const struct smtp_scram *s, char *out, size_t size)
{
    unsigned char p[SMTP_SCRAM_HASH];
    size_t head = strlen(final_head) + strlen(s->combined);
    size_t len = head + 3 + gw_base64_encoded_size(sizeof(p));
    if (len > size)
        return size + 1;
    memcpy(out, s->messages + s->messages_len - head, head);
    memcpy(out + head, ",p=", 3);
    proof(s, p);
    len = head + 3 + gw_base64_encode(p, sizeof(p), out + head + 3);
    gw_wipe(p, sizeof(p));
    return len;
}

size_t smtp_scram_token(struct smtp_sasl *sasl, size_t i, char *out, size_t size)
{
    struct smtp_scram *s = &sasl->scram;
    if (i == 1)
        return client_final(s, out, size);
    if (i == 2) /* nothing left to say, RFC 4954 sec. 4 */
        return 0;
    size_t head = strlen(gs2_header);
    if (!client_first_bare(s, smtp_sasl_username(sasl)) || head + s->messages_len > size)
        return size + 1;
    memcpy(out, gs2_header, head);
    memcpy(out + head, s->messages, s->messages_len);
    return head + s->messages_len;
}
