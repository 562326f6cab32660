/* SPDX-License-Identifier: MIT */
/* Suppression lists of the memory engine: a bounded number of entries in all. */
#ifndef GW_STORE_MEMORY_SUPPRESSIONS_H
#define GW_STORE_MEMORY_SUPPRESSIONS_H

#include "gateway/id_table.h"
#include "gateway/store.h"
#include "gateway/store/memory_reply.h"

struct memory_suppressions {
    struct gw_id_table table;
    struct gw_list ages; /* newest first */
    size_t n;
    int64_t last_seq;
    const atomic_bool *automatic; /* whether events lead to entries */
};

void memory_suppressions_init(struct memory_suppressions *s, const atomic_bool *automatic);
void memory_suppressions_deinit(struct memory_suppressions *s);

/* Marks the recipients of @m, which is new, that its tenant suppresses. */
void memory_suppress_recipients(struct memory_suppressions *s, struct gw_message *m);
/* The entry that @e leads to, if it leads to one, there is none yet, and there is room. */
void memory_suppress_after(struct memory_suppressions *s, const struct gw_event *e);

/* The answers to gw_store_engine.suppress, .unsuppress and .suppressions. */
struct memory_reply memory_suppress(struct memory_suppressions *s, const char *tenant,
                                    const struct gw_suppression *entries, size_t n,
                                    gw_store_suppressions_cb cb, void *data);
struct memory_reply memory_unsuppress(struct memory_suppressions *s, const char *tenant,
                                      const char *const *emails, size_t n,
                                      gw_store_suppressions_cb cb, void *data);
struct memory_reply memory_list_suppressions(struct memory_suppressions *s,
                                             const struct gw_suppression_query *q,
                                             gw_store_suppressions_cb cb, void *data);

#endif
