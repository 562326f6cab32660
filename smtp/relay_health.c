/* SPDX-License-Identifier: MIT */
/* What failures and successes of a relay lead to: who is refused, who is told, when it is tried
 * again. The decisions themselves are in breaker.c and aimd.c.
 *
 * A failed attempt answers the transactions that were waiting when it started, those that have
 * another relay, and all of them when the fault is in the configuration (TLS, AUTH) so that waiting
 * cannot help; but nobody as long as another connection works or is still being made. */
#include <stdio.h>

#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_log.h"
#include "smtp/relay_internal.h"

/* --- Good news --- */

static void forget(struct smtp_relay *r)
{
    r->last_failure.reason = SMTP_REASON_REPLY;
    r->hold_until_ms = 0;
    r->wanted = false;
    r->stats.last_error_at_ms = 0;
    r->stats.last_reason = SMTP_REASON_REPLY;
    r->stats.last_stage = SMTP_STAGE_RESOLVE;
    r->stats.last_detail[0] = '\0';
}

static void tell_up(struct smtp_relay *r)
{
    if (r->is_down && r->config.on_up != NULL)
        r->config.on_up(r, r->config.on_change_data);
    r->is_down = false;
}

static void succeeded(struct smtp_relay *r)
{
    if (!smtp_breaker_success(&r->breaker))
        return;
    gw_log(GW_LOG_INFO, "relay_up", GW_LOG_STR("relay", r->config.name));
    if (!r->paused)
        tell_up(r);
}

/* --- Refusals --- */

static void refuse(struct smtp_relay *r, struct smtp_transaction *txn,
                   const struct smtp_client_end *why, int64_t retry_after_ms)
{
    txn->not_tried = true;
    txn->retry_after_ms = retry_after_ms;
    r->stats.refused++;
    smtp_relay_set_outcomes(txn, why);
    smtp_relay_finish(r, txn);
}

/* Half of the queue is gone by then, at the rate that is allowed. */
static int64_t busy_ms(const struct smtp_relay *r)
{
    int64_t ms = SMTP_RELAY_BUSY_MS;
    if (r->config.rate_per_s > 0)
        ms += (int64_t)((double)r->n_waiting * 500 / r->config.rate_per_s);
    return ms;
}

/* Nothing is up. Is a connection that may come up worth waiting for? */
static bool has_prospects(const struct smtp_relay *r, const struct smtp_transaction *txn,
                          int64_t now)
{
    if (r->breaker.state == SMTP_BREAKER_CLOSED)
        return true;
    return smtp_breaker_wait_ms(&r->breaker, now) == 0 && !txn->has_alternative;
}

/* A relay that accepts connections and then says nothing may take the five minutes that RFC 5321
 * gives a greeting; a message that another relay would take waits no longer than for a connect. */
static const struct smtp_client_end slow = {
    .stage = SMTP_STAGE_CONNECT,
    .reason = SMTP_REASON_TIMEOUT,
    .detail = "no connection became ready within the connect timeout; another relay is tried"};

int64_t smtp_relay_slow_in_ms(const struct smtp_relay *r, int64_t now)
{
    if (smtp_relay_n_established(r) > 0 || r->n_slots[RELAY_SLOT_CONNECTING] == 0)
        return -1;
    const struct relay_slot *oldest =
        gw_list_entry(r->slots[RELAY_SLOT_CONNECTING].prev, struct relay_slot, link);
    int64_t left = oldest->began_at_ms + r->config.timeouts.connect_ms - now;
    return left > 0 ? left : 0;
}

void smtp_relay_free_the_mobile(struct smtp_relay *r, int64_t now)
{
    if (r->n_waiting > 0 && smtp_relay_slow_in_ms(r, now) == 0)
        smtp_relay_fail_waiting(r, 0, &slow);
}

static const struct smtp_client_end paused = {.stage = SMTP_STAGE_CONNECT,
                                              .reason = SMTP_REASON_RELAY_PAUSED,
                                              .detail = "the relay is paused"};

