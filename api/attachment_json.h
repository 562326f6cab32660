/* SPDX-License-Identifier: MIT */
/* The attachments of a message in JSON. */
#ifndef API_ATTACHMENT_JSON_H
#define API_ATTACHMENT_JSON_H

#include "api/json_read.h"

/* api_read_fn: a list of attachments into a struct gw_draft, content decoded. */
void api_read_attachments(struct api_reader *r, json_t *value, const char *pointer, void *target);

/* api_read_fn: base64, or the octets of a serialised Buffer, into a struct gw_slice. */
void api_read_content(struct api_reader *r, json_t *value, const char *pointer, void *target);

/* The same, but base64 only. */
void api_read_base64(struct api_reader *r, json_t *value, const char *pointer, void *target);

/* How attachments look elsewhere. */
struct api_attachment_format {
    const struct api_json_field *fields; /* into a struct gw_draft_attachment */
    size_t n_fields;
    const char *content; /* the field that must be there */
};
void api_read_attachment_list(struct api_reader *r, json_t *value, const char *pointer,
                              struct gw_draft *draft, const struct api_attachment_format *format);

#endif
