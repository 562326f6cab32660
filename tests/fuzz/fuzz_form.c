/* SPDX-License-Identifier: MIT */
/* Fuzz target: any octets as a message in multipart/form-data. */
#include <stddef.h>
#include <stdint.h>

#include "api/message_form.h"
#include "gateway/base/gw_arena.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_utf8.h"
#include "tests/fuzz/decoded.h"

/* The name that libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_draft draft;
    enum gw_status status =
        fuzz_decode(api_message_form_decode, gw_slice_of((const char *)data, size), arena, &draft);
    for (size_t i = 0; i < draft.n_attachments && status == GW_OK; i++) {
        const struct gw_draft_attachment *a = &draft.attachments[i];
        CHECK(a->content.data != NULL && a->content.len <= size);
        CHECK(gw_utf8_valid(a->filename.value) && gw_utf8_valid(a->content_type.value));
    }
    gw_arena_free(&arena);
    return 0;
}
