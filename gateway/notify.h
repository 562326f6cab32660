/* SPDX-License-Identifier: MIT */
/* Tells the service manager how the process is: the sd_notify() protocol in a few lines.
 *
 * A server process under our supervisor writes to the supervisor's pipe, which passes it on, so
 * that the service manager hears it from the process that it started. Never blocks: what cannot be
 * told at once is not told. */
#ifndef GW_NOTIFY_H
#define GW_NOTIFY_H

#include <stdbool.h>

enum {
    GW_NOTIFY_MAX = 512 /* octets of one message */
};

/* Reads $NOTIFY_SOCKET and $WATCHDOG_USEC. Before any thread is started. */
void gw_notify_open(void);
/* From now on tell the other end of @fd (a pipe; borrowed) instead. */
void gw_notify_use_pipe(int fd);
/* @state  lines such as "READY=1", each ended by a newline; at most GW_NOTIFY_MAX octets */
void gw_notify(const char *state);
/* The service manager expects WATCHDOG=1 now and then. */
bool gw_notify_watched(void);

#endif
