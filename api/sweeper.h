/* SPDX-License-Identifier: MIT */
/* Looks at every connection once a second and ends those that wait for their peer too long. */
#ifndef API_SWEEPER_H
#define API_SWEEPER_H

#include "api/connection.h"

enum {
    API_SWEEP_MS = 1000
};

/* Starts the timer of @a on @loop; it runs as long as the loop and does not keep it alive. */
void api_sweeper_start(struct api_acceptor *a, uv_loop_t *loop);

#endif
