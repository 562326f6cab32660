/* SPDX-License-Identifier: MIT */
/* What may pass of an HTTP/2 connection's frames. Pure: no HTTP library, no sockets, no clock.
 *
 * The HTTP library we embed can be aborted, blown up or spun by sequences of frames that are legal
 * or nearly so (docs/security.md). Each decoded frame is judged here before the library acts on it;
 * h2_guard.c tells the scene and carries out the verdict.
 *
 * Spec: RFC 9113 sec. 5.1, 6, 10.5. */
#ifndef API_H2_POLICY_H
#define API_H2_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/guard.h"
#include "api/http_limits.h"

enum {
    API_H2_MAX_CUT = 8 /* streams whose late DATA we still expect */
};

enum api_h2_type {
    API_H2_DATA,
    API_H2_HEADERS,
    API_H2_PRIORITY,
    API_H2_RST_STREAM,
    API_H2_SETTINGS,
    API_H2_PUSH_PROMISE,
    API_H2_PING,
    API_H2_GOAWAY,
    API_H2_WINDOW_UPDATE,
    API_H2_CONTINUATION,
    API_H2_N_TYPES
};

enum {
    API_H2_END_STREAM = 0x1,
    API_H2_ACK = 0x1,
    API_H2_END_HEADERS = 0x4,
    API_H2_PADDED = 0x8,
    API_H2_HAS_PRIORITY = 0x20
};

/* A frame that arrived whole; the payload has @length octets. */
struct api_h2_frame {
    uint32_t length, stream_id;
    uint8_t type, flags;
    const uint8_t *payload;
};

/* How the frame's stream stands. */
enum api_h2_stream {
    API_H2_STREAM_NONE,      /* stream 0, never opened, or gone */
    API_H2_STREAM_RECEIVING, /* its request is not complete */
    API_H2_STREAM_ANSWERING, /* its request is complete */
    API_H2_STREAM_CLOSING    /* its answer is complete, and perhaps not yet written */
};

struct api_h2_scene {
    enum api_h2_stream stream;
    int64_t window;     /* octets that the peer lets us send on the stream */
    size_t streams;     /* open on the connection */
    size_t all_streams; /* open on all connections */
    size_t body;        /* octets of the stream's body so far */
    size_t body_limit;  /* of one request */
    size_t room;        /* octets of bodies that fit the connection's and the server's budget */
    int64_t now_ms;     /* monotonic */
};

/* Budgets that refill, of one connection. Zeroed: full. */
enum api_h2_budget_kind {
    API_H2_BUDGET_RESETS,
    API_H2_BUDGET_CONTROL,
    API_H2_BUDGET_SETTINGS,
    API_H2_BUDGET_WINDOW,
    API_H2_BUDGET_EMPTY_DATA,
    API_H2_N_BUDGETS
};

struct api_h2_budget {
    struct {
        double spent;
        int64_t at_ms;
    } buckets[API_H2_N_BUDGETS];
    struct {
        uint32_t stream_id;
        enum api_guard_reason reason;
    } cut[API_H2_MAX_CUT]; /* streams that are answered before their body was whole */
    unsigned n_cut;        /* ever */
};

enum api_h2_action {
    API_H2_PASS,    /* to the library, as it is */
    API_H2_STRIP,   /* HEADERS: to the library without its priority fields */
    API_H2_IGNORE,  /* the library must not see it; nothing is lost */
    API_H2_DISCARD, /* DATA: as IGNORE, and its octets are given back to the flow control window */
    API_H2_END,     /* DATA: only the first `keep` octets of data, and they end the request */
    API_H2_SETTLE,  /* to the library, after windows of closing streams were made positive */
    API_H2_KILL     /* end the connection with ENHANCE_YOUR_CALM */
};

struct api_h2_verdict {
    enum api_h2_action action;
    enum api_guard_reason reason; /* API_GUARD_N_REASONS: nothing to count. With END:
                                     API_GUARD_BODY_LIMIT or _BODY_BUDGET. */
    size_t keep;                  /* with END */
};

/* Judges one frame and spends what it costs. Malformed frames pass: the library refuses them
 * before it acts on them. */
struct api_h2_verdict api_h2_judge(struct api_h2_budget *b, const struct api_h2_frame *f,
                                   const struct api_h2_scene *scene);

/* The data of a DATA frame without padding; false when the frame is malformed. */
bool api_h2_data(const struct api_h2_frame *f, const uint8_t **data_out, size_t *len_out);
/* The field block of a HEADERS frame without padding and priority; false when malformed. */
bool api_h2_field_block(const struct api_h2_frame *f, const uint8_t **block_out, size_t *len_out);

/* From now on DATA of @stream_id is late, not wrong. */
void api_h2_mark_cut(struct api_h2_budget *b, uint32_t stream_id, enum api_guard_reason reason);
/* Was the stream's body cut, lately? Then *reason_out (may be NULL) tells why. */
bool api_h2_is_cut(const struct api_h2_budget *b, uint32_t stream_id,
                   enum api_guard_reason *reason_out);

#endif
