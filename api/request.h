/* SPDX-License-Identifier: MIT */
/* One HTTP request as handlers see it, and its answer. No HTTP library type shows here.
 *
 * Happy path: the route's handler is called with a request; it either answers at once, or starts
 * something, says api_request_hold(), and answers from a later callback of the loop.
 * Lifetime: a request lives until its answer is written or its client is gone, whichever comes
 * first. After api_answer*() or api_problem*() the request must not be touched. While it is held,
 * on_gone() tells that the client left: cancel what was started; the request must not be touched
 * after that either. Exactly one of "answered" and "on_gone called" happens to a held request.
 *
 * Loop thread only. */
#ifndef API_REQUEST_H
#define API_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/reload.h"
#include "config/cfg.h"
#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_list.h"
#include "gateway/base/gw_slice.h"
#include "gateway/gateway.h"

enum {
    API_MAX_REQUEST_ID = 128, /* characters of X-Request-Id that we take over; ours */
    API_TRACEPARENT_LENGTH = GW_TRACEPARENT_SIZE - 1,
    API_MAX_QUERY_VALUE = 1024, /* octets of one decoded query parameter; ours */
    API_MAX_PARAMS = 2          /* {…} of one route's pattern */
};

struct api_acceptor;
struct api_facade;
struct api_route;
struct api_event_streams;
struct api_rate;
struct api_stream;
struct st_h2o_req_t;
struct st_h2o_timeout_t;

/* What all requests of one server share. */
struct api_context {
    struct gw_gateway *gateway; /* NULL at the end of a drain: only open routes run then */
    const struct cfg *cfg;      /* referenced */
    struct api_rate *rates;     /* one per cfg->api_keys */
    size_t in_flight;           /* requests not yet answered */
    size_t body_bytes;          /* request bodies in memory that reached a route */
    bool draining;
    const struct api_acceptor *acceptor;
    struct api_reload_hook reload;
    struct api_event_streams *event_streams;
    struct st_h2o_timeout_t *next_turn; /* for work that is done in slices: a millisecond */
};

struct api_request {
    struct api_context *context;
    const struct api_route *route;
    const struct api_facade *facade;   /* whose language is spoken at this path; NULL: ours */
    const struct cfg *cfg;             /* the configuration when it was admitted; referenced */
    const struct cfg_api_key *api_key; /* who asks, of cfg; NULL when no keys are configured */
    /* Borrowed, valid as long as the request. */
    struct gw_slice method, path, query, body;
    struct gw_slice target;             /* path and query as they were sent; path is not decoded
                                           either, a facade's has single slashes */
    struct gw_slice authority;          /* Host or :authority */
    const char *params[API_MAX_PARAMS]; /* what each {…} of the route's pattern matched, decoded; ""
                                           without one */
    const char *param;                  /* the first */
    char id[API_MAX_REQUEST_ID + 1];
    char traceparent[API_TRACEPARENT_LENGTH + 1]; /* "" when absent or malformed */
    bool has_body;                                /* the client announced a body, maybe empty */
    unsigned char body_sha256[32];                /* where the facade hashes_body */
    /* request.c's own: */
    struct st_h2o_req_t *h2o;
    struct gw_list turn; /* in its connection's list while it waits to be dispatched */
    int64_t started_us;
    void (*on_gone)(void *data);
    void *on_gone_data;
    bool answered;
    struct api_stream *stream; /* of a streamed answer, else NULL */
};

struct api_problem;

/* Did the guards refuse the request before it was whole? Then *problem_out is what to answer, and
 * the connection ends after it. */
bool api_request_refused(struct api_request *r, struct api_problem *problem_out);

/* Makes the request that belongs to @h2o; it frees itself. */
struct api_request *api_request_new(struct api_context *context, struct st_h2o_req_t *h2o);

/* Tenant of whoever asks, "" when no keys are configured. */
const char *api_request_tenant(const struct api_request *r);

/* How often the header @name (lower case) was given; the first @max values go to @out. */
size_t api_request_headers(const struct api_request *r, const char *name, struct gw_slice *out,
                           size_t max);

/* "http" or "https". */
struct gw_slice api_request_scheme(const struct api_request *r);

/* A copy with a NUL behind, in memory of the request. */
char *api_request_strdup(struct api_request *r, struct gw_slice s);

/* The decoded value of query parameter @name in memory of the request, NUL-terminated; NULL when
 * it was not given. The route's `query` names which parameters exist; their syntax was checked. */
const char *api_request_query(struct api_request *r, const char *name);

/* The answer comes later. @on_gone is called at most once: when the client leaves before that. */
void api_request_hold(struct api_request *r, void (*on_gone)(void *data), void *data);
/* What it was held for is done without an answer: on_gone will not be called. */
void api_request_release(struct api_request *r);

/* Add a response header. @name lower-case literal; @value is copied, no CR or LF. */
void api_set_header(struct api_request *r, const char *name, const char *value);

/* Answer with the bytes of @body, which is empty afterwards (the memory moves). When @body has
 * overflowed, the answer is a 500 problem. A HEAD request gets the headers only. */
void api_answer(struct api_request *r, unsigned status, const char *content_type,
                struct gw_buf *body);
void api_answer_json(struct api_request *r, unsigned status, struct gw_buf *body);
/* @body  static memory */
void api_answer_static(struct api_request *r, unsigned status, const char *content_type,
                       struct gw_slice body);
void api_answer_empty(struct api_request *r, unsigned status);

/* A streamed answer, of a request that is held: 200 and headers go out with the first chunk.
 * @on_ready is called each time a chunk has left for the network, or for the window of an HTTP/2
 * client, never from inside a call. on_gone stays as it was given to api_request_hold(). */
void api_stream_start(struct api_request *r, const char *content_type, void (*on_ready)(void *data),
                      void *data);
/* The next chunk: the bytes of @chunk, at least one, which is empty afterwards. Not while another
 * one is on its way. */
void api_stream_send(struct api_request *r, struct gw_buf *chunk);
/* Whether a chunk is on its way. */
bool api_stream_busy(const struct api_request *r);
/* The last chunk was given; the request must not be touched after this. Nothing is called. */
void api_stream_end(struct api_request *r);
/* The client does not read: its whole connection is ended. on_gone is called, soon after. */
void api_stream_abort(struct api_request *r);
/* Whether the client closed its side: over HTTP/1 nobody reads from it during an answer. */
bool api_stream_left(const struct api_request *r);
/* Streams that share the request's connection, its own included. */
size_t api_stream_siblings(const struct api_request *r);

/* HTTP reason phrase, "Unknown" for a status we never send. */
const char *api_reason(unsigned status);

/* Takes @given over as request id when it is 1 to 128 of [A-Za-z0-9._-], else makes a UUIDv7. */
void api_request_id_choose(struct gw_slice given, char out[API_MAX_REQUEST_ID + 1]);
/* W3C trace context header, version 00 or later form of the same length. */
bool api_traceparent_valid(struct gw_slice value);

#endif
