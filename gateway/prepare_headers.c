/* SPDX-License-Identifier: MIT */
/* Subject and custom headers of a draft. */
#include <string.h>

#include "gateway/prepare_internal.h"

static void parse_subject(struct gw_prepare_job *job)
{
    const struct gw_field *f = &job->draft->subject;
    job->m->subject = "";
    if (!gw_is_given(f) || !gw_prepare_line(job, f, GW_MAX_SUBJECT, GW_LINE_TAB | GW_LINE_BIDI))
        return;
    job->mime.subject = gw_arena_slice(job->arena, f->value);
    job->m->subject = job->mime.subject.data;
}

static bool check_name(struct gw_prepare_job *job, const struct gw_field *name)
{
    for (size_t i = 0; i < name->value.len; i++) {
        char c = name->value.data[i];
        if (c == '\r' || c == '\n' || c == '\0') {
            gw_problems_add(job->problems, name->pointer, GW_PROBLEM_INJECTION,
                            "Line breaks and NUL must not stand in the name of a header.");
            return false;
        }
    }
    if (!gw_mime_header_name_valid(name->value)) {
        gw_problems_add(job->problems, name->pointer, GW_PROBLEM_HEADER_NAME,
                        "The name of a header is 1 to 76 visible ASCII characters without colon.");
        return false;
    }
    if (gw_mime_header_managed(name->value)) {
        gw_problems_add(job->problems, name->pointer, GW_PROBLEM_HEADER_MANAGED,
                        "This header is written by Mailhatch or by relays; use the field for it, "
                        "or leave it out.");
        return false;
    }
    return true;
}

/* The value of a header that programs parse goes out as it stands. */
static bool check_structured(struct gw_prepare_job *job, const struct gw_field *value)
{
    struct gw_slice s = value->value;
    size_t word = 0;
    for (size_t i = 0; i < s.len; i++) {
        word = s.data[i] == ' ' ? 0 : word + 1;
        bool encoded = s.data[i] == '=' && i + 1 < s.len && s.data[i + 1] == '?';
        if (s.data[i] < ' ' || s.data[i] > '~' || word > GW_MIME_MAX_PLAIN_WORD || encoded) {
            gw_problems_add(job->problems, value->pointer, GW_PROBLEM_VALUE,
                            "A List- header is printable ASCII without encoded-words, each word at "
                            "most %d characters.",
                            GW_MIME_MAX_PLAIN_WORD);
            return false;
        }
    }
    return true;
}

static bool is_named(const struct gw_draft_header *h, const char *name)
{
    return gw_slice_eq_nocase(h->name.value, gw_slice_str(name));
}

/* Headers that may stand once only, and not beside the field that writes them. */
static bool check_once(struct gw_prepare_job *job, size_t at)
{
    const struct gw_draft *d = job->draft;
    const struct gw_draft_header *h = &d->headers[at];
    bool unsubscribe = is_named(h, "List-Unsubscribe") || is_named(h, "List-Unsubscribe-Post");
    bool in_reply_to = is_named(h, "In-Reply-To");
    bool references = is_named(h, "References");
    bool twice = (unsubscribe && d->list_unsubscribe.given) ||
                 (in_reply_to && gw_is_given(&d->in_reply_to)) ||
                 (references && d->n_references != 0);
    bool once = in_reply_to || references || gw_mime_header_structured(h->name.value);
    for (size_t i = 0; i < at && once && !twice; i++)
        twice = gw_slice_eq_nocase(d->headers[i].name.value, h->name.value);
    if (twice)
        gw_problems_add(
            job->problems, h->name.pointer, GW_PROBLEM_DUPLICATE,
            "This header may stand only once, and not beside the field that writes it.");
    return !twice;
}

static bool check_header(struct gw_prepare_job *job, size_t at)
{
    const struct gw_draft_header *h = &job->draft->headers[at];
    bool good = check_name(job, &h->name) && check_once(job, at);
    good = gw_prepare_line(job, &h->value, GW_MAX_HEADER_VALUE, GW_LINE_TAB | GW_LINE_BIDI) && good;
    if (good && gw_mime_header_structured(h->name.value))
        good = check_structured(job, &h->value);
    return good;
}

void gw_prepare_headers(struct gw_prepare_job *job)
{
    const struct gw_draft *d = job->draft;
    parse_subject(job);
    if (d->n_headers > GW_MAX_HEADERS) {
        gw_problems_add(job->problems, "/headers", GW_PROBLEM_TOO_MANY,
                        "At most %d headers may stand here.", GW_MAX_HEADERS);
        return;
    }
    struct gw_mime_header *headers =
        GW_ARENA_ARRAY(job->arena, struct gw_mime_header, d->n_headers);
    size_t size = 0;
    for (size_t i = 0; i < d->n_headers; i++) {
        const struct gw_draft_header *h = &d->headers[i];
        size += h->name.value.len + h->value.value.len;
        if (!check_header(job, i))
            continue;
        if (is_named(h, "In-Reply-To") || is_named(h, "References"))
            continue; /* gw_prepare_ids takes them */
        headers[job->mime.n_headers++] =
            (struct gw_mime_header){.name = gw_arena_cstr(job->arena, h->name.value),
                                    .value = gw_arena_slice(job->arena, h->value.value)};
    }
    if (size > GW_MAX_HEADERS_SIZE)
        gw_problems_add(job->problems, "/headers", GW_PROBLEM_TOO_LARGE,
                        "All headers together may be at most %d octets.", GW_MAX_HEADERS_SIZE);
    job->mime.headers = headers;
}
