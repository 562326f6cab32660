/* SPDX-License-Identifier: MIT */
/* Changes to messages on their way. */
#include "gateway/message_change.h"

#include <string.h>

static void set(struct gw_message *m, struct gw_recipient *r, enum gw_rcpt_status status,
                int64_t next_attempt_ms, int64_t now_ms)
{
    r->status = status;
    r->next_attempt_ms = next_attempt_ms;
    r->updated_at_ms = now_ms;
    if (r->attempts > 0)
        r->duration_ms = now_ms - m->created_at_ms;
}

enum gw_status gw_change_cancel(struct gw_message *m, int64_t now_ms, const void *arg)
{
    size_t n_canceled = 0;
    (void)arg;
    for (size_t i = 0; i < m->n_rcpts; i++) {
        struct gw_recipient *r = &m->rcpts[i];
        if (!gw_rcpt_status_final(r->status)) {
            set(m, r, GW_RCPT_CANCELED, 0, now_ms);
            r->retryable = false;
        }
        n_canceled += r->status == GW_RCPT_CANCELED;
    }
    return n_canceled != 0 ? GW_OK : GW_INVALID;
}

static bool may_retry(const struct gw_recipient *r)
{
    switch (r->status) {
    case GW_RCPT_QUEUED:
    case GW_RCPT_DEFERRED:
    case GW_RCPT_HELD:
    case GW_RCPT_UNCERTAIN:
    case GW_RCPT_REJECTED:
    case GW_RCPT_EXPIRED:
        return true;
    case GW_RCPT_SCHEDULED:
    case GW_RCPT_SENDING:
    case GW_RCPT_SENT:
    case GW_RCPT_CANCELED:
    case GW_RCPT_SUPPRESSED:
    case GW_N_RCPT_STATUS:
        break;
    }
    return false;
}

enum gw_status gw_change_retry(struct gw_message *m, int64_t now_ms, const void *arg)
{
    const int64_t *lifetime_ms = arg;
    size_t n = 0;
    for (size_t i = 0; i < m->n_rcpts; i++) {
        struct gw_recipient *r = &m->rcpts[i];
        if (!may_retry(r))
            continue;
        set(m, r, r->attempts > 0 ? GW_RCPT_DEFERRED : GW_RCPT_QUEUED, now_ms, now_ms);
        r->retryable = true;
        n++;
    }
    if (n == 0)
        return GW_INVALID;
    m->crashes = 0;
    if (m->expires_at_ms <= now_ms)
        m->expires_at_ms = now_ms + *lifetime_ms;
    return GW_OK;
}

enum gw_status gw_change_schedule(struct gw_message *m, int64_t now_ms, const void *arg)
{
    const int64_t *at_ms = arg;
    bool later = *at_ms > now_ms;
    int64_t from = m->scheduled_at_ms != 0 ? m->scheduled_at_ms : m->created_at_ms;
    int64_t to = later ? *at_ms : now_ms;
    for (size_t i = 0; i < m->n_rcpts; i++) {
        const struct gw_recipient *r = &m->rcpts[i];
        if (r->status != GW_RCPT_SCHEDULED && r->status != GW_RCPT_QUEUED &&
            r->status != GW_RCPT_SUPPRESSED)
            return GW_INVALID;
    }
    size_t n = 0;
    for (size_t i = 0; i < m->n_rcpts; i++) {
        if (m->rcpts[i].status == GW_RCPT_SUPPRESSED)
            continue;
        set(m, &m->rcpts[i], later ? GW_RCPT_SCHEDULED : GW_RCPT_QUEUED, to, now_ms);
        n++;
    }
    if (n == 0)
        return GW_INVALID;
    m->expires_at_ms += to - from;
    m->scheduled_at_ms = later ? to : 0;
    return GW_OK;
}

enum gw_status gw_change_pause(struct gw_message *m, int64_t now_ms, const void *arg)
{
    size_t n = 0;
    (void)arg;
    for (size_t i = 0; i < m->n_rcpts; i++) {
        if (m->rcpts[i].status != GW_RCPT_SCHEDULED)
            continue;
        set(m, &m->rcpts[i], GW_RCPT_SCHEDULED, 0, now_ms);
        n++;
    }
    return n != 0 ? GW_OK : GW_INVALID;
}

enum gw_status gw_change_unpause(struct gw_message *m, int64_t now_ms, const void *arg)
{
    bool late = m->scheduled_at_ms < now_ms;
    size_t n = 0;
    (void)arg;
    for (size_t i = 0; i < m->n_rcpts; i++) {
        if (!gw_recipient_paused(&m->rcpts[i]))
            continue;
        set(m, &m->rcpts[i], GW_RCPT_SCHEDULED, late ? now_ms : m->scheduled_at_ms, now_ms);
        n++;
    }
    if (n == 0)
        return GW_INVALID;
    if (late) { /* the pause does not count as waiting */
        m->expires_at_ms += now_ms - m->scheduled_at_ms;
        m->scheduled_at_ms = now_ms;
    }
    return GW_OK;
}

/* A reply about message or recipient has no reason code of ours. */
static bool waits_for_relay(const struct gw_recipient *r)
{
    return r->status == GW_RCPT_DEFERRED && r->next_attempt_ms != 0 && !r->uncertain &&
           r->reason != NULL && r->relay != NULL;
}

const struct gw_recipient *gw_message_relay_wait(const struct gw_message *m)
{
    const struct gw_recipient *first = NULL;
    for (size_t i = 0; i < m->n_rcpts; i++) {
        const struct gw_recipient *r = &m->rcpts[i];
        if (waits_for_relay(r) && (first == NULL || r->next_attempt_ms < first->next_attempt_ms))
            first = r;
    }
    return first;
}

void gw_message_hasten(struct gw_message *m, const char *relay, int64_t now_ms)
{
    for (size_t i = 0; i < m->n_rcpts; i++)
        if (waits_for_relay(&m->rcpts[i]) && strcmp(m->rcpts[i].relay, relay) == 0)
            m->rcpts[i].next_attempt_ms = now_ms;
}
