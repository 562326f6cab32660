/* SPDX-License-Identifier: MIT */
/* Stored templates as the HTTP face reads and changes them: each tenant has its own, "" are those
 * of who needs no key. Loop thread only; callbacks come from the loop, exactly once unless
 * abandoned (gw_call_abandon()), never from inside the call. */
#ifndef GW_TEMPLATES_H
#define GW_TEMPLATES_H

#include "gateway/prepare_template.h"
#include "gateway/records.h"

/* Decodes a body. Runs in a pool thread; as gw_decode_fn. */
typedef enum gw_status (*gw_template_decode_fn)(struct gw_arena *arena, struct gw_slice body,
                                                struct gw_template_draft *out,
                                                struct gw_problems *problems);

struct gw_template_put_result {
    enum gw_status status; /* GW_OK; GW_INVALID, GW_PROTO: problems; or what the store says */
    const struct gw_template *template; /* GW_OK: without texts */
    bool is_new;                        /* GW_OK: there was none of this name */
    const struct gw_problems *problems;
};
typedef void (*gw_template_put_cb)(const struct gw_template_put_result *result, void *data);

/* What to keep. */
struct gw_template_given {
    const char *tenant, *name; /* copied; gw_template_name_valid() */
    struct gw_slice body;      /* copied */
    gw_template_decode_fn decode;
};
struct gw_call *gw_put_template(struct gw_gateway *g, const struct gw_template_given *given,
                                gw_template_put_cb cb, void *data);

/* GW_NOTFOUND. */
struct gw_call *gw_delete_template(struct gw_gateway *g, const char *tenant, const char *name,
                                   gw_store_done_cb cb, void *data);
/* As gw_store_engine's templates. */
struct gw_call *gw_list_templates(struct gw_gateway *g, const struct gw_template_query *query,
                                  gw_store_templates_cb cb, void *data);

#endif
