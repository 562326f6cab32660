/* SPDX-License-Identifier: MIT */
/* What webhooks consist of; shared by gateway/webhook*.c and gateway.c only. */
#ifndef GW_WEBHOOKS_INTERNAL_H
#define GW_WEBHOOKS_INTERNAL_H

#include "gateway/events.h"
#include "gateway/http_client.h"
#include "gateway/webhook_request.h"
#include "gateway/webhooks.h"

enum {
    GW_WEBHOOK_BATCH = 32,                    /* events in hand */
    GW_WEBHOOK_ROOM = 2 * GW_WEBHOOK_BATCH,   /* the most that one batch changes */
    GW_WEBHOOK_CHANGES = 2 * GW_WEBHOOK_ROOM, /* of retries, that wait to be stored */
    GW_WEBHOOK_NAME_SIZE = 65
};

enum gw_webhook_batch {
    GW_BATCH_NONE,
    GW_BATCH_LIVE,
    GW_BATCH_REPLAY,
    GW_BATCH_RETRY
};

/* What somebody wants of one whose state is not known yet. */
enum gw_webhook_order {
    GW_ORDER_NONE,
    GW_ORDER_PAUSE,
    GW_ORDER_RESUME
};

struct gw_webhook {
    struct gw_list link; /* in webhooks.all, in the configuration's order */
    struct gw_webhooks *owner;
    const struct cfg *cfg; /* referenced */
    const struct cfg_webhook *conf;
    char name[GW_WEBHOOK_NAME_SIZE];
    bool removed; /* from the configuration: what is in hand ends, nothing begins */
    bool loaded;
    enum gw_webhook_order order; /* carried out once it is loaded */
    struct gw_webhook_state state;
    struct gw_webhook_retry retries[GW_WEBHOOK_MAX_RETRIES];
    size_t n_retries;
    /* to be stored: */
    struct gw_webhook_retry changes[GW_WEBHOOK_CHANGES];
    size_t n_changes;
    bool dirty, saving, save_all;
    /* what is in hand: */
    enum gw_webhook_batch batch;
    struct gw_call *call;
    int64_t batch_after, batch_next;
    bool batch_more;
    int64_t picked;                 /* the retry that a batch of retries is about first */
    struct gw_list queued, calling; /* of struct delivery */
    size_t n_calling;
    bool news;           /* there may be events behind the cursor */
    bool stop_replay;    /* another replay was asked for meanwhile */
    unsigned n_failures; /* in a row */
    int64_t tried_at_ms; /* wall */
    int64_t asked_ms;    /* monotonic: looked for news */
    uint64_t delivered, failed, dropped;
    int64_t error_at_ms;
    char error[GW_WEBHOOK_DETAIL_SIZE];
};

struct gw_webhooks {
    struct gw_gateway *gateway;
    gw_event_render_fn render;
    struct gw_http *http;         /* connects to public addresses only */
    struct gw_http *private_http; /* to any; apart, so that no connection of it serves the others */
    struct gw_event_listener listener;
    struct gw_list all;
    struct gw_list tests; /* of struct gw_webhook_test */
    uv_timer_t tick, round;
    bool stopping;
    size_t n_open; /* handles while closing */
    void (*on_closed)(void *data);
    void *closed_data;
};

/* For gateway.c: another configuration; the end of all calls; the end. */
void gw_webhooks_load(struct gw_gateway *g);
void gw_webhooks_stop(struct gw_webhooks *all);
void gw_webhooks_close(struct gw_webhooks *all, void (*on_closed)(void *data), void *data);

/* webhook_state.c. Several failures in a row: only one try now and then. */
bool gw_webhook_left_alone(const struct gw_webhook *w);
struct gw_webhook_retry *gw_webhook_find_retry(struct gw_webhook *w, int64_t seq);
void gw_webhook_put_retry(struct gw_webhook *w, struct gw_webhook_retry r);
void gw_webhook_drop_retry(struct gw_webhook *w, int64_t seq);
/* The one that is due first, or NULL. */
const struct gw_webhook_retry *gw_webhook_due_retry(const struct gw_webhook *w, int64_t now_ms);
/* It works: what waited for that does not wait any longer. In memory only: after a restart the
 * delays count again. */
void gw_webhook_make_all_due(struct gw_webhook *w);
void gw_webhook_free(struct gw_webhook *w);
/* It was removed, and nothing of it is in hand. */
void gw_webhook_free_if_over(struct gw_webhook *w);
void gw_webhook_set_paused(struct gw_webhook *w, bool paused, const char *why);
void gw_webhook_save(struct gw_webhook *w);
void gw_webhook_pump(struct gw_webhook *w);

struct gw_webhook_post {
    const char *id;
    struct gw_slice body;
    gw_http_done_cb on_done;
    void *data;
};
/* POSTs it, signed now. As gw_http_start(). */
enum gw_status gw_webhook_start(struct gw_webhook *w, const struct gw_webhook_post *post,
                                struct gw_http_call **call_out, struct gw_err *err);
/* What is wrong with an answer; NULL: nothing. @buf holds the words. */
const char *gw_webhook_judge(const struct gw_http_result *r, char buf[GW_WEBHOOK_DETAIL_SIZE]);

/* webhook_admin.c */
/* It is loaded: what was ordered before. */
void gw_webhook_carry_out(struct gw_webhook *w);
void gw_webhook_tests_end(struct gw_webhooks *all);

#endif
