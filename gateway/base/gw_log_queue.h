/* SPDX-License-Identifier: MIT */
/* Lines on their way to a file descriptor: a bounded queue with a thread that writes, so that
 * whoever logs never waits for the reader. Used by gw_log.c only. */
#ifndef GW_LOG_QUEUE_H
#define GW_LOG_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    GW_LOG_QUEUE_SIZE = 256 * 1024 /* octets that may wait; ours */
};

/* Starts the thread. Once; from then on gw_log_queue_add() works. */
void gw_log_queue_start(int fd);
bool gw_log_queue_started(void);
/* False: there is no room, the line is dropped. @len at most PIPE_BUF. */
bool gw_log_queue_add(const char *line, size_t len);
/* Waits until all of it is written, at most @timeout_ms. */
void gw_log_queue_flush(int64_t timeout_ms);

#endif
