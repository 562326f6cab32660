/* SPDX-License-Identifier: MIT */
/* Messages that were sent, for facades. */
#include "api/compat/records.h"

#include "api/held_call.h"
#include "api/message_record.h"
#include "api/page.h"
#include "api/problem.h"
#include "gateway/base/gw_mem.h"

/* NULL: the path names no message, the request is answered. */
static struct api_held_call *new_call(struct api_request *r, const char *too_late,
                                      api_compat_view_fn view)
{
    if (!api_message_id_check(r))
        return NULL;
    struct api_held_call *c = api_held_call_new(r);
    c->view = view;
    c->too_late = too_late;
    return c;
}

void api_compat_show(struct api_request *r, api_compat_view_fn view)
{
    struct api_held_call *c = new_call(r, "", view);
    if (c != NULL)
        c->call = gw_message_raw(r->context->gateway, api_request_tenant(r), r->param,
                                 api_held_call_on_record, c);
}

void api_compat_cancel(struct api_request *r, const char *too_late, api_compat_view_fn view)
{
    struct api_held_call *c = new_call(r, too_late, view);
    if (c != NULL)
        c->call = gw_message_cancel(r->context->gateway, api_request_tenant(r), r->param,
                                    api_held_call_on_record, c);
}

void api_compat_schedule(struct api_request *r, int64_t at_ms, const char *too_late,
                         api_compat_view_fn view)
{
    struct api_held_call *c = new_call(r, too_late, view);
    if (c != NULL)
        c->call = gw_message_schedule(r->context->gateway, api_request_tenant(r), r->param, at_ms,
                                      api_held_call_on_record, c);
}

bool api_compat_read(struct gw_arena *arena, const struct gw_message *m,
                     struct gw_read_message *out)
{
    if (m->mime.data == NULL || m->mime.len > API_COMPAT_MAX_READ)
        return false;
    gw_mime_read(arena, gw_message_content(m, &m->rcpts[0]), GW_MIME_READ_BODIES, out);
    return true;
}

void api_compat_text(struct api_json *j, const char *key, struct gw_slice text)
{
    if (text.data != NULL)
        api_json_slice(j, key, text);
    else
        api_json_null(j, key);
}

bool api_compat_address(struct api_request *r, const char *name, const char **out)
{
    const char *text = api_request_query(r, name);
    const char *found = NULL;
    if (text == NULL)
        return true;
    struct gw_arena *arena = gw_arena_new(0);
    bool ok = gw_filter_address(arena, text, &found);
    if (ok)
        *out = api_request_strdup(r, gw_slice_str(found));
    else
        api_problem(r, API_UNKNOWN_PARAMETER, "%s must be an address.", name);
    gw_arena_free(&arena);
    return ok;
}

bool api_compat_number(struct api_request *r, const char *name, int64_t min, int64_t max,
                       int64_t otherwise, int64_t *out)
{
    *out = otherwise;
    return api_page_number(r, name, min, max, out);
}

/* ---- lists ---- */

enum {
    MAX_TOLD = 20 /* messages that are held until all of their events are read; ours */
};

struct walk {
    struct api_request *request;
    struct gw_call *call;
    struct api_compat_list list;
    struct gw_buf body;
    struct api_json json;
    size_t n_seen, n_skipped, n_shown;
    bool found_after, more;
    struct gw_message *told[MAX_TOLD]; /* copies of those whose events are to be shown */
    size_t n_told, next_told;
};

static void forget_told(struct walk *w)
{
    for (size_t i = 0; i < w->n_told; i++)
        gw_message_free(&w->told[i]);
    w->n_told = 0;
    w->next_told = 0;
}

static void free_walk(struct walk *w)
{
    forget_told(w);
    gw_buf_deinit(&w->body);
    gw_free(w);
}

static void on_walker_gone(void *data)
{
    struct walk *w = data;
    gw_call_abandon(w->call);
    free_walk(w);
}

static void look(struct walk *w, const struct gw_message *m)
{
    w->n_seen++;
    if (!w->found_after) {
        w->found_after = strcmp(m->id, w->list.after) == 0;
    } else if (w->n_skipped < w->list.offset) {
        w->n_skipped++;
    } else if (w->n_shown == w->list.take) {
        w->more = true;
    } else {
        if (w->list.event != NULL)
            w->told[w->n_told++] = gw_message_copy(m);
        else
            w->list.item(&w->json, m);
        memcpy(w->list.last, m->id, GW_UUID_SIZE);
        w->n_shown++;
    }
}

