/* SPDX-License-Identifier: MIT */
/* Fuzz target: any octets as the parameters of SES v1's SendEmail and SendRawEmail. */
#include <stddef.h>
#include <stdint.h>

#include "api/compat/ses.h"
#include "gateway/base/gw_arena.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_utf8.h"
#include "tests/fuzz/decoded.h"

/* NOLINTNEXTLINE(readability-identifier-naming): the name that libFuzzer calls */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try(struct gw_slice body, gw_decode_fn decode, bool is_raw)
{
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_draft draft;
    enum gw_status status = fuzz_decode(decode, body, arena, &draft);
    CHECK(status != GW_OK || (draft.raw.value.data != NULL) == is_raw);
    for (size_t i = 0; i < draft.to.n; i++)
        CHECK(gw_utf8_valid(draft.to.items[i].text.value));
    for (size_t i = 0; i < draft.n_tags; i++)
        CHECK(draft.tags[i].pointer != NULL && gw_utf8_valid(draft.tags[i].value));
    gw_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gw_slice body = gw_slice_of((const char *)data, size);
    try(body, api_ses_decode_email, false);
    try(body, api_ses_decode_raw_email, true);
    return 0;
}
