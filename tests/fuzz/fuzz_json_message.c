/* SPDX-License-Identifier: MIT */
/* Fuzz target: any octets as a JSON message. A draft or problems come out, never both kinds. */
#include <stddef.h>
#include <stdint.h>

#include "api/message_json.h"
#include "gateway/base/gw_arena.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_utf8.h"
#include "tests/fuzz/decoded.h"

/* The name that libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_field(const struct gw_field *field)
{
    if (field->value.data == NULL)
        return;
    CHECK(gw_utf8_valid(field->value));
    CHECK(field->value.data[field->value.len] == '\0');
    CHECK(field->pointer != NULL && field->pointer[0] == '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_draft draft;
    (void)fuzz_decode(api_message_json_decode, gw_slice_of((const char *)data, size), arena,
                      &draft);
    check_field(&draft.subject);
    check_field(&draft.text);
    check_field(&draft.html);
    for (size_t i = 0; i < draft.to.n; i++) {
        check_field(&draft.to.items[i].text);
        check_field(&draft.to.items[i].email);
    }
    for (size_t i = 0; i < draft.n_headers; i++) {
        check_field(&draft.headers[i].name);
        check_field(&draft.headers[i].value);
    }
    gw_arena_free(&arena);
    return 0;
}
