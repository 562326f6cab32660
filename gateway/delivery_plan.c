/* SPDX-License-Identifier: MIT */
/* Who is tried now, at which relays, and when again.
 *
 * Spec: RFC 5321 sec. 4.5.4.1 (retries). */
#include <string.h>

#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_failpoint.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"
#include "gateway/base/gw_random.h"
#include "gateway/delivery_internal.h"
#include "gateway/delivery_policy.h"

enum {
    MAX_CRASHES = 3,       /* attempts that ended with the process before a message is set aside */
    SUSPECT_WAIT_MS = 1000 /* and up to twice that, while another suspect is in hand; ours */
};

static const struct cfg_api_key *api_key_of(const struct cfg *cfg, const struct gw_message *m)
{
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

void gw_recipient_set(struct gw_message *m, struct gw_recipient *r, enum gw_rcpt_status status)
{
    r->status = status;
    r->updated_at_ms = gw_clock_wall_ms();
    r->duration_ms = r->updated_at_ms - m->created_at_ms;
    if (gw_rcpt_status_final(status)) {
        r->next_attempt_ms = 0;
        r->retryable = false;
    }
}

/* ---- when again ---- */

/* When the recipient is tried again; 0: not by us. */
static int64_t retry_at(const struct gw_attempt *a, const struct gw_recipient *r)
{
    const struct cfg_retry *retry = &a->setup->cfg->retry;
    const struct gw_message *m = a->m;
    int64_t now = gw_clock_wall_ms();
    int64_t next = now + gw_retry_delay_ms(retry, r->attempts > 0 ? r->attempts : 1, gw_random01());
    if (r->uncertain && next < now + retry->uncertain_delay_ms)
        next = now + retry->uncertain_delay_ms;
    if (m->retry_until_ms != 0 && next > m->retry_until_ms)
        return 0;
    return next < m->expires_at_ms ? next : m->expires_at_ms;
}

/* A deferred recipient: again by the schedule, held, or given up. */
static void plan_retry(const struct gw_attempt *a, struct gw_recipient *r)
{
    if (r->uncertain)
        gw_recipient_set(
            a->m, r, gw_uncertain_status(a->m->on_uncertain, a->setup->cfg->retry.on_uncertain));
    if (r->status == GW_RCPT_DEFERRED)
        r->next_attempt_ms = retry_at(a, r);
}

void gw_attempt_plan_retries(struct gw_attempt *a)
{
    for (size_t i = 0; i < a->m->n_rcpts; i++) {
        struct gw_recipient *r = &a->m->rcpts[i];
        if (r->status == GW_RCPT_DEFERRED && r->next_attempt_ms == 0)
            plan_retry(a, r);
    }
}

void gw_attempt_conclude(struct gw_attempt *a)
{
    struct gw_message *m = a->m;
    if (a->judged) /* it can be tried without our end */
        m->crashes = 0;
    for (size_t i = 0; i < m->n_rcpts && a->canceled; i++)
        if (!gw_rcpt_status_final(m->rcpts[i].status))
            gw_recipient_set(m, &m->rcpts[i], GW_RCPT_CANCELED);
    gw_attempt_plan_retries(a);
}

/* ---- who now ---- */

/* The process ended while this recipient was `sending`: the relay may have the message. */
static void interrupted(const struct gw_attempt *a, struct gw_recipient *r)
{
    struct gw_message *m = a->m;
    gw_recipient_set(m, r, GW_RCPT_DEFERRED);
    r->category = GW_CATEGORY_OTHER;
    r->retryable = true;
    r->uncertain = true;
    r->reason = "interrupted";
    r->detail = "Mailhatch ended during the attempt; the relay may have the message";
    GW_FAILPOINT("delivery.interrupted");
    if (m->crashes < MAX_CRASHES) {
        plan_retry(a, r);
        return;
    }
    gw_recipient_set(m, r, GW_RCPT_UNCERTAIN);
    r->reason = "quarantined";
    r->detail = "Mailhatch ended during three attempts at this message; it is set aside";
    gw_log(GW_LOG_ERROR, "quarantined", GW_LOG_STR("message", m->id),
           GW_LOG_STR("traceparent", m->traceparent));
}

/* Settles those who were at the same relay as the recipient @first when the process ended. */
static void interrupted_at(struct gw_attempt *a, size_t first, size_t *rcpts)
{
    struct gw_message *m = a->m;
    const char *relay = m->rcpts[first].relay;
    size_t n = 0;
    for (size_t i = first; i < m->n_rcpts; i++)
        if (m->rcpts[i].status == GW_RCPT_SENDING && strcmp(m->rcpts[i].relay, relay) == 0)
            rcpts[n++] = i;
    gw_attempt_log_interrupted(a, rcpts, n);
    for (size_t i = 0; i < n; i++)
        interrupted(a, &m->rcpts[rcpts[i]]);
}

/* The message was in hand when the process ended. */
static void settle_interrupted(struct gw_attempt *a)
{
    struct gw_message *m = a->m;
    size_t *rcpts = NULL;
    for (size_t i = 0; i < m->n_rcpts; i++) {
        if (m->rcpts[i].status != GW_RCPT_SENDING)
            continue;
        if (rcpts == NULL) {
            rcpts = gw_calloc(m->n_rcpts, sizeof(*rcpts));
            m->crashes++;
        }
        interrupted_at(a, i, rcpts);
    }
    gw_free(rcpts);
}

/* True when the recipient's time has come. */
static bool is_due(const struct gw_recipient *r, int64_t now)
{
    bool given_up = r->status == GW_RCPT_DEFERRED && r->next_attempt_ms == 0;
    return !gw_rcpt_status_final(r->status) && r->status != GW_RCPT_HELD &&
           !gw_recipient_paused(r) && !given_up && r->next_attempt_ms <= now;
}

/* No relay may carry this recipient: the routes or the key's relays leave none. */
static void no_route(struct gw_message *m, struct gw_recipient *r)
{
    gw_recipient_set(m, r, GW_RCPT_DEFERRED);
    r->category = GW_CATEGORY_CONFIG;
    r->retryable = true;
    r->reason = "no_route";
    r->detail = "no route leads to a relay that this key may use; add one to `routes`";
}

/* An uncertain recipient goes to the relay that may have the message already. Others come only
 * after it, and only when uncertain_delay has passed since (SMTP matrix F3). */
static void prefer_relay(const struct cfg *cfg, const struct gw_recipient *r, int64_t now,
                         struct gw_route_plan *plan)
{
    if (!r->uncertain || r->relay == NULL)
        return;
    for (size_t i = 0; i < plan->n; i++) {
        size_t relay = plan->relays[i];
        if (strcmp(cfg->relays[relay].name, r->relay) != 0)
            continue;
        memmove(plan->relays + 1, plan->relays, i * sizeof(plan->relays[0]));
        plan->relays[0] = relay;
        if (now - r->updated_at_ms < cfg->retry.uncertain_delay_ms)
            plan->n = 1;
        return;
    }
}

/* SMTPUTF8 recipients travel apart, so that a relay without it fails only them. */
static struct gw_hop *find_hop(struct gw_attempt *a, const struct gw_route_plan *plan,
                               const struct gw_recipient *r)
{
    const struct gw_message *m = a->m;
    if (m->delivery_mode == GW_DELIVERY_INDIVIDUAL)
        return NULL;
    gw_list_foreach (it, &a->planned) {
        struct gw_hop *h = gw_list_entry(it, struct gw_hop, link);
        if (gw_route_plan_equal(&h->plan, plan) &&
            m->rcpts[h->rcpts[0]].needs_smtputf8 == r->needs_smtputf8)
            return h;
    }
    return NULL;
}

void gw_recipient_route(const struct cfg *cfg, const struct gw_message *m,
                        const struct gw_recipient *r, double draw, struct gw_route_plan *out)
{
    gw_route_plan(cfg, api_key_of(cfg, m), m, r, draw, out);
    prefer_relay(cfg, r, gw_clock_wall_ms(), out);
}

/* One more end of the process, and it is set aside. */
static bool is_suspect(const struct gw_message *m)
{
    return m->crashes >= MAX_CRASHES - 1;
}

/* How long to wait while another suspect is in hand; 0: there is none. Suspects were in hand
 * together when the process ended; they go one by one, so that only the one that ends it again is
 * set aside. */
static int64_t suspect_wait_ms(const struct gw_attempt *a)
{
    const struct gw_attempt *other = a->delivery->suspect;
    if (!is_suspect(a->m) || other == NULL || other == a)
        return 0;
    return SUSPECT_WAIT_MS + (int64_t)(SUSPECT_WAIT_MS * gw_random01());
}

/* How long to wait for room at the relay; 0: there is some. */
static int64_t lane_wait_ms(const struct gw_attempt *a, size_t relay)
{
    struct gw_lane *lane = &a->setup->relays[relay]->lane;
    int64_t mono = gw_clock_mono_ms();
    bool full =
        gw_lane_is_full(lane, gw_turns_flow(a->m->tenant), gw_delivery_room(a->delivery), mono);
    return full ? gw_lane_wait_ms(lane, mono, gw_random01()) : 0;
}

/* Back to the store, as if it were not due yet. A message that was admitted (gw_delivery_wait_ms)
 * goes on. */
static bool waits(struct gw_attempt *a, struct gw_recipient *r, size_t relay, int64_t now)
{
    int64_t ms = a->from_store ? suspect_wait_ms(a) : 0;
    if (a->from_store && ms == 0)
        ms = lane_wait_ms(a, relay);
    if (ms == 0)
        return false;
    if (r->status == GW_RCPT_SCHEDULED)
        gw_recipient_set(a->m, r, GW_RCPT_QUEUED);
    r->next_attempt_ms = now + ms;
    return true;
}

/* One due recipient: into a hop, or its final state. */
static void plan_recipient(struct gw_attempt *a, size_t i, double draw, int64_t now)
{
    const struct cfg *cfg = a->setup->cfg;
    struct gw_message *m = a->m;
    struct gw_recipient *r = &m->rcpts[i];
    if (now >= m->expires_at_ms) {
        GW_FAILPOINT("delivery.expired");
        gw_recipient_set(m, r, GW_RCPT_EXPIRED);
        return;
    }
    struct gw_route_plan plan;
    gw_recipient_route(cfg, m, r, draw, &plan);
    if (plan.n != 0 && waits(a, r, plan.relays[0], now))
        return;
    r->attempts++;
    r->next_attempt_ms = 0;
    if (plan.n == 0) {
        no_route(m, r);
        return;
    }
    if (is_suspect(m))
        a->delivery->suspect = a;
    r->status = GW_RCPT_SENDING;
    r->updated_at_ms = now;
    /* stored before the work: should we end during it, this relay may have the message */
    r->relay = cfg->relays[plan.relays[0]].name;
    struct gw_hop *h = find_hop(a, &plan, r);
    if (h == NULL) {
        bool alone = m->delivery_mode == GW_DELIVERY_INDIVIDUAL;
        h = gw_hop_new(a, &plan, 0, alone ? 1 : m->n_rcpts);
        gw_list_push_back(&a->planned, &h->link);
    }
    h->rcpts[h->n_rcpts++] = i;
}

void gw_attempt_plan(struct gw_attempt *a)
{
    struct gw_message *m = a->m;
    int64_t now = gw_clock_wall_ms();
    double draw = gw_random01();
    a->planned_at_ms = now;
    a->smtputf8 = header_is_utf8(m->mime);
    settle_interrupted(a);
    for (size_t i = 0; i < m->n_rcpts && !a->canceled; i++)
        if (is_due(&m->rcpts[i], now))
            plan_recipient(a, i, draw, now);
}

/* ---- before the commit ---- */

bool gw_attempt_all_may_go(const struct cfg *cfg, const struct gw_message *m)
{
    int64_t now = gw_clock_wall_ms();
    struct gw_route_plan plan;
    if (now >= m->expires_at_ms)
        return false;
    size_t n = 0;
    for (size_t i = 0; i < m->n_rcpts; i++) {
        const struct gw_recipient *r = &m->rcpts[i];
        if (gw_rcpt_status_final(r->status))
            continue;
        /* whether there is a relay at all is not up to the draw */
        gw_recipient_route(cfg, m, r, 0, &plan);
        if (plan.n == 0 || !is_due(r, now))
            return false;
        n++;
    }
    return n > 0;
}

void gw_attempt_leave_out(struct gw_attempt *a)
{
    gw_list_foreach_safe (it, &a->planned) {
        struct gw_hop *h = gw_list_entry(it, struct gw_hop, link);
        size_t n = 0;
        for (size_t i = 0; i < h->n_rcpts; i++)
            if (a->m->rcpts[h->rcpts[i]].status == GW_RCPT_SENDING)
                h->rcpts[n++] = h->rcpts[i];
        h->n_rcpts = n;
        if (n == 0)
            gw_hop_free(h);
    }
}
