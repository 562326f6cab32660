/* SPDX-License-Identifier: MIT */
/* Is a file still the one that was read? */
#ifndef GW_FILE_STAMP_H
#define GW_FILE_STAMP_H

#include <stdbool.h>
#include <sys/stat.h>

/* Zeroed: nothing was seen yet. */
struct gw_file_stamp {
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec modified, changed;
};

/* True when @path is another file than @seen, or has changed; @seen then describes it. False when
 * it is the same, cannot be looked at (a file in the middle of being replaced), or @path is NULL.
 * One system call. */
bool gw_file_stamp_differs(const char *path, struct gw_file_stamp *seen);

#endif
