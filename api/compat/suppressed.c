/* SPDX-License-Identifier: MIT */
/* Suppression lists, for facades. A call in hand ties the request to the store's work; whichever
 * side ends first frees it and unhooks the other. */
#include "api/compat/suppressed.h"

#include <string.h>

#include "api/message_record.h"
#include "api/problem.h"
#include "api/small_body.h"
#include "gateway/base/gw_mem.h"

enum {
    MAX_ANSWER = 16 << 20
};

/* ---- lists ---- */

struct walk {
    struct api_request *request;
    struct gw_call *call;
    struct api_compat_suppressed list;
    struct gw_suppression_query query;
    struct gw_arena *arena;
    struct gw_buf body;
    struct api_json json;
    size_t n_skipped, n_shown;
    bool found_after, more;
    const char *last; /* shown; NULL: none yet */
};

static void free_walk(struct walk *w)
{
    gw_buf_deinit(&w->body);
    gw_arena_free(&w->arena);
    gw_free(w);
}

static void on_walker_gone(void *data)
{
    struct walk *w = data;
    gw_call_abandon(w->call);
    free_walk(w);
}

static bool is_asked_for(const struct walk *w, const struct gw_suppression *e)
{
    const struct api_compat_suppressed *list = &w->list;
    return (list->reasons == 0 || (list->reasons & 1U << e->reason) != 0) &&
           e->created_at_ms >= list->since_ms &&
           (list->until_ms == 0 || e->created_at_ms < list->until_ms);
}

static void look(struct walk *w, const struct gw_suppression *e)
{
    if (!w->found_after) {
        w->found_after = strcmp(e->email, w->list.after) == 0;
    } else if (!is_asked_for(w, e)) {
        return;
    } else if (w->n_skipped < w->list.offset) {
        w->n_skipped++;
    } else if (w->n_shown == w->list.take) {
        w->more = true;
    } else {
        w->list.item(&w->json, e);
        w->n_shown++;
        w->last = gw_arena_strdup(w->arena, e->email);
    }
}

static void next_page(struct walk *w);

static void on_page(enum gw_status status, const struct gw_suppression *entries, size_t n,
                    int64_t cursor, void *data)
{
    struct walk *w = data;
    for (size_t i = 0; status == GW_OK && i < n && !w->more; i++)
        look(w, &entries[i]);
    w->query.cursor = cursor;
    if (status == GW_OK && !w->more && cursor > 0) {
        next_page(w);
        return;
    }
    if (status != GW_OK) {
        api_message_failed(w->request, status);
    } else if (!w->found_after || (w->list.must_exist && w->n_shown == 0)) {
        api_problem(w->request, API_NOT_FOUND, "The address is not on the suppression list.");
    } else {
        w->list.end(&w->json, &(struct api_compat_listed){
                                  .request = w->request, .more = w->more, .last = w->last});
        api_answer_json(w->request, 200, &w->body);
    }
    free_walk(w);
}

static void next_page(struct walk *w)
{
    w->call = gw_list_suppressions(w->request->context->gateway, &w->query, on_page, w);
}

/* @text as the list has it; false: the request is answered. */
static bool address(struct walk *w, const char *name, const char **text)
{
    if (*text == NULL || gw_suppression_address(w->arena, *text, text))
        return true;
    api_problem(w->request, API_UNKNOWN_PARAMETER, "%s must be an address.", name);
    return false;
}

void api_compat_list_suppressed(struct api_request *r, const struct api_compat_suppressed *list)
{
    struct walk *w = gw_calloc(1, sizeof(*w));
    w->request = r;
    w->list = *list;
    w->arena = gw_arena_new(0);
    gw_buf_init(&w->body, MAX_ANSWER);
    if (!address(w, "email", &w->list.email) || !address(w, "after", &w->list.after)) {
        free_walk(w);
        return;
    }
    w->found_after = w->list.after == NULL;
    w->query = (struct gw_suppression_query){.tenant = api_request_tenant(r),
                                             .email = w->list.email,
                                             .reason = -1,
                                             .limit = GW_SUPPRESSIONS_MAX};
    w->json = (struct api_json){.out = &w->body};
    w->list.begin(&w->json);
    api_request_hold(r, on_walker_gone, w);
    next_page(w);
}

/* ---- changes ---- */

struct change {
    struct api_request *request;
    struct gw_call *call;
    api_compat_entries_fn view;
    unsigned reasons; /* of an entry that may be taken off */
};

static void on_changer_gone(void *data)
{
    struct change *c = data;
    gw_call_abandon(c->call);
    gw_free(c);
}

