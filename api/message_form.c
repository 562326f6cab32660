/* SPDX-License-Identifier: MIT */
/* The message of a form, and its files. */
#include "api/message_form.h"

#include "api/message_json.h"
#include "api/multipart.h"
#include "gateway/base/gw_utf8.h"

/* Parts, and which of them an attachment has. */
struct form {
    struct gw_arena *arena;
    struct gw_problems *problems;
    struct api_multipart body;
    bool used[API_MULTIPART_MAX_PARTS];
    const struct api_multipart_part *message;
};

/* A text of a part's header as the field @name of the attachment. */
static void set_field(struct form *f, struct gw_field *field, const char *attachment,
                      const char *name, struct gw_slice value)
{
    if (field->value.data != NULL || value.data == NULL)
        return;
    const char *pointer = gw_arena_printf(f->arena, "%s/%s", attachment, name);
    if (gw_utf8_valid(value))
        *field = (struct gw_field){.value = value, .pointer = pointer};
    else
        gw_problems_add(f->problems, pointer, GW_PROBLEM_ENCODING, "This is not valid UTF-8.");
}

/* What says nothing: the file's name tells more. */
static bool is_unknown_type(struct gw_slice type)
{
    return gw_slice_eq_nocase(type, GW_SLICE_LIT("application/octet-stream"));
}

static void attach(struct form *f, struct gw_draft_attachment *a,
                   const struct api_multipart_part *part)
{
    a->content = part->content;
    set_field(f, &a->filename, a->pointer, "filename", part->filename);
    if (!is_unknown_type(part->content_type))
        set_field(f, &a->content_type, a->pointer, "content_type", part->content_type);
}

/* The attachment @a of the JSON names a part. */
static void attach_named(struct form *f, struct gw_draft_attachment *a)
{
    const struct api_multipart_part *found = NULL;
    for (size_t i = 0; i < f->body.n; i++) {
        const struct api_multipart_part *part = &f->body.parts[i];
        if (part == f->message || !gw_slice_eq(part->name, a->part.value))
            continue;
        if (found != NULL) {
            gw_problems_add(f->problems, a->part.pointer, GW_PROBLEM_DUPLICATE,
                            "Several parts have this name.");
            return;
        }
        found = part;
        f->used[i] = true;
    }
    if (found == NULL)
        gw_problems_add(f->problems, a->part.pointer, GW_PROBLEM_VALUE,
                        "The request has no part of this name.");
    else if (a->content.data != NULL)
        gw_problems_add(f->problems, a->part.pointer, GW_PROBLEM_VALUE,
                        "An attachment has content or a part, not both.");
    else
        attach(f, a, found);
}

static void attach_all(struct form *f, struct gw_draft *draft)
{
    size_t n = draft->n_attachments;
    struct gw_draft_attachment *all =
        GW_ARENA_ARRAY(f->arena, struct gw_draft_attachment, n + f->body.n);
    if (n > 0)
        memcpy(all, draft->attachments, n * sizeof(*all));
    for (size_t i = 0; i < n; i++)
        if (all[i].part.value.data != NULL)
            attach_named(f, &all[i]);
    for (size_t i = 0; i < f->body.n; i++) {
        const struct api_multipart_part *part = &f->body.parts[i];
        if (part == f->message || f->used[i])
            continue;
        struct gw_draft_attachment *a = &all[n];
        a->pointer = gw_arena_printf(f->arena, "/attachments/%zu", n++);
        if (part->filename.data == NULL)
            gw_problems_add(f->problems, a->pointer, GW_PROBLEM_UNKNOWN_FIELD,
                            "A further part of a form is a file: it needs a filename, or an "
                            "attachment of the message that names it.");
        attach(f, a, part);
    }
    draft->attachments = all;
    draft->n_attachments = n;
}

/* NULL, or what is wrong. */
static const char *find_message(struct form *f)
{
    for (size_t i = 0; i < f->body.n; i++) {
        if (!gw_slice_is(f->body.parts[i].name, "message"))
            continue;
        if (f->message != NULL)
            return "there are two parts named `message`";
        f->message = &f->body.parts[i];
    }
    return f->message != NULL ? NULL : "there is no part named `message`: the message as JSON";
}

enum gw_status api_message_form_decode(struct gw_arena *arena, struct gw_slice body,
                                       const struct cfg *cfg, struct gw_draft *out,
                                       struct gw_problems *problems)
{
    struct gw_err err;
    struct form *f = GW_ARENA_NEW(arena, struct form);
    f->arena = arena;
    f->problems = problems;
    *out = (struct gw_draft){.borrows_body = true};
    const char *wrong = NULL;
    if (api_multipart_split(arena, body, &f->body, &err) != GW_OK)
        wrong = err.text;
    else
        wrong = find_message(f);
    if (wrong != NULL) {
        gw_problems_add(problems, "", GW_PROBLEM_VALUE, "%s", wrong);
        return GW_PROTO;
    }
    enum gw_status status = api_message_json_read(arena, f->message->content, cfg, out, problems);
    out->borrows_body = true;
    if (status != GW_PROTO && !out->unread)
        attach_all(f, out);
    return status == GW_OK && problems->n > 0 ? GW_INVALID : status;
}
