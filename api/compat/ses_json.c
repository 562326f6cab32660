/* SPDX-License-Identifier: MIT */
/* From SES's SendEmail to a draft. */
#include "api/compat/ses.h"

#include "api/attachment_json.h"
#include "api/draft_json.h"

#define N_OF(array)   (sizeof(array) / sizeof((array)[0]))
#define FIELD(member) offsetof(struct gw_draft, member)

/* What a request holds beside the draft. */
struct request {
    struct gw_draft draft; /* first: offsets of the tables are of both */
    unsigned n_contents;   /* of Simple, Raw and Template */
    bool has_content;
};

/* ---- names and values ---- */

static const struct api_json_field pair_fields[] = {
    {"Name", api_read_text, offsetof(struct gw_draft_pair, name), {0}},
    {"Value", api_read_text, offsetof(struct gw_draft_pair, value), {0}},
};

/* Calls @add for each {Name, Value} of a list. */
static void read_pairs(struct api_reader *r, json_t *value, const char *pointer,
                       struct gw_draft *draft,
                       void (*add)(struct api_reader *r, struct gw_draft *draft,
                                   const char *pointer, const struct gw_draft_pair *pair))
{
    for (size_t i = 0; i < json_array_size(value); i++) {
        struct gw_draft_pair pair = {0};
        const char *at = api_json_pointer_index(r->arena, pointer, i);
        size_t n_before = r->problems->n + r->problems->n_dropped;
        api_read_object(r, json_array_get(value, i), at, pair_fields, N_OF(pair_fields), &pair);
        if (r->problems->n + r->problems->n_dropped > n_before)
            continue;
        if (pair.name.value.data == NULL || pair.value.value.data == NULL)
            gw_problems_add(r->problems, at, GW_PROBLEM_REQUIRED, "It has a Name and a Value.");
        else
            add(r, draft, at, &pair);
    }
}

static bool is_list(struct api_reader *r, json_t *value, const char *pointer)
{
    if (!json_is_array(value))
        api_read_wrong_type(r, value, pointer, "a list");
    return json_is_array(value);
}

static void add_header(struct api_reader *r, struct gw_draft *draft, const char *pointer,
                       const struct gw_draft_pair *pair)
{
    (void)r;
    (void)pointer;
    draft->headers[draft->n_headers++] =
        (struct gw_draft_header){.name = pair->name, .value = pair->value};
}

static void read_headers(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct gw_draft *draft = target;
    if (!is_list(r, value, pointer))
        return;
    draft->headers = GW_ARENA_ARRAY(r->arena, struct gw_draft_header, json_array_size(value));
    read_pairs(r, value, pointer, draft, add_header);
}

static void add_tag(struct api_reader *r, struct gw_draft *draft, const char *pointer,
                    const struct gw_draft_pair *pair)
{
    draft->tags[draft->n_tags++] = (struct gw_field){
        .value = api_ses_join(r->arena, pair->name.value, pair->value.value), .pointer = pointer};
}

/* Room for @n more tags. */
static void reserve_tags(struct api_reader *r, struct gw_draft *draft, size_t n)
{
    struct gw_field *tags = GW_ARENA_ARRAY(r->arena, struct gw_field, draft->n_tags + n);
    if (draft->n_tags > 0)
        memcpy(tags, draft->tags, draft->n_tags * sizeof(*tags));
    draft->tags = tags;
}

static void read_tags(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct gw_draft *draft = target;
    if (!is_list(r, value, pointer))
        return;
    reserve_tags(r, draft, json_array_size(value));
    read_pairs(r, value, pointer, draft, add_tag);
}

/* A tag, as SES makes one of it too. */
static void read_configuration_set(struct api_reader *r, json_t *value, const char *pointer,
                                   void *target)
{
    struct gw_draft *draft = target;
    struct gw_field name = {0};
    api_read_text(r, value, pointer, &name);
    if (name.value.data == NULL)
        return;
    name.value = api_ses_join(r->arena, GW_SLICE_LIT("ses:configuration-set"), name.value);
    reserve_tags(r, draft, 1);
    draft->tags[draft->n_tags++] = name;
}

