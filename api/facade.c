/* SPDX-License-Identifier: MIT */
/* What facades share. */
#include "api/facade.h"

#include <stdio.h>

#include "api/auth.h"

/* Every facade. A new one adds its line here and its tables of routes to routes.c. */
static const struct api_facade *const facades[] = {
    &api_resend_facade,    &api_postmark_facade, &api_sendgrid_facade,
    &api_ses_query_facade, &api_ses_facade,      &api_mailgun_facade,
};

enum {
    MAX_REFUSAL = 256 * 1024 /* GW_MAX_PROBLEMS fields */
};

static struct gw_slice behind(struct gw_slice s, size_t n)
{
    return gw_slice_of(s.data + n, s.len - n);
}

static struct gw_slice skip_slashes(struct gw_slice s)
{
    while (s.len > 0 && s.data[0] == '/')
        s = behind(s, 1);
    return s;
}

/* Takes the segment @name off the front of *s. */
static bool take_segment(struct gw_slice *s, const char *name)
{
    size_t len = strlen(name);
    *s = skip_slashes(*s);
    if (s->len < len || memcmp(s->data, name, len) != 0 || (s->len > len && s->data[len] != '/'))
        return false;
    *s = behind(*s, len);
    return true;
}

const struct api_facade *api_facade_find(struct gw_slice path, struct gw_slice *rest_out)
{
    if (!take_segment(&path, "compat"))
        return NULL;
    for (size_t i = 0; i < sizeof(facades) / sizeof(facades[0]); i++) {
        struct gw_slice rest = path;
        if (!take_segment(&rest, facades[i]->name) ||
            (facades[i]->at_root && skip_slashes(rest).len > 0))
            continue;
        if (rest_out != NULL)
            *rest_out = skip_slashes(rest);
        return facades[i];
    }
    return NULL;
}

void api_facade_enter(struct api_request *r)
{
    struct gw_slice rest;
    r->facade = api_facade_find(r->path, &rest);
    if (r->facade == NULL)
        return;
    struct gw_buf path;
    gw_buf_init(&path, r->path.len);
    (void)gw_buf_printf(&path, "/compat/%s%s", r->facade->name, rest.len > 0 ? "/" : "");
    (void)gw_buf_add_slice(&path, rest);
    if (path.len < r->path.len)
        r->path = gw_slice_of(api_request_strdup(r, gw_buf_view(&path)), path.len);
    gw_buf_deinit(&path);
}

/* ---- sentences ---- */

static bool is_inside(const char *pointer, const char *outer)
{
    size_t len = strlen(outer);
    return strncmp(pointer, outer, len) == 0 && (pointer[len] == '\0' || pointer[len] == '/');
}

/* The field as the provider calls it, dotted. */
static void name_field(const struct api_facade *f, const char *pointer,
                       char out[API_FACADE_MAX_MESSAGE])
{
    const char *from = pointer;
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < f->n_fields; i++) {
        if (!is_inside(pointer, f->fields[i].pointer))
            continue;
        len = (size_t)snprintf(out, API_FACADE_MAX_MESSAGE, "%s", f->fields[i].name);
        from = pointer + strlen(f->fields[i].pointer);
        break;
    }
    for (; *from != '\0' && len < API_FACADE_MAX_MESSAGE - 1; from++)
        if (*from != '/' || len > 0)
            out[len++] = (char)(*from == '/' ? '.' : *from);
    out[len] = '\0';
}

/* @template with its three words replaced. */
static void fill(const char *template, const char *path, const char *detail,
                 char out[API_FACADE_MAX_MESSAGE])
{
    const struct {
        const char *word;
        struct gw_slice value;
    } words[] = {{"{field}", gw_slice_of(path, strcspn(path, "."))},
                 {"{path}", gw_slice_str(path)},
                 {"{detail}", gw_slice_str(detail)}};
    const size_t n_words = sizeof(words) / sizeof(words[0]);
    struct gw_buf b;
    gw_buf_init(&b, API_FACADE_MAX_MESSAGE - 1);
    for (const char *c = template; *c != '\0' && !b.overflowed;) {
        size_t i = 0;
        while (i < n_words && strncmp(c, words[i].word, strlen(words[i].word)) != 0)
            i++;
        if (i < n_words) {
            (void)gw_buf_add_slice(&b, words[i].value);
            c += strlen(words[i].word);
        } else {
            (void)gw_buf_add_char(&b, *c++);
        }
    }
    struct gw_slice text = gw_buf_view(&b);
    if (text.len > 0)
        memcpy(out, text.data, text.len);
    out[text.len] = '\0';
    gw_buf_deinit(&b);
}

