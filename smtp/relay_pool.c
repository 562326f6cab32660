/* SPDX-License-Identifier: MIT */
/* The pool of one relay.
 *
 * Who gets what: transactions wait by turns (gw_turns.h), those of one flow in order of submission;
 * the most recently used idle connection serves first, so that a shrinking load lets the others
 * reach their idle time. A transaction starts when a connection is idle, fewer run than aimd.h
 * allows, and the rates of the relay and of its recipients' domains have room. One connection is
 * opened per transaction that could start, up to the maximum; one at a time until credentials were
 * accepted for the first time, and after a failed attempt until one succeeds; none that breaker.h
 * does not admit. */
#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"
#include "smtp/relay_internal.h"

/* --- Slots --- */

size_t smtp_relay_n_established(const struct smtp_relay *r)
{
    return r->n_slots[RELAY_SLOT_IDLE] + r->n_slots[RELAY_SLOT_BUSY];
}

static void set_state(struct relay_slot *s, enum relay_slot_state state)
{
    struct smtp_relay *r = s->relay;
    if (s->state == state)
        return;
    gw_list_remove(&s->link);
    r->n_slots[s->state]--;
    s->state = state;
    gw_list_push_front(&r->slots[state], &s->link);
    r->n_slots[state]++;
}

static void leave(struct relay_slot *s)
{
    set_state(s, RELAY_SLOT_LEAVING);
    smtp_client_quit(s->client);
}

static void give(struct relay_slot *s, struct smtp_transaction *txn, int64_t now)
{
    struct smtp_relay *r = s->relay;
    set_state(s, RELAY_SLOT_BUSY);
    s->txn = txn;
    txn->connection = s;
    s->began_at_ms = now;
    r->stats.transactions++;
    if (smtp_client_n_started(s->client) > 0)
        r->stats.reused++;
    smtp_client_start(s->client, txn);
}

static struct relay_slot *first_slot(struct smtp_relay *r, enum relay_slot_state state)
{
    return gw_list_entry(r->slots[state].next, struct relay_slot, link);
}

static bool worn_out(const struct relay_slot *s, int64_t now)
{
    const struct smtp_relay_config *c = &s->relay->config;
    int64_t age = now - smtp_client_connected_at_ms(s->client);
    return smtp_client_n_started(s->client) >= c->max_messages_per_connection ||
           age >= c->max_age_ms;
}

static void park(struct relay_slot *s, int64_t now)
{
    const struct smtp_relay_config *c = &s->relay->config;
    int64_t by_idle = now + c->idle_ms;
    int64_t by_age = smtp_client_connected_at_ms(s->client) + c->max_age_ms;
    s->idle_since_ms = now;
    set_state(s, RELAY_SLOT_IDLE);
    smtp_client_park(s->client, by_idle < by_age ? by_idle : by_age);
}

static void on_ready(struct smtp_client *client, void *data)
{
    struct relay_slot *s = data;
    struct smtp_relay *r = s->relay;
    int64_t now = gw_clock_mono_ms();
    (void)client;
    if (!s->was_ready) {
        s->was_ready = true;
        r->stats.opened++;
        r->stats.handshakes += smtp_client_tls_version(s->client) != NULL ? 1 : 0;
        s->probe = false;
        smtp_relay_came_up(r);
    }
    if (r->closing || r->paused || (smtp_client_n_started(s->client) > 0 && worn_out(s, now)))
        leave(s);
    else
        park(s, now);
    smtp_relay_pump(r);
}

/* A connection that was used before and broke before it answered MAIL has not seen this message:
 * the transaction goes to another one (SMTP matrix Q3, Q4, M11). */
static bool may_move(const struct smtp_relay *r, const struct relay_slot *s,
                     const struct smtp_transaction *txn)
{
    if (smtp_client_n_started(s->client) < 2 || txn->n_moves >= SMTP_RELAY_MAX_MOVES ||
        txn->cancelled || r->closing || r->paused)
        return false;
    for (size_t i = 0; i < txn->envelope.n_rcpts; i++) {
        const struct smtp_outcome *o = &txn->envelope.outcomes[i];
        bool lost = o->stage == SMTP_STAGE_IDLE || o->reason == SMTP_REASON_CONN_CLOSED ||
                    o->reason == SMTP_REASON_CONN_RESET || o->reason == SMTP_REASON_RELAY_421;
        if (!lost || o->accepted || o->uncertain ||
            (o->stage != SMTP_STAGE_IDLE && o->stage != SMTP_STAGE_MAIL))
            return false;
    }
    return true;
}

static void requeue(struct smtp_relay *r, struct smtp_transaction *txn)
{
    txn->connection = NULL;
    gw_list_push_front(&r->waiting, &txn->link);
    r->n_waiting++;
}

/* What broke this connection has most likely broken the idle ones too; they go, so that the
 * transaction gets a new one. */
