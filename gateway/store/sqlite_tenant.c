/* SPDX-License-Identifier: MIT */
/* What a tenant keeps beside its mail: suppressions and templates, as calls of the engine. This is
 * the loop's side; sqlite_suppressions.c and sqlite_templates.c have the rows. */
#include "gateway/base/gw_check.h"
#include "gateway/store/sqlite_internal.h"

/* @max_found  entries the answer may hold */
static struct sqlite_op *new_suppression_op(enum sqlite_op_kind kind, size_t max_found,
                                            gw_store_suppressions_cb cb, void *data)
{
    PRE(max_found > 0 && max_found <= GW_SUPPRESSIONS_MAX);
    struct sqlite_op *op = sqlite_op_new(kind, 0, data);
    op->suppressions.found = GW_ARENA_ARRAY(op->arena, struct gw_suppression, max_found);
    op->n_entries = max_found;
    op->cb.suppressions = cb;
    return op;
}

void sqlite_suppress_entries(struct gw_store *base, const char *tenant,
                             const struct gw_suppression *entries, size_t n,
                             gw_store_suppressions_cb cb, void *data)
{
    struct sqlite_op *op = new_suppression_op(OP_SUPPRESS, n, cb, data);
    struct gw_suppression *copies = GW_ARENA_ARRAY(op->arena, struct gw_suppression, n);
    for (size_t i = 0; i < n; i++)
        copies[i] = gw_suppression_copy(op->arena, &entries[i]);
    op->entries = copies;
    op->tenant = gw_arena_strdup(op->arena, tenant);
    sqlite_queue(base, op);
}

void sqlite_unsuppress_entries(struct gw_store *base, const char *tenant, const char *const *emails,
                               size_t n, gw_store_suppressions_cb cb, void *data)
{
    struct sqlite_op *op = new_suppression_op(OP_UNSUPPRESS, n, cb, data);
    const char **copies = GW_ARENA_ARRAY(op->arena, const char *, n);
    for (size_t i = 0; i < n; i++)
        copies[i] = gw_arena_strdup(op->arena, emails[i]);
    op->emails = copies;
    op->tenant = gw_arena_strdup(op->arena, tenant);
    sqlite_queue(base, op);
}

void sqlite_suppression_entries(struct gw_store *base, const struct gw_suppression_query *query,
                                gw_store_suppressions_cb cb, void *data)
{
    struct sqlite_op *op = new_suppression_op(OP_SUPPRESSIONS, query->limit, cb, data);
    op->list_suppressions = gw_suppression_query_copy(op->arena, query);
    sqlite_queue(base, op);
}

/* @max_found  templates the answer may hold */
static struct sqlite_op *new_template_op(enum sqlite_op_kind kind, size_t max_found,
                                         gw_store_templates_cb cb, void *data)
{
    PRE(max_found > 0 && max_found <= GW_TEMPLATES_MAX);
    struct sqlite_op *op = sqlite_op_new(kind, 0, data);
    op->templates.found = GW_ARENA_ARRAY(op->arena, struct gw_template, max_found);
    op->cb.templates = cb;
    return op;
}

void sqlite_template_put(struct gw_store *base, const char *tenant, const struct gw_template *t,
                         gw_store_templates_cb cb, void *data)
{
    struct sqlite_op *op = new_template_op(OP_TEMPLATE_PUT, 1, cb, data);
    op->tenant = gw_arena_strdup(op->arena, tenant);
    op->template = gw_template_copy(op->arena, t);
    sqlite_queue(base, op);
}

void sqlite_template_delete(struct gw_store *base, const char *tenant, const char *name,
                            gw_store_done_cb cb, void *data)
{
    struct sqlite_op *op = sqlite_op_new(OP_TEMPLATE_DELETE, 0, data);
    op->tenant = gw_arena_strdup(op->arena, tenant);
    op->key = gw_arena_strdup(op->arena, name);
    op->cb.done = cb;
    sqlite_queue(base, op);
}

void sqlite_template_entries(struct gw_store *base, const struct gw_template_query *query,
                             gw_store_templates_cb cb, void *data)
{
    enum sqlite_op_kind kind = query->name != NULL ? OP_TEMPLATE_FIND : OP_TEMPLATES;
    struct sqlite_op *op = new_template_op(kind, query->limit, cb, data);
    op->templates_of = *query;
    op->templates_of.tenant = gw_arena_strdup(op->arena, query->tenant);
    op->templates_of.name = gw_arena_strdup_or_null(op->arena, query->name);
    sqlite_queue(base, op);
}
