/* SPDX-License-Identifier: MIT */
/* What an HTTP/1 head must be like beyond what the HTTP library checks. Pure.
 *
 * The library takes the first of two Content-Length fields, lets Transfer-Encoding win silently,
 * and accepts bare LF and folded lines: a proxy in front of us may read such a request in another
 * way, which is how requests are smuggled. Here they are refused.
 *
 * Spec: RFC 9112 sec. 2.2, 3.2, 5.2, 6.1, 6.3, 7.1; RFC 6585 sec. 5. */
#ifndef API_HTTP1_POLICY_H
#define API_HTTP1_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/guard.h"
#include "api/problem.h"
#include "gateway/base/gw_slice.h"

/* name, code of the problem, what it is counted as, what is wrong */
#define API_HTTP1_FAULT_TABLE(X) \
    X(API_HTTP1_SOUND, API_INTERNAL, API_GUARD_N_REASONS, "") \
    X(API_HTTP1_SYNTAX, API_BAD_REQUEST, API_GUARD_HTTP1_SYNTAX, "The request is not HTTP/1.1.") \
    X(API_HTTP1_BARE_LF, API_BAD_REQUEST, API_GUARD_HTTP1_SYNTAX, \
      "Lines end with CR LF; a bare LF is refused.") \
    X(API_HTTP1_FOLDED, API_BAD_REQUEST, API_GUARD_HTTP1_SYNTAX, \
      "Folded header lines are refused.") \
    X(API_HTTP1_HOST, API_BAD_REQUEST, API_GUARD_HTTP1_SYNTAX, "One Host header is needed.") \
    X(API_HTTP1_LENGTH, API_BAD_REQUEST, API_GUARD_HTTP1_FRAMING, \
      "Content-Length must be one decimal number, given once.") \
    X(API_HTTP1_CODING, API_BAD_REQUEST, API_GUARD_HTTP1_FRAMING, \
      "Transfer-Encoding must be `chunked`, given once, in HTTP/1.1.") \
    X(API_HTTP1_BOTH, API_BAD_REQUEST, API_GUARD_HTTP1_FRAMING, \
      "Content-Length and Transfer-Encoding exclude each other.") \
    X(API_HTTP1_CHUNKS, API_BAD_REQUEST, API_GUARD_HTTP1_CHUNKS, \
      "Chunk extensions and trailers are too long.") \
    X(API_HTTP1_HEAD, API_HEAD_TOO_LARGE, API_GUARD_HTTP1_HEAD, \
      "The request line and headers are too large.") \
    X(API_HTTP1_FIELDS, API_HEAD_TOO_LARGE, API_GUARD_HEADER_FIELDS, \
      "There are too many headers.") \
    X(API_HTTP1_SLOW_BODY, API_REQUEST_TIMEOUT, API_GUARD_BODY_RATE, "The body came too slowly.") \
    X(API_HTTP1_TOO_LARGE, API_BODY_TOO_LARGE, API_GUARD_BODY_LIMIT, "") \
    X(API_HTTP1_NO_ROOM, API_OVERLOADED, API_GUARD_BODY_BUDGET, \
      "Too many bytes of requests are in hand; ask again in a moment.")

enum api_http1_fault {
#define API_HTTP1_FAULT_ENUM(name, code, reason, text) name,
    API_HTTP1_FAULT_TABLE(API_HTTP1_FAULT_ENUM)
#undef API_HTTP1_FAULT_ENUM
};

/* What one connection's current request is like. Zeroed: none yet. */
struct api_http1_state {
    enum api_http1_fault fault;
    bool in_body; /* the head is complete, and the body is not */
    bool chunked;
    size_t content_length; /* when not chunked */
    size_t body_octets;    /* read since the head was complete, with chunk overhead */
    int64_t body_since_ms; /* monotonic */
};

struct api_http1_field {
    struct gw_slice name, value; /* value without white space around it; name NULL: folded line */
};

struct api_http1_head {
    struct gw_slice raw; /* all octets of the head */
    int minor_version;
    const struct api_http1_field *fields;
    size_t n_fields;
};

/* Judges a head that the library parsed; on API_HTTP1_SOUND fills in what body follows. */
enum api_http1_fault api_http1_judge(const struct api_http1_head *head,
                                     struct api_http1_state *out);

/* Why the library could not parse @input: its size, too many lines, or its syntax. */
enum api_http1_fault api_http1_diagnose(struct gw_slice input);

enum api_code api_http1_fault_code(enum api_http1_fault fault);
enum api_guard_reason api_http1_fault_reason(enum api_http1_fault fault);
const char *api_http1_fault_text(enum api_http1_fault fault);

#endif
