/* SPDX-License-Identifier: MIT */
/* The attachments of a message in JSON: base64, or the octets of a serialised Buffer. */
#include "api/attachment_json.h"

#include "gateway/base/gw_base64.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

/* What an object {"type": "Buffer", "data": […]} holds. */
struct buffer_object {
    struct gw_field type;
    struct gw_slice data;
};

static void read_octets(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct gw_slice *out = target;
    const struct api_json_taken *taken = api_json_taken(r->doc, value);
    if (taken != NULL && taken->octets) {
        *out = taken->bytes;
        return;
    }
    if (!json_is_array(value)) {
        api_read_wrong_type(r, value, pointer, "a list of numbers from 0 to 255");
        return;
    }
    size_t n = json_array_size(value);
    char *octets = gw_arena_bytes(r->arena, n + 1);
    for (size_t i = 0; i < n; i++) {
        json_t *one = json_array_get(value, i);
        json_int_t number = json_is_integer(one) ? json_integer_value(one) : -1;
        if (number < 0 || number > 255) {
            gw_problems_add(r->problems, api_json_pointer_index(r->arena, pointer, i),
                            GW_PROBLEM_VALUE, "Must be a number from 0 to 255.");
            return;
        }
        octets[i] = (char)(unsigned char)number;
    }
    *out = gw_slice_of(octets, n);
}

static void read_buffer(struct api_reader *r, json_t *value, const char *pointer,
                        struct gw_slice *out)
{
    static const struct api_json_field fields[] = {
        {"type", api_read_text, offsetof(struct buffer_object, type), {0}},
        {"data", read_octets, offsetof(struct buffer_object, data), {0}},
    };
    struct buffer_object buffer = {0};
    size_t n_before = r->problems->n + r->problems->n_dropped;
    api_read_object(r, value, pointer, fields, N_OF(fields), &buffer);
    if (r->problems->n + r->problems->n_dropped > n_before)
        return;
    if (!gw_slice_is(buffer.type.value, "Buffer") || buffer.data.data == NULL)
        gw_problems_add(r->problems, pointer, GW_PROBLEM_VALUE,
                        "An object must be {\"type\": \"Buffer\", \"data\": [numbers]}.");
    else
        *out = buffer.data;
}

static void decode_base64(struct api_reader *r, json_t *value, const char *pointer,
                          struct gw_slice *out)
{
    const struct api_json_taken *taken = api_json_taken(r->doc, value);
    struct gw_slice text = gw_slice_of(json_string_value(value), json_string_length(value));
    if (taken != NULL)
        text = taken->bytes;
    char *bytes = gw_arena_bytes(r->arena, gw_base64_decoded_max(text.len) + 1);
    size_t len = 0;
    size_t bad_at = 0;
    if (gw_base64_decode(text, bytes, &len, &bad_at) != GW_OK)
        gw_problems_add(r->problems, pointer, GW_PROBLEM_BASE64,
                        "This is not base64: character %zu does not belong there.", bad_at + 1);
    else
        *out = gw_slice_of(bytes, len);
}

void api_read_base64(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    if (api_read_is_string(r, value))
        decode_base64(r, value, pointer, target);
    else
        api_read_wrong_type(r, value, pointer, "a string of base64");
}

void api_read_content(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    if (json_is_object(value))
        read_buffer(r, value, pointer, target);
    else
        api_read_base64(r, value, pointer, target);
}

#define FIELD(member) offsetof(struct gw_draft_attachment, member)

static const struct api_json_field attachment_fields[] = {
    {"filename", api_read_text, FIELD(filename), {0}},
    {"content", api_read_content, FIELD(content), {0}},
    {"content_type", api_read_text, FIELD(content_type), {"contentType", "type"}},
    {"disposition", api_read_text, FIELD(disposition), {0}},
    {"content_id", api_read_text, FIELD(content_id), {"contentId", "cid"}},
    {"part", api_read_text, FIELD(part), {0}},
};

static bool is_absent(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    return value == NULL || json_is_null(value);
}

void api_read_attachment_list(struct api_reader *r, json_t *value, const char *pointer,
                              struct gw_draft *draft, const struct api_attachment_format *format)
{
    if (!json_is_array(value)) {
        api_read_wrong_type(r, value, pointer, "a list");
        return;
    }
    draft->n_attachments = json_array_size(value);
    draft->attachments = GW_ARENA_ARRAY(r->arena, struct gw_draft_attachment, draft->n_attachments);
    for (size_t i = 0; i < draft->n_attachments; i++) {
        struct gw_draft_attachment *a = &draft->attachments[i];
        json_t *one = json_array_get(value, i);
        a->pointer = api_json_pointer_index(r->arena, pointer, i);
        api_read_object(r, one, a->pointer, format->fields, format->n_fields, a);
        if (json_is_object(one) && is_absent(one, format->content) && a->part.pointer == NULL)
            gw_problems_add(r->problems,
                            gw_arena_printf(r->arena, "%s/%s", a->pointer, format->content),
                            GW_PROBLEM_REQUIRED, "An attachment needs content, in base64.");
    }
}

void api_read_attachments(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    static const struct api_attachment_format format = {attachment_fields, N_OF(attachment_fields),
                                                        "content"};
    api_read_attachment_list(r, value, pointer, target, &format);
}
