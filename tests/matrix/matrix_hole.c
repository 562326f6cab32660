/* SPDX-License-Identifier: MIT */
/* A listener whose queue is full, and a process without descriptors. */
#include "tests/matrix/matrix_hole.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/gw_check.h"
#include "tests/matrix/matrix.h"

enum {
    PATIENCE_MS = 5000
};

static int new_socket(int flags)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    CHECK(fd >= 0);
    return fd;
}

void matrix_hole_open(struct matrix_hole *h, uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    CHECK(inet_pton(AF_INET, MATRIX_HOLE, &a.sin_addr) == 1);
    h->listener = new_socket(0);
    CHECK(bind(h->listener, (const struct sockaddr *)&a, sizeof(a)) == 0);
    CHECK(listen(h->listener, 0) == 0);
    for (size_t i = 0; i < MATRIX_HOLE_FILLERS; i++) {
        h->fillers[i] = new_socket(SOCK_NONBLOCK);
        CHECK(connect(h->fillers[i], (const struct sockaddr *)&a, sizeof(a)) == 0 ||
              errno == EINPROGRESS);
    }
    /* The queue takes the first at least; by then it is full for all others. */
    struct pollfd first = {.fd = h->fillers[0], .events = POLLOUT};
    CHECK(poll(&first, 1, PATIENCE_MS) == 1);
}

void matrix_hole_close(struct matrix_hole *h)
{
    for (size_t i = 0; i < MATRIX_HOLE_FILLERS; i++)
        (void)close(h->fillers[i]);
    (void)close(h->listener);
}

static struct rlimit before;

void matrix_descriptors_take(void)
{
    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
    CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
}

void matrix_descriptors_give_back(void)
{
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
}
