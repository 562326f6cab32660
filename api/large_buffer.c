/* SPDX-License-Identifier: MIT */
/* Growth of a mapping in place of a copy. */
#include "api/large_buffer.h"

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/gw_mem.h"

void api_large_buffer_grow(h2o_buffer_t **buffer, size_t more)
{
    h2o_buffer_t *b = *buffer;
    if (b->bytes == NULL || b->_fd != -1 || b->capacity < GW_MEM_LARGE)
        return;
    size_t front = (size_t)(b->bytes - b->_buf);
    size_t used = front + b->size;
    bool fits = more <= b->capacity - used;
    bool moves_forward = (b->size + more) * 2 <= b->capacity;
    if (fits || moves_forward)
        return;
    size_t capacity = b->capacity;
    while (capacity - used < more)
        capacity *= 2;
    b = gw_realloc(b, offsetof(h2o_buffer_t, _buf) + capacity);
    b->bytes = b->_buf + front;
    b->capacity = capacity;
    *buffer = b;
}

h2o_iovec_t api_large_buffer_room(const h2o_buffer_t *buffer, h2o_iovec_t room, size_t more)
{
    size_t most = more > API_LARGE_READ ? more : API_LARGE_READ;
    if (buffer->capacity >= GW_MEM_LARGE && room.len > most)
        room.len = most;
    return room;
}
