/* SPDX-License-Identifier: MIT */
/* Values for templates: what JSON can say, without a JSON library. All in an arena. */
#ifndef GW_VALUE_H
#define GW_VALUE_H

#include <stddef.h>

#include "gateway/base/gw_slice.h"

enum gw_value_kind {
    GW_VALUE_NULL,
    GW_VALUE_FALSE,
    GW_VALUE_TRUE,
    GW_VALUE_TEXT, /* numbers too */
    GW_VALUE_LIST,
    GW_VALUE_OBJECT
};

struct gw_value {
    enum gw_value_kind kind;
    struct gw_slice text;         /* TEXT, and TRUE and FALSE as words */
    const struct gw_value *items; /* LIST, OBJECT */
    const struct gw_slice *names; /* OBJECT: of the items; the first of a name counts */
    size_t n;
};

/* The member @name of an object; NULL when it has none, or is none. */
const struct gw_value *gw_value_find(const struct gw_value *v, struct gw_slice name);

#endif
