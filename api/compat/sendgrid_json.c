/* SPDX-License-Identifier: MIT */
/* From SendGrid's send request to drafts: each personalization is one message, with the fields of
 * the request that it does not give itself. */
#include "api/attachment_json.h"
#include "api/compat/sendgrid.h"
#include "api/draft_json.h"
#include "api/json_split.h"
#include "api/variables_json.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

enum {
    MAX_MEMBERS = 64,        /* of the request that are looked at; about 20 are known */
    MAX_REPEATED = 64 << 20, /* octets of the request without its personalizations, times their
                                number: they are read anew for each */
};
/* Seconds since the epoch; the last that a four-digit year has. */
static const int64_t max_send_at = INT64_C(253402300799);

/* A request, or one of its personalizations. */
struct mail {
    struct gw_draft draft;
    struct gw_field batch_id;
    struct gw_draft_pair *substitutions;
    size_t n_substitutions;
    bool sandbox;
};

/* ---- fields ---- */

static void read_nothing(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    (void)r;
    (void)value;
    (void)pointer;
    (void)target;
}

struct content {
    struct gw_field type, value;
};

static void add_content(struct api_reader *r, const struct content *c, const char *pointer,
                        struct gw_draft *draft)
{
    bool html = gw_slice_eq_nocase(c->type.value, GW_SLICE_LIT("text/html"));
    struct gw_field *to = html ? &draft->html : &draft->text;
    if (c->type.value.data == NULL || c->value.value.data == NULL)
        gw_problems_add(r->problems, pointer, GW_PROBLEM_REQUIRED,
                        "Content needs a type and a value.");
    else if (!html && !gw_slice_eq_nocase(c->type.value, GW_SLICE_LIT("text/plain")))
        gw_problems_add(
            r->problems, c->type.pointer, GW_PROBLEM_UNSUPPORTED,
            "Mailhatch sends text/plain and text/html; attach what is of another type.");
    else if (to->value.data != NULL)
        gw_problems_add(r->problems, pointer, GW_PROBLEM_DUPLICATE,
                        "There is content of this type already.");
    else
        *to = c->value;
}

static void read_content(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    static const struct api_json_field fields[] = {
        {"type", api_read_text, offsetof(struct content, type), {0}},
        {"value", api_read_text, offsetof(struct content, value), {0}},
    };
    if (!json_is_array(value)) {
        api_read_wrong_type(r, value, pointer, "a list of {type, value}");
        return;
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        struct content one = {.type = {.pointer = NULL}};
        const char *at = api_json_pointer_index(r->arena, pointer, i);
        size_t n_before = r->problems->n + r->problems->n_dropped;
        api_read_object(r, json_array_get(value, i), at, fields, N_OF(fields), &one);
        if (r->problems->n + r->problems->n_dropped == n_before)
            add_content(r, &one, at, target);
    }
}

static void read_attachments(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
#define FIELD(member) offsetof(struct gw_draft_attachment, member)
    static const struct api_json_field fields[] = {
        {"content", api_read_content, FIELD(content), {0}},
        {"type", api_read_text, FIELD(content_type), {0}},
        {"filename", api_read_text, FIELD(filename), {0}},
        {"disposition", api_read_text, FIELD(disposition), {0}},
        {"content_id", api_read_text, FIELD(content_id), {"contentId"}},
    };
#undef FIELD
    static const struct api_attachment_format format = {fields, N_OF(fields), "content"};
    api_read_attachment_list(r, value, pointer, target, &format);
}

/* Seconds since the epoch. */
static void read_send_at(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct gw_field *field = target;
    char text[GW_TIME_RFC3339_SIZE];
    if (!json_is_integer(value)) {
        api_read_wrong_type(r, value, pointer, "a whole number of seconds");
        return;
    }
    json_int_t seconds = json_integer_value(value);
    if (seconds < 0 || seconds > max_send_at) {
        gw_problems_add(r->problems, pointer, GW_PROBLEM_DATE,
                        "Must be a number of seconds since 1970.");
        return;
    }
    gw_time_rfc3339((int64_t)seconds * 1000, text);
    *field = (struct gw_field){.value = gw_arena_slice(r->arena, gw_slice_str(text)),
                               .pointer = pointer};
}

