/* SPDX-License-Identifier: MIT */
/* One attempt: transactions with relays, verdicts applied, next relay tried.
 *
 * Happy path: run → on_transaction_done → settle → all hops are closed → judged.
 * Failure: a relay fault moves recipients to the next relay of their plan within the attempt: a new
 * hop is planned, stored (gw_attempt_begin) and run. Transactions that end while the store reads
 * the message wait for their verdict. When no relay is left the recipients are deferred.
 *
 * Spec: RFC 5321 sec. 4.5.4.1 (retries), 4.5.3.1.10 (too many recipients). */
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_failpoint.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"
#include "gateway/base/gw_random.h"
#include "gateway/delivery_internal.h"
#include "gateway/delivery_metrics.h"
#include "gateway/delivery_policy.h"

static void on_transaction_done(struct smtp_transaction *txn);

static struct gw_lane *lane_of(const struct gw_hop *h)
{
    return &h->attempt->setup->relays[h->plan.relays[h->at]]->lane;
}

void gw_hop_free(struct gw_hop *h)
{
    gw_lane_leave(lane_of(h), h->attempt->flow, gw_clock_mono_ms());
    gw_list_remove(&h->link);
    gw_free(h->rcpts);
    gw_free(h->addresses);
    gw_free(h->outcomes);
    h->attempt->n_open--;
    gw_free(h);
}

struct gw_hop *gw_hop_new(struct gw_attempt *a, const struct gw_route_plan *plan, size_t at,
                          size_t max_rcpts)
{
    struct gw_hop *h = gw_calloc(1, sizeof(*h));
    h->attempt = a;
    h->plan = *plan;
    h->at = at;
    gw_lane_enter(lane_of(h), h->attempt->flow, gw_clock_mono_ms());
    h->rcpts = gw_calloc(max_rcpts, sizeof(*h->rcpts));
    a->n_open++;
    return h;
}

/* ---- verdicts ---- */

/* The command that the reply answered. */
static const char *command_of(enum smtp_stage stage)
{
    if (stage == SMTP_STAGE_DOT)
        return "DATA";
    return smtp_stage_name(stage == SMTP_STAGE_BDAT_LAST ? SMTP_STAGE_BDAT : stage);
}

static void set_result(struct gw_message *m, struct gw_recipient *r, const struct gw_hop *h,
                       const struct smtp_outcome *o, const struct gw_verdict *v)
{
    struct gw_arena *arena = m->arena;
    r->relay = gw_hop_relay_name(h);
    r->smtp = (struct gw_smtp_result){.code = o->reply.code,
                                      .enhanced = gw_arena_strdup(arena, o->reply.enhanced),
                                      .command = command_of(o->stage),
                                      .text = gw_arena_strdup(arena, o->reply.text),
                                      .tls = h->txn.tls_version};
    r->reason = v->reason;
    r->detail = o->detail[0] != '\0' ? gw_arena_strdup(arena, o->detail) : NULL;
    r->category = v->category;
    r->retryable = v->retryable;
    r->uncertain = r->uncertain || v->uncertain;
    gw_recipient_set(m, r, v->status);
}

static void log_outcome(const struct gw_message *m, const struct gw_recipient *r,
                        const struct gw_verdict *v)
{
    gw_log(v->relay_fault ? GW_LOG_WARN : GW_LOG_INFO, "recipient", GW_LOG_STR("message", m->id),
           GW_LOG_STR("status", gw_rcpt_status_name(r->status)), GW_LOG_STR("relay", r->relay),
           GW_LOG_STR("reason", r->reason), GW_LOG_STR("command", r->smtp.command),
           GW_LOG_NUM("code", r->smtp.code), GW_LOG_STR("enhanced", r->smtp.enhanced),
           GW_LOG_STR("detail", r->detail), GW_LOG_NUM("attempt", r->attempts),
           GW_LOG_STR("traceparent", m->traceparent));
}

/* No relay of the plan made an attempt: it does not count.
 * @after_ms  when to come back; 0: the relay does not know */
static void not_tried(const struct gw_attempt *a, struct gw_recipient *r, int64_t after_ms)
{
    const struct gw_message *m = a->m;
    int64_t now = gw_clock_wall_ms();
    r->attempts--;
    if (after_ms == 0)
        after_ms =
            gw_refused_delay_ms(&a->setup->cfg->retry, now - m->created_at_ms, gw_random01());
    int64_t next = now + after_ms;
    if (next < m->expires_at_ms && (m->retry_until_ms == 0 || next < m->retry_until_ms))
        r->next_attempt_ms = next;
}

