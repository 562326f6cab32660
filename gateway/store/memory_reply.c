/* SPDX-License-Identifier: MIT */
/* Telling answers. */
#include "gateway/store/memory_reply.h"

#include "gateway/base/gw_mem.h"

void memory_reply_idempotency(struct memory_reply *r)
{
    bool found = r->status == GW_OK;
    r->cb.idempotency(r->status, found ? r->id : NULL, found ? r->fingerprint : NULL, r->data);
}

void memory_reply_list(struct memory_reply *r)
{
    r->cb.list(r->status, r->found, r->n, r->cursor, r->data);
    gw_free(r->found);
}

void memory_reply_done(struct memory_reply *r)
{
    r->cb.done(r->status, r->data);
}

void memory_reply_message(struct memory_reply *r)
{
    r->cb.message(r->status, r->m, r->data);
}

void memory_reply_attempts(struct memory_reply *r)
{
    r->cb.attempts(r->status, r->m, r->attempts, r->n, r->data);
    gw_message_free(&r->m);
    gw_arena_free(&r->arena);
}

void memory_reply_events(struct memory_reply *r)
{
    r->cb.events(r->status, r->events, r->n, r->cursor, r->more, r->data);
    gw_arena_free(&r->arena);
}

void memory_reply_suppressions(struct memory_reply *r)
{
    r->cb.suppressions(r->status, r->suppressions, r->status == GW_OK ? r->n : 0, r->cursor,
                       r->data);
    gw_arena_free(&r->arena);
}

void memory_reply_templates(struct memory_reply *r)
{
    r->cb.templates(r->status, r->templates, r->status == GW_OK ? r->n : 0, r->cursor, r->data);
    gw_arena_free(&r->arena);
}

void memory_reply_webhook(struct memory_reply *r)
{
    const struct gw_webhook_state state = {.cursor = r->cursor};
    r->cb.webhook(r->status, &state, NULL, 0, r->data);
}

void memory_reply_stats(struct memory_reply *r)
{
    r->cb.stats(r->status, &r->stats, r->data);
}
