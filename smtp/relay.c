/* SPDX-License-Identifier: MIT */
/* A relay: its transactions, its beginning and its end. The connections are in relay_pool.c. */
#include "smtp/relay.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"
#include "smtp/relay_internal.h"

enum {
    CLOSE_GRACE_MS = 1000 /* for the answer to QUIT at close; ours */
};

/* --- Transactions --- */

static void on_done_idle(uv_idle_t *idle)
{
    struct smtp_relay *r = idle->data;
    /* Only those here now: what their callbacks bring about has to wait for its turn. */
    for (size_t n = r->n_done; n > 0; n--) {
        struct smtp_transaction *txn = gw_list_entry(r->done.next, struct smtp_transaction, link);
        gw_list_remove(&txn->link);
        r->n_done--;
        txn->on_done(txn);
    }
    if (r->n_done != 0)
        return;
    (void)uv_idle_stop(idle);
    smtp_relay_close_if_done(r);
}

void smtp_relay_finish(struct smtp_relay *r, struct smtp_transaction *txn)
{
    smtp_domains_leave(&r->domains, txn, &r->waiting, gw_clock_mono_ms());
    txn->finished = true;
    txn->connection = NULL;
    gw_list_push_back(&r->done, &txn->link);
    if (r->n_done++ == 0)
        (void)uv_idle_start(&r->done_idle, on_done_idle);
}

void smtp_relay_set_outcomes(const struct smtp_transaction *txn, const struct smtp_client_end *why)
{
    for (size_t i = 0; i < txn->envelope.n_rcpts; i++) {
        struct smtp_outcome *o = &txn->envelope.outcomes[i];
        if (o->final)
            continue;
        *o = (struct smtp_outcome){
            .final = true, .stage = why->stage, .reason = why->reason, .reply = why->reply};
        (void)snprintf(o->detail, sizeof(o->detail), "%s", why->detail);
    }
}

void smtp_relay_unqueue(struct smtp_relay *r, struct smtp_transaction *txn)
{
    if (!smtp_domains_unblock(&r->domains, txn))
        gw_list_remove(&txn->link);
    r->n_waiting--;
}

void smtp_relay_fail_waiting(struct smtp_relay *r, uint64_t up_to,
                             const struct smtp_client_end *why)
{
    smtp_domains_unblock_all(&r->domains, &r->waiting);
    gw_list_foreach_safe (it, &r->waiting) {
        struct smtp_transaction *txn = gw_list_entry(it, struct smtp_transaction, link);
        if (txn->number > up_to && !txn->has_alternative)
            continue;
        smtp_relay_unqueue(r, txn);
        smtp_relay_set_outcomes(txn, why);
        smtp_relay_finish(r, txn);
    }
}

void smtp_relay_refuse_waiting(struct smtp_relay *r, const struct smtp_client_end *why)
{
    smtp_domains_unblock_all(&r->domains, &r->waiting);
    gw_list_foreach (it, &r->waiting)
        gw_list_entry(it, struct smtp_transaction, link)->not_tried = true;
    smtp_relay_fail_waiting(r, r->n_submitted, why);
}

