/* SPDX-License-Identifier: MIT */
/* Templates of the memory engine. */
#ifndef GW_STORE_MEMORY_TEMPLATES_H
#define GW_STORE_MEMORY_TEMPLATES_H

#include "gateway/store.h"
#include "gateway/store/memory_reply.h"

struct memory_templates {
    struct gw_list ages; /* newest first */
    int64_t last_seq;
};

void memory_templates_init(struct memory_templates *s);
void memory_templates_deinit(struct memory_templates *s);

/* The answers to gw_store_engine.template_put, .template_delete and .templates. */
struct memory_reply memory_put_template(struct memory_templates *s, const char *tenant,
                                        const struct gw_template *t, gw_store_templates_cb cb,
                                        void *data);
enum gw_status memory_delete_template(struct memory_templates *s, const char *tenant,
                                      const char *name);
struct memory_reply memory_list_templates(struct memory_templates *s,
                                          const struct gw_template_query *q,
                                          gw_store_templates_cb cb, void *data);

#endif
