/* SPDX-License-Identifier: MIT */
/* How the HTTP library's large buffers grow. It takes a new block of twice the size and copies what
 * it has: some 6 ms for 16 MB, on the loop thread, and the old block beside the new one. A large
 * block of the allocator is a mapping of its own, which the system moves without a look at its
 * octets. */
#ifndef API_LARGE_BUFFER_H
#define API_LARGE_BUFFER_H

#include <h2o.h>

/* Make room for @more octets behind those of @buffer, if it has GW_MEM_LARGE octets and the
 * library would take a new block for that. The buffer may be at another place then, as after
 * h2o_buffer_reserve(), whose own work is to follow. */
void api_large_buffer_grow(h2o_buffer_t **buffer, size_t more);

#endif