/* --- Life --- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct smtp_relay *r = handle->data;
    if (--r->n_handles > 0)
        return;
    smtp_relay_closed_cb on_closed = r->on_closed;
    void *data = r->closed_data;
    smtp_tls_context_free(&r->tls);
    smtp_domains_deinit(&r->domains);
    gw_free_secret(&r->tried);
    smtp_relay_config_deinit(&r->config);
    gw_wipe(&r->scram_cache, sizeof(r->scram_cache));
    smtp_client_buffers_free(&r->buffers);
    gw_free(r);
    if (on_closed != NULL)
        on_closed(data);
}

static void on_resolver_closed(void *data)
{
    struct smtp_relay *r = data;
    r->resolver_closed = true;
    smtp_relay_close_if_done(r);
}

void smtp_relay_close_if_done(struct smtp_relay *r)
{
    if (!r->closing || r->handles_closing || smtp_relay_n_slots(r) > 0 || r->n_waiting > 0 ||
        r->n_done > 0 || r->tls_reading.busy)
        return;
    if (r->resolver != NULL) {
        struct smtp_resolver *resolver = r->resolver;
        r->resolver = NULL;
        smtp_resolver_close(resolver, on_resolver_closed, r);
    }
    if (!r->resolver_closed)
        return;
    r->handles_closing = true;
    uv_close((uv_handle_t *)&r->done_idle, on_handle_closed);
    uv_close((uv_handle_t *)&r->timer, on_handle_closed);
}

static void init_limits(struct smtp_relay *r)
{
    const struct smtp_relay_config *c = &r->config;
    smtp_aimd_init(&r->concurrency, c->max_connections);
    smtp_domains_init(&r->domains, c->domain_connections, c->domain_rate_per_s);
    gw_token_bucket_init(&r->rate, c->rate_per_s, c->burst > 0 ? c->burst : c->rate_per_s,
                         gw_clock_mono_ms());
}

static void init_loop_side(struct smtp_relay *r, uv_loop_t *loop)
{
    r->loop = loop;
    for (size_t i = 0; i < N_RELAY_SLOT_STATES; i++)
        gw_list_init(&r->slots[i]);
    gw_list_init(&r->waiting);
    gw_list_init(&r->done);
    CHECK(uv_idle_init(loop, &r->done_idle) == 0 && uv_timer_init(loop, &r->timer) == 0);
    r->n_handles = 2;
    r->done_idle.data = r;
    r->timer.data = r;
}

enum gw_status smtp_relay_new(uv_loop_t *loop, const struct smtp_relay_config *config,
                              struct smtp_relay **out, struct gw_err *err)
{
    struct smtp_resolver *resolver = NULL;
    struct smtp_tls_context *tls = NULL;
    *out = NULL;
    bool has_secret = config->password != NULL || config->secrets.get != NULL;
    if ((config->username == NULL) == has_secret)
        return gw_err_set(err, GW_INVALID, "relay %s: username and password need each other",
                          config->name);
    enum gw_status st = GW_OK;
    if (config->tls != NULL)
        tls = smtp_tls_context_ref(config->tls);
    else
        st = smtp_relay_read_tls(config, &tls, err);
    if (st == GW_OK)
        st = smtp_resolver_new(loop, config->host, config->port, &resolver, err);
    if (st != GW_OK) {
        smtp_tls_context_free(&tls);
        return st;
    }
    struct smtp_relay *r = gw_calloc(1, sizeof(*r));
    r->tls = tls;
    r->resolver = resolver;
    r->buffers = smtp_client_buffers_new();
    smtp_relay_config_copy(config, &r->config);
    if (r->config.max_connections == 0)
        r->config.max_connections = 1;
    r->session = smtp_relay_session_config(&r->config);
    r->session.scram_cache = &r->scram_cache;
    init_limits(r);
    init_loop_side(r, loop);
    struct smtp_tls_client_config tls_config = smtp_relay_tls_config(config);
    if (tls != NULL && tls_config.verify == SMTP_VERIFY_NONE && tls_config.n_pins == 0)
        gw_log(GW_LOG_WARN, "relay_tls_not_verified", GW_LOG_STR("relay", r->config.name),
               GW_LOG_STR("host", r->config.host));
    *out = r;
    return GW_OK;
}

/* Those who came back to the front, because they could not end or had to wait for their domain,
 * had their turn before. */
static void enqueue(struct smtp_relay *r, struct smtp_transaction *txn)
{
    struct gw_list *before = r->waiting.prev;
    txn->turn = gw_turns_next(&r->turns, txn->flow);
    while (before != &r->waiting &&
           gw_list_entry(before, struct smtp_transaction, link)->turn > txn->turn)
        before = before->prev;
    gw_list_push_front(before, &txn->link); /* right behind it */
    r->n_waiting++;
}

