/* SPDX-License-Identifier: MIT */
/* Certificates and keys of a relay that were replaced: new connections wait until a thread has read
 * them, those that are up keep theirs. What cannot be read changes nothing. */
#include "gateway/base/gw_check.h"
#include "gateway/base/gw_log.h"
#include "smtp/relay_internal.h"

static void read_in_thread(uv_work_t *work)
{
    struct smtp_relay *r = work->data;
    struct relay_tls_reading *reading = &r->tls_reading;
    reading->status = smtp_relay_read_tls(&r->config, &reading->tls, &reading->err);
}

static void take(struct smtp_relay *r)
{
    struct relay_tls_reading *reading = &r->tls_reading;
    if (reading->status != GW_OK) {
        gw_log(GW_LOG_ERROR, "relay_tls_files", GW_LOG_STR("relay", r->config.name),
               GW_LOG_STR("error", reading->err.text),
               GW_LOG_STR("action", "the old ones stay in use"));
        return;
    }
    gw_log(GW_LOG_INFO, "relay_tls_files", GW_LOG_STR("relay", r->config.name),
           GW_LOG_STR("action", "read again"));
    smtp_tls_context_free(&r->tls);
    r->tls = reading->tls;
    reading->tls = NULL;
}

static void on_read(uv_work_t *work, int status)
{
    struct smtp_relay *r = work->data;
    (void)status; /* it is never called off */
    r->tls_reading.busy = false;
    if (!r->closing)
        take(r);
    smtp_tls_context_free(&r->tls_reading.tls);
    smtp_relay_pump(r);
    smtp_relay_close_if_done(r);
}

bool smtp_relay_tls_is_current(struct smtp_relay *r)
{
    struct relay_tls_reading *reading = &r->tls_reading;
    if (reading->busy)
        return false;
    if (r->tls == NULL || !smtp_tls_context_is_stale(r->tls))
        return true;
    *reading = (struct relay_tls_reading){.busy = true, .work = {.data = r}};
    CHECK(uv_queue_work(r->loop, &reading->work, read_in_thread, on_read) == 0);
    return false;
}
