/* SPDX-License-Identifier: MIT */
/* JSON bodies of a few fields, read on the loop. */
#ifndef API_SMALL_BODY_H
#define API_SMALL_BODY_H

#include "api/json_read.h"
#include "api/request.h"

enum {
    API_MAX_SMALL_BODY = 4096 /* octets; ours */
};

/* Parses the request's body. False: the request is answered (not JSON, too large). Else *root_out
 * is to be released by json_decref(); it is NULL when a key is there twice, which is in @problems.
 */
bool api_small_body_parse(struct api_request *r, struct gw_arena *arena,
                          struct gw_problems *problems, struct api_guarded_json *doc,
                          json_t **root_out);

#endif