enum gw_status smtp_relay_submit(struct smtp_relay *r, struct smtp_transaction *txn)
{
    PRE(txn->envelope.n_rcpts > 0 && txn->on_done != NULL);
    if (r->closing)
        return GW_CLOSED;
    for (size_t i = 0; i < SMTP_N_STAGES; i++)
        txn->timing.ms[i] = -1;
    txn->tls_version = NULL;
    txn->reused_connection = false;
    txn->not_tried = false;
    txn->retry_after_ms = 0;
    txn->connection = NULL;
    txn->finished = false;
    txn->cancelled = false;
    txn->n_moves = 0;
    txn->n_left = 0;
    txn->number = ++r->n_submitted;
    smtp_domains_enter(&r->domains, txn, gw_clock_mono_ms());
    if (!smtp_relay_admit(r, txn)) {
        smtp_relay_pump(r); /* a probe may be due */
        return GW_OK;
    }
    enqueue(r, txn);
    smtp_relay_pump(r);
    return GW_OK;
}

void smtp_relay_cancel(struct smtp_relay *r, struct smtp_transaction *txn)
{
    if (txn->finished || txn->cancelled)
        return;
    txn->cancelled = true;
    struct relay_slot *s = txn->connection;
    if (s != NULL) {
        smtp_client_cancel(s->client);
        return;
    }
    const struct smtp_client_end why = {.stage = SMTP_STAGE_CONNECT,
                                        .reason = SMTP_REASON_CANCELED,
                                        .detail = "canceled before a connection was ready"};
    smtp_relay_unqueue(r, txn);
    smtp_relay_set_outcomes(txn, &why);
    smtp_relay_finish(r, txn);
}

static void on_time_over(uv_timer_t *timer)
{
    struct smtp_relay *r = timer->data;
    for (size_t i = 0; i < N_RELAY_SLOT_STATES; i++)
        smtp_relay_abort_all(r, (enum relay_slot_state)i);
}

static void on_grace_over(uv_timer_t *timer)
{
    struct smtp_relay *r = timer->data;
    smtp_relay_leave_all(r, RELAY_SLOT_BUSY);
    if (!r->handles_closing)
        (void)uv_timer_start(timer, on_time_over, CLOSE_GRACE_MS, 0);
}

void smtp_relay_hurry(struct smtp_relay *r)
{
    if (r->hurries || r->handles_closing || r->n_slots[RELAY_SLOT_BUSY] > 0)
        return;
    r->hurries = true;
    (void)uv_timer_start(&r->timer, on_time_over, CLOSE_GRACE_MS, 0);
}

void smtp_relay_close(struct smtp_relay *r, int64_t grace_ms, smtp_relay_closed_cb on_closed,
                      void *data)
{
    const struct smtp_client_end why = {.stage = SMTP_STAGE_CONNECT,
                                        .reason = SMTP_REASON_SHUTDOWN,
                                        .detail = "shut down before a connection was ready"};
    PRE(!r->closing);
    r->closing = true;
    r->on_closed = on_closed;
    r->closed_data = data;
    smtp_relay_fail_waiting(r, r->n_submitted, &why);
    smtp_relay_abort_all(r, RELAY_SLOT_CONNECTING);
    smtp_relay_leave_all(r, RELAY_SLOT_IDLE);
    (void)uv_timer_start(&r->timer, on_grace_over, grace_ms > 0 ? (uint64_t)grace_ms : 0, 0);
    smtp_relay_hurry(r);
    smtp_relay_close_if_done(r);
}

void smtp_relay_stats(const struct smtp_relay *r, struct smtp_relay_stats *out)
{
    *out = r->stats;
    out->connecting = r->n_slots[RELAY_SLOT_CONNECTING];
    out->idle = r->n_slots[RELAY_SLOT_IDLE];
    out->busy = r->n_slots[RELAY_SLOT_BUSY];
    out->waiting = r->n_waiting;
    out->limit = smtp_aimd_limit(&r->concurrency);
    out->paused = r->paused;
    out->breaker = r->breaker.state;
    out->breaker_retry_in_ms = smtp_breaker_wait_ms(&r->breaker, gw_clock_mono_ms());
    out->n_failures = r->breaker.n_failures;
}

const char *smtp_relay_name(const struct smtp_relay *r)
{
    return r->config.name;
}