bool smtp_relay_admit(struct smtp_relay *r, struct smtp_transaction *txn)
{
    static const struct smtp_client_end busy = {.stage = SMTP_STAGE_CONNECT,
                                                .reason = SMTP_REASON_RELAY_BUSY,
                                                .detail = "too many messages wait for this relay"};
    if (r->paused) {
        refuse(r, txn, &paused, 0);
        return false;
    }
    if (r->last_failure.reason == SMTP_REASON_AUTH_FAILED && smtp_relay_secret_is_new(r)) {
        forget(r);
        succeeded(r);
    }
    if (smtp_relay_n_established(r) == 0 && !has_prospects(r, txn, gw_clock_mono_ms())) {
        r->wanted = true;
        refuse(r, txn, &r->last_failure, 0);
        return false;
    }
    if (txn->has_alternative && smtp_relay_slow_in_ms(r, gw_clock_mono_ms()) == 0) {
        refuse(r, txn, &slow, 0);
        return false;
    }
    if (r->n_waiting >= r->config.max_waiting && r->n_slots[RELAY_SLOT_IDLE] == 0) {
        refuse(r, txn, &busy, busy_ms(r));
        return false;
    }
    return true;
}

/* --- What is known --- */

void smtp_relay_remember(struct smtp_relay *r, const struct smtp_client_end *end)
{
    r->last_failure = *end;
    r->stats.last_error_at_ms = gw_clock_wall_ms();
    r->stats.last_reason = end->reason;
    r->stats.last_stage = end->stage;
    const char *text = end->detail[0] != '\0' ? end->detail : end->reply.text;
    (void)snprintf(r->stats.last_detail, sizeof(r->stats.last_detail), "%.255s", text);
}

void smtp_relay_came_up(struct smtp_relay *r)
{
    r->renewed = false;
    forget(r);
    succeeded(r);
}

static void throttled(struct smtp_relay *r, int64_t began_at_ms)
{
    size_t before = smtp_aimd_limit(&r->concurrency);
    r->stats.throttled++;
    if (smtp_aimd_throttled(&r->concurrency, began_at_ms, gw_clock_mono_ms()))
        gw_log(GW_LOG_WARN, "relay_throttled", GW_LOG_STR("relay", r->config.name),
               GW_LOG_NUM("from", (int64_t)before),
               GW_LOG_NUM("to", (int64_t)smtp_aimd_limit(&r->concurrency)));
}

void smtp_relay_learn(struct smtp_relay *r, const struct relay_slot *s,
                      const struct smtp_transaction *txn)
{
    bool throttle = false;
    bool replied = false;
    for (size_t i = 0; i < txn->envelope.n_rcpts; i++) {
        throttle = throttle || smtp_outcome_is_throttle(&txn->envelope.outcomes[i]);
        replied = replied || txn->envelope.outcomes[i].reply.code != 0;
    }
    if (throttle)
        throttled(r, s->began_at_ms);
    else if (replied)
        smtp_aimd_success(&r->concurrency);
    /* Only a new connection closes an open breaker: with a password that was changed, those that
     * are up go on, and every new one is another wrong try. */
    if (replied && !throttle && r->breaker.state == SMTP_BREAKER_CLOSED)
        succeeded(r);
}

/* --- Failures --- */

/* One that is down already stays what it was told to be. */
static void tell_down(struct smtp_relay *r, enum smtp_reason reason, const char *detail)
{
    if (!r->is_down && r->config.on_down != NULL)
        r->config.on_down(r, reason, detail, r->config.on_change_data);
    r->is_down = true;
}

/* Faults that the next attempt will meet again, because they are in the configuration. */
static bool is_lasting(enum smtp_reason reason)
{
    static const enum smtp_reason lasting[] = {
        SMTP_REASON_EHLO_UNSUPPORTED,
        SMTP_REASON_TLS_REQUIRED_MISSING,
        SMTP_REASON_WRONG_TLS_MODE,
        SMTP_REASON_TLS_CERT_EXPIRED,
        SMTP_REASON_TLS_CERT_NOT_YET_VALID,
        SMTP_REASON_TLS_CERT_NAME,
        SMTP_REASON_TLS_CERT_UNTRUSTED,
        SMTP_REASON_TLS_WEAK,
        SMTP_REASON_TLS_VERSION,
        SMTP_REASON_AUTH_UNAVAILABLE,
        SMTP_REASON_AUTH_FAILED,
    };
    for (size_t i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++)
        if (lasting[i] == reason)
            return true;
    return false;
}

/* Our own want of file descriptors is nothing the relay did (SMTP matrix R5). */
static bool is_ours(enum smtp_reason reason)
{
    return reason == SMTP_REASON_LOCAL_FD || reason == SMTP_REASON_LOCAL_ERROR;
}

