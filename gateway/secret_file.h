/* SPDX-License-Identifier: MIT */
/* A secret that may change under us: from a file that is read again when it is another one. */
#ifndef GW_SECRET_FILE_H
#define GW_SECRET_FILE_H

#include <stdbool.h>

#include "gateway/base/gw_file_stamp.h"

struct gw_secret_file {
    const char *path; /* NULL: the value never changes; borrowed */
    char *value;      /* NULL: none */
    struct gw_file_stamp seen;
};

/* @path, @value  may be NULL; @value is copied */
void gw_secret_file_init(struct gw_secret_file *f, const char *path, const char *value);
void gw_secret_file_deinit(struct gw_secret_file *f);
/* Reads the file if it is not the one seen last (inode, size, time of change). One that cannot be
 * read, or is empty, is logged and the old value kept. True when the value changed. Not for the hot
 * path: a system call at least. */
bool gw_secret_file_refresh(struct gw_secret_file *f);

#endif
