/* SPDX-License-Identifier: MIT */
/* One attempt: recipients grouped by route into transactions, verdicts applied, next relay tried.
 *
 * Failure: a relay fault moves a transaction to the next relay of its plan within the attempt; when
 * no relay is left its recipients are deferred.
 *
 * Spec: RFC 5321 sec. 4.5.4.1 (retries). */
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"
#include "gateway/base/gw_random.h"
#include "gateway/delivery_internal.h"
#include "gateway/delivery_metrics.h"
#include "gateway/delivery_policy.h"
#include "gateway/route.h"

enum {
    MAX_CRASHES = 3
}; /* attempts that ended with the process before a message is set aside */

/* Some recipients of an attempt on their way through a plan. */
struct gw_hop {
    struct smtp_transaction txn;
    struct gw_attempt *attempt;
    struct gw_route_plan plan;
    size_t at;     /* index in plan of the relay in use */
    bool tried;    /* a relay before it made an attempt */
    size_t *rcpts; /* indexes into m->rcpts */
    size_t n_rcpts;
    const char **addresses; /* what txn.envelope.rcpts points at */
    struct smtp_outcome *outcomes;
};

static double random01(void)
{
    return (double)gw_random_below(1U << 30) / (double)(1U << 30);
}

static const struct cfg_api_key *api_key_of(const struct gw_delivery *d, const struct gw_message *m)
{
    const struct cfg *cfg = d->env.cfg;
    for (size_t i = 0; i < cfg->n_api_keys; i++)
        if (strcmp(cfg->api_keys[i].id, m->tenant) == 0)
            return &cfg->api_keys[i];
    return NULL;
}

/* Our bodies are 7-bit; an octet above 0x7F in the header section is a UTF-8 address (RFC 6532). */
static bool header_is_utf8(struct gw_slice mime)
{
    const char *end = memmem(mime.data, mime.len, "\r\n\r\n", 4);
    size_t n = end != NULL ? (size_t)(end - mime.data) : mime.len;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)mime.data[i] >= 0x80)
            return true;
    return false;
}

static void finish(struct gw_attempt *a);
static void run_hop(struct gw_hop *h);

static void free_hop(struct gw_hop *h)
{
    gw_free(h->rcpts);
    gw_free(h->addresses);
    gw_free(h->outcomes);
    gw_free(h);
}

static struct gw_hop *new_hop(struct gw_attempt *a, const struct gw_route_plan *plan,
                              size_t max_rcpts)
{
    struct gw_hop *h = gw_calloc(1, sizeof(*h));
    h->attempt = a;
    h->plan = *plan;
    h->rcpts = gw_calloc(max_rcpts, sizeof(*h->rcpts));
    a->n_open++;
    return h;
}

static void close_hop(struct gw_hop *h)
{
    struct gw_attempt *a = h->attempt;
    free_hop(h);
    if (--a->n_open == 0)
        finish(a);
}

/* ---- verdicts ---- */

static void set_result(struct gw_message *m, struct gw_recipient *r, const struct gw_hop *h,
                       const struct smtp_outcome *o)
{
    struct gw_arena *arena = m->arena;
    const struct gw_delivery *d = h->attempt->delivery;
    r->relay = d->env.cfg->relays[h->plan.relays[h->at]].name;
    r->smtp = (struct gw_smtp_result){
        .code = o->reply.code,
        .enhanced = gw_arena_strdup(arena, o->reply.enhanced),
        .command = o->stage == SMTP_STAGE_DOT ? "DATA" : smtp_stage_name(o->stage),
        .text = gw_arena_strdup(arena, o->reply.text),
        .tls = h->txn.tls_version};
    r->reason = o->reason != SMTP_REASON_REPLY ? smtp_reason_name(o->reason) : NULL;
    r->detail = o->detail[0] != '\0' ? gw_arena_strdup(arena, o->detail) : NULL;
}

static void apply(struct gw_message *m, struct gw_recipient *r, const struct gw_verdict *v)
{
    r->status = v->status;
    r->category = v->category;
    r->retryable = v->retryable;
    r->uncertain = r->uncertain || v->uncertain;
    r->updated_at_ms = gw_clock_wall_ms();
    r->duration_ms = r->updated_at_ms - m->created_at_ms;
}

