/* SPDX-License-Identifier: MIT */
/* Events out of changes; copies. */
#include "gateway/history.h"

#include <string.h>

#include "gateway/base/gw_check.h"

const char *gw_event_type_name(enum gw_event_type type)
{
    static const char *const names[] = {
#define GW_EVENT_NAME(name, text) [name] = (text),
        GW_EVENT_TABLE(GW_EVENT_NAME)
#undef GW_EVENT_NAME
    };
    PRE(type < GW_N_EVENT_TYPES);
    return names[type];
}

unsigned gw_event_types_like(struct gw_slice pattern)
{
    unsigned types = 0;
    bool open = pattern.len > 0 && pattern.data[pattern.len - 1] == '*';
    struct gw_slice stem = gw_slice_of(pattern.data, pattern.len - open);
    /* the star stands for everything, or for all behind a dot */
    if (open && stem.len > 0 && stem.data[stem.len - 1] != '.')
        return 0;
    for (int i = 0; i < GW_N_EVENT_TYPES; i++) {
        const char *name = gw_event_type_name((enum gw_event_type)i);
        bool like = open ? strncmp(name, stem.data, stem.len) == 0 : gw_slice_is(pattern, name);
        types |= like ? 1U << (unsigned)i : 0;
    }
    return types;
}

const char *gw_step_name(enum gw_step step)
{
    static const char *const names[] = {
#define GW_STEP_NAME(name, text) [name] = (text),
        GW_STEP_TABLE(GW_STEP_NAME)
#undef GW_STEP_NAME
    };
    PRE(step < GW_N_STEPS);
    return names[step];
}

/* What reaching a status means; GW_N_EVENT_TYPES: nothing worth telling. */
static const enum gw_event_type events_of_status[GW_N_RCPT_STATUS] = {
    [GW_RCPT_QUEUED] = GW_N_EVENT_TYPES,
    [GW_RCPT_SCHEDULED] = GW_N_EVENT_TYPES,
    [GW_RCPT_SENDING] = GW_N_EVENT_TYPES,
    [GW_RCPT_DEFERRED] = GW_EVENT_DEFERRED,
    [GW_RCPT_SENT] = GW_EVENT_SENT,
    [GW_RCPT_REJECTED] = GW_EVENT_REJECTED,
    [GW_RCPT_EXPIRED] = GW_EVENT_EXPIRED,
    [GW_RCPT_CANCELED] = GW_EVENT_CANCELED,
    [GW_RCPT_SUPPRESSED] = GW_EVENT_SUPPRESSED,
    [GW_RCPT_UNCERTAIN] = GW_EVENT_UNCERTAIN,
    [GW_RCPT_HELD] = GW_EVENT_UNCERTAIN,
};

static struct gw_event about_recipient(const struct gw_event *message, enum gw_event_type type,
                                       const struct gw_recipient *r)
{
    struct gw_event e = *message;
    e.type = type;
    e.email = r->email;
    e.category = r->category;
    e.uncertain = r->uncertain;
    e.attempt = r->attempts;
    e.relay = r->relay;
    e.reason = r->reason;
    e.code = r->smtp.code;
    e.enhanced = r->smtp.enhanced;
    e.command = r->smtp.command;
    e.text = r->smtp.text;
    e.next_attempt_ms = r->next_attempt_ms;
    return e;
}

static bool all_final(const struct gw_recipient *rcpts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!gw_rcpt_status_final(rcpts[i].status))
            return false;
    return true;
}

static bool is_sending(const struct gw_message *m)
{
    for (size_t i = 0; i < m->n_rcpts; i++)
        if (m->rcpts[i].status == GW_RCPT_SENDING)
            return true;
    return false;
}

void gw_history_events(const struct gw_recipient *before, const struct gw_message *after,
                       int64_t now_ms, gw_event_cb cb, void *data)
{
    struct gw_event message = {.at_ms = now_ms,
                               .type = GW_EVENT_QUEUED,
                               .id = after->id,
                               .tenant = after->tenant,
                               .message_status = gw_message_status(after),
                               .enhanced = "",
                               .text = ""};
    if (before == NULL) {
        struct gw_event e = message;
        if (is_sending(after)) /* its first attempt is stored with it; it was queued all the same */
            e.message_status = gw_rcpt_status_name(GW_RCPT_QUEUED);
        cb(&e, 0, data);
    }
    for (size_t i = 0; i < after->n_rcpts; i++) {
        const struct gw_recipient *r = &after->rcpts[i];
        bool moved =
            before == NULL || before[i].status != r->status || before[i].attempts != r->attempts;
        bool doubted = r->uncertain && (before == NULL || !before[i].uncertain);
        enum gw_event_type type = moved ? events_of_status[r->status] : GW_N_EVENT_TYPES;
        if (doubted && type != GW_EVENT_UNCERTAIN) {
            struct gw_event e = about_recipient(&message, GW_EVENT_UNCERTAIN, r);
            cb(&e, i, data);
        }
        if (type != GW_N_EVENT_TYPES) {
            struct gw_event e = about_recipient(&message, type, r);
            cb(&e, i, data);
        }
    }
    bool was_final = before != NULL && all_final(before, after->n_rcpts);
    if (!was_final && all_final(after->rcpts, after->n_rcpts)) {
        message.type = GW_EVENT_COMPLETED;
        cb(&message, 0, data);
    }
}

struct gw_event gw_event_copy(struct gw_arena *arena, const struct gw_event *e)
{
    struct gw_event c = *e;
    c.id = gw_arena_strdup_or_null(arena, e->id);
    c.tenant = gw_arena_strdup_or_null(arena, e->tenant);
    c.subject = gw_arena_strdup_or_null(arena, e->subject);
    c.message_status = gw_arena_strdup_or_null(arena, e->message_status);
    c.email = gw_arena_strdup_or_null(arena, e->email);
    c.relay = gw_arena_strdup_or_null(arena, e->relay);
    c.reason = gw_arena_strdup_or_null(arena, e->reason);
    c.enhanced = gw_arena_strdup_or_null(arena, e->enhanced);
    c.command = gw_arena_strdup_or_null(arena, e->command);
    c.text = gw_arena_strdup_or_null(arena, e->text);
    return c;
}

struct gw_attempt_log gw_attempt_log_copy(struct gw_arena *arena, const struct gw_attempt_log *a)
{
    struct gw_attempt_log c = *a;
    size_t *rcpts = GW_ARENA_ARRAY(arena, size_t, a->n_rcpts);
    if (a->n_rcpts != 0)
        memcpy(rcpts, a->rcpts, a->n_rcpts * sizeof(*rcpts));
    c.rcpts = rcpts;
    c.relay = gw_arena_strdup_or_null(arena, a->relay);
    c.stage = gw_arena_strdup_or_null(arena, a->stage);
    c.reason = gw_arena_strdup_or_null(arena, a->reason);
    c.detail = gw_arena_strdup_or_null(arena, a->detail);
    c.enhanced = gw_arena_strdup_or_null(arena, a->enhanced);
    c.text = gw_arena_strdup_or_null(arena, a->text);
    c.tls = gw_arena_strdup_or_null(arena, a->tls);
    return c;
}
