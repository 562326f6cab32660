/* SPDX-License-Identifier: MIT */
/* What a suppression is. */
#include "gateway/suppression.h"

#include <string.h>

#include "gateway/base/gw_check.h"

static const char *const reasons[] = {
#define GW_SUPPRESSION_NAME(name, text) [name] = (text),
    GW_SUPPRESSION_REASON_TABLE(GW_SUPPRESSION_NAME)
#undef GW_SUPPRESSION_NAME
};

const char *gw_suppression_reason_name(enum gw_suppression_reason reason)
{
    PRE(reason < GW_N_SUPPRESSION_REASONS);
    return reasons[reason];
}

bool gw_suppression_reason_find(const char *name, enum gw_suppression_reason *out)
{
    for (int i = 0; i < GW_N_SUPPRESSION_REASONS; i++) {
        if (strcmp(name, reasons[i]) != 0)
            continue;
        *out = (enum gw_suppression_reason)i;
        return true;
    }
    return false;
}

const char *gw_suppression_email(struct gw_arena *arena, const char *wire)
{
    char *lower = gw_arena_strdup(arena, wire);
    for (char *c = lower; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    return lower;
}

bool gw_suppression_of_event(struct gw_arena *arena, const struct gw_event *e,
                             struct gw_suppression *out)
{
    if (e->type != GW_EVENT_REJECTED || e->code < 500 || strcmp(e->enhanced, "5.1.1") != 0)
        return false;
    char *detail = gw_arena_printf(arena, "%d %s %s", e->code, e->enhanced, e->text);
    size_t len = strlen(detail);
    if (len > GW_MAX_SUPPRESSION_DETAIL) {
        len = GW_MAX_SUPPRESSION_DETAIL;
        while (((unsigned char)detail[len] & 0xc0) == 0x80) /* the rest of a character */
            len--;
        detail[len] = '\0';
    }
    *out = (struct gw_suppression){.email = gw_suppression_email(arena, e->email),
                                   .reason = GW_SUPPRESSION_BOUNCE,
                                   .detail = detail,
                                   .message_id = e->id,
                                   .created_at_ms = e->at_ms};
    return true;
}

void gw_recipient_suppress(struct gw_recipient *r, int64_t now_ms)
{
    r->status = GW_RCPT_SUPPRESSED;
    r->category = GW_CATEGORY_RECIPIENT;
    r->retryable = false;
    r->reason = "suppressed";
    r->detail = "the address is on the suppression list; take it off it to send to it again";
    r->updated_at_ms = now_ms;
    r->next_attempt_ms = 0;
    r->attempts = 0; /* one may have been planned */
    r->relay = NULL;
}
