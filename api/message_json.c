/* SPDX-License-Identifier: MIT */
/* From a JSON request body to a draft. */
#include "api/message_json.h"

void api_message_json_init(void)
{
}

enum gw_status api_message_json_decode(struct gw_arena *arena, struct gw_slice body,
                                       const struct cfg *cfg, struct gw_draft *out,
                                       struct gw_problems *problems)
{
    (void)arena;
    (void)body;
    (void)cfg;
    (void)out;
    gw_problems_add(problems, "", GW_PROBLEM_UNSUPPORTED, "Decoding is being built.");
    return GW_INVALID;
}