static void log_outcome(const struct gw_message *m, const struct gw_recipient *r,
                        const struct gw_verdict *v)
{
    gw_log(v->relay_fault ? GW_LOG_WARN : GW_LOG_INFO, "recipient", GW_LOG_STR("message", m->id),
           GW_LOG_STR("status", gw_rcpt_status_name(r->status)), GW_LOG_STR("relay", r->relay),
           GW_LOG_STR("reason", r->reason), GW_LOG_STR("command", r->smtp.command),
           GW_LOG_NUM("code", r->smtp.code), GW_LOG_STR("enhanced", r->smtp.enhanced),
           GW_LOG_STR("detail", r->detail), GW_LOG_NUM("attempt", r->attempts));
}

/* No relay of the plan made an attempt: it does not count, and the relay may know when to come. */
static void not_tried(const struct gw_message *m, struct gw_recipient *r,
                      const struct smtp_transaction *txn)
{
    int64_t next = gw_clock_wall_ms() + txn->retry_after_ms;
    bool in_time = next < m->expires_at_ms && (m->retry_until_ms == 0 || next < m->retry_until_ms);
    if (r->status != GW_RCPT_DEFERRED)
        return;
    r->attempts--;
    if (txn->retry_after_ms > 0 && in_time)
        r->next_attempt_ms = next;
}

static void on_transaction_done(struct smtp_transaction *txn)
{
    struct gw_hop *h = txn->data;
    struct gw_attempt *a = h->attempt;
    struct gw_message *m = a->m;
    bool can_move = h->at + 1 < h->plan.n && !a->delivery->stopped;
    struct gw_hop *next = NULL;
    gw_delivery_count_timing(a->delivery->env.cfg->relays[h->plan.relays[h->at]].name,
                             &txn->timing);
    for (size_t i = 0; i < h->n_rcpts; i++) {
        struct gw_recipient *r = &m->rcpts[h->rcpts[i]];
        const struct smtp_outcome *o = &h->outcomes[i];
        struct gw_verdict v = gw_delivery_judge(o);
        set_result(m, r, h, o);
        apply(m, r, &v);
        log_outcome(m, r, &v);
        if (!v.next_relay || !can_move) {
            if (txn->not_tried && !h->tried)
                not_tried(m, r, txn);
            continue;
        }
        if (next == NULL) {
            next = new_hop(a, &h->plan, h->n_rcpts);
            next->at = h->at + 1;
            next->tried = h->tried || !txn->not_tried;
        }
        r->status = GW_RCPT_SENDING;
        next->rcpts[next->n_rcpts++] = h->rcpts[i];
    }
    if (next != NULL)
        run_hop(next);
    close_hop(h);
}

/* The relay is closing. */
static void refuse_hop(struct gw_hop *h)
{
    for (size_t i = 0; i < h->n_rcpts; i++) {
        struct gw_recipient *r = &h->attempt->m->rcpts[h->rcpts[i]];
        struct gw_verdict v = {
            .status = GW_RCPT_DEFERRED, .category = GW_CATEGORY_OTHER, .retryable = true};
        apply(h->attempt->m, r, &v);
        r->reason = smtp_reason_name(SMTP_REASON_SHUTDOWN);
    }
    close_hop(h);
}

static void run_hop(struct gw_hop *h)
{
    struct gw_attempt *a = h->attempt;
    h->addresses = gw_calloc(h->n_rcpts, sizeof(*h->addresses));
    h->outcomes = gw_calloc(h->n_rcpts, sizeof(*h->outcomes));
    bool smtputf8 = a->smtputf8 || a->m->mail_from_smtputf8;
    for (size_t i = 0; i < h->n_rcpts; i++) {
        h->addresses[i] = a->m->rcpts[h->rcpts[i]].email;
        smtputf8 = smtputf8 || a->m->rcpts[h->rcpts[i]].needs_smtputf8;
    }
    h->txn = (struct smtp_transaction){.envelope = {.mail_from = a->m->mail_from,
                                                    .rcpts = h->addresses,
                                                    .n_rcpts = h->n_rcpts,
                                                    .content = a->m->mime,
                                                    .smtputf8 = smtputf8,
                                                    .outcomes = h->outcomes},
                                       .on_done = on_transaction_done,
                                       .has_alternative = h->at + 1 < h->plan.n,
                                       .data = h};
    enum gw_status st = smtp_relay_submit(a->delivery->env.relays[h->plan.relays[h->at]], &h->txn);
    if (st != GW_OK)
        refuse_hop(h);
}