static void move(struct smtp_relay *r, struct smtp_transaction *txn)
{
    memset(txn->envelope.outcomes, 0, txn->envelope.n_rcpts * sizeof(struct smtp_outcome));
    txn->n_moves++;
    requeue(r, txn);
    smtp_relay_leave_all(r, RELAY_SLOT_IDLE);
}

static size_t count_unfinished(const struct smtp_transaction *txn)
{
    size_t n = 0;
    for (size_t i = 0; i < txn->envelope.n_rcpts; i++)
        n += txn->envelope.outcomes[i].final ? 0 : 1;
    return n;
}

/* The connection takes no more of it: the rest goes over another one, unless it is too late. A
 * connection that settled nobody would be followed by others like it for ever. */
static void continue_elsewhere(struct smtp_relay *r, struct smtp_transaction *txn)
{
    struct smtp_client_end why = {.stage = SMTP_STAGE_MAIL,
                                  .reason =
                                      txn->cancelled ? SMTP_REASON_CANCELED : SMTP_REASON_SHUTDOWN,
                                  .detail = "ended before its turn came"};
    size_t n_before = txn->n_left != 0 ? txn->n_left : txn->envelope.n_rcpts;
    txn->n_left = count_unfinished(txn);
    bool idle_round = txn->n_left == n_before;
    if (!idle_round && !txn->cancelled && !r->closing && !r->paused) {
        requeue(r, txn);
        return;
    }
    if (idle_round && !txn->cancelled)
        why = (struct smtp_client_end){
            .stage = SMTP_STAGE_MAIL,
            .reason = SMTP_REASON_PROTOCOL_ERROR,
            .detail = "the relay takes no more transactions over this connection (LIMITS MAILMAX) "
                      "and has judged no recipient in those it took"};
    smtp_relay_set_outcomes(txn, &why);
    smtp_relay_finish(r, txn);
}

static void on_transaction_done(struct smtp_client *client, struct smtp_transaction *txn,
                                void *data)
{
    struct relay_slot *s = data;
    (void)client;
    struct smtp_relay *r = s->relay;
    s->txn = NULL;
    smtp_domains_stop(&r->domains, txn, &r->waiting, gw_clock_mono_ms());
    s->stale = may_move(r, s, txn);
    if (count_unfinished(txn) != 0) {
        continue_elsewhere(r, txn);
    } else if (s->stale) {
        move(r, txn);
    } else {
        smtp_relay_learn(r, s, txn);
        smtp_relay_finish(r, txn);
    }
}

static void on_idle_timeout(struct smtp_client *client, void *data)
{
    struct relay_slot *s = data;
    (void)client;
    if (s->state == RELAY_SLOT_IDLE)
        leave(s);
}

/* --- The end of a connection --- */

static void log_end(const struct relay_slot *s, const struct smtp_client_end *end)
{
    bool failed = end->relay_sick && !s->stale;
    gw_log(failed ? GW_LOG_WARN : GW_LOG_DEBUG, failed ? "relay_failed" : "relay_closed",
           GW_LOG_STR("relay", s->relay->config.name),
           GW_LOG_STR("address", smtp_client_peer(s->client)),
           GW_LOG_STR("stage", smtp_stage_name(end->stage)),
           GW_LOG_STR("reason", smtp_reason_name(end->reason)), GW_LOG_NUM("code", end->reply.code),
           GW_LOG_STR("detail", end->detail[0] != '\0' ? end->detail : end->reply.text),
           GW_LOG_NUM("transactions", smtp_client_n_started(s->client)));
}

static void on_down(struct smtp_client *client, const struct smtp_client_end *end, void *data)
{
    struct relay_slot *s = data;
    struct smtp_relay *r = s->relay;
    struct smtp_transaction *txn = s->txn;
    bool asked = s->was_ready && s->state == RELAY_SLOT_CONNECTING;
    (void)client;
    set_state(s, RELAY_SLOT_LEAVING);
    /* What has forgotten this one has forgotten the others: not one deadline after the other. */
    if (asked && end->reason == SMTP_REASON_TIMEOUT)
        smtp_relay_leave_all(r, RELAY_SLOT_IDLE);
    if (txn != NULL) { /* the session owes it an outcome, but no path may lose one */
        s->txn = NULL;
        smtp_domains_stop(&r->domains, txn, &r->waiting, gw_clock_mono_ms());
        smtp_relay_set_outcomes(txn, end);
        s->stale = may_move(r, s, txn);
        if (s->stale) /* it was gone before anything was said */
            move(r, txn);
        else
            smtp_relay_finish(r, txn);
    }
    if (!s->was_ready)
        smtp_relay_attempt_failed(r, s, end);
    else if (end->relay_sick && !s->stale)
        smtp_relay_remember(r, end);
    log_end(s, end);
    smtp_relay_pump(r);
}

