/* SPDX-License-Identifier: MIT */
/* Stored templates between their JSON and the store, and between the store and a draft. Pure; runs
 * in pool threads. */
#ifndef GW_PREPARE_TEMPLATE_H
#define GW_PREPARE_TEMPLATE_H

#include "gateway/draft.h"
#include "gateway/problems.h"
#include "gateway/template.h"

/* Texts that somebody wants to keep. */
struct gw_template_draft {
    struct gw_field subject, text, html;
    bool unread; /* nothing of it is worth a judgement */
};

/* Judges what can be judged before there are values: texts that are templates, no control
 * characters, the size. False with problems; else *out is without name, in @arena. */
bool gw_template_check(const struct gw_template_draft *draft, struct gw_arena *arena,
                       struct gw_problems *problems, struct gw_template *out);

/* The draft, which names a template, gets its texts: they are borrowed from @t.
 * @t  NULL: there is none of this name (a problem) */
void gw_draft_fill(struct gw_draft *draft, const struct gw_template *t,
                   struct gw_problems *problems);

#endif