static void next_page(struct walk *w);
static void next_history(struct walk *w);
static void ask_history(struct walk *w, int64_t before);

/* All that was found by now is shown. */
static void go_on(struct walk *w)
{
    int64_t cursor = w->list.query.cursor;
    if (!w->more && cursor > 0 && w->n_seen < API_COMPAT_MAX_WALK) {
        next_page(w);
        return;
    }
    if (!w->found_after) {
        api_message_not_found(w->request);
    } else {
        w->list.end(&w->json, w->n_shown, w->more || cursor > 0, &w->list);
        api_answer_json(w->request, 200, &w->body);
    }
    free_walk(w);
}

/* A message of many recipients has many events: the page ends early. */
static void end_behind(struct walk *w, const struct gw_message *m)
{
    memcpy(w->list.last, m->id, GW_UUID_SIZE);
    w->n_shown -= w->n_told - w->next_told;
    w->next_told = w->n_told;
    w->more = true;
}

static void on_history(enum gw_status status, const struct gw_event *events, size_t n,
                       int64_t before, void *data)
{
    struct walk *w = data;
    const struct gw_message *m = w->told[w->next_told];
    if (status != GW_OK && status != GW_NOTFOUND) { /* it may be forgotten by now */
        api_message_failed(w->request, status);
        free_walk(w);
        return;
    }
    for (size_t i = 0; status == GW_OK && i < n; i++)
        w->list.event(&w->json, m, &events[i], &w->list);
    bool full = w->body.len > API_COMPAT_MAX_PAGE / 2;
    if (status == GW_OK && before != 0 && !full) {
        ask_history(w, before);
        return;
    }
    w->next_told++;
    if (full)
        end_behind(w, m);
    next_history(w);
}

/* @before  the oldest event that was shown; 0: none was */
static void ask_history(struct walk *w, int64_t before)
{
    const struct gw_history_query query = {.tenant = w->list.query.tenant,
                                           .id = w->told[w->next_told]->id,
                                           .before = before,
                                           .limit = GW_EVENTS_MAX};
    w->call = gw_message_history(w->request->context->gateway, &query, on_history, w);
}

static void next_history(struct walk *w)
{
    if (w->next_told < w->n_told) {
        ask_history(w, 0);
        return;
    }
    forget_told(w);
    go_on(w);
}

static void on_page(enum gw_status status, struct gw_message *const *messages, size_t n,
                    int64_t cursor, void *data)
{
    struct walk *w = data;
    if (status != GW_OK) {
        api_message_failed(w->request, status);
        free_walk(w);
        return;
    }
    for (size_t i = 0; i < n && !w->more; i++)
        look(w, messages[i]);
    w->list.query.cursor = cursor;
    next_history(w);
}

static void next_page(struct walk *w)
{
    w->call = gw_list_messages(w->request->context->gateway, &w->list.query, on_page, w);
}

/* The time in a UUIDv7 (RFC 9562 sec. 5.7), wall milliseconds; 0 when @id is none. */
static int64_t id_time(const char *id)
{
    int64_t ms = 0;
    for (size_t i = 0; i < 13; i++) {
        const char *digits = "0123456789abcdef";
        const char *at = id[i] != '\0' ? strchr(digits, id[i] | 0x20) : NULL;
        if (i == 8 && id[i] == '-')
            continue;
        if (at == NULL)
            return 0;
        ms = ms * 16 + (at - digits);
    }
    return ms;
}

void api_compat_list(struct api_request *r, const struct api_compat_list *list)
{
    struct walk *w = gw_calloc(1, sizeof(*w));
    w->request = r;
    w->list = *list;
    w->list.request = r;
    w->found_after = list->after == NULL;
    w->list.query.tenant = api_request_tenant(r);
    w->list.query.limit = list->event != NULL ? MAX_TOLD : GW_LIST_MAX;
    w->list.query.cursor = 0;
    if (list->after != NULL) /* it and what is older */
        w->list.query.until_ms = id_time(list->after) + 1;
    gw_buf_init(&w->body, API_COMPAT_MAX_PAGE);
    w->json = (struct api_json){.out = &w->body};
    w->list.begin(&w->json);
    api_request_hold(r, on_walker_gone, w);
    next_page(w);
}
