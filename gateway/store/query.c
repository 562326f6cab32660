/* SPDX-License-Identifier: MIT */
/* Search conditions of messages and events, apart from any engine. */
#include <string.h>

#include "gateway/store.h"

struct gw_list_query gw_list_query_copy(struct gw_arena *arena, const struct gw_list_query *query)
{
    struct gw_list_query q = *query;
    q.tenant = gw_arena_strdup_or_null(arena, query->tenant);
    q.status = gw_arena_strdup_or_null(arena, query->status);
    q.recipient = gw_arena_strdup_or_null(arena, query->recipient);
    q.from = gw_arena_strdup_or_null(arena, query->from);
    q.tag = gw_arena_strdup_or_null(arena, query->tag);
    q.relay = gw_arena_strdup_or_null(arena, query->relay);
    return q;
}

struct gw_event_query gw_event_query_copy(struct gw_arena *arena,
                                          const struct gw_event_query *query)
{
    struct gw_event_query q = *query;
    q.tenant = gw_arena_strdup_or_null(arena, query->tenant);
    q.id = gw_arena_strdup_or_null(arena, query->id);
    q.tag = gw_arena_strdup_or_null(arena, query->tag);
    return q;
}

struct gw_suppression_query gw_suppression_query_copy(struct gw_arena *arena,
                                                      const struct gw_suppression_query *query)
{
    struct gw_suppression_query q = *query;
    q.tenant = gw_arena_strdup_or_null(arena, query->tenant);
    q.email = gw_arena_strdup_or_null(arena, query->email);
    return q;
}

struct gw_suppression gw_suppression_copy(struct gw_arena *arena,
                                          const struct gw_suppression *entry)
{
    struct gw_suppression e = *entry;
    e.email = gw_arena_strdup_or_null(arena, entry->email);
    e.detail = gw_arena_strdup_or_null(arena, entry->detail);
    e.message_id = gw_arena_strdup_or_null(arena, entry->message_id);
    return e;
}

static bool wanted(const char *condition, const char *value)
{
    return condition == NULL || condition[0] == '\0' ||
           (value != NULL && strcmp(condition, value) == 0);
}

static bool has_recipient(const struct gw_list_query *q, const struct gw_message *m)
{
    bool email = false;
    bool relay = false;
    for (size_t i = 0; i < m->n_rcpts; i++) {
        email = email || wanted(q->recipient, m->rcpts[i].email);
        relay = relay || wanted(q->relay, m->rcpts[i].relay);
    }
    return email && relay;
}

static bool has_tag(const struct gw_list_query *q, const struct gw_message *m)
{
    if (q->tag == NULL || q->tag[0] == '\0')
        return true;
    for (size_t i = 0; i < m->n_tags; i++)
        if (gw_slice_is(m->tags[i], q->tag))
            return true;
    return false;
}

bool gw_list_query_matches(const struct gw_list_query *q, const struct gw_message *m)
{
    return wanted(q->tenant, m->tenant) && wanted(q->status, gw_message_status(m)) &&
           wanted(q->from, m->from) && m->created_at_ms >= q->since_ms &&
           (q->until_ms == 0 || m->created_at_ms < q->until_ms) && has_tag(q, m) &&
           has_recipient(q, m);
}
