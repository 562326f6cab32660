/* SPDX-License-Identifier: MIT */
/* Suppressions: addresses that a tenant does not send to any more. What one is; the lists live in
 * the store. */
#ifndef GW_SUPPRESSION_H
#define GW_SUPPRESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/history.h"
#include "gateway/message.h"

/* name, text in the API. Stored by number: only added to. */
#define GW_SUPPRESSION_REASON_TABLE(X) \
    X(GW_SUPPRESSION_MANUAL, "manual") \
    X(GW_SUPPRESSION_BOUNCE, "bounce") /* the mailbox does not exist */ \
    X(GW_SUPPRESSION_COMPLAINT, "complaint") \
    X(GW_SUPPRESSION_UNSUBSCRIBE, "unsubscribe")

enum gw_suppression_reason {
#define GW_SUPPRESSION_ENUM(name, text) name,
    GW_SUPPRESSION_REASON_TABLE(GW_SUPPRESSION_ENUM)
#undef GW_SUPPRESSION_ENUM
    GW_N_SUPPRESSION_REASONS
};
const char *gw_suppression_reason_name(enum gw_suppression_reason reason);
/* False: there is no such reason. */
bool gw_suppression_reason_find(const char *name, enum gw_suppression_reason *out);

enum {
    GW_MAX_SUPPRESSION_DETAIL = 500 /* octets; ours */
};

struct gw_suppression {
    int64_t seq;       /* place in its list, which grows; 0 where it is given */
    const char *email; /* as gw_suppression_email() makes it */
    enum gw_suppression_reason reason;
    const char *detail;     /* NULL: none */
    const char *message_id; /* of the message whose rejection led to it; NULL: somebody asked */
    int64_t created_at_ms;  /* wall; 0 where it is given: now */
};

/* The form in which addresses are compared: @wire, an address as messages have it, in lower case
 * (ASCII). A local part may be case-sensitive (RFC 5321 sec. 2.4), but no mailbox that anybody uses
 * differs from another only by that. */
const char *gw_suppression_email(struct gw_arena *arena, const char *wire);

/* Whether the event says that its recipient's mailbox does not exist, for good: a 5yz reply with
 * 5.1.1 (RFC 3463 sec. 3.2). Then *out is the entry for it, in @arena. */
bool gw_suppression_of_event(struct gw_arena *arena, const struct gw_event *e,
                             struct gw_suppression *out);

/* @r, which is new, is not sent to. */
void gw_recipient_suppress(struct gw_recipient *r, int64_t now_ms);

#endif
