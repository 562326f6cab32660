/* SPDX-License-Identifier: MIT */
/* Answers of the memory engine that wait for their turn of the loop. */
#ifndef GW_STORE_MEMORY_REPLY_H
#define GW_STORE_MEMORY_REPLY_H

#include "gateway/base/gw_list.h"
#include "gateway/store.h"

/* One callback waiting for its turn; @call is told which. */
struct memory_reply {
    struct gw_list link;
    void (*call)(struct memory_reply *r);
    enum gw_status status;
    struct gw_message *m;
    char id[GW_UUID_SIZE];
    unsigned char fingerprint[GW_FINGERPRINT_SIZE];
    struct gw_message **found; /* LIST: heap */
    size_t n;
    int64_t cursor;
    bool more;
    struct gw_arena *arena; /* ATTEMPTS, EVENTS, SUPPRESSIONS, TEMPLATES: holds what follows */
    const struct gw_attempt_log *attempts;
    const struct gw_event *events;
    struct gw_suppression *suppressions; /* SUPPRESSIONS: on arena */
    struct gw_template *templates;       /* TEMPLATES: on arena */
    struct gw_store_stats stats;
    union {
        gw_store_idempotency_cb idempotency;
        gw_store_list_cb list;
        gw_store_done_cb done;
        gw_store_message_cb message;
        gw_store_attempts_cb attempts;
        gw_store_events_cb events;
        gw_store_suppressions_cb suppressions;
        gw_store_templates_cb templates;
        gw_store_webhook_cb webhook;
        gw_store_stats_cb stats;
    } cb;
    void *data;
};

/* The values of `call`: each tells its kind of callback and frees what was not given away. */
void memory_reply_idempotency(struct memory_reply *r);
void memory_reply_list(struct memory_reply *r);
void memory_reply_done(struct memory_reply *r);
void memory_reply_message(struct memory_reply *r);
void memory_reply_attempts(struct memory_reply *r);
void memory_reply_events(struct memory_reply *r);
void memory_reply_suppressions(struct memory_reply *r);
void memory_reply_templates(struct memory_reply *r);
void memory_reply_webhook(struct memory_reply *r);
void memory_reply_stats(struct memory_reply *r);

#endif
