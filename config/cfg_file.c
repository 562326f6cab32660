/* SPDX-License-Identifier: MIT */
/* Reading configuration and secret files. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/cfg_loader.h"

static enum gw_status read_all(int fd, char *buf, size_t size, size_t *len_out)
{
    size_t len = 0;
    while (len < size) {
        ssize_t n = read(fd, buf + len, size - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return GW_IO;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    *len_out = len;
    return GW_OK;
}

enum gw_status cfg_file_read(const char *path, char *buf, size_t max, size_t *len_out,
                             struct gw_err *err)
{
    /* O_NONBLOCK: a FIFO without a writer must not hang the start. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return gw_err_errno(err, GW_IO, errno, "%s cannot be read", path);
    struct stat st;
    enum gw_status status = GW_OK;
    if (fstat(fd, &st) != 0 ||
        (S_ISREG(st.st_mode) && read_all(fd, buf, max + 1, len_out) != GW_OK))
        status = gw_err_errno(err, GW_IO, errno, "%s cannot be read", path);
    else if (!S_ISREG(st.st_mode))
        status = gw_err_set(err, GW_IO, "%s cannot be read: not a regular file", path);
    else if (*len_out > max)
        status = gw_err_set(err, GW_TOOBIG, "%s is over %zu bytes", path, max);
    (void)close(fd);
    return status;
}

enum gw_status cfg_secret_read(const char *path, char *buf, size_t *len_out, struct gw_err *err)
{
    enum gw_status st = cfg_file_read(path, buf, CFG_SECRET_FILE_SIZE - 1, len_out, err);
    if (st != GW_OK)
        return st;
    if (*len_out > 0 && buf[*len_out - 1] == '\n')
        --*len_out;
    if (*len_out > 0 && buf[*len_out - 1] == '\r')
        --*len_out;
    return GW_OK;
}
