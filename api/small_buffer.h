/* SPDX-License-Identifier: MIT */
/* Small beginnings of what the HTTP library keeps of a request. It takes 8 KB for whatever comes
 * first, also for one octet of a body: ten thousand requests that go no further, which one client
 * may have open, would be 80 MB. */
#ifndef API_SMALL_BUFFER_H
#define API_SMALL_BUFFER_H

#include <h2o.h>

enum {
    API_SMALL_BUFFER_MIN = 512, /* octets; ours */
    API_SMALL_BUFFER_MAX = 2048 /* from here on the library's own is no waste; ours */
};

/* Gives *@buffer, which is empty and of the kind that sockets and bodies have, room for twice as
 * many as @needed octets when these are not over API_SMALL_BUFFER_MAX. Others are left alone. The
 * library goes on with it, and frees it, as one that had grown. */
void api_small_buffer_begin(h2o_buffer_t **buffer, size_t needed);

#endif
