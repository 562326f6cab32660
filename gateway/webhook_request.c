/* SPDX-License-Identifier: MIT */
/* Ids, signatures and delays of webhooks. */
#include "gateway/webhook_request.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <stdio.h>

#include "gateway/base/gw_base64.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"

void gw_webhook_id(int64_t seq, int64_t at_ms, char out[GW_WEBHOOK_ID_SIZE])
{
    /* with the time, for another store counts from the beginning again */
    (void)snprintf(out, GW_WEBHOOK_ID_SIZE, "evt_%" PRId64 "_%" PRId64, seq, at_ms);
}

/* The key to sign with: heap, *size_out octets. */
static unsigned char *key_of(const char *secret, size_t *size_out)
{
    static const char prefix[] = "whsec_";
    size_t len = strlen(secret);
    if (strncmp(secret, prefix, sizeof(prefix) - 1) != 0) {
        *size_out = len;
        return (unsigned char *)gw_memdup0(secret, len);
    }
    struct gw_slice text = gw_slice_of(secret + sizeof(prefix) - 1, len - (sizeof(prefix) - 1));
    unsigned char *key = gw_calloc(gw_base64_decoded_max(text.len) + 1, 1);
    CHECK(gw_base64_decode(text, key, size_out, NULL) == GW_OK); /* the configuration was checked */
    return key;
}

void gw_webhook_sign(const char *secret, const char *id, int64_t timestamp_s, struct gw_slice body,
                     char out[GW_WEBHOOK_SIGNATURE_SIZE])
{
    char head[GW_WEBHOOK_ID_SIZE + 32];
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_size = 0;
    size_t key_size;
    unsigned char *key = key_of(secret, &key_size);
    int len = snprintf(head, sizeof(head), "%s.%" PRId64 ".", id, timestamp_s);
    char *text = gw_calloc((size_t)len + body.len + 1, 1);
    memcpy(text, head, (size_t)len);
    memcpy(text + len, body.data, body.len);
    CHECK(HMAC(EVP_sha256(), key, (int)key_size, (const unsigned char *)text,
               (size_t)len + body.len, mac, &mac_size) != NULL);
    gw_free(text);
    OPENSSL_cleanse(key, key_size);
    gw_free(key);
    memcpy(out, "v1,", 3);
    size_t n = gw_base64_encode(mac, mac_size, out + 3);
    out[3 + n] = '\0';
}

int64_t gw_webhook_delay_ms(unsigned attempts, double random01)
{
    int64_t delay = GW_WEBHOOK_FIRST_DELAY_MS;
    for (unsigned i = 1; i < attempts && delay < GW_WEBHOOK_MAX_DELAY_MS; i++)
        delay *= 2;
    if (delay > GW_WEBHOOK_MAX_DELAY_MS)
        delay = GW_WEBHOOK_MAX_DELAY_MS;
    return (int64_t)((double)delay * (0.8 + 0.4 * random01));
}
