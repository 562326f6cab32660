/* SPDX-License-Identifier: MIT */
/* What memory.c (rows), memory_lease.c (which of them are due) and memory_tenant.c share; nobody
 * else. */
#ifndef GW_STORE_MEMORY_INTERNAL_H
#define GW_STORE_MEMORY_INTERNAL_H

#include "gateway/base/gw_list.h"
#include "gateway/store.h"
#include "gateway/store/due_heap.h"
#include "gateway/store/due_turns.h"
#include "gateway/store/memory_history.h"
#include "gateway/store/memory_keys.h"
#include "gateway/store/memory_reply.h"
#include "gateway/store/memory_suppressions.h"
#include "gateway/store/memory_templates.h"

struct memory_row {
    struct memory_row *next_in_bucket;
    struct gw_list age_link; /* in store.ages, newest first */
    int64_t seq;
    struct gw_list settled_link; /* in store.settled when nothing more will be tried */
    struct due_entry due;
    struct gw_message *m; /* without body */
    char *body;           /* NULL once settled */
    size_t size;          /* what it counts against max_bytes */
    bool leased;
    int live; /* its status word's place among the live ones, -1: none of them */
    struct memory_trail trail;
};

struct memory_store {
    struct gw_store base;
    struct memory_row **buckets;
    size_t n_buckets, n_rows, bytes, max_bytes;
    struct gw_list settled; /* oldest first */
    struct gw_list ages;    /* all rows, newest first */
    int64_t last_seq;
    struct due_heap due[DUE_N_PRIORITIES];
    struct due_turns turns;
    struct memory_history history;
    struct memory_suppressions suppressions;
    struct memory_templates templates;
    bool has_news; /* events were written since the last turn of idle */
    int64_t n_changes;
    int64_t n_live[GW_STORE_LIVE_STATES];
    struct memory_keys keys;
    uv_idle_t idle;
    struct gw_list replies;
    struct memory_reply *closing; /* last to be called, from the close callback of idle */
};

static inline struct memory_store *memory_self(struct gw_store *s)
{
    return (struct memory_store *)(void *)s;
}

/* memory.c */
/* @r is copied and called from the loop. */
void memory_queue_reply(struct memory_store *s, const struct memory_reply *r);
struct gw_message *memory_copy_with_body(const struct memory_row *r);

/* memory_lease.c: as in struct gw_store_engine */
void memory_lease_due(struct gw_store *base, int64_t now_ms, size_t max, gw_store_message_cb cb,
                      void *data);
void memory_lease_waiting(struct gw_store *base, const char *relay, int64_t before_ms, size_t max,
                          gw_store_message_cb cb, void *data);
int64_t memory_next_due_ms(struct gw_store *base);

/* memory_tenant.c: likewise */
void memory_suppress_entries(struct gw_store *base, const char *tenant,
                             const struct gw_suppression *entries, size_t n,
                             gw_store_suppressions_cb cb, void *data);
void memory_unsuppress_entries(struct gw_store *base, const char *tenant, const char *const *emails,
                               size_t n, gw_store_suppressions_cb cb, void *data);
void memory_suppression_list(struct gw_store *base, const struct gw_suppression_query *query,
                             gw_store_suppressions_cb cb, void *data);
void memory_template_put(struct gw_store *base, const char *tenant, const struct gw_template *t,
                         gw_store_templates_cb cb, void *data);
void memory_template_delete(struct gw_store *base, const char *tenant, const char *name,
                            gw_store_done_cb cb, void *data);
void memory_template_list(struct gw_store *base, const struct gw_template_query *query,
                          gw_store_templates_cb cb, void *data);

#endif
