/* SPDX-License-Identifier: MIT */
/* Subject, text and html as templates: compiled once, rendered for everybody or for each recipient,
 * whose copy is then addressed to it alone. */
#include <string.h>

#include "gateway/mustache.h"
#include "gateway/prepare_internal.h"
#include "smtp/address.h"

enum {
    N_TEMPLATES = 3
};

/* One of the texts. */
struct template
{
    const char *name;
    const struct gw_field *field;
    struct gw_mustache *compiled; /* NULL: not given */
    unsigned flags;
};

struct gw_prepare_copies {
    struct template templates[N_TEMPLATES];   /* subject, text, html */
    size_t steps;                             /* left, see GW_MAX_RENDER_STEPS */
    const struct gw_draft_personal **of_rcpt; /* for each of m->rcpts, NULL: none */
};

bool gw_prepare_is_rendered(const struct gw_draft *draft)
{
    return draft->variables.kind == GW_VALUE_OBJECT || draft->personal_given ||
           gw_is_given(&draft->template.name);
}

static void compile(struct gw_prepare_job *job, struct template *t)
{
    struct gw_err err;
    if (!gw_is_given(t->field) || gw_prepare_has_problem(job, t->field->pointer))
        return;
    if (gw_mustache_compile(job->arena, t->field->value, &t->compiled, &err) == GW_OK)
        return;
    t->compiled = NULL;
    gw_problems_add(job->problems, t->field->pointer, GW_PROBLEM_TEMPLATE,
                    "This is no template: %s.", err.text);
}

/* Finds the recipient that each entry is for. */
static void match_personal(struct gw_prepare_job *job, struct gw_prepare_copies *c)
{
    const struct gw_draft *d = job->draft;
    for (size_t i = 0; i < d->n_personal; i++) {
        struct smtp_mailbox m;
        struct gw_err err;
        const struct gw_draft_personal *p = &d->personal[i];
        bool found = false;
        bool good = smtp_mailbox_parse_addr(job->arena, p->email.value, &m, &err) == GW_OK;
        for (size_t j = 0; good && j < job->m->n_rcpts; j++) {
            if (strcmp(job->m->rcpts[j].email, m.address) != 0)
                continue;
            found = c->of_rcpt[j] == NULL;
            c->of_rcpt[j] = p;
        }
        if (!found)
            gw_problems_add(job->problems, p->email.pointer, GW_PROBLEM_VALUE,
                            "This is no recipient of the message, or it is named twice.");
    }
}

struct gw_prepare_copies *gw_prepare_copies_read(struct gw_prepare_job *job)
{
    const struct gw_draft *d = job->draft;
    struct gw_prepare_copies *c = GW_ARENA_NEW(job->arena, struct gw_prepare_copies);
    c->steps = GW_MAX_RENDER_STEPS;
    c->templates[0] = (struct template){.name = "subject", .field = &d->subject};
    c->templates[1] = (struct template){.name = "text", .field = &d->text};
    c->templates[2] =
        (struct template){.name = "html", .field = &d->html, .flags = GW_MUSTACHE_HTML};
    for (size_t i = 0; i < N_TEMPLATES; i++)
        compile(job, &c->templates[i]);
    c->of_rcpt = GW_ARENA_ARRAY(job->arena, const struct gw_draft_personal *, job->m->n_rcpts + 1);
    match_personal(job, c);
    if (d->personal_given)
        job->m->delivery_mode = GW_DELIVERY_INDIVIDUAL;
    return c;
}

/* "/recipients/<address>/variables/<name>" or "/variables/<name>". */
static const char *pointer_of(struct gw_prepare_job *job, const struct gw_draft_personal *personal,
                              size_t rcpt, struct gw_slice name)
{
    const struct gw_draft *d = job->draft;
    const char *base = d->variables_pointer != NULL ? d->variables_pointer : "/variables";
    if (personal != NULL)
        base = personal->pointer;
    else if (d->personal_given)
        base = gw_arena_printf(job->arena, "/recipients/%s/variables", job->m->rcpts[rcpt].email);
    char *escaped = gw_arena_bytes(job->arena, 2 * name.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < name.len; i++) {
        bool special = name.data[i] == '~' || name.data[i] == '/';
        if (special)
            escaped[n++] = '~';
        escaped[n++] = !special ? name.data[i] : name.data[i] == '~' ? '0' : '1';
    }
    escaped[n] = '\0';
    return gw_arena_printf(job->arena, "%s/%s", base, escaped);
}

/* "template at /text" or "text of the template welcome". */
static const char *place_of(struct gw_prepare_job *job, const struct template *t)
{
    const struct gw_field *stored = &job->draft->template.name;
    if (!gw_is_given(stored) || t->field->pointer != stored->pointer)
        return gw_arena_printf(job->arena, "template at %s", t->field->pointer);
    return gw_arena_printf(job->arena, "%s of the template %.*s", t->name,
                           GW_SLICE_ARG(stored->value));
}

static void complain(struct gw_prepare_job *job, const struct template *t, enum gw_status status,
                     const char *pointer)
{
    if (status == GW_NOTFOUND)
        gw_problems_add(job->problems, pointer, GW_PROBLEM_VARIABLE, "The %s needs this variable.",
                        place_of(job, t));
    else if (status == GW_INVALID)
        gw_problems_add(job->problems, pointer, GW_PROBLEM_VARIABLE,
                        "The %s needs a text here, not a list or an object.", place_of(job, t));
    else
        gw_problems_add(job->problems, t->field->pointer, GW_PROBLEM_TOO_LARGE,
                        "What the template makes is too large, or takes too many steps.");
}

bool gw_prepare_copies_render(struct gw_prepare_job *job, struct gw_prepare_copies *c, size_t rcpt,
                              struct gw_arena *arena, struct gw_draft *out)
{
    const struct gw_draft_personal *personal = c->of_rcpt[rcpt];
    struct gw_mustache_run run = {
        .values = {personal != NULL ? &personal->variables : NULL, &job->draft->variables},
        .steps = c->steps};
    struct gw_field *fields[N_TEMPLATES] = {&out->subject, &out->text, &out->html};
    size_t n_before = job->problems->n + job->problems->n_dropped;
    *out = *job->draft;
    for (size_t i = 0; i < N_TEMPLATES; i++) {
        const struct template *t = &c->templates[i];
        struct gw_buf text;
        if (t->compiled == NULL)
            continue;
        gw_buf_init(&text, GW_MAX_RENDERED);
        run.flags = t->flags;
        enum gw_status status = gw_mustache_render(t->compiled, &run, &text);
        if (status == GW_OK)
            fields[i]->value = gw_arena_slice(arena, gw_buf_view(&text));
        else
            complain(job, t, status, pointer_of(job, personal, rcpt, run.missing));
        gw_buf_deinit(&text);
    }
    c->steps = run.steps;
    return job->problems->n + job->problems->n_dropped == n_before;
}
