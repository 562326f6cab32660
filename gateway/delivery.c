/* SPDX-License-Identifier: MIT */
/* Delivery of messages, attempt by attempt.
 *
 * Happy path: start → recipients grouped by route into transactions → relay → verdicts → record in
 * the store → on_recorded. Deferred recipients wait in the store; a timer leases them when due.
 * Failure: a relay fault moves a transaction to the next relay of its plan within the attempt; when
 * no relay is left its recipients are deferred. A verdict that cannot be recorded is tried again.
 *
 * Spec: RFC 5321 sec. 4.5.4.1 (retries). */
#include "gateway/delivery.h"

#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"
#include "gateway/base/gw_random.h"
#include "gateway/delivery_policy.h"
#include "gateway/id_table.h"
#include "gateway/route.h"

enum {
    LEASE_BATCH = 64,
    MAX_ACTIVE_LEASED = 1024, /* messages read back from the store that are in memory at once */
    MAX_TIMER_MS = 30 * 1000, /* looks again at least this often: the wall clock may jump */
    RECORD_RETRY_MS = 1000
};

struct gw_delivery {
    struct gw_delivery_env env;
    struct gw_id_table attempts;
    size_t n_attempts;
    bool leasing, stopped;
    uv_timer_t timer;
    void (*on_closed)(void *);
    void *closed_data;
};

struct attempt {
    struct gw_id_node node; /* in delivery.attempts */
    struct gw_delivery *delivery;
    struct gw_message *m;
    size_t n_open; /* transactions in hand, plus one while they are being made */
    bool smtputf8;
};