static void on_client_closed(void *data)
{
    struct relay_slot *s = data;
    struct smtp_relay *r = s->relay;
    gw_list_remove(&s->link);
    r->n_slots[s->state]--;
    gw_free_secret(&s->secret);
    smtp_tls_context_free(&s->tls);
    gw_free(s);
    smtp_relay_pump(r);
    smtp_relay_close_if_done(r);
}

/* --- The pump --- */

static void open_connection(struct smtp_relay *r)
{
    static const struct smtp_client_events events = {.on_ready = on_ready,
                                                     .on_transaction_done = on_transaction_done,
                                                     .on_idle_timeout = on_idle_timeout,
                                                     .on_down = on_down,
                                                     .on_closed = on_client_closed};
    struct smtp_client_config config = {.loop = r->loop,
                                        .relay = r->config.name,
                                        .session = r->session,
                                        .tls = r->tls,
                                        .resolver = r->resolver,
                                        .buffers = r->buffers,
                                        .tls_probe_ms =
                                            r->stats.opened == 0 ? r->config.tls_probe_ms : 0};
    struct relay_slot *s = gw_calloc(1, sizeof(*s));
    s->relay = r;
    s->state = RELAY_SLOT_CONNECTING;
    s->newest_waiting = r->n_submitted;
    s->began_at_ms = gw_clock_mono_ms();
    s->probe = r->breaker.state == SMTP_BREAKER_HALF_OPEN;
    gw_list_push_front(&r->slots[RELAY_SLOT_CONNECTING], &s->link);
    r->n_slots[RELAY_SLOT_CONNECTING]++;
    s->tls = r->tls != NULL ? smtp_tls_context_ref(r->tls) : NULL;
    smtp_relay_lend_secret(s, &config.session);
    s->client = smtp_client_new(&config, &events, s);
}

size_t smtp_relay_n_slots(const struct smtp_relay *r)
{
    size_t n = 0;
    for (size_t i = 0; i < N_RELAY_SLOT_STATES; i++)
        n += r->n_slots[i];
    return n;
}

void smtp_relay_leave_all(struct smtp_relay *r, enum relay_slot_state state)
{
    PRE(state != RELAY_SLOT_LEAVING);
    while (r->n_slots[state] > 0)
        leave(first_slot(r, state));
}

void smtp_relay_abort_all(struct smtp_relay *r, enum relay_slot_state state)
{
    while (state != RELAY_SLOT_LEAVING && r->n_slots[state] > 0)
        smtp_client_abort(first_slot(r, state)->client); /* goes to LEAVING */
    if (state == RELAY_SLOT_LEAVING)
        gw_list_foreach (it, &r->slots[state])
            smtp_client_abort(gw_list_entry(it, struct relay_slot, link)->client);
}

/* Politeness ends where its place is needed: QUIT is said, its answer need not be heard. */
static bool make_room(struct smtp_relay *r)
{
    if (smtp_relay_n_slots(r) < r->config.max_connections)
        return true;
    gw_list_foreach (it, &r->slots[RELAY_SLOT_LEAVING])
        smtp_client_abort(gw_list_entry(it, struct relay_slot, link)->client);
    return false; /* on_client_closed pumps again */
}

/* One attempt at a time: after a failure, and until credentials have been accepted once (a wrong
 * password tried eight times over at start may lock the account). */
static bool needs_a_scout(const struct smtp_relay *r)
{
    return r->breaker.n_failures > 0 || (r->stats.opened == 0 && r->config.username != NULL);
}

/* Transactions that could start now if there were a connection for each. */
static size_t demand(const struct smtp_relay *r, int64_t now)
{
    size_t n = r->n_waiting - r->domains.n_blocked;
    if (r->config.rate_per_s <= 0 || n <= 1)
        return n;
    if (gw_token_bucket_wait_ms(&r->rate, now) > 0)
        return 1;
    size_t tokens = (size_t)r->rate.tokens + 1;
    return n < tokens ? n : tokens;
}

static bool probe_is_due(const struct smtp_relay *r, int64_t now)
{
    return r->wanted && r->breaker.state == SMTP_BREAKER_OPEN &&
           smtp_breaker_wait_ms(&r->breaker, now) == 0;
}

/* Before a secret is asked for: that may begin a fetch. */
static bool may_try(const struct smtp_relay *r, int64_t now)
{
    return r->breaker.state == SMTP_BREAKER_CLOSED ||
           (r->breaker.state == SMTP_BREAKER_OPEN && smtp_breaker_wait_ms(&r->breaker, now) == 0);
}

