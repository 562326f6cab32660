/* SPDX-License-Identifier: MIT */
/* Comparing two configurations part by part: the tables print both, secrets included. */
#include <string.h>

#include "config/cfg_schema.h"
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"

static const struct cfg_field *root_field(const char *name)
{
    for (size_t i = 0; i < cfg_root_section.n_fields; i++)
        if (strcmp(cfg_root_section.fields[i].name, name) == 0)
            return &cfg_root_section.fields[i];
    return NULL;
}

static void print_part(const struct cfg *c, const struct cfg_field *f, struct gw_buf *out)
{
    struct cfg_printer p = {.out = out, .cfg = c, .show_secrets = true};
    gw_buf_init(out, CFG_MAX_ALL_TEXT);
    f->type->print(&p, f, c);
}

static void wipe(struct gw_buf *b)
{
    if (b->data != NULL)
        gw_wipe(b->data, b->cap);
    gw_buf_deinit(b);
}

bool cfg_same(const struct cfg *a, const struct cfg *b, const char *part)
{
    const struct cfg_field *f = root_field(part);
    struct gw_buf of_a;
    struct gw_buf of_b;
    PRE(f != NULL);
    print_part(a, f, &of_a);
    print_part(b, f, &of_b);
    bool equal = !of_a.overflowed && !of_b.overflowed && of_a.len == of_b.len &&
                 (of_a.len == 0 || memcmp(of_a.data, of_b.data, of_a.len) == 0);
    wipe(&of_a);
    wipe(&of_b);
    return equal;
}
