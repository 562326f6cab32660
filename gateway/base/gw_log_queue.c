/* SPDX-License-Identifier: MIT */
/* A ring of octets under a lock; one thread takes what is there and writes it. The thread is never
 * joined: a reader that stalls may hold it for ever, and the process must end all the same. */
#include "gateway/base/gw_log_queue.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "gateway/base/gw_check.h"

static struct {
    uv_mutex_t lock; /* guards what follows */
    uv_cond_t not_empty, empty;
    char ring[GW_LOG_QUEUE_SIZE];
    size_t at, len; /* first octet, and how many */
    bool writing;   /* the thread has octets in hand */
    bool started;
    int fd;
} queue;

/* Blocks as long as the reader does. Errors are nobody's to tell. */
static void write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        } else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            struct pollfd ready = {.fd = fd, .events = POLLOUT};
            (void)poll(&ready, 1, -1);
        } else {
            return;
        }
    }
}

static void thread_main(void *arg)
{
    static char chunk[16 * 1024];
    (void)arg;
    uv_mutex_lock(&queue.lock);
    for (;;) {
        while (queue.len == 0)
            uv_cond_wait(&queue.not_empty, &queue.lock);
        size_t n = queue.len < sizeof(chunk) ? queue.len : sizeof(chunk);
        if (n > sizeof(queue.ring) - queue.at)
            n = sizeof(queue.ring) - queue.at;
        memcpy(chunk, queue.ring + queue.at, n);
        queue.at = (queue.at + n) % sizeof(queue.ring);
        queue.len -= n;
        queue.writing = true;
        uv_mutex_unlock(&queue.lock);
        write_all(queue.fd, chunk, n);
        uv_mutex_lock(&queue.lock);
        queue.writing = false;
        if (queue.len == 0)
            uv_cond_broadcast(&queue.empty);
    }
}

void gw_log_queue_start(int fd)
{
    uv_thread_t thread;
    PRE(!queue.started);
    queue.fd = fd;
    CHECK(uv_mutex_init(&queue.lock) == 0 && uv_cond_init(&queue.not_empty) == 0 &&
          uv_cond_init(&queue.empty) == 0);
    CHECK(uv_thread_create(&thread, thread_main, NULL) == 0);
    queue.started = true;
}

bool gw_log_queue_started(void)
{
    return queue.started;
}

bool gw_log_queue_add(const char *line, size_t len)
{
    uv_mutex_lock(&queue.lock);
    bool room = len <= sizeof(queue.ring) - queue.len;
    if (room) {
        size_t to = (queue.at + queue.len) % sizeof(queue.ring);
        size_t first = len < sizeof(queue.ring) - to ? len : sizeof(queue.ring) - to;
        memcpy(queue.ring + to, line, first);
        memcpy(queue.ring, line + first, len - first);
        queue.len += len;
        uv_cond_signal(&queue.not_empty);
    }
    uv_mutex_unlock(&queue.lock);
    return room;
}

void gw_log_queue_flush(int64_t timeout_ms)
{
    uint64_t left_ns = (uint64_t)timeout_ms * 1000000;
    uv_mutex_lock(&queue.lock);
    while (queue.len > 0 || queue.writing)
        if (uv_cond_timedwait(&queue.empty, &queue.lock, left_ns) != 0)
            break;
    uv_mutex_unlock(&queue.lock);
}
