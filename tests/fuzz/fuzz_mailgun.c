/* SPDX-License-Identifier: MIT */
/* Fuzz target: any octets as Mailgun's form, urlencoded unless they start like a multipart one. */
#include <stddef.h>
#include <stdint.h>

#include "api/compat/mailgun.h"
#include "gateway/base/gw_arena.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_utf8.h"
#include "tests/fuzz/decoded.h"

/* NOLINTNEXTLINE(readability-identifier-naming): the name that libFuzzer calls */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gw_slice body = gw_slice_of((const char *)data, size);
    gw_decode_fn decode = size > 2 && memcmp(data, "--", 2) == 0 ? api_mailgun_decode_multipart
                                                                 : api_mailgun_decode_urlencoded;
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_draft draft;
    (void)fuzz_decode(decode, body, arena, &draft);
    for (size_t i = 0; i < draft.to.n; i++)
        CHECK(draft.to.items[i].text.value.len > 0 && gw_utf8_valid(draft.to.items[i].text.value));
    for (size_t i = 0; i < draft.n_headers; i++)
        CHECK(draft.headers[i].name.value.len > 0 && gw_utf8_valid(draft.headers[i].value.value));
    for (size_t i = 0; i < draft.n_attachments; i++)
        CHECK(draft.attachments[i].content.data != NULL &&
              draft.attachments[i].content.len <= size);
    gw_arena_free(&arena);
    return 0;
}