static void read_substitutions(struct api_reader *r, json_t *value, const char *pointer,
                               void *target)
{
    struct mail *mail = target;
    struct gw_draft pairs = {.n_metadata = 0};
    api_read_metadata(r, value, pointer, &pairs);
    if (pairs.n_metadata > API_SENDGRID_MAX_SUBSTITUTIONS) {
        gw_problems_add(r->problems, pointer, GW_PROBLEM_TOO_MANY,
                        "At most %d substitutions are made.", API_SENDGRID_MAX_SUBSTITUTIONS);
        return;
    }
    for (size_t i = 0; i < pairs.n_metadata; i++)
        if (pairs.metadata[i].name.value.len == 0)
            gw_problems_add(r->problems, pointer, GW_PROBLEM_VALUE,
                            "The text to replace must not be empty.");
    mail->substitutions = pairs.metadata;
    mail->n_substitutions = r->problems->n == 0 ? pairs.n_metadata : 0;
}

/* A list of strings, or one. */
static void read_categories(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct gw_draft *draft = target;
    if (!api_read_is_string(r, value)) {
        api_read_tags(r, value, pointer, draft);
        return;
    }
    draft->tags = GW_ARENA_ARRAY(r->arena, struct gw_field, 1);
    api_read_text(r, value, pointer, &draft->tags[draft->n_tags++]);
}

/* ---- settings: those that we do not have may say that they are off ---- */

struct setting {
    bool enable;
};

static const struct api_json_field setting_fields[] = {
    {"enable", api_read_bool, offsetof(struct setting, enable), {0}},
    {"enable_text", api_read_bool, offsetof(struct setting, enable), {0}},
    /* of what is off, the rest says nothing */
    {"text", read_nothing, 0, {"html", "email", "post_to_url"}},
    {"substitution_tag", read_nothing, 0, {"threshold", "utm_source", "utm_medium"}},
    {"utm_term", read_nothing, 0, {"utm_content", "utm_campaign"}},
};

static void read_off(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    const char *key;
    json_t *one;
    (void)target;
    if (!json_is_object(value)) {
        api_read_wrong_type(r, value, pointer, "an object");
        return;
    }
    json_object_foreach(value, key, one)
    {
        if ((strcmp(key, "enable") == 0 || strcmp(key, "enable_text") == 0) && !json_is_false(one))
            api_read_unsupported(r, one, api_json_pointer_key(r->arena, pointer, gw_slice_str(key)),
                                 NULL);
    }
}

static void read_sandbox(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct setting setting = {.enable = false};
    api_read_object(r, value, pointer, setting_fields, 1, &setting);
    *(bool *)target = setting.enable;
}

static void read_mail_settings(struct api_reader *r, json_t *value, const char *pointer,
                               void *target)
{
    static const struct api_json_field fields[] = {
        {"sandbox_mode", read_sandbox, offsetof(struct mail, sandbox), {0}},
        {"bypass_list_management", read_off, 0, {0}},
        {"bypass_spam_management", read_off, 0, {0}},
        {"bypass_bounce_management", read_off, 0, {0}},
        {"bypass_unsubscribe_management", read_off, 0, {0}},
        {"footer", read_off, 0, {0}},
        {"spam_check", read_off, 0, {0}},
        {"bcc", read_off, 0, {0}},
    };
    api_read_object(r, value, pointer, fields, N_OF(fields), target);
}

static void read_tracking_settings(struct api_reader *r, json_t *value, const char *pointer,
                                   void *target)
{
    static const struct api_json_field fields[] = {
        {"click_tracking", read_off, 0, {0}},
        {"open_tracking", read_off, 0, {0}},
        {"subscription_tracking", read_off, 0, {0}},
        {"ganalytics", read_off, 0, {0}},
    };
    api_read_object(r, value, pointer, fields, N_OF(fields), target);
}

/* ---- the request and its personalizations ---- */

#define FIELD(member) offsetof(struct mail, member)

