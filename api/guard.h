/* SPDX-License-Identifier: MIT */
/* Everything the front door stops, by reason: a metric, and one log line per connection. */
#ifndef API_GUARD_H
#define API_GUARD_H

/* name, reason as in mailhatch_h2_guard_total{reason} and in the log. docs/security.md tells what
 * each stands for. */
#define API_GUARD_TABLE(X) \
    X(API_GUARD_HEADER_FIELDS, "header_fields") \
    X(API_GUARD_HEADER_CODING, "header_coding") \
    X(API_GUARD_CONTINUATION, "continuation") \
    X(API_GUARD_STREAMS, "streams") \
    X(API_GUARD_RESETS, "resets") \
    X(API_GUARD_CONTROL_FRAMES, "control_frames") \
    X(API_GUARD_SETTINGS, "settings") \
    X(API_GUARD_WINDOW_UPDATES, "window_updates") \
    X(API_GUARD_EMPTY_DATA, "empty_data") \
    X(API_GUARD_CLOSING_WINDOW, "closing_window") \
    X(API_GUARD_EMPTY_WRITE, "empty_write") \
    X(API_GUARD_TLS_NO_DATA, "tls_no_data") \
    X(API_GUARD_BODY_LIMIT, "body_limit") \
    X(API_GUARD_BODY_BUDGET, "body_budget") \
    X(API_GUARD_HTTP1_SYNTAX, "http1_syntax") \
    X(API_GUARD_HTTP1_FRAMING, "http1_framing") \
    X(API_GUARD_HTTP1_HEAD, "http1_head") \
    X(API_GUARD_HTTP1_CHUNKS, "http1_chunks") \
    X(API_GUARD_CONNECTIONS, "connections") \
    X(API_GUARD_CONNECTIONS_PER_PEER, "connections_per_peer") \
    X(API_GUARD_HANDSHAKE_RATE, "handshake_rate") \
    X(API_GUARD_HANDSHAKE_TIMEOUT, "handshake_timeout") \
    X(API_GUARD_HEADER_TIMEOUT, "header_timeout") \
    X(API_GUARD_BODY_TIMEOUT, "body_timeout") \
    X(API_GUARD_BODY_RATE, "body_rate") \
    X(API_GUARD_SEND_RATE, "send_rate") \
    X(API_GUARD_IDLE, "idle") \
    X(API_GUARD_AGE, "age") \
    X(API_GUARD_STUCK, "stuck")

enum api_guard_reason {
#define API_GUARD_ENUM(name, reason) name,
    API_GUARD_TABLE(API_GUARD_ENUM)
#undef API_GUARD_ENUM
    API_GUARD_N_REASONS
};

struct api_connection;

/* Counts @reason as h2_guard_total; the first time for @c also logs it. @c may be NULL: counted
 * only. */
void api_guard_note(struct api_connection *c, enum api_guard_reason reason);

const char *api_guard_name(enum api_guard_reason reason);

#endif