/* ---- planning ---- */

static bool on_uncertain_retries(const struct gw_attempt *a, struct gw_recipient *r)
{
    enum gw_on_uncertain how = a->m->on_uncertain;
    if (how == GW_UNCERTAIN_DEFAULT) {
        enum cfg_on_uncertain configured = a->delivery->env.cfg->retry.on_uncertain;
        how = configured == CFG_UNCERTAIN_RETRY ? GW_UNCERTAIN_RETRY : GW_UNCERTAIN_STOP;
    }
    if (how == GW_UNCERTAIN_RETRY)
        return true;
    r->status = GW_RCPT_UNCERTAIN;
    return false;
}

/* When the recipient is tried again; 0: not by us. */
static int64_t plan_retry(const struct gw_attempt *a, struct gw_recipient *r, bool lost_now)
{
    const struct cfg_retry *retry = &a->delivery->env.cfg->retry;
    const struct gw_message *m = a->m;
    int64_t now = gw_clock_wall_ms();
    int64_t next = now + gw_retry_delay_ms(retry, r->attempts > 0 ? r->attempts : 1, random01());
    if (lost_now && next < now + retry->uncertain_delay_ms)
        next = now + retry->uncertain_delay_ms;
    if (m->retry_until_ms != 0 && next > m->retry_until_ms)
        return 0;
    return next < m->expires_at_ms ? next : m->expires_at_ms;
}

static void finish(struct gw_attempt *a)
{
    struct gw_message *m = a->m;
    m->crashes = 0;
    for (size_t i = 0; i < m->n_rcpts; i++) {
        struct gw_recipient *r = &m->rcpts[i];
        if (r->status != GW_RCPT_DEFERRED || r->next_attempt_ms != 0)
            continue;
        if (!r->uncertain || on_uncertain_retries(a, r))
            r->next_attempt_ms = plan_retry(a, r, r->uncertain);
    }
    gw_attempt_judged(a);
}

/* The process ended while this recipient was `sending`: the relay may have the message. */
static void interrupted(const struct gw_attempt *a, struct gw_recipient *r)
{
    struct gw_message *m = a->m;
    struct gw_verdict v = {.status = GW_RCPT_DEFERRED,
                           .category = GW_CATEGORY_OTHER,
                           .retryable = true,
                           .uncertain = true};
    apply(m, r, &v);
    r->reason = "interrupted";
    r->detail = "Mailhatch ended during the attempt; the relay may have the message";
    if (m->crashes >= MAX_CRASHES) {
        r->status = GW_RCPT_UNCERTAIN;
        r->retryable = false;
        r->reason = "quarantined";
        r->detail = "Mailhatch ended during three attempts at this message; it is set aside";
        gw_log(GW_LOG_ERROR, "quarantined", GW_LOG_STR("message", m->id));
    } else if (on_uncertain_retries(a, r)) {
        r->next_attempt_ms = plan_retry(a, r, true);
    }
}

static bool has_interrupted(const struct gw_message *m)
{
    for (size_t i = 0; i < m->n_rcpts; i++)
        if (m->rcpts[i].status == GW_RCPT_SENDING)
            return true;
    return false;
}

static void expire(struct gw_message *m, struct gw_recipient *r, int64_t now)
{
    r->status = GW_RCPT_EXPIRED;
    r->retryable = false;
    r->next_attempt_ms = 0;
    r->updated_at_ms = now;
    r->duration_ms = now - m->created_at_ms;
}

/* True when the recipient's time has come. */
static bool is_due(const struct gw_recipient *r, int64_t now)
{
    bool given_up = r->status == GW_RCPT_DEFERRED && r->next_attempt_ms == 0;
    return !gw_rcpt_status_final(r->status) && !given_up && r->next_attempt_ms <= now;
}