static const struct api_json_field mail_fields[] = {
    {"personalizations", read_nothing, 0, {0}},
    {"from", api_read_from, FIELD(draft), {0}},
    {"reply_to", api_read_addresses, FIELD(draft.reply_to), {"reply_to_list"}},
    {"subject", api_read_text, FIELD(draft.subject), {0}},
    {"content", read_content, FIELD(draft), {0}},
    {"attachments", read_attachments, FIELD(draft), {0}},
    {"headers", api_read_headers, FIELD(draft), {0}},
    {"categories", read_categories, FIELD(draft), {0}},
    {"custom_args", api_read_metadata, FIELD(draft), {0}},
    {"send_at", read_send_at, FIELD(draft.scheduled_at), {0}},
    {"batch_id", api_read_text, FIELD(batch_id), {0}},
    {"mail_settings", read_mail_settings, 0, {0}},
    {"tracking_settings", read_tracking_settings, 0, {0}},
    {"template_id", api_read_template_name, FIELD(draft), {0}},
    {"sections", api_read_unsupported, 0, {0}},
    {"asm", api_read_unsupported, 0, {0}},
    {"ip_pool_name", api_read_unsupported, 0, {0}},
};

static const struct api_json_field personal_fields[] = {
    {"to", api_read_addresses, FIELD(draft.to), {0}},
    {"cc", api_read_addresses, FIELD(draft.cc), {0}},
    {"bcc", api_read_addresses, FIELD(draft.bcc), {0}},
    {"from", api_read_from, FIELD(draft), {0}},
    {"subject", api_read_text, FIELD(draft.subject), {0}},
    {"headers", api_read_headers, FIELD(draft), {0}},
    {"custom_args", api_read_metadata, FIELD(draft), {0}},
    {"send_at", read_send_at, FIELD(draft.scheduled_at), {0}},
    {"substitutions", read_substitutions, 0, {0}},
    {"dynamic_template_data", api_read_variables, FIELD(draft), {0}},
};

static enum gw_status read_mail(struct gw_arena *arena, const struct api_json_part *part,
                                const struct api_json_field *fields, size_t n, struct mail *out,
                                struct gw_problems *problems)
{
    *out = (struct mail){.sandbox = false};
    struct api_json_target target = {.fields = fields, .n_fields = n, .into = out};
    enum gw_status status = api_read_part(arena, part, &target, problems);
    out->draft.unread = target.unread;
    return status;
}

/* Which member is the personalizations; other members are read with each message. */
static enum gw_status find_list(struct gw_arena *arena, struct gw_slice body, struct gw_slice *out,
                                struct gw_problems *problems)
{
    struct gw_err err;
    struct api_json_member members[MAX_MEMBERS];
    size_t n;
    enum gw_status status = api_json_split_object(arena, body, members, MAX_MEMBERS, &n, &err);
    if (status == GW_PROTO)
        gw_problems_add(problems, "", GW_PROBLEM_VALUE, "%s", err.text);
    else if (status == GW_INVALID)
        gw_problems_add(problems, "", GW_PROBLEM_TYPE, "Must be an object.");
    if (status != GW_OK)
        return status;
    for (size_t i = 0; i < n && i < MAX_MEMBERS; i++)
        if (strcmp(members[i].key, "personalizations") == 0)
            *out = members[i].value;
    return GW_OK;
}

/* The body with nothing but null where @list is. */
static struct gw_slice cut_out(struct gw_arena *arena, struct gw_slice body, struct gw_slice list)
{
    static const char null[] = "null";
    const size_t null_len = sizeof(null) - 1;
    PRE(body.data != NULL && list.data > body.data);
    size_t before = (size_t)(list.data - body.data);
    size_t after = body.len - before - list.len;
    char *text = gw_arena_bytes(arena, before + null_len + after + 1);
    memcpy(text, body.data, before);
    memcpy(text + before, null, null_len);
    memcpy(text + before + null_len, list.data + list.len, after);
    text[before + null_len + after] = '\0';
    return gw_slice_of(text, before + null_len + after);
}

