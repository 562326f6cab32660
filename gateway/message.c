/* SPDX-License-Identifier: MIT */
/* The message model: names, the status of the whole, and copies. */
#include "gateway/message.h"

#include "gateway/base/gw_check.h"

static const struct {
    const char *text;
    bool is_final;
} rcpt_statuses[] = {
#define GW_RCPT_STATUS_ROW(name, text, is_final) [name] = {(text), (is_final)},
    GW_RCPT_STATUS_TABLE(GW_RCPT_STATUS_ROW)
#undef GW_RCPT_STATUS_ROW
};

static const char *const categories[] = {
#define GW_CATEGORY_ROW(name, text) [name] = (text),
    GW_CATEGORY_TABLE(GW_CATEGORY_ROW)
#undef GW_CATEGORY_ROW
};

const char *gw_rcpt_status_name(enum gw_rcpt_status s)
{
    PRE(s < GW_N_RCPT_STATUS);
    return rcpt_statuses[s].text;
}

bool gw_rcpt_status_final(enum gw_rcpt_status s)
{
    PRE(s < GW_N_RCPT_STATUS);
    return rcpt_statuses[s].is_final;
}

const char *gw_rcpt_kind_name(enum gw_rcpt_kind k)
{
    static const char *const names[] = {
        [GW_RCPT_TO] = "to", [GW_RCPT_CC] = "cc", [GW_RCPT_BCC] = "bcc"};
    PRE(k <= GW_RCPT_BCC);
    return names[k];
}

const char *gw_category_name(enum gw_category c)
{
    PRE(c <= GW_CATEGORY_OTHER);
    return categories[c];
}

bool gw_message_final(const struct gw_message *m)
{
    for (size_t i = 0; i < m->n_rcpts; i++) {
        if (!gw_rcpt_status_final(m->rcpts[i].status))
            return false;
    }
    return true;
}

static bool is_settled(const struct gw_recipient *r)
{
    bool given_up = r->status == GW_RCPT_DEFERRED && r->next_attempt_ms == 0;
    return given_up || gw_rcpt_status_final(r->status);
}

bool gw_message_settled(const struct gw_message *m)
{
    for (size_t i = 0; i < m->n_rcpts; i++) {
        if (!is_settled(&m->rcpts[i]))
            return false;
    }
    return true;
}

bool gw_recipient_paused(const struct gw_recipient *r)
{
    return r->status == GW_RCPT_SCHEDULED && r->next_attempt_ms == 0;
}

bool gw_message_at_rest(const struct gw_message *m, int64_t until_ms)
{
    for (size_t i = 0; i < m->n_rcpts; i++) {
        const struct gw_recipient *r = &m->rcpts[i];
        bool later = r->status != GW_RCPT_SENDING && r->next_attempt_ms > until_ms;
        if (r->status != GW_RCPT_HELD && !gw_recipient_paused(r) && !later && !is_settled(r))
            return false;
    }
    return true;
}

int64_t gw_message_next_attempt_ms(const struct gw_message *m)
{
    int64_t first = 0;
    for (size_t i = 0; i < m->n_rcpts; i++) {
        int64_t t = gw_rcpt_status_final(m->rcpts[i].status) ? 0 : m->rcpts[i].next_attempt_ms;
        if (t != 0 && (first == 0 || t < first))
            first = t;
    }
    return first;
}

bool gw_message_held(const struct gw_message *m)
{
    for (size_t i = 0; i < m->n_rcpts; i++)
        if (m->rcpts[i].status == GW_RCPT_UNCERTAIN)
            return m->on_uncertain != GW_UNCERTAIN_STOP;
    return false;
}

