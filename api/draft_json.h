/* SPDX-License-Identifier: MIT */
/* Pieces of a message that several JSON formats have: addresses, headers, tags, metadata. Each is
 * an api_read_fn for a field table. */
#ifndef API_DRAFT_JSON_H
#define API_DRAFT_JSON_H

#include "api/json_read.h"

/* "a@b", "Name <a@b>" or {"email", "name"} into a struct gw_draft_address. */
void api_read_address(struct api_reader *r, json_t *value, const char *pointer, void *target);
/* One address or a list of them into a struct gw_draft_addresses. */
void api_read_addresses(struct api_reader *r, json_t *value, const char *pointer, void *target);

/* Into a struct gw_draft: */
/* The sender, one address. */
void api_read_from(struct api_reader *r, json_t *value, const char *pointer, void *target);
/* {"X-A": "1", "X-B": ["2", "3"]} or [{"name": "X-A", "value": "1"}] */
void api_read_headers(struct api_reader *r, json_t *value, const char *pointer, void *target);
/* {"name": "text"} */
void api_read_metadata(struct api_reader *r, json_t *value, const char *pointer, void *target);
/* A list of "tag" or {"name", "value"}; the latter becomes "name:value". */
void api_read_tags(struct api_reader *r, json_t *value, const char *pointer, void *target);

#endif
