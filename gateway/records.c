/* SPDX-License-Identifier: MIT */
/* Calls to the store on behalf of the HTTP face: each ties a callback that may be abandoned to a
 * store operation that goes on. */
#include "gateway/records.h"

#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"
#include "gateway/gateway_internal.h"
#include "gateway/prepare_internal.h"
#include "gateway/records_internal.h"
#include "smtp/address.h"

struct gw_call *gw_call_new(struct gw_gateway *g, const char *tenant, const char *id, void *data)
{
    struct gw_call *c = gw_calloc(1, sizeof(*c));
    PRE(strlen(tenant) < sizeof(c->tenant) && strlen(id) < sizeof(c->id));
    c->gateway = g;
    c->data = data;
    memcpy(c->tenant, tenant, strlen(tenant) + 1);
    memcpy(c->id, id, strlen(id) + 1);
    g->n_calls++;
    return c;
}

void gw_call_end(struct gw_call *c)
{
    struct gw_gateway *g = c->gateway;
    gw_list_remove(&c->node.link);
    gw_arena_free(&c->arenas[0]);
    gw_arena_free(&c->arenas[1]);
    gw_free(c);
    g->n_calls--;
    gw_gateway_progress(g);
}

void gw_call_abandon(struct gw_call *c)
{
    c->abandoned = true;
}

/* ---- lists ---- */

static void on_page(enum gw_status status, struct gw_message **messages, size_t n, int64_t cursor,
                    void *data)
{
    struct gw_call *c = data;
    if (!c->abandoned)
        c->on_page(status, messages, n, cursor, c->data);
    for (size_t i = 0; i < n; i++)
        gw_message_free(&messages[i]);
    gw_call_end(c);
}

struct gw_call *gw_list_messages(struct gw_gateway *g, const struct gw_list_query *query,
                                 gw_page_cb cb, void *data)
{
    struct gw_call *c = gw_call_new(g, query->tenant, "", data);
    c->on_page = cb;
    g->store->engine->list(g->store, query, on_page, c);
    return c;
}

/* ---- one message ---- */

static void on_message(enum gw_status status, struct gw_message *m, void *data)
{
    struct gw_call *c = data;
    if (!c->abandoned)
        c->on_record(status, m, c->data);
    gw_message_free(&m);
    gw_call_end(c);
}

struct gw_call *gw_message_raw(struct gw_gateway *g, const char *tenant, const char *id,
                               gw_record_cb cb, void *data)
{
    struct gw_call *c = gw_call_new(g, tenant, id, data);
    c->on_record = cb;
    g->store->engine->raw(g->store, c->tenant, c->id, on_message, c);
    return c;
}

static void on_attempts(enum gw_status status, const struct gw_message *m,
                        const struct gw_attempt_log *attempts, size_t n, void *data)
{
    struct gw_call *c = data;
    if (!c->abandoned)
        c->on_attempts(status, m, attempts, n, c->data);
    gw_call_end(c);
}

struct gw_call *gw_message_attempts(struct gw_gateway *g, const char *tenant, const char *id,
                                    gw_store_attempts_cb cb, void *data)
{
    struct gw_call *c = gw_call_new(g, tenant, id, data);
    c->on_attempts = cb;
    g->store->engine->attempts(g->store, c->tenant, c->id, on_attempts, c);
    return c;
}

/* ---- history: the store reads forward, people read backward. The last pages read are kept, which
 * hold the last events. ---- */

static void ask_for_events(struct gw_call *c, int64_t after);

static void answer_history(struct gw_call *c)
{
    struct gw_event newest_first[GW_EVENTS_MAX];
    size_t n = 0;
    bool more = c->n_forgotten != 0;
    for (size_t p = 0; p < 2; p++) {
        for (size_t i = c->n_kept[p]; i > 0; i--) {
            if (n < c->limit)
                newest_first[n++] = c->kept[p][i - 1];
            else
                more = true;
        }
    }
    int64_t before = more && n != 0 ? newest_first[n - 1].seq : 0;
    if (!c->abandoned)
        c->on_history(GW_OK, newest_first, n, before, c->data);
    gw_call_end(c);
}

/* The page before this one is the older of the two kept. */
static void keep_page(struct gw_call *c, const struct gw_event *events, size_t n)
{
    gw_arena_free(&c->arenas[1]);
    c->n_forgotten += c->n_kept[1];
    c->arenas[1] = c->arenas[0];
    c->kept[1] = c->kept[0];
    c->n_kept[1] = c->n_kept[0];
    c->arenas[0] = gw_arena_new(0);
    c->kept[0] = GW_ARENA_ARRAY(c->arenas[0], struct gw_event, n);
    c->n_kept[0] = n;
    for (size_t i = 0; i < n; i++)
        c->kept[0][i] = gw_event_copy(c->arenas[0], &events[i]);
}

static void on_events(enum gw_status status, const struct gw_event *events, size_t n, int64_t next,
                      bool more, void *data)
{
    struct gw_call *c = data;
    size_t n_wanted = 0;
    if (status != GW_OK) {
        if (!c->abandoned)
            c->on_history(status, NULL, 0, 0, c->data);
        gw_call_end(c);
        return;
    }
    while (n_wanted < n && (c->before == 0 || events[n_wanted].seq < c->before))
        n_wanted++;
    if (n_wanted != 0)
        keep_page(c, events, n_wanted);
    if (more && n_wanted == n && !c->abandoned)
        ask_for_events(c, next);
    else
        answer_history(c);
}

static void ask_for_events(struct gw_call *c, int64_t after)
{
    struct gw_event_query query = {.after = after,
                                   .tenant = c->tenant,
                                   .id = c->id,
                                   .types = (1U << GW_N_EVENT_TYPES) - 1,
                                   .max = GW_EVENTS_MAX};
    c->gateway->store->engine->events_after(c->gateway->store, &query, on_events, c);
}

static void on_known(enum gw_status status, struct gw_message *m, void *data)
{
    struct gw_call *c = data;
    gw_message_free(&m);
    if (status == GW_OK && !c->abandoned) {
        ask_for_events(c, 0);
        return;
    }
    if (!c->abandoned)
        c->on_history(status, NULL, 0, 0, c->data);
    gw_call_end(c);
}

struct gw_call *gw_message_history(struct gw_gateway *g, const struct gw_history_query *query,
                                   gw_history_cb cb, void *data)
{
    PRE(query->limit > 0 && query->limit <= GW_EVENTS_MAX);
    struct gw_call *c = gw_call_new(g, query->tenant, query->id, data);
    c->on_history = cb;
    c->before = query->before;
    c->limit = query->limit;
    g->store->engine->get(g->store, c->tenant, c->id, on_known, c);
    return c;
}

/* ---- filters ---- */

bool gw_filter_address(struct gw_arena *arena, const char *in, const char **out)
{
    struct smtp_mailbox mailbox;
    struct gw_err err;
    if (smtp_mailbox_parse_addr(arena, gw_slice_of(in, strlen(in)), &mailbox, &err) != GW_OK)
        return false;
    *out = mailbox.address;
    return true;
}

bool gw_filter_time(const char *in, int64_t *wall_ms_out)
{
    return gw_prepare_parse_time(gw_slice_of(in, strlen(in)), wall_ms_out);
}

bool gw_filter_status(const char *word)
{
    for (int s = 0; s < GW_N_RCPT_STATUS; s++)
        if (strcmp(word, gw_rcpt_status_name((enum gw_rcpt_status)s)) == 0)
            return true;
    return strcmp(word, "partial") == 0 || strcmp(word, "failed") == 0;
}
