/* SPDX-License-Identifier: MIT */
/* From Resend's send request to a draft. */
#include "api/compat/resend.h"

#include <ctype.h>

#include "api/attachment_json.h"
#include "api/compat/batch.h"
#include "api/draft_json.h"
#include "api/variables_json.h"
#include "gateway/base/gw_clock.h"
#include "gateway/records.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- times ---- */

enum {
    MAX_COUNT_DIGITS = 6,
    MAX_BATCH = 100 /* Resend's */
};

static const struct {
    const char *names[4];
    int64_t ms;
} units[] = {
    {{"second", "seconds", "sec", "secs"}, 1000},
    {{"minute", "minutes", "min", "mins"}, INT64_C(60) * 1000},
    {{"hour", "hours", "hr", "hrs"}, INT64_C(3600) * 1000},
    {{"day", "days", NULL, NULL}, INT64_C(24) * 3600 * 1000},
    {{"week", "weeks", NULL, NULL}, INT64_C(7) * 24 * 3600 * 1000},
};

static bool unit_ms(struct gw_slice word, int64_t *ms_out)
{
    for (size_t i = 0; i < N_OF(units); i++) {
        for (size_t k = 0; k < N_OF(units[i].names) && units[i].names[k] != NULL; k++) {
            if (gw_slice_eq_nocase(word, gw_slice_str(units[i].names[k]))) {
                *ms_out = units[i].ms;
                return true;
            }
        }
    }
    return false;
}

/* "in 5 minutes" */
static bool relative_time(struct gw_slice text, int64_t now_ms, int64_t *wall_ms_out)
{
    size_t at = 3;
    int64_t count = 0;
    int64_t ms = 0;
    if (text.len < at || strncasecmp(text.data, "in ", at) != 0)
        return false;
    size_t digits = at;
    for (; at < text.len && isdigit((unsigned char)text.data[at]); at++)
        count = at - digits < MAX_COUNT_DIGITS ? count * 10 + (text.data[at] - '0') : -1;
    if (at == digits || at - digits > MAX_COUNT_DIGITS)
        return false;
    if (at < text.len && text.data[at] == ' ')
        at++;
    if (!unit_ms(gw_slice_of(text.data + at, text.len - at), &ms))
        return false;
    *wall_ms_out = now_ms + count * ms;
    return true;
}

bool api_resend_time(struct gw_slice text, int64_t now_ms, int64_t *wall_ms_out)
{
    return relative_time(text, now_ms, wall_ms_out) || gw_filter_time(text.data, wall_ms_out);
}

static void read_time(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct gw_field *field = target;
    int64_t at = 0;
    api_read_text(r, value, pointer, field);
    if (field->value.data == NULL || !relative_time(field->value, gw_clock_wall_ms(), &at))
        return; /* gw_prepare() judges what it is then */
    char text[GW_TIME_RFC3339_SIZE];
    gw_time_rfc3339(at, text);
    field->value = gw_arena_slice(r->arena, gw_slice_str(text));
}

/* ---- tags ---- */

static bool is_tag(struct gw_slice s)
{
    size_t colons = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        colons += c == ':';
        if (c >= 0x80 || (!isalnum(c) && strchr("_-:", c) == NULL))
            return false;
    }
    return colons <= 1;
}

static void read_tags(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    struct gw_draft *draft = target;
    api_read_tags(r, value, pointer, draft);
    for (size_t i = 0; i < draft->n_tags; i++)
        if (!is_tag(draft->tags[i].value))
            gw_problems_add(r->problems, draft->tags[i].pointer, GW_PROBLEM_VALUE,
                            "Tags should only contain ASCII letters, numbers, underscores, or "
                            "dashes.");
}

/* ---- attachments ---- */

static void refuse_path(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    (void)value;
    (void)target;
    gw_problems_add(r->problems, pointer, GW_PROBLEM_UNSUPPORTED,
                    "Mailhatch fetches no files: give the content instead of a path.");
}

static void read_attachments(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
#define FIELD(member) offsetof(struct gw_draft_attachment, member)
    static const struct api_json_field fields[] = {
        {"filename", api_read_text, FIELD(filename), {0}},
        {"content", api_read_content, FIELD(content), {0}},
        {"path", refuse_path, 0, {0}},
        {"content_type", api_read_text, FIELD(content_type), {"contentType"}},
        {"content_id",
         api_read_text,
         FIELD(content_id),
         {"contentId", "inline_content_id", "inlineContentId"}},
    };
#undef FIELD
    static const struct api_attachment_format format = {fields, N_OF(fields), "content"};
    api_read_attachment_list(r, value, pointer, target, &format);
}

/* ---- templates ---- */

static void read_template(struct api_reader *r, json_t *value, const char *pointer, void *target)
{
    static const struct api_json_field fields[] = {
        {"id", api_read_template_name, 0, {0}},
        {"variables", api_read_variables, 0, {0}},
    };
    static const struct api_template_format format = {fields, N_OF(fields), "id"};
    api_read_template_object(r, value, pointer, target, &format);
}

/* ---- the message ---- */

#define FIELD(member) offsetof(struct gw_draft, member)

static const struct api_json_field fields[] = {
    {"from", api_read_from, 0, {0}},
    {"to", api_read_addresses, FIELD(to), {0}},
    {"cc", api_read_addresses, FIELD(cc), {0}},
    {"bcc", api_read_addresses, FIELD(bcc), {0}},
    {"reply_to", api_read_addresses, FIELD(reply_to), {"replyTo"}},
    {"subject", api_read_text, FIELD(subject), {0}},
    {"text", api_read_text, FIELD(text), {0}},
    {"html", api_read_text, FIELD(html), {0}},
    {"headers", api_read_headers, 0, {0}},
    {"attachments", read_attachments, 0, {0}},
    {"tags", read_tags, 0, {0}},
    {"scheduled_at", read_time, FIELD(scheduled_at), {"scheduledAt"}},
    {"template", read_template, 0, {0}},
    {"topic_id", api_read_unsupported, 0, {"topicId"}},
};

enum gw_status api_resend_decode(struct gw_arena *arena, struct gw_slice body,
                                 const struct cfg *cfg, struct gw_draft *out,
                                 struct gw_problems *problems)
{
    (void)cfg;
    *out = (struct gw_draft){0};
    struct api_json_target target = {.fields = fields, .n_fields = N_OF(fields), .into = out};
    enum gw_status status = api_read_document(arena, body, &target, problems);
    out->unread = target.unread;
    return status;
}

enum gw_status api_resend_split(struct gw_arena *arena, struct gw_slice body, const struct cfg *cfg,
                                struct gw_batch_items *out, struct gw_problems *problems)
{
    (void)cfg;
    return api_compat_split_list(arena, body, body, MAX_BATCH, out, problems);
}

enum gw_status api_resend_decode_item(struct gw_arena *arena, const struct gw_batch_items *items,
                                      size_t index, const struct cfg *cfg, struct gw_draft *out,
                                      struct gw_problems *problems)
{
    return api_resend_decode(arena, items->items[index], cfg, out, problems);
}
