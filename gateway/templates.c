/* SPDX-License-Identifier: MIT */
/* Stored templates on behalf of the HTTP face.
 *
 * A new one: body → pool (decode, judge) → store → what messages were made of so far is dropped. */
#include "gateway/templates.h"

#include "gateway/base/gw_mem.h"
#include "gateway/base/gw_turns.h"
#include "gateway/gateway_internal.h"
#include "gateway/records_internal.h"

/* ---- keeping one ---- */

struct put {
    struct gw_arrival arrival;
    struct gw_work work;
    struct gw_call *call;
    gw_template_put_cb cb;
    gw_template_decode_fn decode;
    char *name, *body; /* heap */
    size_t body_len;
    enum gw_status status;
    struct gw_arena *arena;
    struct gw_problems problems;
    struct gw_template template;
};

static void end_put(struct put *p, const struct gw_template_put_result *result)
{
    struct gw_call *c = p->call;
    if (!c->abandoned)
        p->cb(result, c->data);
    gw_arena_free(&p->arena);
    gw_free(p->name);
    gw_free(p->body);
    gw_free(p);
    gw_call_end(c);
}

static void on_kept(enum gw_status status, const struct gw_template *templates, size_t n,
                    int64_t is_new, void *data)
{
    struct put *p = data;
    struct gw_template_put_result result = {.status = status, .is_new = is_new != 0};
    gw_template_cache_drop(&p->call->gateway->templates, p->call->tenant, p->name);
    if (status == GW_OK && n == 1)
        result.template = &templates[0];
    end_put(p, &result);
}

static void run_check(struct gw_work *w)
{
    struct put *p = gw_list_entry(w, struct put, work);
    struct gw_template_draft draft = {.subject = {.pointer = NULL}};
    p->arena = gw_arena_new(0);
    gw_problems_init(&p->problems, p->arena);
    p->status = p->decode(p->arena, gw_slice_of(p->body, p->body_len), &draft, &p->problems);
    if (p->status == GW_PROTO)
        return;
    bool good = gw_template_check(&draft, p->arena, &p->problems, &p->template);
    p->status = good ? GW_OK : GW_INVALID;
    p->template.name = p->name;
}

static void on_checked(struct gw_work *w)
{
    struct put *p = gw_list_entry(w, struct put, work);
    struct gw_store *store = p->call->gateway->store;
    if (p->status == GW_OK)
        store->engine->template_put(store, p->call->tenant, &p->template, on_kept, p);
    else
        end_put(p, &(struct gw_template_put_result){.status = p->status, .problems = &p->problems});
}

static void begin_put(struct gw_arrival *a)
{
    struct put *p = gw_list_entry(a, struct put, arrival);
    enum gw_status st = GW_CLOSED;
    if (p->call->gateway->state == GW_RUNNING)
        st = gw_workers_submit(p->call->gateway->workers, &p->work);
    if (st != GW_OK)
        end_put(p, &(struct gw_template_put_result){.status = st});
}

struct gw_call *gw_put_template(struct gw_gateway *g, const struct gw_template_given *given,
                                gw_template_put_cb cb, void *data)
{
    struct put *p = gw_calloc(1, sizeof(*p));
    p->call = gw_call_new(g, given->tenant, "", data);
    p->cb = cb;
    p->decode = given->decode;
    p->name = gw_strdup(given->name);
    p->body = gw_memdup0(given->body.data, given->body.len);
    p->body_len = given->body.len;
    p->work = (struct gw_work){
        .run = run_check, .done = on_checked, .flow = gw_turns_flow(given->tenant)};
    gw_gateway_arrive(g, &p->arrival, begin_put);
    return p->call;
}

/* ---- deleting one ---- */

struct deletion {
    struct gw_call *call;
    gw_store_done_cb cb;
    char *name; /* heap */
};

static void on_deleted(enum gw_status status, void *data)
{
    struct deletion *d = data;
    struct gw_call *c = d->call;
    gw_template_cache_drop(&c->gateway->templates, c->tenant, d->name);
    if (!c->abandoned)
        d->cb(status, c->data);
    gw_free(d->name);
    gw_free(d);
    gw_call_end(c);
}

struct gw_call *gw_delete_template(struct gw_gateway *g, const char *tenant, const char *name,
                                   gw_store_done_cb cb, void *data)
{
    struct deletion *d = gw_calloc(1, sizeof(*d));
    d->call = gw_call_new(g, tenant, "", data);
    d->cb = cb;
    d->name = gw_strdup(name);
    g->store->engine->template_delete(g->store, tenant, name, on_deleted, d);
    return d->call;
}

/* ---- reading ---- */

static void on_templates(enum gw_status status, const struct gw_template *templates, size_t n,
                         int64_t cursor, void *data)
{
    struct gw_call *c = data;
    if (!c->abandoned)
        c->on_templates(status, templates, n, cursor, c->data);
    gw_call_end(c);
}

struct gw_call *gw_list_templates(struct gw_gateway *g, const struct gw_template_query *query,
                                  gw_store_templates_cb cb, void *data)
{
    struct gw_call *c = gw_call_new(g, query->tenant, "", data);
    c->on_templates = cb;
    g->store->engine->templates(g->store, query, on_templates, c);
    return c;
}
