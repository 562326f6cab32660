/* SPDX-License-Identifier: MIT */
/* Mustache templates: variables, sections, inverted sections, comments, delimiters. Partials are
 * refused: a template is one text.
 *
 * Spec: the Mustache specification 1.4 (github.com/mustache/spec): interpolation, sections,
 * inverted, comments, delimiters. One difference: a variable that is not there is an error where it
 * is written, unless GW_MUSTACHE_LENIENT. */
#ifndef GW_MUSTACHE_H
#define GW_MUSTACHE_H

#include "gateway/base/gw_arena.h"
#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_status.h"
#include "gateway/value.h"

enum {
    GW_MUSTACHE_MAX_TAGS = 10000, /* of one template */
    GW_MUSTACHE_MAX_DEPTH = 32    /* sections inside each other */
};

struct gw_mustache;

/* GW_OK, or GW_INVALID with err->text: a tag or section that does not end, a partial, or over a
 * limit, and in which line and column (characters; both from 1) that is. *out is in @arena and
 * borrows from @text. */
enum gw_status gw_mustache_compile(struct gw_arena *arena, struct gw_slice text,
                                   struct gw_mustache **out, struct gw_err *err) GW_NODISCARD;

enum {
    GW_MUSTACHE_HTML = 1,   /* {{name}} escapes & < > " and ' */
    GW_MUSTACHE_LENIENT = 2 /* what is not there is empty */
};

/* One rendering, or several that share their steps. */
struct gw_mustache_run {
    const struct gw_value *values[2]; /* looked up one after the other; each may be NULL */
    unsigned flags;
    size_t steps; /* that are left: tags (sections repeat them), and members that were looked at to
                     find a name */
    struct gw_slice missing; /* out: the name of a variable that is at fault */
};

/* Appends the text to @out.
 * GW_OK; GW_NOTFOUND: run->missing has no value; GW_INVALID: it is a list or an object where a text
 * is wanted; GW_TOOBIG: @out overflowed, or the steps are used up. */
enum gw_status gw_mustache_render(const struct gw_mustache *m, struct gw_mustache_run *run,
                                  struct gw_buf *out) GW_NODISCARD;

#endif
