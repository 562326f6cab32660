/* SPDX-License-Identifier: MIT */
/* Whether another connection would be taken. */
#ifndef API_DOOR_H
#define API_DOOR_H

#include <stdbool.h>
#include <stddef.h>

enum {
    API_DOOR_FULL_MS = 5 * 1000 /* after a connection was refused because of their number; ours */
};

struct api_acceptor;

/* False: *why has the sentence that says what is in the way. */
bool api_door_is_open(const struct api_acceptor *a, char *why, size_t size);

#endif
