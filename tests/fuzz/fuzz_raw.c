/* SPDX-License-Identifier: MIT */
/* Fuzz target: any octets as a MIME message to send. What is accepted passes the wire check and
 * shows no Bcc. */
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/gw_arena.h"
#include "gateway/base/gw_check.h"
#include "gateway/mime.h"
#include "gateway/prepare.h"

/* NOLINTNEXTLINE(readability-identifier-naming): the name that libFuzzer calls */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct cfg cfg = {.limits = {.recipients = 1000, .body_bytes = 1 << 20}};
    const struct gw_prepare_context ctx = {.cfg = &cfg, .now_ms = INT64_C(1795437296789)};
    struct gw_draft draft = {
        .raw = {.value = gw_slice_of((const char *)data, size), .pointer = ""}};
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_problems problems;
    struct gw_message *m;
    struct gw_err err;
    gw_problems_init(&problems, arena);
    if (size == 0)
        draft.raw.value.data = "";
    enum gw_status status = gw_prepare(&ctx, &draft, arena, &m, &problems);
    CHECK((status == GW_OK) == (problems.n == 0));
    CHECK(status == GW_OK || status == GW_INVALID);
    if (status == GW_OK) {
        CHECK(gw_mime_check(m->mime, true, &err) == GW_OK);
        CHECK(m->n_rcpts > 0 && m->from != NULL && m->subject != NULL);
    }
    gw_arena_free(&arena);
    return 0;
}
