/* SPDX-License-Identifier: MIT */
/* Stored templates: texts of a message that a tenant keeps under a name and fills in later
 * (gateway/mustache.h). What one is; they live in the store. */
#ifndef GW_TEMPLATE_H
#define GW_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/gw_arena.h"
#include "gateway/base/gw_slice.h"

/* Ours; documented in docs/limits.md. */
enum {
    GW_MAX_TEMPLATE_NAME = 128,
    GW_MAX_TEMPLATE = 256 * 1024,    /* octets of the texts of one together */
    GW_MAX_TEMPLATES = 1000,         /* of one tenant */
    GW_MAX_TEMPLATES_SIZE = 16 << 20 /* octets of the texts of all of one tenant */
};

struct gw_template {
    int64_t seq; /* place in its list, which grows; 0 where it is given */
    const char *name;
    const char *subject, *text, *html;    /* UTF-8; NULL: it has none, or it is shown in a list */
    size_t size_bytes;                    /* of its texts */
    int64_t created_at_ms, updated_at_ms; /* wall; 0 where it is given: now */
};

/* 1 to GW_MAX_TEMPLATE_NAME letters and digits of ASCII, '.', '_' and '-'. */
bool gw_template_name_valid(struct gw_slice name);

/* A copy with its texts in @arena. */
struct gw_template gw_template_copy(struct gw_arena *arena, const struct gw_template *t);

#endif
