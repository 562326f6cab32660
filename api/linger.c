/* SPDX-License-Identifier: MIT */
/* Lingering close. */
#include "api/linger.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/gw_mem.h"

enum {
    READ_SIZE = 64 * 1024,
    READS_PER_TURN = 16 /* so that one fast sender does not hold the loop */
};

struct linger_close {
    uv_poll_t poll;
    uv_timer_t timer;
    int fd;
    unsigned open_handles;
    bool closing;
    void (*on_done)(void *data);
    void *data;
};

static void on_closed(uv_handle_t *handle)
{
    struct linger_close *l = handle->data;
    if (--l->open_handles > 0)
        return;
    (void)close(l->fd);
    l->on_done(l->data);
    gw_free(l);
}

static void finish(struct linger_close *l)
{
    if (l->closing)
        return;
    l->closing = true;
    uv_close((uv_handle_t *)&l->poll, on_closed);
    uv_close((uv_handle_t *)&l->timer, on_closed);
}

static void on_timeout(uv_timer_t *timer)
{
    finish(timer->data);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct linger_close *l = poll->data;
    char discarded[READ_SIZE];
    (void)events;
    ssize_t n = status == 0 ? 1 : 0;
    for (int i = 0; n > 0 && i < READS_PER_TURN; i++)
        n = recv(l->fd, discarded, sizeof(discarded), MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        finish(l);
}

void api_linger_start(uv_loop_t *loop, int fd, void (*on_done)(void *data), void *data)
{
    struct linger_close *l = gw_calloc(1, sizeof(*l));
    *l = (struct linger_close){.fd = fd, .open_handles = 1, .on_done = on_done, .data = data};
    l->timer.data = l;
    l->poll.data = l;
    (void)uv_timer_init(loop, &l->timer);
    (void)shutdown(fd, SHUT_WR);
    if (uv_poll_init(loop, &l->poll, fd) != 0) {
        l->closing = true;
        uv_close((uv_handle_t *)&l->timer, on_closed);
        return;
    }
    l->open_handles = 2;
    (void)uv_timer_start(&l->timer, on_timeout, API_LINGER_MS, 0);
    if (uv_poll_start(&l->poll, UV_READABLE | UV_DISCONNECT, on_readable) != 0)
        finish(l);
}