/* ---- Simple ---- */

/* {Data, Charset}: mail goes out in UTF-8, whatever the charset that SES would use. */
static void read_content(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct content {
        struct gw_field data, charset;
    } content = {0};
    static const struct api_json_field fields[] = {
        {"Data", api_read_text, offsetof(struct content, data), {0}},
        {"Charset", api_read_text, offsetof(struct content, charset), {0}},
    };
    api_read_object(r, value, pointer, fields, N_OF(fields), &content);
    *(struct gw_field *)target = content.data;
}

static void read_body(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    static const struct api_json_field fields[] = {
        {"Text", read_content, FIELD(text), {0}},
        {"Html", read_content, FIELD(html), {0}},
    };
    api_read_object(r, value, pointer, fields, N_OF(fields), target);
}

/* How SES would encode the content on its way; ours is 7-bit clean in any case. */
static void read_transfer_encoding(struct api_reader *r, json_t *value, const char *pointer,
                                   void *target)
{
    static const char *const choices[] = {"BASE64", "QUOTED_PRINTABLE", "SEVEN_BIT"};
    size_t i;
    (void)target;
    (void)api_read_choice(r, value, pointer, choices, N_OF(choices), &i);
}

static void read_attachments(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
#define OF(member) offsetof(struct gw_draft_attachment, member)
    static const struct api_json_field fields[] = {
        {"RawContent", api_read_base64, OF(content), {0}},
        {"FileName", api_read_text, OF(filename), {0}},
        {"ContentType", api_read_text, OF(content_type), {0}},
        {"ContentDisposition", api_read_text, OF(disposition), {0}},
        {"ContentId", api_read_text, OF(content_id), {0}},
        {"ContentTransferEncoding", read_transfer_encoding, 0, {0}},
        {"ContentDescription", api_read_unsupported, 0, {0}},
    };
#undef OF
    static const struct api_attachment_format format = {fields, N_OF(fields), "RawContent"};
    api_read_attachment_list(r, value, pointer, target, &format);
}

static void read_simple(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    static const struct api_json_field fields[] = {
        {"Subject", read_content, FIELD(subject), {0}},
        {"Body", read_body, 0, {0}},
        {"Headers", read_headers, 0, {0}},
        {"Attachments", read_attachments, 0, {0}},
    };
    struct request *request = target;
    request->n_contents++;
    api_read_object(r, value, pointer, fields, N_OF(fields), target);
}

/* ---- Raw ---- */

static void read_raw(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct raw {
        struct gw_slice data;
    } raw = {.data = {0}};
    static const struct api_json_field fields[] = {
        {"Data", api_read_base64, offsetof(struct raw, data), {0}},
    };
    struct request *request = target;
    size_t n_before = r->problems->n + r->problems->n_dropped;
    request->n_contents++;
    api_read_object(r, value, pointer, fields, N_OF(fields), &raw);
    const char *at = gw_arena_printf(r->arena, "%s/Data", pointer);
    if (raw.data.data != NULL)
        request->draft.raw = (struct gw_field){.value = raw.data, .pointer = at};
    else if (r->problems->n + r->problems->n_dropped == n_before)
        gw_problems_add(r->problems, at, GW_PROBLEM_REQUIRED, "The message is missing.");
}

struct gw_field api_ses_bare(struct gw_arena *arena, struct gw_field f)
{
    const char *open = f.value.len > 0 ? memrchr(f.value.data, '<', f.value.len) : NULL;
    size_t skip = open != NULL ? (size_t)(open - f.value.data) + 1 : 0;
    if (open == NULL || f.value.data[f.value.len - 1] != '>')
        return f;
    f.value = gw_arena_slice(arena, gw_slice_of(open + 1, f.value.len - skip - 1));
    return f;
}

