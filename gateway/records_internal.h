/* SPDX-License-Identifier: MIT */
/* A call of records.h, suppressions.h, templates.h or events.h; shared by the files behind these
 * only. */
#ifndef GW_RECORDS_INTERNAL_H
#define GW_RECORDS_INTERNAL_H

#include "gateway/id_table.h"
#include "gateway/records.h"

enum {
    GW_CALL_MAX_TENANT = 64 /* characters of an API key id */
};

struct gw_call {
    struct gw_gateway *gateway;
    char tenant[GW_CALL_MAX_TENANT + 1];
    char id[GW_UUID_SIZE];
    bool abandoned;
    gw_page_cb on_page;
    gw_record_cb on_record;
    gw_store_attempts_cb on_attempts;
    gw_history_cb on_history;
    gw_store_suppressions_cb on_suppressions;
    gw_store_templates_cb on_templates;
    gw_store_events_cb on_events;
    void *data;
    /* of a history: */
    int64_t before;
    size_t limit, n_kept[2], n_forgotten; /* [0]: the newer page */
    struct gw_event *kept[2];
    struct gw_arena *arenas[2];
    /* of a change: */
    struct gw_id_node node; /* in gateway.cancels while the message is in hand */
    gw_store_change_fn change;
    int64_t change_arg;
};

struct gw_call *gw_call_new(struct gw_gateway *g, const char *tenant, const char *id, void *data);
void gw_call_end(struct gw_call *c);

#endif
