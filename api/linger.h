/* SPDX-License-Identifier: MIT */
/* Lingering close: read on for a moment after the last answer, and throw away what comes.
 *
 * A connection that is closed while the client still sends is reset by the kernel, and the reset
 * may overtake the answer (RFC 9112 sec. 9.6). So after a 413 given before the body was read, our
 * side is shut and the rest of the body is drained, until the client is done or the time is up. */
#ifndef API_LINGER_H
#define API_LINGER_H

#include <uv.h>

enum {
    API_LINGER_MS = 10 * 1000
};

/* @fd       a socket that nobody else reads; taken over and closed
 * @on_done  called once, from the loop, when @fd is closed */
void api_linger_start(uv_loop_t *loop, int fd, void (*on_done)(void *data), void *data);

#endif
