/* SPDX-License-Identifier: MIT */
/* The sd_notify() protocol: datagrams of assignments to the Unix socket $NOTIFY_SOCKET. */
#include "gateway/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "gateway/base/gw_check.h"

static struct {
    int socket, pipe; /* -1: none */
    bool watched;
} notify = {.socket = -1, .pipe = -1};

void gw_notify_open(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    notify.watched = path != NULL && getenv("WATCHDOG_USEC") != NULL;
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = path != NULL ? strlen(path) : 0;
    if (len < 2 || len >= sizeof(to.sun_path) || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(to.sun_path, path, len);
    if (path[0] == '@') /* Linux's abstract namespace */
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, size) == 0)
        notify.socket = fd;
    else if (fd >= 0)
        (void)close(fd);
}

void gw_notify_use_pipe(int fd)
{
    if (notify.socket >= 0)
        (void)close(notify.socket);
    notify.socket = -1;
    notify.pipe = fd;
}

void gw_notify(const char *state)
{
    size_t len = strlen(state);
    PRE(len <= GW_NOTIFY_MAX);
    if (notify.pipe >= 0) {
        ssize_t n = write(notify.pipe, state, len); /* at most PIPE_BUF: whole or not at all */
        (void)n;
    } else if (notify.socket >= 0) {
        (void)send(notify.socket, state, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
}

bool gw_notify_watched(void)
{
    return notify.watched;
}
