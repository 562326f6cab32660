/* SPDX-License-Identifier: MIT */
/* Fuzz target: what a token endpoint answers. A token that comes out is one that SASL can carry. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/oauth2_answer.h"

/* libFuzzer's name for it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gw_oauth2_answer a;
    if (gw_oauth2_answer_parse(gw_slice_of((const char *)data, size), &a) != GW_OK)
        return 0;
    if (a.access_token != NULL) {
        CHECK(strlen(a.access_token) <= GW_OAUTH2_MAX_TOKEN);
        for (const char *c = a.access_token; *c != '\0'; c++)
            CHECK(*c > ' ' && *c <= '~');
    }
    CHECK(a.expires_in_s >= 0 && strpbrk(a.description, "\r\n\t") == NULL);
    gw_oauth2_answer_deinit(&a);
    return 0;
}