const char *gw_message_status(const struct gw_message *m)
{
    PRE(m->n_rcpts > 0);
    static const enum gw_rcpt_status least_advanced_first[] = {
        GW_RCPT_SCHEDULED, GW_RCPT_QUEUED, GW_RCPT_DEFERRED, GW_RCPT_HELD, GW_RCPT_SENDING};
    size_t count[GW_N_RCPT_STATUS] = {0};
    for (size_t i = 0; i < m->n_rcpts; i++) {
        PRE(m->rcpts[i].status < GW_N_RCPT_STATUS);
        count[m->rcpts[i].status]++;
    }
    if (count[m->rcpts[0].status] == m->n_rcpts)
        return gw_rcpt_status_name(m->rcpts[0].status);
    for (size_t i = 0; i < sizeof(least_advanced_first) / sizeof(least_advanced_first[0]); i++) {
        if (count[least_advanced_first[i]] != 0)
            return gw_rcpt_status_name(least_advanced_first[i]);
    }
    return count[GW_RCPT_SENT] != 0 ? "partial" : "failed";
}

static struct gw_recipient copy_rcpt(struct gw_arena *arena, const struct gw_recipient *from)
{
    struct gw_recipient r = *from;
    r.email = gw_arena_strdup_or_null(arena, from->email);
    r.domain = gw_arena_strdup_or_null(arena, from->domain);
    r.relay = gw_arena_strdup_or_null(arena, from->relay);
    r.reason = gw_arena_strdup_or_null(arena, from->reason);
    r.detail = gw_arena_strdup_or_null(arena, from->detail);
    r.smtp.enhanced = gw_arena_strdup_or_null(arena, from->smtp.enhanced);
    r.smtp.command = gw_arena_strdup_or_null(arena, from->smtp.command);
    r.smtp.text = gw_arena_strdup_or_null(arena, from->smtp.text);
    r.smtp.tls = gw_arena_strdup_or_null(arena, from->smtp.tls);
    return r;
}

static struct gw_field copy_field(struct gw_arena *arena, struct gw_field f)
{
    return (struct gw_field){.value =
                                 f.value.data != NULL ? gw_arena_slice(arena, f.value) : f.value,
                             .pointer = gw_arena_strdup_or_null(arena, f.pointer)};
}

struct gw_slice gw_message_content(const struct gw_message *m, const struct gw_recipient *r)
{
    if (m->mime.data == NULL || r->copy_len == 0)
        return m->mime;
    return gw_slice_of(m->mime.data + r->copy_at, r->copy_len);
}

struct gw_message *gw_message_copy(const struct gw_message *m)
{
    struct gw_arena *arena = gw_arena_new(0);
    struct gw_message *c = GW_ARENA_NEW(arena, struct gw_message);
    *c = *m;
    c->arena = arena;
    c->tenant = gw_arena_strdup_or_null(arena, m->tenant);
    c->message_id = gw_arena_strdup_or_null(arena, m->message_id);
    c->from = gw_arena_strdup_or_null(arena, m->from);
    c->from_domain = gw_arena_strdup_or_null(arena, m->from_domain);
    c->subject = gw_arena_strdup_or_null(arena, m->subject);
    c->mail_from = gw_arena_strdup_or_null(arena, m->mail_from);
    c->relay = gw_arena_strdup_or_null(arena, m->relay);
    c->traceparent = gw_arena_strdup_or_null(arena, m->traceparent);
    c->dsn.envid = gw_arena_strdup_or_null(arena, m->dsn.envid);
    c->mime.data = NULL;
    c->rcpts = GW_ARENA_ARRAY(arena, struct gw_recipient, m->n_rcpts);
    for (size_t i = 0; i < m->n_rcpts; i++)
        c->rcpts[i] = copy_rcpt(arena, &m->rcpts[i]);
    c->tags = GW_ARENA_ARRAY(arena, struct gw_slice, m->n_tags);
    for (size_t i = 0; i < m->n_tags; i++)
        c->tags[i] = gw_arena_slice(arena, m->tags[i]);
    c->metadata = GW_ARENA_ARRAY(arena, struct gw_draft_pair, m->n_metadata);
    for (size_t i = 0; i < m->n_metadata; i++) {
        c->metadata[i] = (struct gw_draft_pair){.name = copy_field(arena, m->metadata[i].name),
                                                .value = copy_field(arena, m->metadata[i].value)};
    }
    return c;
}

void gw_message_free(struct gw_message **m)
{
    if (*m == NULL)
        return;
    struct gw_arena *arena = (*m)->arena; /* holds the struct itself */
    *m = NULL;
    gw_arena_free(&arena);
}
