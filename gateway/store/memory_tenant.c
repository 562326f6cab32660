/* SPDX-License-Identifier: MIT */
/* What a tenant keeps beside its mail: suppressions and templates, as calls of the engine. */
#include "gateway/store/memory_internal.h"

void memory_suppress_entries(struct gw_store *base, const char *tenant,
                             const struct gw_suppression *entries, size_t n,
                             gw_store_suppressions_cb cb, void *data)
{
    struct memory_reply r =
        memory_suppress(&memory_self(base)->suppressions, tenant, entries, n, cb, data);
    memory_queue_reply(memory_self(base), &r);
}

void memory_unsuppress_entries(struct gw_store *base, const char *tenant, const char *const *emails,
                               size_t n, gw_store_suppressions_cb cb, void *data)
{
    struct memory_reply r =
        memory_unsuppress(&memory_self(base)->suppressions, tenant, emails, n, cb, data);
    memory_queue_reply(memory_self(base), &r);
}

void memory_suppression_list(struct gw_store *base, const struct gw_suppression_query *query,
                             gw_store_suppressions_cb cb, void *data)
{
    struct memory_reply r =
        memory_list_suppressions(&memory_self(base)->suppressions, query, cb, data);
    memory_queue_reply(memory_self(base), &r);
}

void memory_template_put(struct gw_store *base, const char *tenant, const struct gw_template *t,
                         gw_store_templates_cb cb, void *data)
{
    struct memory_reply r = memory_put_template(&memory_self(base)->templates, tenant, t, cb, data);
    memory_queue_reply(memory_self(base), &r);
}

void memory_template_delete(struct gw_store *base, const char *tenant, const char *name,
                            gw_store_done_cb cb, void *data)
{
    struct memory_store *s = memory_self(base);
    memory_queue_reply(
        s, &(struct memory_reply){.call = memory_reply_done,
                                  .status = memory_delete_template(&s->templates, tenant, name),
                                  .cb.done = cb,
                                  .data = data});
}

void memory_template_list(struct gw_store *base, const struct gw_template_query *query,
                          gw_store_templates_cb cb, void *data)
{
    struct memory_reply r = memory_list_templates(&memory_self(base)->templates, query, cb, data);
    memory_queue_reply(memory_self(base), &r);
}
