/* SPDX-License-Identifier: MIT */
/* Message-ID, In-Reply-To, References.
 *
 * Spec: RFC 5322 sec. 3.6.4. What we write ourselves is strict; the ids of others are taken as they
 * come as long as they cannot break out of a header. */
#include <string.h>

#include "gateway/prepare_internal.h"

static bool is_atext(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool is_dot_atom(struct gw_slice s)
{
    bool dot = true;
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] == '.' ? dot : !is_atext(s.data[i]))
            return false;
        dot = s.data[i] == '.';
    }
    return !dot;
}

/* "[" dtext "]" */
static bool is_literal(struct gw_slice s)
{
    if (s.len < 3 || s.data[0] != '[' || s.data[s.len - 1] != ']')
        return false;
    for (size_t i = 1; i < s.len - 1; i++) {
        if (s.data[i] < 0x21 || s.data[i] > 0x7e || strchr("[]\\<>", s.data[i]) != NULL)
            return false;
    }
    return true;
}

/* What a reader might decode (RFC 2047). */
static bool has_encoded_word(struct gw_slice s)
{
    return memmem(s.data, s.len, "=?", 2) != NULL;
}

/* "<" id-left "@" id-right ">" without the obsolete forms. */
static bool is_strict_id(struct gw_slice s)
{
    if (s.len < 5 || s.data[0] != '<' || s.data[s.len - 1] != '>' || has_encoded_word(s))
        return false;
    struct gw_slice inner = gw_slice_of(s.data + 1, s.len - 2);
    const char *at = memchr(inner.data, '@', inner.len);
    if (at == NULL)
        return false;
    struct gw_slice left = gw_slice_of(inner.data, (size_t)(at - inner.data));
    struct gw_slice right = gw_slice_of(at + 1, inner.len - left.len - 1);
    return is_dot_atom(left) && (is_dot_atom(right) || is_literal(right));
}

/* "<", visible ASCII, ">". */
static bool is_foreign_id(struct gw_slice s)
{
    if (s.len < 3 || s.data[0] != '<' || s.data[s.len - 1] != '>' || has_encoded_word(s))
        return false;
    for (size_t i = 1; i < s.len - 1; i++) {
        if (s.data[i] < 0x21 || s.data[i] > 0x7e || s.data[i] == '<' || s.data[i] == '>')
            return false;
    }
    return true;
}

/* The id in the arena, or NULL with a problem. */
static const char *parse_id(struct gw_prepare_job *job, const struct gw_field *f,
                            bool (*is_id)(struct gw_slice))
{
    if (!gw_prepare_line(job, f, GW_MAX_MESSAGE_ID, 0))
        return NULL;
    if (is_id(f->value))
        return gw_arena_cstr(job->arena, f->value);
    gw_problems_add(job->problems, f->pointer, GW_PROBLEM_VALUE,
                    "A Message-ID has the form <left@right>, in ASCII without spaces.");
    return NULL;
}

static void parse_references(struct gw_prepare_job *job, const struct gw_field *ids, size_t n,
                             const char *pointer)
{
    if (n > GW_MAX_REFERENCES) {
        gw_problems_add(job->problems, pointer, GW_PROBLEM_TOO_MANY,
                        "At most %d references may stand here.", GW_MAX_REFERENCES);
        return;
    }
    const char **out = GW_ARENA_ARRAY(job->arena, const char *, n);
    for (size_t i = 0; i < n; i++)
        out[i] = parse_id(job, &ids[i], is_foreign_id);
    job->mime.references = out;
    job->mime.n_references = n;
}

/* A References header: ids with white space between. */
static void parse_references_header(struct gw_prepare_job *job, const struct gw_field *value)
{
    struct gw_field ids[GW_MAX_REFERENCES + 1];
    struct gw_slice s = value->value;
    size_t n = 0;
    for (size_t at = 0; at < s.len && n <= GW_MAX_REFERENCES;) {
        size_t len = 0;
        while (at + len < s.len && s.data[at + len] != ' ' && s.data[at + len] != '\t')
            len++;
        if (len != 0)
            ids[n++] = (struct gw_field){.value = gw_slice_of(s.data + at, len),
                                         .pointer = value->pointer};
        at += len + 1;
    }
    parse_references(job, ids, n, value->pointer);
}

static void take_from_headers(struct gw_prepare_job *job)
{
    const struct gw_draft *d = job->draft;
    for (size_t i = 0; i < d->n_headers && i < GW_MAX_HEADERS; i++) {
        const struct gw_field *value = &d->headers[i].value;
        struct gw_slice name = d->headers[i].name.value;
        if (gw_prepare_has_problem(job, value->pointer))
            continue;
        if (gw_slice_eq_nocase(name, GW_SLICE_LIT("In-Reply-To")))
            job->mime.in_reply_to = parse_id(job, value, is_foreign_id);
        else if (gw_slice_eq_nocase(name, GW_SLICE_LIT("References")))
            parse_references_header(job, value);
    }
}

void gw_prepare_ids(struct gw_prepare_job *job)
{
    const struct gw_draft *d = job->draft;
    take_from_headers(job);
    if (gw_is_given(&d->in_reply_to))
        job->mime.in_reply_to = parse_id(job, &d->in_reply_to, is_foreign_id);
    if (d->n_references != 0)
        parse_references(job, d->references, d->n_references, d->references_pointer);
    if (gw_is_given(&d->message_id))
        job->m->message_id = parse_id(job, &d->message_id, is_strict_id);
    else if (job->m->from_domain != NULL)
        job->m->message_id =
            gw_arena_printf(job->arena, "<%s@%s>", job->m->id, job->m->from_domain);
    job->mime.message_id = job->m->message_id;
}
