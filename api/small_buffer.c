/* SPDX-License-Identifier: MIT */
/* The first memory of a buffer, as the library would make it, but smaller. */
#include "api/small_buffer.h"

#include <stddef.h>

#include "gateway/base/gw_mem.h"

void api_small_buffer_begin(h2o_buffer_t **buffer, size_t needed)
{
    if (*buffer != &h2o_socket_buffer_prototype._initial_buf || needed > API_SMALL_BUFFER_MAX)
        return;
    size_t capacity = 2 * needed > API_SMALL_BUFFER_MIN ? 2 * needed : API_SMALL_BUFFER_MIN;
    h2o_buffer_t *b = gw_malloc(offsetof(h2o_buffer_t, _buf) + capacity);
    b->capacity = capacity;
    b->size = 0;
    b->bytes = b->_buf;
    b->_prototype = &h2o_socket_buffer_prototype;
    b->_fd = -1;
    *buffer = b;
}
