/* SPDX-License-Identifier: MIT */
/* Small JSON bodies. */
#include "api/small_body.h"

#include "api/problem.h"

bool api_small_body_read(struct api_request *r, size_t max, struct gw_arena *arena,
                         struct api_json_target *target, struct gw_problems *problems)
{
    gw_problems_init(problems, arena);
    if (r->body.len > max) {
        api_problem(r, API_BODY_TOO_LARGE, "The body has %zu bytes; at most %zu are taken here.",
                    r->body.len, max);
        return false;
    }
    bool json = api_read_document(arena, r->body, target, problems) != GW_PROTO;
    if (!json)
        api_problem(r, API_MALFORMED_JSON, "%s", problems->items[0].detail);
    return json;
}
