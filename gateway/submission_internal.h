/* SPDX-License-Identifier: MIT */
/* A submission, shared by gateway/submission*.c and gateway/batch.c only. */
#ifndef GW_SUBMISSION_INTERNAL_H
#define GW_SUBMISSION_INTERNAL_H

#include "gateway/batch_internal.h"
#include "gateway/gateway_internal.h"
#include "gateway/taken_body.h"

struct gw_submission {
    struct gw_work work;
    struct gw_arrival arrival;
    struct gw_gateway *gateway;
    struct gw_setup *setup;     /* the one it began with */
    struct gw_batch_item *item; /* that it is, or NULL */
    struct gw_submit_options options;
    gw_submission_cb on_done; /* NULL: abandoned or answered */
    void *data;
    struct gw_taken_body body; /* data NULL for an item of a batch */
    char *beside;
    /* with an idempotency key: */
    char *key;                         /* NULL without one */
    struct gw_idempotency idempotency; /* of the key */
    struct gw_id_node flight;          /* in gateway.flights while it leads */
    struct gw_list followers;          /* submissions with the same key and body */
    struct gw_list follower_link;
    bool leads, replays;
    /* results of the pool: */
    enum gw_status status;
    struct gw_arena *scratch; /* draft and problems */
    struct gw_draft *draft;
    struct gw_cached_template *template; /* that the draft names, once it was read */
    bool wants_template;
    bool is_long;      /* its work */
    int64_t worked_us; /* in the pool */
    struct gw_problems problems;
    struct gw_message *m;
    struct gw_attempt *attempt; /* planned before the commit of m, or NULL */
    /* while the answer is held: */
    char id[GW_UUID_SIZE];
    struct gw_wait *wait;
};

/* submission.c */
/* Tells whoever submitted, unless it was told or has left. */
void gw_submission_answer(struct gw_submission *s, const struct gw_submission_result *result);
/* The last answer of a submission that failed; frees it. */
void gw_submission_fail(struct gw_submission *s, enum gw_status status);
void gw_submission_free(struct gw_submission *s);
/* The message of @id is the answer once nothing more is tried in the time to wait.
 * @fresh  as in struct gw_wait_query */
void gw_submission_hold(struct gw_submission *s, const char *id, bool fresh);
/* The key is stored under @id (NULL: the request failed): nobody needs to follow any more. */
void gw_submission_stop_leading(struct gw_submission *s, const char *id);
/* @result  a label of GW_METRIC_IDEMPOTENCY */
void gw_submission_count_key(const char *result);

/* submission_prepare.c */
/* Runs in the pool: decode, prepare, with the template that the draft names; then stores, or
 * answers. May answer at once. */
void gw_submission_prepare(struct gw_submission *s);
/* In the pool: the fingerprint of what was given. @done  on the loop */
void gw_submission_fingerprint(struct gw_submission *s, void (*done)(struct gw_work *w));

/* submission_store.c */
/* s->m goes to the store; then the answer. */
void gw_submission_store(struct gw_submission *s);

#endif
