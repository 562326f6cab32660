/* SPDX-License-Identifier: MIT */
/* What the tables of api/client_*.c share. */
#ifndef API_CLIENT_ANSWER_H
#define API_CLIENT_ANSWER_H

#include <jansson.h>
#include <stdbool.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_slice.h"

/* NULL when @answer is not JSON. The caller's, json_decref(). */
json_t *api_client_parse(struct gw_slice answer);
/* "" when there is none. */
const char *api_client_text(const json_t *object, const char *key);
/* 0 when there is none. */
long api_client_number(const json_t *object, const char *key);
/* A member of @object for a terminal: control characters never reach it. */
void api_client_add_text(struct gw_buf *out, const json_t *object, const char *key);
/* What is wrong with an answer that is no table. */
void api_client_add_problem(struct gw_buf *out, const json_t *root, long http_status);

#endif
