/* SPDX-License-Identifier: MIT */
/* The life of messages between commit and verdict.
 *
 * Happy path: start → plan → begin (stored before any work) → run → record → on_recorded. Whose
 * caller waits for the outcome is planned before its commit, which says that the attempt begins:
 * plan → commit → go → run. What goes on to another relay is begun again, so that the store knows
 * where it is. Deferred recipients wait in the store; a timer leases them when due.
 * Failure: a store call that is refused is made again every STUCK_RETRY_MS; a verdict is never
 * forgotten, and nothing is sent that was not stored first.
 *
 * Spec: RFC 5321 sec. 4.5.4.1 (retries). */
#include "gateway/delivery.h"

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_failpoint.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"
#include "gateway/base/gw_random.h"
#include "gateway/delivery_internal.h"
#include "gateway/delivery_metrics.h"
#include "gateway/discard.h"

enum {
    LEASE_BATCH = 64,
    MAX_IN_HAND = 2048, /* messages in memory at once */
    MAX_LEASED = 1792,  /* beyond it none come from the store: the rest is for new ones */
    MAX_BYTES_IN_HAND = 128 << 20, /* of their bodies; one may go over it */
    MAX_TIMER_MS = 30 * 1000,      /* looks again at least this often: the wall clock may jump */
    STUCK_RETRY_MS = 1000
};

static void free_attempt(struct gw_attempt *a)
{
    struct gw_delivery *d = a->delivery;
    gw_list_remove(&a->node.link);
    gw_attempt_forget_hops(a);
    gw_free(a->logs);
    gw_discard_message(d->env.workers, &a->m);
    gw_setup_unref(&a->setup);
    d->n_attempts--;
    d->bytes -= a->bytes;
    if (d->suspect == a)
        d->suspect = NULL;
    gw_free(a);
    gw_delivery_wake(d);
    d->env.on_progress(d->env.data);
}

static void call_store(struct gw_attempt *a);

static void on_stuck_timer(uv_timer_t *timer)
{
    struct gw_delivery *d = timer->data;
    struct gw_list again;
    gw_list_init(&again);
    while (!gw_list_empty(&d->stuck)) {
        struct gw_list *node = d->stuck.next;
        gw_list_remove(node);
        gw_list_push_back(&again, node);
    }
    while (!gw_list_empty(&again)) {
        struct gw_attempt *a = gw_list_entry(again.next, struct gw_attempt, stuck);
        gw_list_remove(&a->stuck);
        call_store(a);
    }
}

static void try_again_later(struct gw_attempt *a, enum gw_status status)
{
    struct gw_delivery *d = a->delivery;
    gw_log(GW_LOG_ERROR, "store_call_failed", GW_LOG_STR("message", a->m->id),
           GW_LOG_STR("error", gw_status_text(status)));
    gw_list_push_back(&d->stuck, &a->stuck);
    (void)uv_timer_start(&d->stuck_timer, on_stuck_timer, STUCK_RETRY_MS, 0);
}

static void on_begun(enum gw_status status, void *data)
{
    struct gw_attempt *a = data;
    bool give_up = status == GW_NOTFOUND || a->delivery->stopped;
    if (status == GW_OK) {
        GW_FAILPOINT("delivery.begun");
        gw_delivery_clock_begun(a);
        a->phase = GW_ATTEMPT_RUN;
        a->n_begun++;
        a->n_logs = 0;
        gw_attempt_run(a);
    } else if (give_up && a->n_begun == 0) {
        free_attempt(a); /* still leased in the store: due again at the next start */
    } else if (give_up) {
        a->phase = GW_ATTEMPT_RUN;
        gw_attempt_refuse_planned(a);
    } else {
        try_again_later(a, status);
    }
}

static void on_recorded(enum gw_status status, void *data)
{
    struct gw_attempt *a = data;
    struct gw_delivery *d = a->delivery;
    if (status != GW_OK && status != GW_NOTFOUND) {
        try_again_later(a, status);
        return;
    }
    GW_FAILPOINT("delivery.recorded");
    d->env.on_recorded(a->m, d->env.data);
    GW_FAILPOINT("delivery.told");
    free_attempt(a);
}

