/* SPDX-License-Identifier: MIT */
/* A draft or problems, never both. */
#include "tests/fuzz/decoded.h"

#include "gateway/base/gw_check.h"

enum gw_status fuzz_decode(gw_decode_fn decode, struct gw_slice body, struct gw_arena *arena,
                           struct gw_draft *out)
{
    static const struct cfg cfg = {.limits = {.recipients = 1000}};
    struct gw_problems problems;
    gw_problems_init(&problems, arena);
    enum gw_status status = decode(arena, body, &cfg, out, &problems);
    CHECK((status == GW_OK) == (problems.n == 0));
    CHECK(status == GW_OK || status == GW_INVALID || (status == GW_PROTO && problems.n == 1));
    return status;
}
