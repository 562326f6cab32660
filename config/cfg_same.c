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

static struct cfg_printer printer(const struct cfg *c, struct gw_buf *out)
{
    gw_buf_init(out, CFG_MAX_ALL_TEXT);
    return (struct cfg_printer){.out = out, .cfg = c, .show_secrets = true};
}

static void wipe(struct gw_buf *b)
{
    if (b->data != NULL)
        gw_wipe(b->data, b->cap);
    gw_buf_deinit(b);
}

/* Wipes both. */
static bool same_text(struct gw_buf *a, struct gw_buf *b)
{
    bool equal = !a->overflowed && !b->overflowed && a->len == b->len &&
                 (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
    wipe(a);
    wipe(b);
    return equal;
}

bool cfg_same(const struct cfg *a, const struct cfg *b, const char *part)
{
    const struct cfg_field *f = root_field(part);
    struct gw_buf of_a;
    struct gw_buf of_b;
    PRE(f != NULL);
    struct cfg_printer print_a = printer(a, &of_a);
    struct cfg_printer print_b = printer(b, &of_b);
    f->type->print(&print_a, f, a);
    f->type->print(&print_b, f, b);
    return same_text(&of_a, &of_b);
}

bool cfg_same_relay(const struct cfg *a, size_t i, const struct cfg *b, size_t j)
{
    struct gw_buf of_a;
    struct gw_buf of_b;
    PRE(i < a->n_relays && j < b->n_relays);
    if (strcmp(a->relays[i].name, b->relays[j].name) != 0)
        return false;
    struct cfg_printer print_a = printer(a, &of_a);
    struct cfg_printer print_b = printer(b, &of_b);
    cfg_section_print(&print_a, &cfg_relay_section, &a->relays[i]);
    cfg_section_print(&print_b, &cfg_relay_section, &b->relays[j]);
    return same_text(&of_a, &of_b);
}
