/* SPDX-License-Identifier: MIT */
/* What delivery.c (life cycle), delivery_plan.c (who is tried, where) and delivery_attempt.c (the
 * transactions of one attempt) share; nobody else. */
#ifndef GW_DELIVERY_INTERNAL_H
#define GW_DELIVERY_INTERNAL_H

#include "gateway/delivery.h"
#include "gateway/id_table.h"
#include "gateway/route.h"
#include "smtp/relay.h"

enum gw_attempt_phase {
    GW_ATTEMPT_BEGIN, /* the store reads m and logs: both stay as they are */
    GW_ATTEMPT_RUN,
    GW_ATTEMPT_RECORD
};

/* One try of one message. */
struct gw_attempt {
    struct gw_id_node node; /* in delivery.attempts */
    struct gw_list stuck;   /* in delivery.stuck while the store refuses a call */
    struct gw_delivery *delivery;
    struct gw_setup *setup;
    uint32_t flow; /* the tenant's (gw_turns.h) */
    struct gw_message *m;
    size_t bytes;              /* of its body, as counted in delivery.bytes */
    struct gw_clock_jump jump; /* noticed while `begin` was in hand, which reads m */
    bool from_store;           /* read back, so that it may wait there a little longer */
    enum gw_attempt_phase phase;
    struct gw_list planned;      /* hops, not yet running */
    struct gw_list running;      /* hops with a transaction at their relay */
    struct gw_list done;         /* hops whose transaction is over, without verdict yet */
    size_t n_open;               /* hops in these lists */
    int64_t planned_at_ms;       /* wall */
    struct gw_attempt_log *logs; /* what the store does not have yet; texts in m->arena */
    size_t n_logs, max_logs;
    unsigned n_begun; /* times that the store took `begin` */
    bool judged;      /* some transaction came to its end */
    bool smtputf8;
    bool canceled; /* whoever is not final at the end of this attempt is canceled */
};

/* Some recipients of an attempt on their way through a plan. */
struct gw_hop {
    struct gw_list link; /* in attempt.planned, attempt.running or attempt.done */
    struct smtp_transaction txn;
    struct smtp_dsn dsn; /* of txn.envelope */
    struct gw_attempt *attempt;
    struct gw_route_plan plan;
    size_t at;     /* index in plan of the relay in use */
    size_t *rcpts; /* indexes into m->rcpts */
    size_t n_rcpts;
    bool may_do_later;      /* a relay before this one failed for now */
    bool tried;             /* a relay before this one made an attempt */
    int64_t started_at_ms;  /* wall */
    int64_t ended_at_ms;    /* wall */
    const char **addresses; /* what txn.envelope.rcpts points at */
    struct smtp_outcome *outcomes;
};

struct gw_delivery {
    struct gw_delivery_env env;
    struct gw_id_table attempts;
    size_t n_attempts, bytes; /* in hand */
    size_t peak_bytes;        /* what the next message of the store may have */
    size_t batch_peak_bytes;
    bool leasing;
    bool stopped;
    const struct gw_attempt *suspect;   /* at a message that is set aside if the process ends now */
    int64_t clock_offset_ms;            /* wall minus monotonic clock, as it was last */
    struct gw_clock_jump leased_before; /* of messages that a lease in hand may bring */
    size_t n_clock_calls;               /* store calls in hand */
    struct gw_list comebacks;           /* relays whose mail is being brought forward */
    uv_timer_t comeback_timer;
    uv_timer_t timer;
    struct gw_list stuck;
    uv_timer_t stuck_timer;
    unsigned n_timers_open;
    void (*on_closed)(void *);
    void *closed_data;
};

/* The relay a hop is at. */
static inline const char *gw_hop_relay_name(const struct gw_hop *h)
{
    return h->attempt->setup->cfg->relays[h->plan.relays[h->at]].name;
}

/* NULL when it has been closed: in a drain an attempt may get there after it. */
static inline struct smtp_relay *gw_hop_relay(const struct gw_hop *h)
{
    const struct gw_relay *r = h->attempt->setup->relays[h->plan.relays[h->at]];
    return r->closing ? NULL : r->smtp;
}