static void call_store(struct gw_attempt *a)
{
    struct gw_store *store = a->delivery->env.store;
    if (a->phase == GW_ATTEMPT_BEGIN) {
        GW_FAILPOINT("delivery.begin");
        store->engine->begin(store, a->m, a->logs, a->n_logs, on_begun, a);
    } else {
        GW_FAILPOINT("delivery.record");
        store->engine->record(store, a->m, a->logs, a->n_logs, on_recorded, a);
    }
}

bool gw_attempt_begin(struct gw_attempt *a)
{
    if (!a->delivery->env.store->engine->durable)
        return false;
    gw_attempt_plan_retries(a);
    a->phase = GW_ATTEMPT_BEGIN;
    call_store(a);
    return true;
}

void gw_attempt_judged(struct gw_attempt *a)
{
    a->phase = GW_ATTEMPT_RECORD;
    gw_delivery_count_verdicts(a->m, a->planned_at_ms);
    call_store(a);
}

/* An attempt at @m, planned. */
static struct gw_attempt *new_attempt(struct gw_delivery *d, struct gw_message *m, bool from_store)
{
    gw_delivery_clock_check(d);
    struct gw_attempt *a = gw_calloc(1, sizeof(*a));
    a->from_store = from_store;
    a->delivery = d;
    a->m = m;
    a->flow = gw_turns_flow(m->tenant);
    a->setup = gw_setup_ref(d->env.setups->now);
    gw_list_init(&a->planned);
    gw_list_init(&a->running);
    gw_list_init(&a->done);
    gw_id_table_add(&d->attempts, &a->node, m->id);
    d->n_attempts++;
    a->bytes = m->mime.len;
    d->bytes += a->bytes;
    a->canceled = d->env.wants_cancel(m->id, d->env.data);
    GW_FAILPOINT("delivery.start");
    gw_attempt_plan(a);
    GW_FAILPOINT("delivery.planned");
    return a;
}

static void start(struct gw_delivery *d, struct gw_message *m, bool from_store)
{
    struct gw_attempt *a = new_attempt(d, m, from_store);
    a->phase = GW_ATTEMPT_RUN;
    if (gw_list_empty(&a->planned) || !gw_attempt_begin(a))
        gw_attempt_run(a);
}

void gw_delivery_start(struct gw_delivery *d, struct gw_message *m)
{
    start(d, m, false);
}

struct gw_attempt *gw_delivery_plan(struct gw_delivery *d, struct gw_message *m)
{
    if (!d->env.store->engine->durable || !gw_attempt_all_may_go(d->env.setups->now->cfg, m))
        return NULL;
    struct gw_attempt *a = new_attempt(d, m, false);
    a->phase = GW_ATTEMPT_BEGIN;
    if (!gw_list_empty(&a->planned))
        return a;
    gw_delivery_unplan(a); /* it expired in between */
    return NULL;
}

void gw_delivery_go(struct gw_attempt *a)
{
    gw_attempt_leave_out(a);
    if (gw_list_empty(&a->planned)) /* all are suppressed, and the store knows */
        free_attempt(a);
    else
        on_begun(GW_OK, a);
}

void gw_delivery_unplan(struct gw_attempt *a)
{
    a->m = NULL;
    free_attempt(a);
}

const struct gw_message *gw_delivery_find(struct gw_delivery *d, const char *id)
{
    struct gw_id_node *n = gw_id_table_find(&d->attempts, id);
    return n != NULL ? gw_list_entry(n, struct gw_attempt, node)->m : NULL;
}

void gw_delivery_cancel(struct gw_delivery *d, const char *id)
{
    struct gw_id_node *n = gw_id_table_find(&d->attempts, id);
    if (n != NULL)
        gw_attempt_cancel(gw_list_entry(n, struct gw_attempt, node));
}

enum gw_lane_room gw_delivery_room(const struct gw_delivery *d)
{
    double by_count = (double)d->n_attempts / MAX_IN_HAND;
    double by_bytes = (double)d->bytes / MAX_BYTES_IN_HAND;
    return gw_lane_room(by_count > by_bytes ? by_count : by_bytes);
}

int64_t gw_delivery_wait_ms(struct gw_delivery *d, const struct gw_message *m)
{
    const struct gw_setup *setup = d->env.setups->now;
    int64_t now = gw_clock_mono_ms();
    struct gw_route_plan plan;
    if (d->n_attempts >= MAX_IN_HAND || d->bytes >= MAX_BYTES_IN_HAND)
        return 1; /* due at once, when there is room again */
    for (size_t i = 0; i < m->n_rcpts; i++) {
        gw_recipient_route(setup->cfg, m, &m->rcpts[i], gw_random01(), &plan);
        if (plan.n == 0)
            continue;
        struct gw_lane *lane = &setup->relays[plan.relays[0]]->lane;
        if (gw_lane_is_full(lane, gw_turns_flow(m->tenant), gw_delivery_room(d), now))
            return gw_lane_wait_ms(lane, now, gw_random01());
    }
    return 0;
}