static enum gw_status split_list(struct gw_arena *arena, struct gw_slice body, struct gw_slice list,
                                 struct gw_batch_items *out, struct gw_problems *problems)
{
    struct gw_err err;
    enum gw_status status = GW_OK;
    struct gw_slice *items = GW_ARENA_ARRAY(arena, struct gw_slice, GW_BATCH_MAX_ITEMS);
    out->items = items;
    if (list.data != NULL && !gw_slice_is(list, "null"))
        status = api_json_split_array(body, list, items, GW_BATCH_MAX_ITEMS, &out->n, &err);
    if (status == GW_PROTO)
        gw_problems_add(problems, "", GW_PROBLEM_VALUE, "%s", err.text);
    else if (status == GW_INVALID)
        gw_problems_add(problems, "/personalizations", GW_PROBLEM_TYPE, "Must be a list.");
    else if (out->n == 0)
        gw_problems_add(problems, "/personalizations", GW_PROBLEM_REQUIRED,
                        "The personalizations field is required and must have at least one "
                        "personalization.");
    else if (out->n > GW_BATCH_MAX_ITEMS)
        gw_problems_add(problems, "/personalizations", GW_PROBLEM_TOO_MANY,
                        "At most %d personalizations are taken.", GW_BATCH_MAX_ITEMS);
    return status == GW_OK && problems->n > 0 ? GW_INVALID : status;
}

enum gw_status api_sendgrid_split(struct gw_arena *arena, struct gw_slice body,
                                  const struct cfg *cfg, struct gw_batch_items *out,
                                  struct gw_problems *problems)
{
    struct gw_slice list = {.data = NULL};
    struct mail mail;
    (void)cfg;
    enum gw_status status = find_list(arena, body, &list, problems);
    if (status == GW_OK)
        status = split_list(arena, body, list, out, problems);
    if (status != GW_OK)
        return status;
    out->shared = cut_out(arena, body, list);
    if (out->n > 1 && out->shared.len > MAX_REPEATED / out->n) {
        gw_problems_add(problems, "", GW_PROBLEM_TOO_LARGE,
                        "The request's octets without its personalizations, times their number, "
                        "may be at most %d.",
                        MAX_REPEATED);
        return GW_INVALID;
    }
    struct gw_arena *scratch = gw_arena_new(0);
    const struct api_json_part shared = {out->shared, out->shared, ""};
    status = read_mail(scratch, &shared, mail_fields, N_OF(mail_fields), &mail, problems);
    out->rehearse = mail.sandbox;
    gw_arena_free(&scratch);
    return status;
}

/* ---- one message ---- */

static bool has_header(const struct gw_draft *draft, struct gw_slice name)
{
    for (size_t i = 0; i < draft->n_headers; i++)
        if (gw_slice_eq_nocase(draft->headers[i].name.value, name))
            return true;
    return false;
}

static void merge_headers(struct gw_arena *arena, const struct gw_draft *own, struct gw_draft *out)
{
    size_t n = 0;
    struct gw_draft_header *all =
        GW_ARENA_ARRAY(arena, struct gw_draft_header, own->n_headers + out->n_headers);
    for (size_t i = 0; i < out->n_headers; i++)
        if (!has_header(own, out->headers[i].name.value))
            all[n++] = out->headers[i];
    for (size_t i = 0; i < own->n_headers; i++)
        all[n++] = own->headers[i];
    out->headers = all;
    out->n_headers = n;
}

static bool has_argument(const struct gw_draft *draft, struct gw_slice name)
{
    for (size_t i = 0; i < draft->n_metadata; i++)
        if (gw_slice_eq(draft->metadata[i].name.value, name))
            return true;
    return false;
}

static void merge_arguments(struct gw_arena *arena, const struct gw_draft *own,
                            struct gw_draft *out)
{
    size_t n = 0;
    struct gw_draft_pair *all =
        GW_ARENA_ARRAY(arena, struct gw_draft_pair, own->n_metadata + out->n_metadata);
    for (size_t i = 0; i < out->n_metadata; i++)
        if (!has_argument(own, out->metadata[i].name.value))
            all[n++] = out->metadata[i];
    for (size_t i = 0; i < own->n_metadata; i++)
        all[n++] = own->metadata[i];
    out->metadata = all;
    out->n_metadata = n;
}

/* The SDK takes a string apart at its <, and leaves the quotes of `"Lovelace, Ada" <ada@…>` on the
 * name. */
static void unquote(struct gw_arena *arena, struct gw_field *name)
{
    struct gw_slice s = name->value;
    if (s.len < 2 || s.data[0] != '"' || s.data[s.len - 1] != '"')
        return;
    char *plain = gw_arena_bytes(arena, s.len);
    size_t n = 0;
    for (size_t i = 1; i + 1 < s.len; i++) {
        if (s.data[i] == '\\' && i + 2 < s.len)
            i++;
        plain[n++] = s.data[i];
    }
    plain[n] = '\0';
    name->value = gw_slice_of(plain, n);
}