static void on_changed(enum gw_status status, const struct gw_suppression *entries, size_t n,
                       int64_t cursor, void *data)
{
    struct change *c = data;
    (void)cursor;
    if (status == GW_OK || status == GW_NOTFOUND)
        c->view(c->request, entries, status == GW_OK ? n : 0);
    else
        api_message_failed(c->request, status);
    gw_free(c);
}

static struct change *new_change(struct api_request *r, api_compat_entries_fn view)
{
    struct change *c = gw_calloc(1, sizeof(*c));
    *c = (struct change){.request = r, .view = view};
    api_request_hold(r, on_changer_gone, c);
    return c;
}

void api_compat_suppress(struct api_request *r, const char *const *emails, size_t n,
                         api_compat_entries_fn view)
{
    struct gw_suppression entries[API_COMPAT_MAX_ADDRESSES];
    for (size_t i = 0; i < n; i++)
        entries[i] = (struct gw_suppression){.email = emails[i], .reason = GW_SUPPRESSION_MANUAL};
    api_compat_suppress_entries(r, entries, n, view);
}

void api_compat_suppress_entries(struct api_request *r, const struct gw_suppression *entries,
                                 size_t n, api_compat_entries_fn view)
{
    struct change *c = new_change(r, view);
    c->call = gw_suppress(r->context->gateway, api_request_tenant(r), entries, n, on_changed, c);
}

void api_compat_unsuppress(struct api_request *r, const char *const *emails, size_t n,
                           api_compat_entries_fn view)
{
    struct change *c = new_change(r, view);
    c->call = gw_unsuppress(r->context->gateway, api_request_tenant(r), emails, n, on_changed, c);
}

/* The entry that is to be taken off. */
static void on_found(enum gw_status status, const struct gw_suppression *entries, size_t n,
                     int64_t cursor, void *data)
{
    struct change *c = data;
    struct api_request *r = c->request;
    if (status != GW_OK || n == 0 || (c->reasons & 1U << entries[0].reason) == 0)
        on_changed(status == GW_OK ? GW_NOTFOUND : status, NULL, 0, cursor, c);
    else
        c->call = gw_unsuppress(r->context->gateway, api_request_tenant(r), &entries[0].email, 1,
                                on_changed, c);
}

void api_compat_unsuppress_one(struct api_request *r, unsigned reasons, const char *email,
                               api_compat_entries_fn view)
{
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_suppression_query q = {.tenant = api_request_tenant(r), .reason = -1, .limit = 1};
    if (gw_suppression_address(arena, email, &q.email)) {
        struct change *c = new_change(r, view);
        c->reasons = reasons;
        c->call = gw_list_suppressions(r->context->gateway, &q, on_found, c);
    } else {
        view(r, NULL, 0);
    }
    gw_arena_free(&arena);
}

/* Adds @f to the addresses, unless it is there. */
static void collect(struct gw_arena *arena, const struct gw_field *f, struct gw_problems *problems,
                    const char **out, size_t *n)
{
    const char *email = NULL;
    if (f->value.data == NULL || strlen(f->value.data) != f->value.len ||
        !gw_suppression_address(arena, f->value.data, &email)) {
        gw_problems_add(problems, f->pointer, GW_PROBLEM_ADDRESS,
                        "Must be a bare address such as ann@example.org.");
        return;
    }
    for (size_t i = 0; i < *n; i++)
        if (strcmp(out[i], email) == 0)
            return;
    out[(*n)++] = email;
}

void api_compat_change_suppressed(struct api_request *r, const struct api_compat_addresses *in,
                                  api_compat_change_fn change, api_compat_entries_fn view)
{
    const char *emails[API_COMPAT_MAX_ADDRESSES];
    struct gw_problems problems;
    size_t n = 0;
    struct api_json_target target = {.fields = in->field, .n_fields = 1, .into = in->target};
    if (!api_small_body_read(r, API_COMPAT_MAX_ADDRESSES_BODY, in->arena, &target, &problems))
        return;
    bool readable = problems.n == 0;
    for (size_t i = 0; readable && i < *in->n; i++)
        collect(in->arena, &in->items[i], &problems, emails, &n);
    if (problems.n == 0 && n == 0)
        gw_problems_add(&problems, in->pointer, GW_PROBLEM_REQUIRED,
                        "At least one address is required.");
    if (problems.n > 0)
        api_problem_send(r,
                         &(struct api_problem){.code = API_VALIDATION_FAILED, .errors = &problems});
    else
        change(r, emails, n, view);
}
