/* SPDX-License-Identifier: MIT */
/* Templates as rows, inside whatever transaction is open. Each returns SQLITE_OK, or an error code.
 */
#ifndef GW_STORE_SQLITE_TEMPLATES_H
#define GW_STORE_SQLITE_TEMPLATES_H

#include "gateway/store.h"
#include "gateway/store/sqlite_db.h"

struct sqlite_templates_page {
    struct gw_template *found; /* room for all that may be found */
    size_t n;
    int64_t cursor;
};

/* What gw_store_engine.template_put, .template_delete and .templates do; texts are on @arena. */
/* *fits_out false: the tenant has too many, nothing was changed. */
int sqlite_put_template(struct sqlite_db *d, const char *tenant, const struct gw_template *t,
                        struct gw_arena *arena, struct sqlite_templates_page *page, bool *fits_out);
/* SQLITE_NOTFOUND: there is none. */
int sqlite_delete_template(struct sqlite_db *d, const char *tenant, const char *name);
int sqlite_list_templates(struct sqlite_db *d, const struct gw_template_query *q,
                          struct gw_arena *arena, struct sqlite_templates_page *page);

#endif
