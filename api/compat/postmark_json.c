/* SPDX-License-Identifier: MIT */
/* From Postmark's send request to a draft. */
#include "api/compat/postmark.h"

#include "api/address_list.h"
#include "api/attachment_json.h"
#include "api/compat/batch.h"
#include "api/draft_json.h"
#include "api/json_split.h"
#include "api/variables_json.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

enum {
    MAX_TAGS = 2,   /* Tag and the stream */
    MAX_BATCH = 500 /* Postmark's */
};

/* "Ann <a@b>, c@d" */
static void read_list(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct gw_field text = {.pointer = NULL};
    api_read_text(r, value, pointer, &text);
    if (text.value.data != NULL)
        api_address_list_add(r->problems, text.value, pointer, target);
}

static void read_headers(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    static const struct api_json_field fields[] = {
        {"Name", api_read_text, offsetof(struct gw_draft_header, name), {0}},
        {"Value", api_read_text, offsetof(struct gw_draft_header, value), {0}},
    };
    struct gw_draft *draft = target;
    if (!json_is_array(value)) {
        api_read_wrong_type(r, value, pointer, "a list of {Name, Value}");
        return;
    }
    draft->headers = GW_ARENA_ARRAY(r->arena, struct gw_draft_header, json_array_size(value));
    for (size_t i = 0; i < json_array_size(value); i++) {
        struct gw_draft_header *header = &draft->headers[draft->n_headers];
        const char *at = api_json_pointer_index(r->arena, pointer, i);
        size_t n_before = r->problems->n + r->problems->n_dropped;
        api_read_object(r, json_array_get(value, i), at, fields, N_OF(fields), header);
        if (header->name.value.data != NULL && header->value.value.data != NULL)
            draft->n_headers++;
        else if (r->problems->n + r->problems->n_dropped == n_before)
            gw_problems_add(r->problems, at, GW_PROBLEM_REQUIRED,
                            "A header needs a Name and a Value.");
    }
}

static void add_tag(struct api_reader *r, struct gw_draft *draft, struct gw_field tag)
{
    if (draft->tags == NULL)
        draft->tags = GW_ARENA_ARRAY(r->arena, struct gw_field, MAX_TAGS);
    draft->tags[draft->n_tags++] = tag;
}

static void read_tag(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct gw_field tag = {.pointer = NULL};
    api_read_text(r, value, pointer, &tag);
    if (tag.value.len > 0)
        add_tag(r, target, tag);
}

static void read_stream(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct gw_field name = {.pointer = NULL};
    api_read_text(r, value, pointer, &name);
    if (name.value.len == 0 || gw_slice_is(name.value, API_POSTMARK_STREAM))
        return;
    name.value = gw_slice_str(
        gw_arena_printf(r->arena, API_POSTMARK_STREAM_TAG "%.*s", GW_SLICE_ARG(name.value)));
    add_tag(r, target, name);
}

/* Tracking is off, and may be said to be. */
static void refuse_true(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    if (!json_is_false(value))
        api_read_unsupported(r, value, pointer, target);
}

static void read_track_links(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    if (!api_read_is_string(r, value) || strcmp(json_string_value(value), "None") != 0)
        api_read_unsupported(r, value, pointer, target);
}

/* "cid:x" is x. */
static void read_content_id(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    static const char prefix[] = "cid:";
    const size_t len = sizeof(prefix) - 1;
    struct gw_field *id = target;
    api_read_text(r, value, pointer, id);
    if (id->value.len > len && memcmp(id->value.data, prefix, len) == 0)
        id->value = gw_slice_of(id->value.data + len, id->value.len - len);
    if (id->value.len == 0)
        *id = (struct gw_field){.pointer = NULL};
}

/* Of what Postmark itself tells of an attachment; the content says it. */
static void read_length(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    (void)target;
    if (!json_is_integer(value))
        api_read_wrong_type(r, value, pointer, "a whole number");
}

static void read_attachments(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
#define FIELD(member) offsetof(struct gw_draft_attachment, member)
    static const struct api_json_field fields[] = {
        {"Name", api_read_text, FIELD(filename), {0}},
        {"Content", api_read_content, FIELD(content), {0}},
        {"ContentType", api_read_text, FIELD(content_type), {0}},
        {"ContentID", read_content_id, FIELD(content_id), {"ContentId"}},
        {"ContentLength", read_length, 0, {0}},
    };
#undef FIELD
    static const struct api_attachment_format format = {fields, N_OF(fields), "Content"};
    api_read_attachment_list(r, value, pointer, target, &format);
}

/* A template by its number, or by its alias: each is the name of one of ours. */
static void read_template(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct gw_draft *draft = target;
    if (draft->template.name.value.data != NULL)
        gw_problems_add(r->problems, pointer, GW_PROBLEM_DUPLICATE,
                        "The template is named already.");
    else if (json_is_integer(value))
        draft->template.name =
            (struct gw_field){.value = gw_slice_str(gw_arena_printf(
                                  r->arena, "%lld", (long long)json_integer_value(value))),
                              .pointer = pointer};
    else
        api_read_template_name(r, value, pointer, draft);
}

