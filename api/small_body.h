/* SPDX-License-Identifier: MIT */
/* JSON bodies of a few fields, read on the loop. */
#ifndef API_SMALL_BODY_H
#define API_SMALL_BODY_H

#include "api/json_read.h"
#include "api/request.h"

enum {
    API_MAX_SMALL_BODY = 4096 /* octets; ours */
};

/* Reads the request's body, of at most @max octets, as api_read_document() does. False: the request
 * is answered (too large, not JSON); else what is wrong is in @problems.
 * @arena  for what is read */
bool api_small_body_read(struct api_request *r, size_t max, struct gw_arena *arena,
                         struct api_json_target *target, struct gw_problems *problems);

#endif
