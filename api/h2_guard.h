/* SPDX-License-Identifier: MIT */
/* The guard between the network and the HTTP library's HTTP/2 engine.
 *
 * The library calls some of its own functions through the dynamic linker, so the definitions in
 * interpose.c come first: each frame passes api_h2_guard_frame() before the library acts on it.
 * When that is not in effect (api_h2_selfcheck()), HTTP/2 is not offered. */
#ifndef API_H2_GUARD_H
#define API_H2_GUARD_H

#include <h2o.h>

#include "api/h2_policy.h"

/* All that is public here about a connection's HTTP/2 side; zeroed when there is none. */
struct api_h2_state {
    bool closing;     /* the library waits for its last write only */
    bool wants_write; /* an answer waits for the peer to read */
    size_t receiving; /* octets of incomplete bodies */
    size_t n_receiving, n_streams;
    int64_t oldest_receiving_ms; /* age of the oldest incomplete request; 0: none */
};

/* @f was decoded from @c's input: judge it and change it to what the library may see. Returns 0, or
 * a negative error that ends the connection with *err_desc as its reason. */
struct st_h2o_http2_frame_t;
int api_h2_guard_frame(struct api_connection *c, struct st_h2o_http2_frame_t *f,
                       const char **err_desc);

/* The library has parsed the header fields of @req into @content_length (SIZE_MAX: none given) with
 * result @rc. Returns the result that the library shall see: a body that is announced larger than
 * it may be, or that does not fit the budget, is answered at once. */
int api_h2_guard_headers(const h2o_req_t *req, size_t content_length, int rc,
                         const char **err_desc);

/* Why the body of @req was cut, or API_GUARD_N_REASONS. HTTP/2 requests only. */
enum api_guard_reason api_h2_guard_cut(const h2o_req_t *req);

/* Looks at a connection that the library still holds. */
void api_h2_guard_look(const struct api_connection *c, struct api_h2_state *out);

/* Tells the peer to open no more streams; the connection ends when the last answer is out. False: a
 * request is on its way in, or that was said before. */
bool api_h2_guard_retire(const struct api_connection *c);

#endif