static void open_as_needed(struct smtp_relay *r, int64_t now)
{
    size_t n = probe_is_due(r, now) && r->n_waiting == 0 ? 1 : demand(r, now);
    size_t limit = smtp_aimd_limit(&r->concurrency);
    if (needs_a_scout(r) && n > 1)
        n = 1;
    if (smtp_relay_n_established(r) > 0 && now < r->hold_until_ms)
        return;
    while (r->n_slots[RELAY_SLOT_CONNECTING] < n &&
           smtp_relay_n_established(r) + r->n_slots[RELAY_SLOT_CONNECTING] < limit &&
           may_try(r, now) && make_room(r) && smtp_relay_tls_is_current(r) &&
           smtp_relay_has_secret(r) && smtp_breaker_admits(&r->breaker, now))
        open_connection(r);
}

static bool may_start(const struct smtp_relay *r, int64_t now)
{
    return !gw_list_empty(&r->waiting) && r->n_slots[RELAY_SLOT_IDLE] > 0 &&
           r->n_slots[RELAY_SLOT_BUSY] < smtp_aimd_limit(&r->concurrency) &&
           gw_token_bucket_wait_ms(&r->rate, now) == 0;
}

/* What lies between us and the relay may have forgotten a connection that was silent for long, and
 * then says nothing: better to find out by NOOP than by the five minutes that MAIL may take. */
static bool needs_noop(const struct relay_slot *s, int64_t now)
{
    return now - s->idle_since_ms >= SMTP_RELAY_NOOP_MS;
}

static void ask(struct relay_slot *s, int64_t now)
{
    set_state(s, RELAY_SLOT_CONNECTING);
    s->began_at_ms = now;
    smtp_client_noop(s->client);
}

static void start_what_may(struct smtp_relay *r, int64_t now)
{
    while (may_start(r, now)) {
        struct relay_slot *s = first_slot(r, RELAY_SLOT_IDLE);
        struct smtp_transaction *txn =
            gw_list_entry(r->waiting.next, struct smtp_transaction, link);
        if (worn_out(s, now)) {
            leave(s);
            continue;
        }
        if (needs_noop(s, now)) {
            if (r->n_slots[RELAY_SLOT_CONNECTING] >= r->n_waiting)
                break; /* enough were asked */
            ask(s, now);
            continue;
        }
        gw_list_remove(&txn->link);
        gw_turns_taken(&r->turns, txn->turn);
        if (!smtp_domains_start(&r->domains, txn, &r->waiting, now))
            continue;
        r->n_waiting--;
        (void)gw_token_bucket_take(&r->rate, now);
        give(s, txn, now);
    }
}

static void on_timer(uv_timer_t *timer)
{
    smtp_relay_pump(timer->data);
}

static void sooner(int64_t *earliest, bool applies, int64_t wait_ms)
{
    if (applies && wait_ms >= 0 && (*earliest < 0 || wait_ms < *earliest))
        *earliest = wait_ms;
}

/* The pump is called when a connection changes; what else it waits for is time. */
static void arm(struct smtp_relay *r, int64_t now)
{
    int64_t earliest = -1;
    bool waits = r->n_waiting > 0;
    sooner(&earliest, waits && now < r->hold_until_ms, r->hold_until_ms - now);
    sooner(&earliest, r->breaker.state == SMTP_BREAKER_OPEN && (waits || r->wanted),
           smtp_breaker_wait_ms(&r->breaker, now));
    sooner(&earliest, waits && r->n_slots[RELAY_SLOT_IDLE] > 0,
           r->config.rate_per_s > 0 ? gw_token_bucket_wait_ms(&r->rate, now) : -1);
    sooner(&earliest, waits, smtp_domains_wait_ms(&r->domains, now));
    int64_t slow_in = smtp_relay_slow_in_ms(r, now);
    sooner(&earliest, waits && slow_in > 0, slow_in);
    if (earliest < 0)
        (void)uv_timer_stop(&r->timer);
    else
        (void)uv_timer_start(&r->timer, on_timer, earliest > 0 ? (uint64_t)earliest : 1, 0);
}

void smtp_relay_pump(struct smtp_relay *r)
{
    if (r->closing)
        smtp_relay_hurry(r);
    if (r->pumping || r->closing)
        return;
    r->pumping = true;
    int64_t now = gw_clock_mono_ms();
    smtp_domains_tick(&r->domains, &r->waiting, now);
    start_what_may(r, now);
    smtp_relay_free_the_mobile(r, now);
    if (!r->paused)
        open_as_needed(r, now);
    else if (r->n_waiting > 0) /* the rest of one that could not end on its connection */
        smtp_relay_refuse_paused(r);
    /* The last connection went while none may be made. */
    if (r->n_waiting > 0 && smtp_relay_n_established(r) == 0 &&
        smtp_breaker_wait_ms(&r->breaker, now) > 0)
        smtp_relay_fail_waiting(r, r->n_submitted, &r->last_failure);
    arm(r, now);
    r->pumping = false;
}