struct gw_slice api_ses_join(struct gw_arena *arena, struct gw_slice name, struct gw_slice value)
{
    char *text = gw_arena_bytes(arena, name.len + value.len + 2);
    if (name.len > 0)
        memcpy(text, name.data, name.len);
    text[name.len] = ':';
    if (value.len > 0)
        memcpy(text + name.len + 1, value.data, value.len);
    text[name.len + value.len + 1] = '\0';
    return gw_slice_of(text, name.len + value.len + 1);
}

/* A whole message has its own header. What stands beside it is the envelope; what could only go
 * into the header is refused. */
static void settle_raw(struct api_reader *r, struct gw_draft *draft)
{
    if (draft->raw.value.data == NULL)
        return;
    if (draft->envelope_from.value.data == NULL && draft->from.text.value.data != NULL)
        draft->envelope_from = api_ses_bare(r->arena, draft->from.text);
    if (draft->reply_to.n > 0)
        gw_problems_add(r->problems, draft->reply_to.pointer, GW_PROBLEM_UNSUPPORTED,
                        "A Raw message has its Reply-To in its header.");
}

static void read_contents(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    static const struct api_json_field fields[] = {
        {"Simple", read_simple, 0, {0}},
        {"Raw", read_raw, 0, {0}},
        {"Template", api_read_unsupported, 0, {0}},
    };
    struct request *request = target;
    size_t n_before = r->problems->n + r->problems->n_dropped;
    request->has_content = true;
    api_read_object(r, value, pointer, fields, N_OF(fields), target);
    if (request->n_contents != 1 && r->problems->n + r->problems->n_dropped == n_before)
        gw_problems_add(r->problems, pointer, GW_PROBLEM_REQUIRED,
                        "Content has one of Simple and Raw.");
}

/* ---- the message ---- */

static void read_destination(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    static const struct api_json_field fields[] = {
        {"ToAddresses", api_read_addresses, FIELD(to), {0}},
        {"CcAddresses", api_read_addresses, FIELD(cc), {0}},
        {"BccAddresses", api_read_addresses, FIELD(bcc), {0}},
    };
    api_read_object(r, value, pointer, fields, N_OF(fields), target);
}

static const struct api_json_field fields[] = {
    {"Content", read_contents, 0, {0}},
    {"FromEmailAddress", api_read_from, 0, {0}},
    {"Destination", read_destination, 0, {0}},
    {"ReplyToAddresses", api_read_addresses, FIELD(reply_to), {0}},
    {"FeedbackForwardingEmailAddress", api_read_text, FIELD(envelope_from), {0}},
    {"EmailTags", read_tags, 0, {0}},
    {"ConfigurationSetName", read_configuration_set, 0, {0}},
    {"FromEmailAddressIdentityArn", api_read_unsupported, 0, {0}},
    {"FeedbackForwardingEmailAddressIdentityArn", api_read_unsupported, 0, {0}},
    {"ListManagementOptions", api_read_unsupported, 0, {0}},
    {"EndpointId", api_read_unsupported, 0, {0}},
    {"TenantName", api_read_unsupported, 0, {0}},
};

enum gw_status api_ses_decode(struct gw_arena *arena, struct gw_slice body, const struct cfg *cfg,
                              struct gw_draft *out, struct gw_problems *problems)
{
    (void)cfg;
    struct request request = {.n_contents = 0};
    struct api_json_target target = {.fields = fields, .n_fields = N_OF(fields), .into = &request};
    enum gw_status status = api_read_document(arena, body, &target, problems);
    struct api_reader reader = {.arena = arena, .problems = problems};
    settle_raw(&reader, &request.draft);
    *out = request.draft;
    out->unread = target.unread;
    if (status == GW_OK && problems->n > 0)
        return GW_INVALID;
    if (status == GW_OK && !request.has_content) {
        gw_problems_add(problems, "/Content", GW_PROBLEM_REQUIRED, "Content is missing.");
        return GW_INVALID;
    }
    return status;
}