/* A recipient that goes on at the next relay of the plan, with others of its hop in @to. */
static void move_on(struct gw_hop **to, const struct gw_hop *h, size_t rcpt)
{
    if (*to == NULL) {
        *to = gw_hop_new(h->attempt, &h->plan, h->at + 1, h->n_rcpts);
        (*to)->may_do_later = h->may_do_later;
        (*to)->tried = h->tried || !h->txn.not_tried;
    }
    (*to)->rcpts[(*to)->n_rcpts++] = rcpt;
}

static void settle(struct gw_hop *h, size_t i, struct gw_hop **next)
{
    struct gw_attempt *a = h->attempt;
    size_t rcpt = h->rcpts[i];
    struct gw_recipient *r = &a->m->rcpts[rcpt];
    struct gw_verdict v = gw_delivery_judge(&h->outcomes[i]);
    bool can_move = !a->delivery->stopped && !a->canceled && h->at + 1 < h->plan.n;
    /* this relay never takes it, but one that is down for now might */
    if (v.status == GW_RCPT_REJECTED && v.next_relay && !can_move && h->may_do_later) {
        v.status = GW_RCPT_DEFERRED;
        v.retryable = true;
    }
    set_result(a->m, r, h, &h->outcomes[i], &v);
    log_outcome(a->m, r, &v);
    if (v.status == GW_RCPT_QUEUED) {
        r->attempts--;
        r->next_attempt_ms = r->updated_at_ms;
    } else if (v.next_relay && can_move) {
        move_on(next, h, rcpt);
        (*next)->may_do_later |= v.status == GW_RCPT_DEFERRED;
        r->status = GW_RCPT_SENDING;
        r->relay = gw_hop_relay_name(*next);
    } else if (h->txn.not_tried && !h->tried && v.status == GW_RCPT_DEFERRED) {
        not_tried(a, r, h->txn.retry_after_ms);
    }
}

/* The relay is closing, or the store does not take it: nothing was tried here, the next process
 * does. It counts as an attempt all the same when a relay before this one was asked. */
static void refuse_hop(struct gw_hop *h)
{
    struct gw_message *m = h->attempt->m;
    for (size_t i = 0; i < h->n_rcpts; i++) {
        struct gw_recipient *r = &m->rcpts[h->rcpts[i]];
        gw_recipient_set(m, r, GW_RCPT_QUEUED);
        r->reason = smtp_reason_name(SMTP_REASON_SHUTDOWN);
        if (!h->tried)
            r->attempts--;
        r->next_attempt_ms = r->updated_at_ms;
    }
    gw_hop_free(h);
}

/* The message's wish in the words of smtp/; NULL when it has none. */
static const struct smtp_dsn *dsn_of(const struct gw_message *m, struct smtp_dsn *out)
{
    static const enum smtp_dsn_ret rets[] = {[GW_DSN_RET_DEFAULT] = SMTP_RET_DEFAULT,
                                             [GW_DSN_RET_FULL] = SMTP_RET_FULL,
                                             [GW_DSN_RET_HEADERS] = SMTP_RET_HDRS};
    _Static_assert((int)GW_DSN_NEVER == (int)SMTP_NOTIFY_NEVER &&
                       (int)GW_DSN_DELAY == (int)SMTP_NOTIFY_DELAY,
                   "the bits of both are the same");
    *out =
        (struct smtp_dsn){.ret = rets[m->dsn.ret], .envid = m->dsn.envid, .notify = m->dsn.notify};
    bool asked = m->dsn.ret != GW_DSN_RET_DEFAULT || m->dsn.envid != NULL || m->dsn.notify != 0;
    return asked ? out : NULL;
}