#define FIELD(member) offsetof(struct gw_draft, member)
#define COMMON_FIELDS \
    {"From", api_read_from, 0, {0}}, {"To", read_list, FIELD(to), {0}}, \
        {"Cc", read_list, FIELD(cc), {0}}, {"Bcc", read_list, FIELD(bcc), {0}}, \
        {"ReplyTo", read_list, FIELD(reply_to), {0}}, {"Headers", read_headers, 0, {0}}, \
        {"Attachments", read_attachments, 0, {0}}, {"Tag", read_tag, 0, {0}}, \
        {"Metadata", api_read_metadata, 0, {0}}, {"MessageStream", read_stream, 0, {0}}, \
        {"TrackOpens", refuse_true, 0, {0}}, {"TrackLinks", read_track_links, 0, {0}}, \
    { \
        "InlineCss", refuse_true, 0, \
        { \
            0 \
        } \
    }

static const struct api_json_field fields[] = {
    COMMON_FIELDS,
    {"Subject", api_read_text, FIELD(subject), {0}},
    {"TextBody", api_read_text, FIELD(text), {0}},
    {"HtmlBody", api_read_text, FIELD(html), {0}},
};

static const struct api_json_field template_fields[] = {
    COMMON_FIELDS,
    {"TemplateId", read_template, 0, {0}},
    {"TemplateAlias", read_template, 0, {0}},
    {"TemplateModel", api_read_variables, 0, {0}},
};

static enum gw_status decode(struct gw_arena *arena, struct gw_slice body,
                             struct api_json_target *target, struct gw_draft *out,
                             struct gw_problems *problems)
{
    *out = (struct gw_draft){0};
    target->into = out;
    enum gw_status status = api_read_document(arena, body, target, problems);
    out->unread = target->unread;
    return status;
}

enum gw_status api_postmark_decode(struct gw_arena *arena, struct gw_slice body,
                                   const struct cfg *cfg, struct gw_draft *out,
                                   struct gw_problems *problems)
{
    struct api_json_target target = {.fields = fields, .n_fields = N_OF(fields)};
    (void)cfg;
    return decode(arena, body, &target, out, problems);
}

enum gw_status api_postmark_decode_template(struct gw_arena *arena, struct gw_slice body,
                                            const struct cfg *cfg, struct gw_draft *out,
                                            struct gw_problems *problems)
{
    struct api_json_target target = {.fields = template_fields, .n_fields = N_OF(template_fields)};
    (void)cfg;
    enum gw_status status = decode(arena, body, &target, out, problems);
    if (out->unread)
        return status;
    if (out->variables_pointer == NULL)
        out->variables_pointer = "/TemplateModel";
    if (out->template.name.value.data == NULL && !gw_problems_has(problems, "/TemplateId") &&
        !gw_problems_has(problems, "/TemplateAlias"))
        gw_problems_add(problems, "/TemplateId", GW_PROBLEM_REQUIRED,
                        "A TemplateId or a TemplateAlias is required.");
    return problems->n > 0 ? GW_INVALID : GW_OK;
}

enum gw_status api_postmark_split(struct gw_arena *arena, struct gw_slice body,
                                  const struct cfg *cfg, struct gw_batch_items *out,
                                  struct gw_problems *problems)
{
    (void)cfg;
    return api_compat_split_list(arena, body, body, MAX_BATCH, out, problems);
}

enum gw_status api_postmark_decode_item(struct gw_arena *arena, const struct gw_batch_items *items,
                                        size_t index, const struct cfg *cfg, struct gw_draft *out,
                                        struct gw_problems *problems)
{
    return api_postmark_decode(arena, items->items[index], cfg, out, problems);
}

/* {"Messages": […]} */
enum gw_status api_postmark_split_templates(struct gw_arena *arena, struct gw_slice body,
                                            const struct cfg *cfg, struct gw_batch_items *out,
                                            struct gw_problems *problems)
{
    struct gw_err err;
    struct api_json_member member;
    size_t n = 0;
    (void)cfg;
    enum gw_status status = api_json_split_object(arena, body, &member, 1, &n, &err);
    if (status == GW_PROTO)
        gw_problems_add(problems, "", GW_PROBLEM_VALUE, "%s", err.text);
    else if (status == GW_INVALID || n != 1 || strcmp(member.key, "Messages") != 0)
        gw_problems_add(problems, "", GW_PROBLEM_TYPE, "Must be an object of Messages.");
    if (problems->n > 0)
        return status == GW_OK ? GW_INVALID : status;
    return api_compat_split_list(arena, body, member.value, MAX_BATCH, out, problems);
}

enum gw_status api_postmark_decode_template_item(struct gw_arena *arena,
                                                 const struct gw_batch_items *items, size_t index,
                                                 const struct cfg *cfg, struct gw_draft *out,
                                                 struct gw_problems *problems)
{
    return api_postmark_decode_template(arena, items->items[index], cfg, out, problems);
}