/* No relay may carry this recipient: the routes or the key's relays leave none. */
static void no_route(struct gw_message *m, struct gw_recipient *r)
{
    struct gw_verdict v = {
        .status = GW_RCPT_DEFERRED, .category = GW_CATEGORY_CONFIG, .retryable = true};
    apply(m, r, &v);
    r->reason = "no_route";
    r->detail = "no route leads to a relay that this key may use; add one to `routes`";
}

/* An uncertain recipient goes to the relay that may have the message already. */
static void prefer_relay(const struct gw_delivery *d, const struct gw_recipient *r,
                         struct gw_route_plan *plan)
{
    if (!r->uncertain || r->relay == NULL)
        return;
    for (size_t i = 0; i < plan->n; i++) {
        if (strcmp(d->env.cfg->relays[plan->relays[i]].name, r->relay) == 0) {
            plan->relays[0] = plan->relays[i];
            plan->n = 1;
            return;
        }
    }
}

/* SMTPUTF8 recipients travel apart, so that a relay without it fails only them. */
static struct gw_hop *find_hop(struct gw_hop **hops, size_t n, const struct gw_route_plan *plan,
                               const struct gw_message *m, const struct gw_recipient *r)
{
    if (m->delivery_mode == GW_DELIVERY_INDIVIDUAL)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (gw_route_plan_equal(&hops[i]->plan, plan) &&
            m->rcpts[hops[i]->rcpts[0]].needs_smtputf8 == r->needs_smtputf8)
            return hops[i];
    return NULL;
}

/* One due recipient: into a hop, or its final state. */
static void plan_recipient(struct gw_attempt *a, size_t i, double draw, int64_t now)
{
    const struct gw_delivery *d = a->delivery;
    struct gw_message *m = a->m;
    struct gw_recipient *r = &m->rcpts[i];
    if (now >= m->expires_at_ms) {
        expire(m, r, now);
        return;
    }
    struct gw_route_plan plan;
    gw_route_plan(d->env.cfg, api_key_of(d, m), m, r, draw, &plan);
    prefer_relay(d, r, &plan);
    r->attempts++;
    r->next_attempt_ms = 0;
    if (plan.n == 0) {
        no_route(m, r);
        return;
    }
    r->status = GW_RCPT_SENDING;
    r->updated_at_ms = now;
    struct gw_hop *h = find_hop(a->hops, a->n_hops, &plan, m, r);
    if (h == NULL) {
        bool alone = m->delivery_mode == GW_DELIVERY_INDIVIDUAL;
        h = new_hop(a, &plan, alone ? 1 : m->n_rcpts);
        a->hops[a->n_hops++] = h;
    }
    h->rcpts[h->n_rcpts++] = i;
}

void gw_attempt_plan(struct gw_attempt *a)
{
    struct gw_message *m = a->m;
    int64_t now = gw_clock_wall_ms();
    double draw = random01();
    a->planned_at_ms = now;
    if (has_interrupted(m))
        m->crashes++;
    a->smtputf8 = header_is_utf8(m->mime);
    a->hops = gw_calloc(m->n_rcpts, sizeof(struct gw_hop *));
    for (size_t i = 0; i < m->n_rcpts; i++) {
        if (m->rcpts[i].status == GW_RCPT_SENDING)
            interrupted(a, &m->rcpts[i]);
        else if (is_due(&m->rcpts[i], now))
            plan_recipient(a, i, draw, now);
    }
}

void gw_attempt_run(struct gw_attempt *a)
{
    a->n_open++; /* held, so that a hop refused at once does not end the attempt early */
    for (size_t i = 0; i < a->n_hops; i++)
        run_hop(a->hops[i]);
    a->n_hops = 0;
    if (--a->n_open == 0)
        finish(a);
}

void gw_attempt_forget_hops(struct gw_attempt *a)
{
    for (size_t i = 0; i < a->n_hops; i++)
        free_hop(a->hops[i]);
    a->n_hops = 0;
    gw_free(a->hops);
    a->hops = NULL;
}
