/* SPDX-License-Identifier: MIT */
/* Reading answers of the API for people. */
#include "api/client_answer.h"

json_t *api_client_parse(struct gw_slice answer)
{
    return json_loadb(answer.data != NULL ? answer.data : "", answer.len, 0, NULL);
}

const char *api_client_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

long api_client_number(const json_t *object, const char *key)
{
    return (long)json_integer_value(json_object_get(object, key));
}

void api_client_add_text(struct gw_buf *out, const json_t *object, const char *key)
{
    for (const char *s = api_client_text(object, key); *s != '\0'; s++)
        (void)gw_buf_add_char(out, (unsigned char)*s < 0x20 || *s == 0x7f ? ' ' : *s);
}

void api_client_add_problem(struct gw_buf *out, const json_t *root, long http_status)
{
    (void)gw_buf_printf(out, "mailhatch: HTTP %ld", http_status);
    if (api_client_text(root, "detail")[0] != '\0') {
        (void)gw_buf_add_str(out, ": ");
        api_client_add_text(out, root, "detail");
    }
    const json_t *errors = json_object_get(root, "errors");
    for (size_t i = 0; i < json_array_size(errors); i++) {
        (void)gw_buf_add_str(out, "\n    ");
        api_client_add_text(out, json_array_get(errors, i), "pointer");
        (void)gw_buf_add_str(out, ": ");
        api_client_add_text(out, json_array_get(errors, i), "detail");
    }
    (void)gw_buf_add_char(out, '\n');
}
