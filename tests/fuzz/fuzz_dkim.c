/* SPDX-License-Identifier: MIT */
/* DKIM: any bytes as key file; any bytes as message; any bytes behind three good header fields as
 * message, which must verify when it was signed. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"
#include "gateway/dkim_key.h"
#include "gateway/dkim_lib.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* libFuzzer's name */

enum {
    MAX_SIZE = 1 << 16
};

static struct gw_dkim_signer signer;
static char *txt;

static void init(void)
{
    struct gw_err err;
    if (signer.key != NULL)
        return;
    CHECK(gw_dkim_lib_init(&err) == GW_OK);
    signer = (struct gw_dkim_signer){.domain = "example.org",
                                     .selector = "fuzz",
                                     .type = GW_DKIM_ED25519,
                                     .key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")};
    CHECK(signer.key != NULL);
    txt = gw_dkim_key_txt(signer.key, signer.type);
}

static void read_key(struct gw_slice text)
{
    EVP_PKEY *key = NULL;
    enum gw_dkim_key_type type = GW_DKIM_RSA;
    struct gw_err err;
    if (gw_dkim_key_parse(text, &key, &type, &err) == GW_OK)
        EVP_PKEY_free(key);
}

static void sign(struct gw_slice message, bool verify)
{
    struct gw_dkim_fields fields;
    struct gw_err err;
    struct gw_buf out;
    gw_buf_init(&out, GW_DKIM_MAX_SIGNATURE);
    if (gw_dkim_fields_pick(message, &fields, &err) == GW_OK) {
        CHECK(gw_dkim_lib_sign(&signer, &fields, &out, &err) == GW_OK);
        CHECK(out.len > 2 && memcmp(out.data + out.len - 2, "\r\n", 2) == 0);
        if (verify)
            CHECK(gw_dkim_lib_verify(gw_buf_view(&out), &fields, txt, &err) == GW_OK);
    }
    gw_buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) /* libFuzzer's name */
{
    static const char good[] = "From: a@example.org\r\nDate: x\r\nMessage-ID: <1@example.org>\r\n";
    if (size == 0 || size > MAX_SIZE)
        return 0;
    init();
    struct gw_slice input = gw_slice_of((const char *)data + 1, size - 1);
    if (data[0] == 'k') {
        read_key(input);
    } else if (data[0] == 'm') {
        sign(input, false);
    } else {
        struct gw_buf message;
        gw_buf_init(&message, MAX_SIZE + sizeof(good));
        (void)gw_buf_add_str(&message, good);
        (void)gw_buf_add_slice(&message, input);
        sign(gw_buf_view(&message), true);
        gw_buf_deinit(&message);
    }
    return 0;
}
