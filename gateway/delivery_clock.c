/* SPDX-License-Identifier: MIT */
/* The wall clock may jump: a machine that starts in 1970 and asks for the time later, a hand that
 * sets it, a resumed snapshot. Messages are not lost or stuck by that: when the wall clock and the
 * monotonic one disagree, what is left of each lifetime is kept, and no retry is further away than
 * the schedule allows. Scheduled times stay what they are: times of the wall clock. */
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_log.h"
#include "gateway/delivery_internal.h"
#include "gateway/delivery_policy.h"

enum {
    JUMP_MS = 60 * 1000 /* less is a correction; ours */
};

static void on_moved(enum gw_status status, void *data)
{
    struct gw_delivery *d = data;
    d->n_clock_calls--;
    if (status != GW_OK)
        gw_log(GW_LOG_ERROR, "store_call_failed", GW_LOG_STR("call", "clock_jumped"),
               GW_LOG_STR("error", gw_status_text(status)));
    gw_delivery_wake(d);
    d->env.on_progress(d->env.data);
}

static void tell_store(struct gw_delivery *d, const struct gw_clock_jump *jump)
{
    d->n_clock_calls++;
    d->env.store->engine->clock_jumped(d->env.store, jump, on_moved, d);
}

static void move(const struct gw_clock_jump *jump, struct gw_message *m)
{
    if (m->created_at_ms >= jump->accepted_from_ms && m->created_at_ms <= jump->accepted_to_ms)
        m->expires_at_ms += jump->by_ms;
}

/* What a jump by @by_ms, which led to @now_ms, means. */
static struct gw_clock_jump jump_by(const struct gw_delivery *d, int64_t by_ms, int64_t now_ms)
{
    const struct cfg_retry *retry = &d->env.setups->now->cfg->retry;
    bool forward = by_ms > 0;
    return (struct gw_clock_jump){.by_ms = by_ms,
                                  .accepted_from_ms = forward ? 0 : now_ms,
                                  .accepted_to_ms = now_ms - by_ms + JUMP_MS,
                                  .latest_ms = now_ms + gw_retry_max_delay_ms(retry)};
}

void gw_delivery_clock_start(struct gw_delivery *d)
{
    int64_t now = gw_clock_wall_ms();
    d->clock_offset_ms = now - gw_clock_mono_ms();
    /* it may have been set back while nobody was looking */
    struct gw_clock_jump jump = jump_by(d, 0, now);
    tell_store(d, &jump);
}

/* What the store's thread may be reading is left alone: after `begin` it is done here, after the
 * verdict in the store. */
static void attempt_jumped(struct gw_attempt *a, const struct gw_clock_jump *jump)
{
    if (a->phase == GW_ATTEMPT_RUN)
        move(jump, a->m);
    else if (a->phase == GW_ATTEMPT_BEGIN)
        a->jump = *jump;
}

void gw_delivery_clock_begun(struct gw_attempt *a)
{
    if (a->jump.by_ms != 0)
        move(&a->jump, a->m);
}

void gw_delivery_clock_check(struct gw_delivery *d)
{
    int64_t now = gw_clock_wall_ms();
    int64_t offset = now - gw_clock_mono_ms();
    int64_t by = offset - d->clock_offset_ms;
    if (by > -JUMP_MS && by < JUMP_MS)
        return;
    gw_log(GW_LOG_WARN, "clock_jumped", GW_LOG_NUM("by_ms", by));
    d->clock_offset_ms = offset;
    struct gw_clock_jump jump = jump_by(d, by, now);
    for (size_t i = 0; i < GW_ID_TABLE_BUCKETS; i++)
        gw_list_foreach (it, &d->attempts.buckets[i])
            attempt_jumped(gw_list_entry(it, struct gw_attempt, node.link), &jump);
    if (d->leasing)
        d->leased_before = jump;
    tell_store(d, &jump);
}

void gw_delivery_clock_catch_up(const struct gw_delivery *d, struct gw_message *m)
{
    if (d->leased_before.by_ms != 0)
        move(&d->leased_before, m);
}