static void run_hop(struct gw_hop *h)
{
    struct gw_attempt *a = h->attempt;
    gw_list_push_back(&a->running, &h->link);
    h->addresses = gw_calloc(h->n_rcpts, sizeof(*h->addresses));
    h->started_at_ms = gw_clock_wall_ms();
    h->outcomes = gw_calloc(h->n_rcpts, sizeof(*h->outcomes));
    bool smtputf8 = a->smtputf8 || a->m->mail_from_smtputf8;
    for (size_t i = 0; i < h->n_rcpts; i++) {
        h->addresses[i] = a->m->rcpts[h->rcpts[i]].email;
        smtputf8 = smtputf8 || a->m->rcpts[h->rcpts[i]].needs_smtputf8;
    }
    h->txn = (struct smtp_transaction){
        .envelope = {.mail_from = a->m->mail_from,
                     .rcpts = h->addresses,
                     .n_rcpts = h->n_rcpts,
                     .content = gw_message_content(a->m, &a->m->rcpts[h->rcpts[0]]),
                     .eightbit = a->smtputf8,
                     .smtputf8 = smtputf8,
                     .require_tls = a->m->require_tls,
                     .dsn = dsn_of(a->m, &h->dsn),
                     .outcomes = h->outcomes},
        .on_done = on_transaction_done,
        .has_alternative = h->at + 1 < h->plan.n,
        .flow = h->attempt->flow,
        .data = h};
    GW_FAILPOINT("delivery.submit");
    struct smtp_relay *relay = gw_hop_relay(h);
    enum gw_status st = relay != NULL ? smtp_relay_submit(relay, &h->txn) : GW_CLOSED;
    if (st != GW_OK)
        refuse_hop(h);
}

static struct gw_hop *first_of(struct gw_list *hops)
{
    return gw_list_entry(hops->next, struct gw_hop, link);
}

static void settle_hop(struct gw_hop *h)
{
    struct gw_attempt *a = h->attempt;
    struct gw_hop *next = NULL;
    gw_delivery_count_timing(gw_hop_relay_name(h), &h->txn.timing);
    if (!h->txn.not_tried) {
        a->judged = true;
        gw_lane_took(lane_of(h), h->ended_at_ms - h->started_at_ms);
        gw_attempt_log_hop(a, h);
    }
    for (size_t i = 0; i < h->n_rcpts; i++)
        settle(h, i, &next);
    if (next != NULL) {
        GW_FAILPOINT("delivery.next_relay");
        gw_list_push_back(&a->planned, &next->link);
    }
    gw_hop_free(h);
}

static void run_planned(struct gw_attempt *a)
{
    while (!a->canceled && !gw_list_empty(&a->planned)) {
        struct gw_hop *h = first_of(&a->planned);
        gw_list_remove(&h->link);
        run_hop(h);
    }
}

/* Canceled before they ran: that is no attempt. */
static void uncount_planned(struct gw_attempt *a)
{
    gw_list_foreach (it, &a->planned) {
        const struct gw_hop *h = gw_list_entry(it, struct gw_hop, link);
        for (size_t i = 0; i < h->n_rcpts && !h->tried; i++)
            a->m->rcpts[h->rcpts[i]].attempts--;
    }
}

/* The store is not reading: give verdicts, and see what follows from them. */
static void go_on(struct gw_attempt *a)
{
    while (!gw_list_empty(&a->done))
        settle_hop(first_of(&a->done));
    if (!gw_list_empty(&a->planned) && !a->canceled) {
        if (gw_attempt_begin(a))
            return;
        run_planned(a);
    }
    uncount_planned(a);
    gw_attempt_forget_hops(a);
    if (a->n_open != 0)
        return;
    gw_attempt_conclude(a);
    GW_FAILPOINT("delivery.judged");
    gw_attempt_judged(a);
}

static void on_transaction_done(struct smtp_transaction *txn)
{
    struct gw_hop *h = txn->data;
    struct gw_attempt *a = h->attempt;
    GW_FAILPOINT("delivery.outcome");
    h->ended_at_ms = gw_clock_wall_ms();
    gw_list_remove(&h->link);
    gw_list_push_back(&a->done, &h->link);
    if (a->phase == GW_ATTEMPT_RUN)
        go_on(a);
}

void gw_attempt_run(struct gw_attempt *a)
{
    run_planned(a);
    go_on(a);
}

void gw_attempt_refuse_planned(struct gw_attempt *a)
{
    while (!gw_list_empty(&a->planned))
        refuse_hop(first_of(&a->planned));
    go_on(a);
}

void gw_attempt_cancel(struct gw_attempt *a)
{
    a->canceled = true;
    gw_list_foreach_safe (it, &a->running) {
        struct gw_hop *h = gw_list_entry(it, struct gw_hop, link);
        if (gw_hop_relay(h) != NULL)
            smtp_relay_cancel(gw_hop_relay(h), &h->txn);
    }
}

void gw_attempt_forget_hops(struct gw_attempt *a)
{
    while (!gw_list_empty(&a->planned))
        gw_hop_free(first_of(&a->planned));
}