static void unquote_names(struct gw_arena *arena, struct gw_draft *draft)
{
    const struct gw_draft_addresses *lists[] = {&draft->to, &draft->cc, &draft->bcc,
                                                &draft->reply_to};
    unquote(arena, &draft->from.name);
    for (size_t i = 0; i < N_OF(lists); i++)
        for (size_t k = 0; k < lists[i]->n; k++)
            unquote(arena, &lists[i]->items[k].name);
}

static void merge(struct gw_arena *arena, const struct gw_draft *own, struct gw_draft *out)
{
    out->to = own->to;
    out->cc = own->cc;
    out->bcc = own->bcc;
    if (own->has_from) {
        out->has_from = true;
        out->from = own->from;
    }
    if (own->subject.value.data != NULL)
        out->subject = own->subject;
    if (own->scheduled_at.value.data != NULL)
        out->scheduled_at = own->scheduled_at;
    merge_headers(arena, own, out);
    merge_arguments(arena, own, out);
}

/* The template of the request with the values of the personalization. Without one, braces in the
 * content are text. */
static void merge_template(const struct mail *own, struct gw_draft *out,
                           struct gw_problems *problems)
{
    const struct gw_draft *d = &own->draft;
    bool has_template = out->template.name.value.data != NULL;
    if (d->variables_pointer != NULL && !has_template)
        gw_problems_add(problems, d->variables_pointer, GW_PROBLEM_UNSUPPORTED,
                        "Only a template takes these: give a template_id.");
    if (own->n_substitutions > 0 && has_template)
        gw_problems_add(problems, "/substitutions", GW_PROBLEM_UNSUPPORTED,
                        "A template takes dynamic_template_data instead.");
    if (!has_template)
        return;
    out->template.subject_first = true;
    out->variables = d->variables;
    out->variables_pointer =
        d->variables_pointer != NULL ? d->variables_pointer : "/dynamic_template_data";
}

static void add_batch_tag(struct gw_arena *arena, const struct gw_field *id, struct gw_draft *out,
                          struct gw_problems *problems)
{
    if (id->value.len == 0)
        return;
    if (id->value.len > API_SENDGRID_MAX_BATCH_ID) {
        gw_problems_add(problems, id->pointer, GW_PROBLEM_TOO_LONG, "At most %d octets are taken.",
                        API_SENDGRID_MAX_BATCH_ID);
        return;
    }
    struct gw_field *all = GW_ARENA_ARRAY(arena, struct gw_field, out->n_tags + 1);
    if (out->n_tags > 0)
        memcpy(all, out->tags, out->n_tags * sizeof(*all));
    all[out->n_tags++] =
        (struct gw_field){.value = gw_slice_str(gw_arena_printf(
                              arena, API_SENDGRID_BATCH_TAG "%.*s", GW_SLICE_ARG(id->value))),
                          .pointer = id->pointer};
    out->tags = all;
}

enum gw_status api_sendgrid_decode_item(struct gw_arena *arena, const struct gw_batch_items *items,
                                        size_t index, const struct cfg *cfg, struct gw_draft *out,
                                        struct gw_problems *problems)
{
    struct mail mail;
    struct mail own;
    (void)cfg;
    *out = (struct gw_draft){.unread = true};
    problems->base = gw_arena_printf(arena, "/personalizations/%zu", index);
    const struct api_json_part personal = {items->items[index], items->items[index], ""};
    const struct api_json_part shared = {items->shared, items->shared, "#"};
    enum gw_status status =
        read_mail(arena, &personal, personal_fields, N_OF(personal_fields), &own, problems);
    if (own.draft.unread)
        return status;
    status = read_mail(arena, &shared, mail_fields, N_OF(mail_fields), &mail, problems);
    if (mail.draft.unread)
        return status;
    *out = mail.draft;
    merge(arena, &own.draft, out);
    unquote_names(arena, out);
    merge_template(&own, out, problems);
    add_batch_tag(arena, &mail.batch_id, out, problems);
    api_sendgrid_substitute(arena, own.substitutions, own.n_substitutions, out, problems);
    return problems->n > 0 ? GW_INVALID : GW_OK;
}
