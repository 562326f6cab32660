/* SPDX-License-Identifier: MIT */
/* Values for templates, from JSON. */
#ifndef API_VARIABLES_JSON_H
#define API_VARIABLES_JSON_H

#include "api/json_read.h"

/* A JSON value as one for templates, in the reader's arena. */
struct gw_value api_variables_value(struct api_reader *r, json_t *value);

/* api_read_fn: `variables` of a draft, which may stand in its template, too, but not in both. */
void api_read_variables(struct api_reader *r, json_t *value, const char *pointer, void *draft);
/* api_read_fn: `template` of a draft, {"name": "welcome", "variables": {…}}. */
void api_read_template(struct api_reader *r, json_t *value, const char *pointer, void *draft);
/* The same as others write it: a table with api_read_template_name() and api_read_variables(), and
 * the field that names the template. */
struct api_template_format {
    const struct api_json_field *fields;
    size_t n_fields;
    const char *name;
};
void api_read_template_object(struct api_reader *r, json_t *value, const char *pointer,
                              struct gw_draft *draft, const struct api_template_format *format);
/* api_read_fn: the name of a draft's template. */
void api_read_template_name(struct api_reader *r, json_t *value, const char *pointer, void *draft);
/* api_read_fn: `recipients` of a draft, {"ann@example.org": {"variables": {…}}}. */
void api_read_personal(struct api_reader *r, json_t *value, const char *pointer, void *draft);

#endif
