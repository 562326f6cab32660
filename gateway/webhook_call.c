/* SPDX-License-Identifier: MIT */
/* One call to a webhook. */
#include <stdio.h>

#include "gateway/address_rules.h"
#include "gateway/base/gw_clock.h"
#include "gateway/webhooks_internal.h"

static bool is_allowed(const struct sockaddr *address, void *data)
{
    (void)data;
    return gw_address_is_public(address);
}

enum gw_status gw_webhook_start(struct gw_webhook *w, const struct gw_webhook_post *post,
                                struct gw_http_call **call_out, struct gw_err *err)
{
    char id_line[GW_WEBHOOK_ID_SIZE + 16];
    char time_line[48];
    char signature[GW_WEBHOOK_SIGNATURE_SIZE];
    char signature_line[GW_WEBHOOK_SIGNATURE_SIZE + 32];
    int64_t now_s = gw_clock_wall_ms() / 1000;
    gw_webhook_sign(w->conf->secret, post->id, now_s, post->body, signature);
    (void)snprintf(id_line, sizeof(id_line), "webhook-id: %s", post->id);
    (void)snprintf(time_line, sizeof(time_line), "webhook-timestamp: %lld", (long long)now_s);
    (void)snprintf(signature_line, sizeof(signature_line), "webhook-signature: %s", signature);
    const char *headers[] = {"Content-Type: application/json", id_line, time_line, signature_line,
                             "User-Agent: Mailhatch",          NULL};
    struct gw_http_request request = {.url = w->conf->url,
                                      .headers = headers,
                                      .body = post->body,
                                      .ca_file = w->conf->ca_file,
                                      .timeout_ms = GW_WEBHOOK_TIMEOUT_MS,
                                      .max_response = GW_WEBHOOK_MAX_ANSWER,
                                      .allow = w->conf->allow_private ? NULL : is_allowed};
    struct gw_http *http = w->conf->allow_private ? w->owner->private_http : w->owner->http;
    return gw_http_start(http, &request, post->on_done, post->data, call_out, err);
}

const char *gw_webhook_judge(const struct gw_http_result *r, char buf[GW_WEBHOOK_DETAIL_SIZE])
{
    bool answered = r->status == GW_OK || (r->status == GW_TOOBIG && r->http_status != 0);
    if (answered && r->http_status >= 200 && r->http_status < 300)
        return NULL;
    if (answered)
        (void)snprintf(buf, GW_WEBHOOK_DETAIL_SIZE, "HTTP %ld", r->http_status);
    else
        (void)snprintf(buf, GW_WEBHOOK_DETAIL_SIZE, "%s: %s", gw_status_text(r->status),
                       r->detail != NULL ? r->detail : "");
    return buf;
}
