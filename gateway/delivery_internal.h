/* SPDX-License-Identifier: MIT */
/* What delivery.c (life cycle) and delivery_attempt.c (one attempt) share; nobody else. */
#ifndef GW_DELIVERY_INTERNAL_H
#define GW_DELIVERY_INTERNAL_H

#include "gateway/delivery.h"
#include "gateway/id_table.h"

struct gw_hop;

enum gw_attempt_phase {
    GW_ATTEMPT_BEGIN,
    GW_ATTEMPT_RUN,
    GW_ATTEMPT_RECORD
};

/* One try of one message. */
struct gw_attempt {
    struct gw_id_node node; /* in delivery.attempts */
    struct gw_list stuck;   /* in delivery.stuck while the store refuses a call */
    struct gw_delivery *delivery;
    struct gw_message *m;
    enum gw_attempt_phase phase;
    struct gw_hop **hops; /* planned, not yet running */
    size_t n_hops;
    size_t n_open;         /* hops planned or running */
    int64_t planned_at_ms; /* wall */
    bool smtputf8;
};

struct gw_delivery {
    struct gw_delivery_env env;
    struct gw_id_table attempts;
    size_t n_attempts;
    bool leasing;
    bool stopped;
    uv_timer_t timer;
    struct gw_list stuck;
    uv_timer_t stuck_timer;
    unsigned n_timers_open;
    void (*on_closed)(void *);
    void *closed_data;
};

/* Settle what needs no relay (interrupted, expired, no route) and group the rest into hops, their
 * recipients marked `sending` and counted. */
void gw_attempt_plan(struct gw_attempt *a);
/* Run the hops; gw_attempt_judged() follows, at once when there are none. */
void gw_attempt_run(struct gw_attempt *a);
/* Forget hops that were planned and will not run. */
void gw_attempt_forget_hops(struct gw_attempt *a);

/* delivery.c: every recipient has its verdict. */
void gw_attempt_judged(struct gw_attempt *a);

#endif