/* ---- what falls due ---- */

size_t gw_delivery_lease_room(const struct gw_delivery *d)
{
    if (d->n_attempts >= MAX_LEASED || d->bytes >= MAX_BYTES_IN_HAND)
        return 0;
    size_t by_bytes = 1 + (MAX_BYTES_IN_HAND - d->bytes) / (d->peak_bytes + 1);
    size_t by_count = MAX_LEASED - d->n_attempts;
    size_t room = by_bytes < by_count ? by_bytes : by_count;
    return room < LEASE_BATCH ? room : LEASE_BATCH;
}

void gw_delivery_end_lease(struct gw_delivery *d)
{
    d->leasing = false;
    d->leased_before = (struct gw_clock_jump){.by_ms = 0};
    d->peak_bytes =
        d->batch_peak_bytes > d->peak_bytes / 2 ? d->batch_peak_bytes : d->peak_bytes / 2;
    d->batch_peak_bytes = 0;
    gw_delivery_wake(d);
    d->env.on_progress(d->env.data);
}

void gw_delivery_leased(struct gw_delivery *d, struct gw_message *m)
{
    GW_FAILPOINT("delivery.leased");
    if (m->mime.len > d->batch_peak_bytes)
        d->batch_peak_bytes = m->mime.len;
    gw_delivery_clock_catch_up(d, m);
    start(d, m, true);
}

static void on_leased(enum gw_status status, struct gw_message *m, void *data)
{
    if (status == GW_OK)
        gw_delivery_leased(data, m);
    else
        gw_delivery_end_lease(data);
}

static void on_timer(uv_timer_t *timer)
{
    gw_delivery_wake(timer->data);
}

void gw_delivery_wake(struct gw_delivery *d)
{
    size_t room = gw_delivery_lease_room(d);
    if (d->stopped || d->leasing || room == 0)
        return;
    gw_delivery_clock_check(d);
    struct gw_store *store = d->env.store;
    int64_t due = store->engine->next_due_ms(store);
    int64_t now = gw_clock_wall_ms();
    if (due == 0) {
        (void)uv_timer_stop(&d->timer);
    } else if (due <= now) {
        d->leasing = true;
        GW_FAILPOINT("delivery.lease");
        store->engine->lease_due(store, now, room, on_leased, d);
    } else {
        int64_t wait = due - now < MAX_TIMER_MS ? due - now : MAX_TIMER_MS;
        (void)uv_timer_start(&d->timer, on_timer, (uint64_t)wait, 0);
    }
}

static void init_timer(struct gw_delivery *d, uv_timer_t *timer)
{
    CHECK(uv_timer_init(d->env.loop, timer) == 0);
    timer->data = d;
    d->n_timers_open++;
}

struct gw_delivery *gw_delivery_new(const struct gw_delivery_env *env)
{
    struct gw_delivery *d = gw_calloc(1, sizeof(*d));
    d->env = *env;
    d->peak_bytes = env->setups->now->cfg->limits.body_bytes;
    gw_id_table_init(&d->attempts);
    gw_list_init(&d->stuck);
    init_timer(d, &d->timer);
    init_timer(d, &d->stuck_timer);
    gw_list_init(&d->comebacks);
    init_timer(d, &d->comeback_timer);
    gw_delivery_clock_start(d);
    return d;
}

size_t gw_delivery_active(const struct gw_delivery *d)
{
    return d->n_attempts + d->n_clock_calls + (d->leasing ? 1 : 0);
}

void gw_delivery_stop(struct gw_delivery *d)
{
    d->stopped = true;
    (void)uv_timer_stop(&d->timer);
    (void)uv_timer_stop(&d->comeback_timer);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct gw_delivery *d = handle->data;
    if (--d->n_timers_open != 0)
        return;
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
    uv_close((uv_handle_t *)&d->stuck_timer, on_timer_closed);
    uv_close((uv_handle_t *)&d->comeback_timer, on_timer_closed);
    gw_delivery_forget_comebacks(d);
}
