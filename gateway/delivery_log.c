/* SPDX-License-Identifier: MIT */
/* From a transaction to the entry that the message's history keeps of it. */
#include "gateway/base/gw_mem.h"
#include "gateway/delivery_internal.h"
#include "gateway/delivery_policy.h"
#include "gateway/history.h"

static const enum smtp_stage stages[GW_N_STEPS] = {
    [GW_STEP_RESOLVE] = SMTP_STAGE_RESOLVE,   [GW_STEP_CONNECT] = SMTP_STAGE_CONNECT,
    [GW_STEP_GREETING] = SMTP_STAGE_GREETING, [GW_STEP_EHLO] = SMTP_STAGE_EHLO,
    [GW_STEP_STARTTLS] = SMTP_STAGE_STARTTLS, [GW_STEP_TLS] = SMTP_STAGE_TLS,
    [GW_STEP_AUTH] = SMTP_STAGE_AUTH,         [GW_STEP_MAIL] = SMTP_STAGE_MAIL,
    [GW_STEP_RCPT] = SMTP_STAGE_RCPT,         [GW_STEP_DATA] = SMTP_STAGE_DATA,
    [GW_STEP_BODY] = SMTP_STAGE_BODY,         [GW_STEP_DOT] = SMTP_STAGE_DOT,
};

/* What happened to the recipient that came furthest tells how far the transaction came. */
static const struct smtp_outcome *furthest(const struct gw_hop *h)
{
    const struct smtp_outcome *found = &h->outcomes[0];
    for (size_t i = 1; i < h->n_rcpts; i++)
        if (h->outcomes[i].stage > found->stage)
            found = &h->outcomes[i];
    return found;
}

static const char *text_or_null(struct gw_arena *arena, const char *text)
{
    return text[0] != '\0' ? gw_arena_strdup(arena, text) : NULL;
}

static struct gw_attempt_log *add(struct gw_attempt *a)
{
    if (a->n_logs == a->max_logs) {
        a->max_logs = a->max_logs != 0 ? 2 * a->max_logs : 2;
        a->logs = gw_realloc(a->logs, a->max_logs * sizeof(*a->logs));
    }
    return &a->logs[a->n_logs++];
}

static const size_t *copy(struct gw_arena *arena, const size_t *rcpts, size_t n)
{
    size_t *c = GW_ARENA_ARRAY(arena, size_t, n);
    for (size_t i = 0; i < n; i++)
        c[i] = rcpts[i];
    return c;
}

void gw_attempt_log_interrupted(struct gw_attempt *a, const size_t *rcpts, size_t n_rcpts)
{
    const struct gw_recipient *first = &a->m->rcpts[rcpts[0]];
    struct gw_attempt_log *log = add(a);
    *log = (struct gw_attempt_log){.rcpts = copy(a->m->arena, rcpts, n_rcpts),
                                   .n_rcpts = n_rcpts,
                                   .relay = first->relay,
                                   .reason = "interrupted",
                                   .enhanced = "",
                                   .text = "",
                                   .uncertain = true,
                                   .started_at_ms = first->updated_at_ms};
    for (size_t i = 0; i < GW_N_STEPS; i++)
        log->step_ms[i] = -1;
}

void gw_attempt_log_hop(struct gw_attempt *a, const struct gw_hop *h)
{
    struct gw_arena *arena = a->m->arena;
    const struct smtp_outcome *o = furthest(h);
    struct gw_attempt_log *log = add(a);
    *log = (struct gw_attempt_log){.rcpts = copy(arena, h->rcpts, h->n_rcpts),
                                   .n_rcpts = h->n_rcpts,
                                   .relay = gw_hop_relay_name(h),
                                   .stage = smtp_stage_name(o->stage),
                                   .reason = gw_delivery_judge(o).reason,
                                   .detail = text_or_null(arena, o->detail),
                                   .code = o->reply.code,
                                   .enhanced = gw_arena_strdup(arena, o->reply.enhanced),
                                   .text = gw_arena_strdup(arena, o->reply.text),
                                   .tls = h->txn.tls_version,
                                   .uncertain = o->uncertain,
                                   .reused_connection = h->txn.reused_connection,
                                   .started_at_ms = h->started_at_ms,
                                   .duration_ms = h->ended_at_ms - h->started_at_ms};
    for (size_t i = 0; i < GW_N_STEPS; i++)
        log->step_ms[i] = h->txn.timing.ms[stages[i]];
    /* BDAT has other names for the two. */
    if (log->step_ms[GW_STEP_BODY] < 0)
        log->step_ms[GW_STEP_BODY] = h->txn.timing.ms[SMTP_STAGE_BDAT];
    if (log->step_ms[GW_STEP_DOT] < 0)
        log->step_ms[GW_STEP_DOT] = h->txn.timing.ms[SMTP_STAGE_BDAT_LAST];
}
