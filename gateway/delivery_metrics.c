/* SPDX-License-Identifier: MIT */
/* From verdicts and timings to metrics. */
#include "gateway/delivery_metrics.h"

#include "gateway/metrics.h"

void gw_delivery_count_verdicts(const struct gw_message *m, int64_t since_ms)
{
    for (size_t i = 0; i < m->n_rcpts; i++) {
        const struct gw_recipient *r = &m->rcpts[i];
        if (r->updated_at_ms < since_ms || r->status == GW_RCPT_SUPPRESSED) /* counted before */
            continue;
        gw_metric_add(
            GW_METRIC_RECIPIENTS, 1,
            GW_LABELS(gw_rcpt_status_name(r->status), r->relay, gw_category_name(r->category)));
        if (r->relay != NULL && gw_rcpt_status_final(r->status))
            gw_metric_observe(GW_METRIC_DELIVERY, r->duration_ms * 1000, GW_LABELS(r->relay));
    }
}

void gw_delivery_count_timing(const char *relay, const struct smtp_timing *timing)
{
    for (size_t stage = 0; stage < SMTP_N_STAGES; stage++)
        gw_metric_observe(GW_METRIC_SMTP_PHASE, (int64_t)timing->ms[stage] * 1000,
                          GW_LABELS(relay, smtp_stage_name((enum smtp_stage)stage)));
}
