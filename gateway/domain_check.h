/* SPDX-License-Identifier: MIT */
/* Asks DNS about a domain until domain_report.h can judge it, within a deadline. Loop thread only.
 *
 * start → judge → ask for what is missing → each answer: judge again → on_done → on_gone. What has
 * no answer when the time is up counts as not answered. */
#ifndef GW_DOMAIN_CHECK_H
#define GW_DOMAIN_CHECK_H

#include <stdint.h>
#include <uv.h>

#include "config/cfg.h"
#include "gateway/domain_report.h"

enum {
    GW_DOMAIN_CHECK_MS = 10000 /* for all answers; ours */
};

struct gw_domain_request {
    const char *domain;      /* of From, as gw_domain_name() gives it */
    const char *mail_domain; /* of MAIL FROM; NULL: the same; "": the null sender */
    const char *ip;          /* who will connect to receivers, or NULL */
    int64_t timeout_ms;
};

/* @report is valid during the call. NULL: it could not be made, @err says why. */
typedef void (*gw_domain_check_cb)(const struct gw_domain_report *report, const struct gw_err *err,
                                   void *data);

struct gw_domain_check;
/* @cfg, @dkim  needed during this call only
 * on_done comes once, from the loop, unless it is cancelled; on_gone always, last. */
struct gw_domain_check *gw_domain_check_start(uv_loop_t *loop, const struct cfg *cfg,
                                              const struct gw_dkim *dkim,
                                              const struct gw_domain_request *request,
                                              gw_domain_check_cb on_done,
                                              void (*on_gone)(void *data), void *data);
/* The time is up now: on_done comes soon, with what is known. */
void gw_domain_check_hurry(struct gw_domain_check *c);
/* on_done does not come. */
void gw_domain_check_cancel(struct gw_domain_check *c);

/* @text in the form that all of this takes: lower case, A-labels. GW_OK; GW_INVALID with err->text.
 */
enum gw_status gw_domain_name(struct gw_arena *arena, struct gw_slice text, const char **out,
                              struct gw_err *err) GW_NODISCARD;

#endif
