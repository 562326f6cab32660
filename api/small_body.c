/* SPDX-License-Identifier: MIT */
/* Small JSON bodies. */
#include "api/small_body.h"

#include "api/problem.h"

bool api_small_body_parse(struct api_request *r, struct gw_arena *arena,
                          struct gw_problems *problems, struct api_guarded_json *doc,
                          json_t **root_out)
{
    struct gw_err err = {.text = ""};
    const char *pointer = "";
    *root_out = NULL;
    if (r->body.len > API_MAX_SMALL_BODY) {
        api_problem(r, API_BODY_TOO_LARGE, "The body has %zu bytes; at most %d are taken here.",
                    r->body.len, API_MAX_SMALL_BODY);
        return false;
    }
    enum gw_status status = api_json_guard(arena, r->body, doc, &err);
    if (status == GW_OK)
        status = api_json_parse(arena, doc, root_out, &pointer, &err);
    if (status == GW_EXISTS)
        gw_problems_add(problems, pointer, GW_PROBLEM_DUPLICATE, "%s", err.text);
    else if (status != GW_OK)
        api_problem(r, API_MALFORMED_JSON, "%s", err.text);
    return status == GW_OK || status == GW_EXISTS;
}
