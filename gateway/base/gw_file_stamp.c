/* SPDX-License-Identifier: MIT */
/* What tells one version of a file from the next. */
#include "gateway/base/gw_file_stamp.h"

#include <stddef.h>

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool gw_file_stamp_differs(const char *path, struct gw_file_stamp *seen)
{
    struct stat now;
    if (path == NULL || stat(path, &now) != 0)
        return false;
    if (now.st_dev == seen->dev && now.st_ino == seen->ino && now.st_size == seen->size &&
        same_time(now.st_mtim, seen->modified) && same_time(now.st_ctim, seen->changed))
        return false;
    *seen = (struct gw_file_stamp){.dev = now.st_dev,
                                   .ino = now.st_ino,
                                   .size = now.st_size,
                                   .modified = now.st_mtim,
                                   .changed = now.st_ctim};
    return true;
}
