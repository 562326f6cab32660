/* SPDX-License-Identifier: MIT */
/* Webhooks: the events that somebody's HTTP server wants, delivered at least once.
 *
 * Each webhook has a position in the list of events, which is stored, and a list of events that are
 * to be tried again, which is stored with it. Happy path: news → a page of events behind the
 * position → each is POSTed, some at a time → the position moves on.
 * Failure: the event goes to the retries, with a delay that doubles up to a day. After several
 * failures in a row the webhook is left alone but for one try now and then, and its events wait
 * where they are; when it fails for long it is paused until somebody resumes it. Mail never waits.
 *
 * Loop thread only. */
#ifndef GW_WEBHOOKS_H
#define GW_WEBHOOKS_H

#include "gateway/base/gw_buf.h"
#include "gateway/gateway.h"
#include "gateway/history.h"

enum {
    GW_WEBHOOK_CONCURRENCY = 4,          /* calls of one webhook at a time; ours */
    GW_WEBHOOK_TIMEOUT_MS = 15 * 1000,   /* of one call; ours */
    GW_WEBHOOK_MAX_ANSWER = 4096,        /* octets of an answer that are read; ours */
    GW_WEBHOOK_MAX_BODY = 64 << 10,      /* of an event: the longest reply, escaped */
    GW_WEBHOOK_MAX_RETRIES = 1000,       /* events of one webhook that wait apart */
    GW_WEBHOOK_TRIP = 5,                 /* failures in a row after which it is left alone */
    GW_WEBHOOK_PROBE_MS = 5 * 60 * 1000, /* but for one try */
    GW_WEBHOOK_URL_SIZE = 320,
    GW_WEBHOOK_DETAIL_SIZE = 256
};

/* Writes the JSON document of an event. */
typedef void (*gw_event_render_fn)(const struct gw_event *e, struct gw_buf *out);

/* Begins to deliver; once, when there is a face that can render. */
void gw_webhooks_start(struct gw_gateway *g, gw_event_render_fn render);

/* A webhook at this moment. Texts are borrowed until the loop runs again. */
struct gw_webhook_view {
    const char *name;
    char url[GW_WEBHOOK_URL_SIZE]; /* scheme and host: the rest may be a secret */
    const char *state;             /* "up", "failing", "paused" */
    int64_t failing_since_ms;      /* wall; 0: not failing */
    size_t n_retries, n_in_flight;
    int64_t cursor;
    bool replaying;
    uint64_t delivered, failed, dropped; /* since start */
    int64_t error_at_ms;                 /* wall; 0: none since it worked */
    const char *error;
};
size_t gw_webhooks_count(const struct gw_gateway *g);
void gw_webhook_view(const struct gw_gateway *g, size_t index, struct gw_webhook_view *out);
/* Idempotent; kept over a restart. */
void gw_webhook_pause(struct gw_gateway *g, size_t index);
/* Also makes all that waits due. */
void gw_webhook_resume(struct gw_gateway *g, size_t index);
/* Events that happened in this time (wall; @until_ms 0: until now) are delivered again, with the
 * ids that they had. Replaces a replay that runs. False: the webhook's state is not known yet. */
bool gw_webhook_replay(struct gw_gateway *g, size_t index, int64_t since_ms, int64_t until_ms);

/* What became of a test. */
struct gw_webhook_test_result {
    bool ok;
    long http_status; /* 0: none */
    int64_t duration_ms;
    const char *detail; /* NULL when ok */
};
typedef void (*gw_webhook_test_cb)(const struct gw_webhook_test_result *result, void *data);
/* POSTs an event of type `webhook.test`, whatever state it is in. @on_done once, from the loop,
 * never from inside. NULL: too many calls are in hand. */
struct gw_webhook_test;
struct gw_webhook_test *gw_webhook_test(struct gw_gateway *g, size_t index,
                                        gw_webhook_test_cb on_done, void *data);
/* on_done will not be called. */
void gw_webhook_test_abandon(struct gw_webhook_test *t);

#endif