/* Some recipients of an attempt on their way through a plan. */
struct hop {
    struct smtp_transaction txn;
    struct attempt *attempt;
    struct gw_route_plan plan;
    size_t at;     /* index in plan of the relay in use */
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

static void finish_attempt(struct attempt *a);
static void run_hop(struct hop *h);

static void free_hop(struct hop *h)
{
    gw_free(h->rcpts);
    gw_free(h->addresses);
    gw_free(h->outcomes);
    gw_free(h);
}

static struct hop *new_hop(struct attempt *a, const struct gw_route_plan *plan, size_t max_rcpts)
{
    struct hop *h = gw_calloc(1, sizeof(*h));
    h->attempt = a;
    h->plan = *plan;
    h->rcpts = gw_calloc(max_rcpts, sizeof(*h->rcpts));
    a->n_open++;
    return h;
}

static void close_hop(struct hop *h)
{
    struct attempt *a = h->attempt;
    free_hop(h);
    if (--a->n_open == 0)
        finish_attempt(a);
}

/* ---- verdicts ---- */

static void set_result(struct gw_message *m, struct gw_recipient *r, const struct hop *h,
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

static void on_transaction_done(struct smtp_transaction *txn)
{
    struct hop *h = txn->data;
    struct attempt *a = h->attempt;
    struct gw_message *m = a->m;
    bool can_move = h->at + 1 < h->plan.n && !a->delivery->stopped;
    struct hop *next = NULL;
    for (size_t i = 0; i < h->n_rcpts; i++) {
        struct gw_recipient *r = &m->rcpts[h->rcpts[i]];
        const struct smtp_outcome *o = &h->outcomes[i];
        struct gw_verdict v = gw_delivery_judge(o);
        set_result(m, r, h, o);
        apply(m, r, &v);
        log_outcome(m, r, &v);
        if (!v.next_relay || !can_move)
            continue;
        if (next == NULL) {
            next = new_hop(a, &h->plan, h->n_rcpts);
            next->at = h->at + 1;
        }
        r->status = GW_RCPT_SENDING;
        next->rcpts[next->n_rcpts++] = h->rcpts[i];
    }
    if (next != NULL)
        run_hop(next);
    close_hop(h);
}

/* The relay does not take the transaction now: its recipients are deferred as if it had said so. */
static void refuse_hop(struct hop *h, enum gw_status status)
{
    for (size_t i = 0; i < h->n_rcpts; i++) {
        struct gw_recipient *r = &h->attempt->m->rcpts[h->rcpts[i]];
        struct gw_verdict v = {
            .status = GW_RCPT_DEFERRED, .category = GW_CATEGORY_RATE, .retryable = true};
        apply(h->attempt->m, r, &v);
        r->reason = status == GW_BUSY ? "relay_busy" : "shutdown";
        r->detail = status == GW_BUSY ? "too many messages wait for this relay" : NULL;
    }
    close_hop(h);
}

static void run_hop(struct hop *h)
{
    struct attempt *a = h->attempt;
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
                                       .data = h};
    enum gw_status st = smtp_relay_submit(a->delivery->env.relays[h->plan.relays[h->at]], &h->txn);
    if (st != GW_OK)
        refuse_hop(h, st);
}

/* ---- one attempt ---- */

static bool on_uncertain_retries(const struct attempt *a, struct gw_recipient *r)
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
static int64_t plan_retry(const struct attempt *a, struct gw_recipient *r, bool lost_now)
{
    const struct cfg_retry *retry = &a->delivery->env.cfg->retry;
    const struct gw_message *m = a->m;
    int64_t now = gw_clock_wall_ms();
    int64_t next = now + gw_retry_delay_ms(retry, r->attempts, random01());
    if (lost_now && next < now + retry->uncertain_delay_ms)
        next = now + retry->uncertain_delay_ms;
    if (m->retry_until_ms != 0 && next > m->retry_until_ms)
        return 0;
    return next < m->expires_at_ms ? next : m->expires_at_ms;
}

static void free_attempt(struct attempt *a)
{
    struct gw_delivery *d = a->delivery;
    gw_list_remove(&a->node.link);
    gw_message_free(&a->m);
    gw_free(a);
    d->n_attempts--;
    gw_delivery_wake(d);
    d->env.on_progress(d->env.data);
}

static void on_recorded(enum gw_status status, void *data)
{
    struct attempt *a = data;
    if (status != GW_OK)
        gw_log(GW_LOG_ERROR, "record_failed", GW_LOG_STR("message", a->m->id),
               GW_LOG_STR("error", gw_status_text(status)));
    struct gw_delivery *d = a->delivery;
    d->env.on_recorded(a->m, d->env.data);
    free_attempt(a);
}

static void finish_attempt(struct attempt *a)
{
    struct gw_store *store = a->delivery->env.store;
    for (size_t i = 0; i < a->m->n_rcpts; i++) {
        struct gw_recipient *r = &a->m->rcpts[i];
        if (r->status != GW_RCPT_DEFERRED || r->next_attempt_ms != 0)
            continue;
        if (!r->uncertain || on_uncertain_retries(a, r))
            r->next_attempt_ms = plan_retry(a, r, r->uncertain);
    }
    store->engine->record(store, a->m, on_recorded, a);
}

/* True when the recipient is to be tried now; an expired one becomes final. */
static bool take_recipient(struct gw_message *m, struct gw_recipient *r, int64_t now)
{
    bool given_up = r->status == GW_RCPT_DEFERRED && r->next_attempt_ms == 0;
    if (gw_rcpt_status_final(r->status) || given_up || r->next_attempt_ms > now)
        return false;
    r->next_attempt_ms = 0;
    r->updated_at_ms = now;
    if (now >= m->expires_at_ms) {
        r->status = GW_RCPT_EXPIRED;
        r->retryable = false;
        r->duration_ms = now - m->created_at_ms;
        return false;
    }
    r->status = GW_RCPT_SENDING;
    r->attempts++;
    return true;
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
static struct hop *find_hop(struct hop **hops, size_t n, const struct gw_route_plan *plan,
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

void gw_delivery_start(struct gw_delivery *d, struct gw_message *m)
{
    struct attempt *a = gw_calloc(1, sizeof(*a));
    a->delivery = d;
    a->m = m;
    a->n_open = 1;
    a->smtputf8 = header_is_utf8(m->mime);
    gw_id_table_add(&d->attempts, &a->node, m->id);
    d->n_attempts++;

    const struct cfg_api_key *api_key = api_key_of(d, m);
    int64_t now = gw_clock_wall_ms();
    double draw = random01();
    struct hop **hops = gw_calloc(m->n_rcpts, sizeof(struct hop *));
    size_t n_hops = 0;
    for (size_t i = 0; i < m->n_rcpts; i++) {
        struct gw_recipient *r = &m->rcpts[i];
        if (!take_recipient(m, r, now))
            continue;
        struct gw_route_plan plan;
        gw_route_plan(d->env.cfg, api_key, m, r, draw, &plan);
        prefer_relay(d, r, &plan);
        if (plan.n == 0) {
            no_route(m, r);
            continue;
        }
        struct hop *h = find_hop(hops, n_hops, &plan, m, r);
        if (h == NULL) {
            bool alone = m->delivery_mode == GW_DELIVERY_INDIVIDUAL;
            hops[n_hops++] = h = new_hop(a, &plan, alone ? 1 : m->n_rcpts);
        }
        h->rcpts[h->n_rcpts++] = i;
    }
    for (size_t i = 0; i < n_hops; i++)
        run_hop(hops[i]);
    gw_free(hops);
    if (--a->n_open == 0)
        finish_attempt(a);
}

const struct gw_message *gw_delivery_find(struct gw_delivery *d, const char *id)
{
    struct gw_id_node *n = gw_id_table_find(&d->attempts, id);
    return n != NULL ? gw_list_entry(n, struct attempt, node)->m : NULL;
}

/* ---- what falls due ---- */

static void on_leased(enum gw_status status, struct gw_message *m, void *data)
{
    struct gw_delivery *d = data;
    if (status == GW_OK) {
        gw_delivery_start(d, m);
        return;
    }
    d->leasing = false;
    gw_delivery_wake(d);
    d->env.on_progress(d->env.data);
}

static void on_timer(uv_timer_t *timer)
{
    gw_delivery_wake(timer->data);
}

void gw_delivery_wake(struct gw_delivery *d)
{
    if (d->stopped || d->leasing || d->n_attempts >= MAX_ACTIVE_LEASED)
        return;
    struct gw_store *store = d->env.store;
    int64_t due = store->engine->next_due_ms(store);
    int64_t now = gw_clock_wall_ms();
    if (due == 0) {
        (void)uv_timer_stop(&d->timer);
    } else if (due <= now) {
        d->leasing = true;
        store->engine->lease_due(store, now, LEASE_BATCH, on_leased, d);
    } else {
        int64_t wait = due - now < MAX_TIMER_MS ? due - now : MAX_TIMER_MS;
        (void)uv_timer_start(&d->timer, on_timer, (uint64_t)wait, 0);
    }
}

struct gw_delivery *gw_delivery_new(const struct gw_delivery_env *env)
{
    struct gw_delivery *d = gw_calloc(1, sizeof(*d));
    d->env = *env;
    gw_id_table_init(&d->attempts);
    CHECK(uv_timer_init(env->loop, &d->timer) == 0);
    d->timer.data = d;
    return d;
}

size_t gw_delivery_active(const struct gw_delivery *d)
{
    return d->n_attempts + (d->leasing ? 1 : 0);
}

void gw_delivery_stop(struct gw_delivery *d)
{
    d->stopped = true;
    (void)uv_timer_stop(&d->timer);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct gw_delivery *d = handle->data;
    void (*on_closed)(void *) = d->on_closed;
    void *data = d->closed_data;
    gw_free(d);
    on_closed(data);
}

void gw_delivery_close(struct gw_delivery *d, void (*on_closed)(void *), void *data)
{
    PRE(d->stopped && gw_delivery_active(d) == 0);
    d->on_closed = on_closed;
    d->closed_data = data;
    uv_close((uv_handle_t *)&d->timer, on_timer_closed);
}
