/* SPDX-License-Identifier: MIT */
/* SendGrid's substitutions: plain texts for plain texts, in one pass, so that what was put in is
 * not looked at again. */
#include <string.h>

#include "api/compat/sendgrid.h"

/* The first pair whose name stands at @at. */
static const struct gw_draft_pair *find(const struct gw_draft_pair *pairs, size_t n,
                                        struct gw_slice text, size_t at)
{
    for (size_t i = 0; i < n; i++) {
        struct gw_slice name = pairs[i].name.value;
        if (name.data[0] == text.data[at] && text.len - at >= name.len &&
            memcmp(text.data + at, name.data, name.len) == 0)
            return &pairs[i];
    }
    return NULL;
}

/* Writes the result to @out (NULL: only measures it). Returns its length, or one that is too long.
 */
static size_t replace(const struct gw_draft_pair *pairs, size_t n, struct gw_slice text, char *out)
{
    size_t len = 0;
    for (size_t at = 0; at < text.len && len <= API_SENDGRID_MAX_REPLACED;) {
        const struct gw_draft_pair *pair = find(pairs, n, text, at);
        struct gw_slice put = pair != NULL ? pair->value.value : gw_slice_of(text.data + at, 1);
        if (out != NULL && put.len > 0)
            memcpy(out + len, put.data, put.len);
        len += put.len;
        at += pair != NULL ? pair->name.value.len : 1;
    }
    return len;
}

void api_sendgrid_substitute(struct gw_arena *arena, const struct gw_draft_pair *pairs, size_t n,
                             struct gw_draft *draft, struct gw_problems *problems)
{
    struct gw_field *fields[] = {&draft->subject, &draft->text, &draft->html};
    for (size_t i = 0; n > 0 && i < sizeof(fields) / sizeof(fields[0]); i++) {
        struct gw_slice text = fields[i]->value;
        if (text.data == NULL)
            continue;
        size_t len = text.len <= API_SENDGRID_MAX_LOOKED_AT / n
                         ? replace(pairs, n, text, NULL)
                         : API_SENDGRID_MAX_REPLACED + (size_t)1;
        if (len > API_SENDGRID_MAX_REPLACED) {
            gw_problems_add(problems, "/substitutions", GW_PROBLEM_TOO_LARGE,
                            "With its substitutions the text is too large.");
            return;
        }
        char *made = gw_arena_bytes(arena, len + 1);
        (void)replace(pairs, n, text, made);
        made[len] = '\0';
        fields[i]->value = gw_slice_of(made, len);
    }
}
