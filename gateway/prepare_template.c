/* SPDX-License-Identifier: MIT */
/* Judging templates, and filling drafts with them. */
#include "gateway/prepare_template.h"

#include <string.h>

#include "gateway/mustache.h"
#include "gateway/prepare_internal.h"

/* Its octets. */
static size_t check_text(const struct gw_field *f, struct gw_problems *problems)
{
    struct gw_err err;
    struct gw_mustache *compiled;
    if (!gw_is_given(f) || gw_problems_has(problems, f->pointer))
        return f->value.len;
    struct gw_arena *scratch = gw_arena_new(0);
    if (memchr(f->value.data, '\0', f->value.len) != NULL)
        gw_problems_add(problems, f->pointer, GW_PROBLEM_VALUE, "NUL must not stand here.");
    else if (gw_mustache_compile(scratch, f->value, &compiled, &err) != GW_OK)
        gw_problems_add(problems, f->pointer, GW_PROBLEM_TEMPLATE, "This is no template: %s.",
                        err.text);
    gw_arena_free(&scratch);
    return f->value.len;
}

static const char *text_of(struct gw_arena *arena, const struct gw_field *f)
{
    return gw_is_given(f) ? gw_arena_cstr(arena, f->value) : NULL;
}

bool gw_template_check(const struct gw_template_draft *draft, struct gw_arena *arena,
                       struct gw_problems *problems, struct gw_template *out)
{
    struct gw_prepare_job job = {.problems = problems};
    if (draft->unread)
        return false;
    if (gw_is_given(&draft->subject))
        (void)gw_prepare_line(&job, &draft->subject, GW_MAX_SUBJECT, GW_LINE_TAB | GW_LINE_BIDI);
    size_t size = check_text(&draft->subject, problems) + check_text(&draft->text, problems) +
                  check_text(&draft->html, problems);
    if (!gw_is_given(&draft->text) && !gw_is_given(&draft->html) &&
        !gw_problems_has(problems, "/text") && !gw_problems_has(problems, "/html"))
        gw_problems_add(problems, "", GW_PROBLEM_REQUIRED, "text or html is required.");
    if (size > GW_MAX_TEMPLATE)
        gw_problems_add(problems, "", GW_PROBLEM_TOO_LARGE,
                        "The texts together may have at most %d octets.", GW_MAX_TEMPLATE);
    if (problems->n > 0)
        return false;
    *out = (struct gw_template){.subject = text_of(arena, &draft->subject),
                                .text = text_of(arena, &draft->text),
                                .html = text_of(arena, &draft->html),
                                .size_bytes = size};
    return true;
}

static void fill(struct gw_field *field, const char *text, const char *pointer)
{
    if (text != NULL)
        *field = (struct gw_field){.value = gw_slice_str(text), .pointer = pointer};
}

void gw_draft_fill(struct gw_draft *draft, const struct gw_template *t,
                   struct gw_problems *problems)
{
    static const struct gw_template none = {.text = ""}; /* so that no text is missed */
    const struct gw_field *given[] = {&draft->text, &draft->html};
    const char *pointer = draft->template.name.pointer;
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
        if (gw_is_given(given[i]))
            gw_problems_add(problems, given[i]->pointer, GW_PROBLEM_VALUE,
                            "The template brings the text; give one of both.");
    if (t == NULL)
        gw_problems_add(problems, pointer, GW_PROBLEM_NO_TEMPLATE,
                        "There is no template of this name.");
    t = t != NULL ? t : &none;
    if (!gw_is_given(&draft->subject) || draft->template.subject_first)
        fill(&draft->subject, t->subject, pointer);
    fill(&draft->text, t->text, pointer);
    fill(&draft->html, t->html, pointer);
}
