/* SPDX-License-Identifier: MIT */
/* What a stored template is. */
#include "gateway/template.h"

#include <ctype.h>

bool gw_template_name_valid(struct gw_slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.data[i];
        if (c >= 0x80 || (!isalnum(c) && c != '.' && c != '_' && c != '-'))
            return false;
    }
    return name.len > 0 && name.len <= GW_MAX_TEMPLATE_NAME;
}

struct gw_template gw_template_copy(struct gw_arena *arena, const struct gw_template *t)
{
    struct gw_template copy = *t;
    copy.name = gw_arena_strdup(arena, t->name);
    copy.subject = gw_arena_strdup_or_null(arena, t->subject);
    copy.text = gw_arena_strdup_or_null(arena, t->text);
    copy.html = gw_arena_strdup_or_null(arena, t->html);
    return copy;
}