/* delivery_plan.c */
/* The relays of @r, best first. */
void gw_recipient_route(const struct cfg *cfg, const struct gw_message *m,
                        const struct gw_recipient *r, double draw, struct gw_route_plan *out);
/* Settle what needs no relay (interrupted, expired, no route) and group the rest into hops, their
 * recipients marked `sending` and counted. */
void gw_attempt_plan(struct gw_attempt *a);
/* Whether gw_attempt_plan() would put every open recipient of @m, which is new, into a hop. */
bool gw_attempt_all_may_go(const struct cfg *cfg, const struct gw_message *m);
/* Those whom the store suppressed since leave their hops, and hops that have nobody left go. */
void gw_attempt_leave_out(struct gw_attempt *a);
/* When, and whether, those who were deferred are tried again. Before each time that the store gets
 * m: a crash must not leave one of them without its next attempt. */
void gw_attempt_plan_retries(struct gw_attempt *a);
/* The attempt is over: who is left is canceled, when that was asked for, or tried again. */
void gw_attempt_conclude(struct gw_attempt *a);
/* Status and the times that go with it. */
void gw_recipient_set(struct gw_message *m, struct gw_recipient *r, enum gw_rcpt_status status);

/* delivery_attempt.c */
/* A hop to relay number @at of @plan for at most @max_rcpts recipients, without any; counted as
 * open, in no list. */
struct gw_hop *gw_hop_new(struct gw_attempt *a, const struct gw_route_plan *plan, size_t at,
                          size_t max_rcpts);
/* Run what is planned, which is stored; gw_attempt_judged() follows, at once when there is nothing
 * to run. */
void gw_attempt_run(struct gw_attempt *a);
/* What is planned must not run, because the store did not take it: as if it had not been tried. The
 * rest goes on. */
void gw_attempt_refuse_planned(struct gw_attempt *a);
/* Ask for an early end of what is running; what is planned will not run. */
void gw_attempt_cancel(struct gw_attempt *a);
/* Forget hops that were planned and will not run. */
void gw_attempt_forget_hops(struct gw_attempt *a);
/* Forget one of them. */
void gw_hop_free(struct gw_hop *h);

/* delivery_clock.c */
/* Forget what is known of the clock, and put what the store has within reach of it. */
void gw_delivery_clock_start(struct gw_delivery *d);
/* Has the wall clock jumped since last time? Then lifetimes move along. */
void gw_delivery_clock_check(struct gw_delivery *d);
/* The store has @a's `begin`, during which the clock may have jumped. */
void gw_delivery_clock_begun(struct gw_attempt *a);
/* @m was read from the store before a jump that was noticed since. */
void gw_delivery_clock_catch_up(const struct gw_delivery *d, struct gw_message *m);

/* delivery_comeback.c */
/* No relay's mail is brought forward any more. */
void gw_delivery_forget_comebacks(struct gw_delivery *d);

/* delivery_log.c */
/* Note what became of @h's transaction, which was tried and is done. */
void gw_attempt_log_hop(struct gw_attempt *a, const struct gw_hop *h);
/* Note that the process ended while the recipients @rcpts, of m, were at the relay they name. */
void gw_attempt_log_interrupted(struct gw_attempt *a, const size_t *rcpts, size_t n_rcpts);

/* delivery.c */
/* How full the memory for messages is. */
enum gw_lane_room gw_delivery_room(const struct gw_delivery *d);
/* How many messages may be read back now, if they are as large as those before; not while
 * d->leasing. */
size_t gw_delivery_lease_room(const struct gw_delivery *d);
/* A lease brought @m. */
void gw_delivery_leased(struct gw_delivery *d, struct gw_message *m);
/* It brought all that it could. */
void gw_delivery_end_lease(struct gw_delivery *d);
/* Have what is planned stored before it is run. True: gw_attempt_run() or
 * gw_attempt_refuse_planned() follows. False: this store does not need it. */
bool gw_attempt_begin(struct gw_attempt *a);
/* Every recipient has its verdict. */
void gw_attempt_judged(struct gw_attempt *a);

#endif
