/* SPDX-License-Identifier: MIT */
/* Text, html and attachments of a draft. */
#include <stdlib.h>
#include <string.h>

#include "gateway/base/gw_utf8.h"
#include "gateway/prepare_internal.h"

/* @out  borrows from the draft: the MIME builder copies */
static void parse_body(struct gw_prepare_job *job, const struct gw_field *f, struct gw_slice *out)
{
    if (!gw_is_given(f))
        return;
    if (f->value.len != 0 && memchr(f->value.data, '\0', f->value.len) != NULL)
        gw_problems_add(job->problems, f->pointer, GW_PROBLEM_VALUE, "NUL must not stand here.");
    else if (!gw_utf8_valid(f->value))
        gw_problems_add(job->problems, f->pointer, GW_PROBLEM_ENCODING, "This is not valid UTF-8.");
    *out = f->value;
}

static bool has_text(const struct gw_field *f)
{
    return gw_is_given(f) && f->value.len != 0;
}

/* A name, not a path: readers save by it. */
static const char *parse_filename(struct gw_prepare_job *job, const struct gw_field *f)
{
    if (!has_text(f) || !gw_prepare_line(job, f, GW_MAX_FILENAME, 0))
        return NULL;
    struct gw_slice s = f->value;
    if (memchr(s.data, '/', s.len) != NULL || memchr(s.data, '\\', s.len) != NULL ||
        gw_slice_is(s, ".") || gw_slice_is(s, "..")) {
        gw_problems_add(job->problems, f->pointer, GW_PROBLEM_VALUE,
                        "Must be the name of a file, without folders, / or \\.");
        return NULL;
    }
    return gw_arena_cstr(job->arena, s);
}

static const char *parse_content_type(struct gw_prepare_job *job, const struct gw_field *f)
{
    struct gw_err err;
    const char *type = NULL;
    if (!has_text(f) || !gw_prepare_line(job, f, GW_MIME_MAX_CONTENT_TYPE, 0))
        return NULL;
    if (gw_mime_content_type_parse(job->arena, f->value, &type, &err) != GW_OK)
        gw_problems_add(job->problems, f->pointer, GW_PROBLEM_CONTENT_TYPE, "%s.", err.text);
    return type;
}

/* `logo` or `<logo>`; what a cid: URL can name and a header can hold. */
static const char *parse_content_id(struct gw_prepare_job *job, const struct gw_field *f)
{
    if (!has_text(f) || !gw_prepare_line(job, f, GW_MAX_CONTENT_ID, 0))
        return NULL;
    struct gw_slice s = f->value;
    if (s.len > 2 && s.data[0] == '<' && s.data[s.len - 1] == '>')
        s = gw_slice_of(s.data + 1, s.len - 2);
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] < 0x21 || s.data[i] > 0x7e || strchr("<>()\"\\,;", s.data[i]) != NULL) {
            gw_problems_add(job->problems, f->pointer, GW_PROBLEM_VALUE,
                            "Must be visible ASCII without spaces, brackets, quotes, commas.");
            return NULL;
        }
    }
    return gw_arena_cstr(job->arena, s);
}

/* By default a part that html refers to is shown inline, any other attached. */
static bool parse_disposition(struct gw_prepare_job *job, const struct gw_field *f,
                              bool has_content_id)
{
    if (!has_text(f))
        return has_content_id;
    bool is_inline = gw_slice_eq_nocase(f->value, GW_SLICE_LIT("inline"));
    if (!is_inline && !gw_slice_eq_nocase(f->value, GW_SLICE_LIT("attachment")))
        gw_problems_add(job->problems, f->pointer, GW_PROBLEM_VALUE,
                        "Must be \"attachment\" or \"inline\".");
    return is_inline;
}

static struct gw_mime_part parse_attachment(struct gw_prepare_job *job,
                                            const struct gw_draft_attachment *a)
{
    struct gw_mime_part part = {.content = a->content};
    if (a->content.data == NULL)
        gw_prepare_required(job, a->pointer, "An attachment needs content.");
    part.filename = parse_filename(job, &a->filename);
    part.content_type = parse_content_type(job, &a->content_type);
    part.content_id = parse_content_id(job, &a->content_id);
    part.inline_disposition = parse_disposition(job, &a->disposition, part.content_id != NULL);
    return part;
}

struct id_place {
    const char *id;
    size_t at; /* of the attachment */
};

static int compare_ids(const void *a, const void *b)
{
    const struct id_place *x = a;
    const struct id_place *y = b;
    int order = strcmp(x->id, y->id);
    if (order == 0 && x->at != y->at)
        order = x->at < y->at ? -1 : 1;
    return order;
}

/* Two parts of one id: which of them html means would be up to the reader. */
static void check_ids_unique(struct gw_prepare_job *job)
{
    struct id_place *sorted = GW_ARENA_ARRAY(job->arena, struct id_place, job->mime.n_parts);
    size_t n = 0;
    for (size_t i = 0; i < job->mime.n_parts; i++) {
        if (job->mime.parts[i].content_id != NULL)
            sorted[n++] = (struct id_place){.id = job->mime.parts[i].content_id, .at = i};
    }
    qsort(sorted, n, sizeof(*sorted), compare_ids);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(sorted[i - 1].id, sorted[i].id) == 0)
            gw_problems_add(job->problems, job->draft->attachments[sorted[i].at].content_id.pointer,
                            GW_PROBLEM_DUPLICATE, "Another attachment has this content id.");
    }
}

void gw_prepare_parts(struct gw_prepare_job *job)
{
    const struct gw_draft *d = job->draft;
    parse_body(job, &d->text, &job->mime.text);
    parse_body(job, &d->html, &job->mime.html);
    if (!gw_is_given(&d->text) && !gw_is_given(&d->html) && !gw_prepare_has_problem(job, "/text") &&
        !gw_prepare_has_problem(job, "/html"))
        gw_problems_add(job->problems, "", GW_PROBLEM_REQUIRED, "text or html is required.");
    if (d->n_attachments > GW_MAX_ATTACHMENTS) {
        gw_problems_add(job->problems, "/attachments", GW_PROBLEM_TOO_MANY,
                        "At most %d attachments may stand here.", GW_MAX_ATTACHMENTS);
        return;
    }
    struct gw_mime_part *parts = GW_ARENA_ARRAY(job->arena, struct gw_mime_part, d->n_attachments);
    for (size_t i = 0; i < d->n_attachments; i++)
        parts[i] = parse_attachment(job, &d->attachments[i]);
    job->mime.parts = parts;
    job->mime.n_parts = d->n_attachments;
    check_ids_unique(job);
}
