/* SPDX-License-Identifier: MIT */
/* Reading the records of messages, and steering messages on their way, as the HTTP face does it.
 * Loop thread only; callbacks come from the loop, exactly once unless abandoned, never from inside
 * the call. A @tenant of "" sees all. */
#ifndef GW_RECORDS_H
#define GW_RECORDS_H

#include "gateway/gateway.h"
#include "gateway/history.h"
#include "gateway/store.h"

/* One call in hand; valid until its callback. */
struct gw_call;
/* The callback will not be called; what was asked for happens all the same. */
void gw_call_abandon(struct gw_call *c);

/* @messages  newest first, without bodies; borrowed for the call */
typedef void (*gw_page_cb)(enum gw_status status, struct gw_message *const *messages, size_t n,
                           int64_t cursor, void *data);
struct gw_call *gw_list_messages(struct gw_gateway *g, const struct gw_list_query *query,
                                 gw_page_cb cb, void *data);

/* @m  borrowed for the call; NULL unless GW_OK (or what a call says) */
typedef void (*gw_record_cb)(enum gw_status status, const struct gw_message *m, void *data);

/* With the body; m->mime.data is NULL when it is not kept any more. GW_NOTFOUND. */
struct gw_call *gw_message_raw(struct gw_gateway *g, const char *tenant, const char *id,
                               gw_record_cb cb, void *data);
/* Oldest first. GW_NOTFOUND. */
struct gw_call *gw_message_attempts(struct gw_gateway *g, const char *tenant, const char *id,
                                    gw_store_attempts_cb cb, void *data);

/* @events  newest first, borrowed for the call
 * @before  seq to ask for the next page with; 0: there is none */
typedef void (*gw_history_cb)(enum gw_status status, const struct gw_event *events, size_t n,
                              int64_t before, void *data);
/* The last events of a message. GW_NOTFOUND when there is no such message. */
struct gw_history_query {
    const char *tenant, *id; /* copied */
    int64_t before;          /* their seq is below it; 0: all */
    size_t limit;            /* 1 to GW_EVENTS_MAX */
};
struct gw_call *gw_message_history(struct gw_gateway *g, const struct gw_history_query *query,
                                   gw_history_cb cb, void *data);

/* Take back what is not sent yet. An attempt in hand is ended first: before the final dot it is
 * broken off, behind it its result stands. GW_OK; GW_INVALID with the message: it is final and no
 * recipient is canceled; GW_NOTFOUND. */
struct gw_call *gw_message_cancel(struct gw_gateway *g, const char *tenant, const char *id,
                                  gw_record_cb cb, void *data);
/* Try again now whoever is not sent. GW_OK; GW_INVALID: nobody is left to try; GW_CONFLICT: the
 * body is not kept any more; GW_BUSY: an attempt is in hand; GW_NOTFOUND. */
struct gw_call *gw_message_retry(struct gw_gateway *g, const char *tenant, const char *id,
                                 gw_record_cb cb, void *data);
/* Move the first attempt to @at_ms (wall; what has passed means now). GW_OK; GW_INVALID: it was
 * tried already; GW_BUSY: an attempt is in hand; GW_NOTFOUND. */
struct gw_call *gw_message_schedule(struct gw_gateway *g, const char *tenant, const char *id,
                                    int64_t at_ms, gw_record_cb cb, void *data);

/* Take the time of what is scheduled away, so that it is not sent until it gets one again: by
 * unpausing, the time that it had (what has passed means now), or by scheduling. GW_OK;
 * GW_INVALID: there is nothing to pause, or nothing paused; GW_BUSY: an attempt is in hand;
 * GW_NOTFOUND. */
struct gw_call *gw_message_pause(struct gw_gateway *g, const char *tenant, const char *id,
                                 gw_record_cb cb, void *data);
struct gw_call *gw_message_unpause(struct gw_gateway *g, const char *tenant, const char *id,
                                   gw_record_cb cb, void *data);

/* Filters as people write them, in the form that records have. False: @in is none.
 * @arena  for the text */
bool gw_filter_address(struct gw_arena *arena, const char *in, const char **out);
/* RFC 3339 */
bool gw_filter_time(const char *in, int64_t *wall_ms_out);
/* A status word that a message may have. */
bool gw_filter_status(const char *word);

#endif