static void count_failure(struct smtp_relay *r, const struct relay_slot *s,
                          const struct smtp_client_end *end)
{
    bool credentials = end->reason == SMTP_REASON_AUTH_FAILED;
    int64_t now = gw_clock_mono_ms();
    r->stats.failed_connections++;
    if (is_ours(end->reason)) {
        if (s->probe) /* not at once: we may still want for the same thing */
            smtp_breaker_probe_dropped(&r->breaker, now + SMTP_RELAY_HOLD_MS);
        return;
    }
    /* The relay works, but not with one connection more: less is the answer, not nothing. */
    if (smtp_relay_n_established(r) > 0 && !is_lasting(end->reason)) {
        throttled(r, s->began_at_ms);
        return;
    }
    r->wanted = true; /* by those who fail with it: they wait for it to come back */
    if (!smtp_breaker_failure(&r->breaker, credentials, now))
        return;
    const char *detail = end->detail[0] != '\0' ? end->detail : end->reply.text;
    gw_log(GW_LOG_ERROR, "relay_down", GW_LOG_STR("relay", r->config.name),
           GW_LOG_STR("reason", smtp_reason_name(end->reason)), GW_LOG_STR("detail", detail),
           GW_LOG_NUM("retry_in_ms", smtp_breaker_wait_ms(&r->breaker, now)));
    tell_down(r, end->reason, r->stats.last_detail);
}

void smtp_relay_attempt_failed(struct smtp_relay *r, const struct relay_slot *s,
                               const struct smtp_client_end *end)
{
    bool lasting = is_lasting(end->reason);
    if (end->reason == SMTP_REASON_SHUTDOWN) {
        if (s->probe)
            smtp_breaker_probe_dropped(&r->breaker, gw_clock_mono_ms());
        return;
    }
    if (end->reason == SMTP_REASON_AUTH_FAILED && smtp_relay_renew_secret(r)) {
        if (s->probe)
            smtp_breaker_probe_dropped(&r->breaker, gw_clock_mono_ms());
        return; /* who waits waits for the new one */
    }
    smtp_relay_remember(r, end);
    r->hold_until_ms = gw_clock_mono_ms() + SMTP_RELAY_HOLD_MS;
    count_failure(r, s, end);
    if (end->reason == SMTP_REASON_AUTH_FAILED)
        smtp_relay_abort_all(r, RELAY_SLOT_CONNECTING); /* they would fail alike */
    if (smtp_relay_n_established(r) > 0 || (!lasting && r->n_slots[RELAY_SLOT_CONNECTING] > 0))
        return; /* those who wait have prospects */
    bool all = lasting || r->breaker.state != SMTP_BREAKER_CLOSED;
    smtp_relay_fail_waiting(r, all ? r->n_submitted : s->newest_waiting, end);
}

void smtp_relay_no_secret(struct smtp_relay *r, const struct smtp_client_end *end)
{
    const struct relay_slot none = {
        .relay = r, .newest_waiting = r->n_submitted, .began_at_ms = gw_clock_mono_ms()};
    smtp_relay_remember(r, end);
    r->hold_until_ms = gw_clock_mono_ms() + SMTP_RELAY_HOLD_MS;
    if (smtp_relay_n_established(r) > 0)
        return; /* those go on as they are */
    count_failure(r, &none, end);
    smtp_relay_fail_waiting(r, r->n_submitted, end);
}

/* --- By an operator --- */

void smtp_relay_refuse_paused(struct smtp_relay *r)
{
    smtp_relay_refuse_waiting(r, &paused);
}

void smtp_relay_pause(struct smtp_relay *r)
{
    if (r->paused || r->closing)
        return;
    r->paused = true;
    gw_log(GW_LOG_WARN, "relay_paused", GW_LOG_STR("relay", r->config.name));
    tell_down(r, paused.reason, paused.detail);
    smtp_relay_refuse_paused(r);
    smtp_relay_abort_all(r, RELAY_SLOT_CONNECTING);
    smtp_relay_leave_all(r, RELAY_SLOT_IDLE);
}

void smtp_relay_resume(struct smtp_relay *r)
{
    if (r->closing)
        return;
    if (r->paused)
        gw_log(GW_LOG_WARN, "relay_resumed", GW_LOG_STR("relay", r->config.name));
    r->paused = false;
    forget(r);
    (void)smtp_breaker_success(&r->breaker);
    tell_up(r);
    smtp_relay_pump(r);
}
