/* SPDX-License-Identifier: MIT */
/* How the HTTP library's large buffers grow and fill, so that the loop is not held up. It takes a
 * new block of twice the size and copies what it has: some 6 ms for 16 MB, and the old block beside
 * the new one. A large block of the allocator is a mapping of its own, which the system moves
 * without a look at its octets. And it reads all that has arrived at once: 4 MB, another 4 ms. */
#ifndef API_LARGE_BUFFER_H
#define API_LARGE_BUFFER_H

#include <h2o.h>

enum {
    /* Octets of a large buffer that are filled by one read(). libuv reads up to 32 times before it
     * looks at other sockets: 1 MB, some 2 ms with the pages that are new. */
    API_LARGE_READ = 32 * 1024
};

/* Make room for @more octets behind those of @buffer, if it has GW_MEM_LARGE octets and the
 * library would take a new block for that. The buffer may be at another place then, as after
 * h2o_buffer_reserve(), whose own work is to follow. */
void api_large_buffer_grow(h2o_buffer_t **buffer, size_t more);

/* What to use of @room behind the octets of @buffer, when @more were asked for. */
h2o_iovec_t api_large_buffer_room(const h2o_buffer_t *buffer, h2o_iovec_t room, size_t more);

#endif