static const struct api_facade_error *error_of_code(const struct api_facade *f, enum api_code code)
{
    static const struct api_facade_error as_ours; /* status 0 */
    return f->errors[code].status != 0 ? &f->errors[code] : &as_ours;
}

static const struct api_facade_error *error_of_field(const struct api_facade *f,
                                                     const struct gw_problem *field)
{
    for (size_t i = 0; i < f->n_rules; i++) {
        const struct api_facade_rule *rule = &f->rules[i];
        if (is_inside(field->pointer, rule->pointer) &&
            (rule->code == NULL || rule->code == field->code))
            return &rule->error;
    }
    return error_of_code(f, API_VALIDATION_FAILED);
}

const struct api_facade_error *api_facade_say_field(const struct api_facade *f,
                                                    const struct gw_problem *field,
                                                    char message[API_FACADE_MAX_MESSAGE],
                                                    char path_out[API_FACADE_MAX_MESSAGE])
{
    const struct api_facade_error *error = error_of_field(f, field);
    name_field(f, field->pointer, path_out);
    const char *template = error->message;
    if (template == NULL)
        template = path_out[0] != '\0' ? "{path}: {detail}" : "{detail}";
    fill(template, path_out, field->detail, message);
    return error;
}

static bool is_called(const struct api_facade_error *error, const char *name)
{
    return error->name != NULL && name != NULL && strcmp(error->name, name) == 0;
}

/* The one that is told where only one can be: who may send comes before what is sent. So does what
 * the provider calls by the same name, if it has one for that. */
static const struct gw_problem *worst(const struct api_facade *f,
                                      const struct gw_problems *problems)
{
    const char *name = error_of_code(f, API_SENDER_NOT_ALLOWED)->name;
    if (is_called(error_of_code(f, API_VALIDATION_FAILED), name))
        name = NULL;
    for (size_t i = 0; i < problems->n; i++) {
        const struct gw_problem *p = &problems->items[i];
        if (p->code == GW_PROBLEM_SENDER || is_called(error_of_field(f, p), name))
            return p;
    }
    return &problems->items[0];
}

void api_facade_say(const struct api_facade *f, const struct api_problem *p, const char *request_id,
                    char message[API_FACADE_MAX_MESSAGE], struct api_facade_refusal *refusal_out)
{
    char path[API_FACADE_MAX_MESSAGE];
    *refusal_out = (struct api_facade_refusal){
        .facade = f, .problem = p, .message = message, .request_id = request_id};
    if (p->as == NULL && p->errors != NULL && p->errors->n > 0) {
        refusal_out->error = api_facade_say_field(f, worst(f, p->errors), message, path);
        return;
    }
    const struct api_facade_error *error = p->as != NULL ? p->as : error_of_code(f, p->code);
    const char *detail = p->detail != NULL ? p->detail : api_code_title(p->code);
    refusal_out->error = error;
    fill(error->message != NULL ? error->message : "{detail}", "", detail, message);
}

unsigned api_facade_status(const struct api_facade_refusal *refusal)
{
    unsigned status = refusal->error->status;
    return status != 0 ? status : api_code_status(refusal->problem->code);
}

const char *api_facade_name(const struct api_facade_refusal *refusal)
{
    const char *name = refusal->error->name;
    return name != NULL ? name : refusal->facade->other_name;
}

void api_facade_refuse(struct api_request *r, const struct api_problem *p)
{
    const struct api_facade *f = r->facade;
    char message[API_FACADE_MAX_MESSAGE];
    struct api_facade_refusal refusal;
    struct gw_buf body;
    gw_buf_init(&body, MAX_REFUSAL);
    api_facade_say(f, p, r->id, message, &refusal);
    f->render(&refusal, &body);
    const char *name = api_facade_name(&refusal);
    if (f->error_header != NULL && name != NULL)
        api_set_header(r, f->error_header, name);
    if (f->request_id_header != NULL)
        api_set_header(r, f->request_id_header, r->id);
    api_answer(r, api_facade_status(&refusal), f->content_type, &body);
}

const struct cfg_api_key *api_facade_bearer(struct api_request *r, struct api_problem *why)
{
    struct gw_slice given;
    (void)why;
    if (api_request_headers(r, "authorization", &given, 1) != 1)
        return NULL;
    return api_auth_bearer(r->context->cfg, given);
}
