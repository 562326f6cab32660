/* SPDX-License-Identifier: MIT */
/* GET /v1/events: what happens, as server-sent events.
 *
 * A stream is a position in the list of events. It reads a page from the store when there is news,
 * sends it, and reads the next one when that has left: a client that reads slowly costs one page of
 * memory, and one that does not read is closed.
 *
 * Spec: WHATWG HTML, sec. 9.2 (server-sent events). */
#ifndef API_EVENT_STREAMS_H
#define API_EVENT_STREAMS_H

#include "api/request.h"

enum {
    API_MAX_EVENT_STREAMS = 200,        /* at once; ours */
    API_MAX_EVENT_STREAMS_PER_KEY = 50, /* ours */
    API_MAX_EVENT_STREAMS_PER_CONNECTION = 10,
    API_EVENT_PAGE = 100,               /* events in a chunk */
    API_EVENT_ROUND_MS = 25,            /* from one look for news to the next */
    API_EVENT_HEARTBEAT_MS = 15 * 1000, /* of silence; proxies cut after 30 s and more */
    API_EVENT_RETRY_MS = 2000           /* until a client that was cut comes back */
};

/* What a server's streams share; lives as long as @context. */
struct api_event_streams *api_event_streams_new(uv_loop_t *loop, struct api_context *context);

/* Why a stream ended: metric label. */
#define API_STREAM_END_TABLE(X) \
    X(API_STREAM_CLIENT, "client") \
    X(API_STREAM_SLOW, "slow") \
    X(API_STREAM_AGE, "age") \
    X(API_STREAM_RELOAD, "reload") \
    X(API_STREAM_DRAIN, "drain") \
    X(API_STREAM_STORE, "store")

enum api_stream_end {
#define API_STREAM_END_ENUM(name, text) name,
    API_STREAM_END_TABLE(API_STREAM_END_ENUM)
#undef API_STREAM_END_ENUM
    API_N_STREAM_ENDS
};

/* Ends all of them in order; clients come back by themselves. */
void api_event_streams_end(struct api_event_streams *streams, enum api_stream_end why);

#endif
