/* SPDX-License-Identifier: MIT */
/* The attachments of a message in JSON. */
#ifndef API_ATTACHMENT_JSON_H
#define API_ATTACHMENT_JSON_H

#include "api/json_read.h"

/* api_read_fn: a list of attachments into a struct gw_draft, content decoded. */
void api_read_attachments(struct api_reader *r, json_t *value, const char *pointer, void *target);

#endif
