/* SPDX-License-Identifier: MIT */
/* Errors that the HTTP library answers by itself (body over its limit, broken chunks, bad header
 * bytes) leave as problem documents too. */
#ifndef API_OWN_ERRORS_H
#define API_OWN_ERRORS_H

#include "api/request.h"

struct st_h2o_pathconf_t;

/* Registers the filter. @context outlives the server. */
void api_own_errors_register(struct st_h2o_pathconf_t *path, struct api_context *context);

#endif
