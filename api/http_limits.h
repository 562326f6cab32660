/* SPDX-License-Identifier: MIT */
/* Limits of what one connection may send, for both protocols (docs/limits.md). */
#ifndef API_HTTP_LIMITS_H
#define API_HTTP_LIMITS_H

enum {
    API_MAX_HEAD = 16 * 1024,        /* octets of an HTTP/1 head, or of an HTTP/2 field block */
    API_MAX_HEADER_FIELDS = 64,      /* of one request */
    API_MAX_DARK_OCTETS = 64 * 1024, /* of TLS without data: its handshake, keys, alerts */
    API_IDLE_INPUT = 64 * 1024, /* an input buffer larger than this goes when it is mostly empty */
    /* A chunked body may take this many octets on the wire, and so many times its data: enough for
     * a client that sends each octet as a chunk. */
    API_CHUNK_OVERHEAD_OCTETS = 16 * 1024,
    API_CHUNK_OVERHEAD_TIMES = 8,
    /* HTTP/2 streams of all connections, some 4 to 13 KB each; and of one that may have them all
     * the same. */
    API_H2_STREAMS = 16384,
    API_H2_FEW_STREAMS = 8,
    /* What one HTTP/2 connection may spend at once, and how long until it may once more. */
    API_H2_RESETS = 100,
    API_H2_RESETS_REFILL_MS = 1000,
    API_H2_CONTROL_FRAMES = 2000,
    API_H2_CONTROL_REFILL_MS = 50,
    API_H2_SETTINGS_FRAMES = 10,
    API_H2_SETTINGS_REFILL_MS = 10 * 1000,
    API_H2_WINDOW_UPDATES = 16000,
    API_H2_WINDOW_REFILL_MS = 1,
    API_H2_EMPTY_DATA = 1000,
    API_H2_EMPTY_DATA_REFILL_MS = 50,
    API_CONNECTION_SHARE = 8 /* one connection's incomplete bodies: at most that part of
                                limits.inflight, but at least limits.body */
};

#endif
