/* SPDX-License-Identifier: MIT */
/* What a configuration needs from files, read and parsed away from the loop. */
#ifndef GW_SETUP_PARTS_H
#define GW_SETUP_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "config/cfg.h"
#include "gateway/base/gw_status.h"

/* The configuration that is to be replaced. */
struct gw_setup_before {
    const struct cfg *cfg;
    /* Is a file that its relay @index was made from another one by now? In the reading thread. */
    bool (*files_changed)(size_t index, const void *data);
    const void *data;
};

struct gw_setup_parts;

/* In any thread.
 * @before  NULL: none
 * On error *out is NULL; err->text says which file is wrong, and how. */
enum gw_status gw_setup_parts_read(const struct cfg *cfg, const struct gw_setup_before *before,
                                   struct gw_setup_parts **out, struct gw_err *err) GW_NODISCARD;
/* Sets the pointer to NULL; NULL is fine. */
void gw_setup_parts_free(struct gw_setup_parts **parts);
/* Borrowed. */
const struct cfg *gw_setup_parts_cfg(const struct gw_setup_parts *parts);

#endif
