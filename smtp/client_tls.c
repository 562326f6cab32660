/* SPDX-License-Identifier: MIT */
/* TLS of a connection: the handshake, and words for what can go wrong in it. */
#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "smtp/client_internal.h"

static void url_of(const struct smtp_client *c, const char *scheme, char *out, size_t size)
{
    const char *host = c->config.session.host;
    bool v6 = strchr(host, ':') != NULL;
    (void)snprintf(out, size, "%s://%s%.100s%s:%u", scheme, v6 ? "[" : "", host, v6 ? "]" : "",
                   (unsigned)c->config.session.port);
}

void smtp_client_tls_failed(struct smtp_client *c)
{
    struct smtp_tls_failure f = *smtp_tls_failure(c->tls);
    char url[160];
    smtp_client_flush(c); /* our alert tells the relay's log what was wrong */
    if (f.reason == SMTP_REASON_WRONG_TLS_MODE && c->begun) {
        f.reason = SMTP_REASON_TLS_ERROR;
        (void)snprintf(f.detail, sizeof(f.detail), "%s",
                       "the relay said 220 to STARTTLS and went on in plaintext");
    } else if (f.reason == SMTP_REASON_WRONG_TLS_MODE) {
        url_of(c, "smtp", url, sizeof(url));
        (void)snprintf(f.detail, sizeof(f.detail),
                       "the relay speaks SMTP in plaintext on this port, not TLS from the first "
                       "byte: use %s (STARTTLS)",
                       url);
    }
    smtp_client_lost(c, f.reason, f.detail);
}

void smtp_client_expected_tls(struct smtp_client *c)
{
    char url[160];
    char detail[SMTP_DETAIL_SIZE];
    url_of(c, "smtps", url, sizeof(url));
    (void)snprintf(detail, sizeof(detail),
                   "the relay sends no greeting because it waits for TLS from the first byte: use "
                   "%s",
                   url);
    smtp_client_lost(c, SMTP_REASON_WRONG_TLS_MODE, detail);
}

static void handshake_done(struct smtp_client *c)
{
    bool implicit = !c->begun;
    c->secured_at_ms = gw_clock_mono_ms();
    c->phase = CLIENT_TALK;
    c->begun = true;
    smtp_client_drive(c,
                      (struct smtp_event){.kind = implicit ? SMTP_EV_CONNECTED : SMTP_EV_TLS_DONE});
}

void smtp_client_shake(struct smtp_client *c)
{
    enum smtp_tls_status st = smtp_tls_handshake(c->tls);
    if (c->config.trace != NULL && st != SMTP_TLS_MORE)
        c->config.trace->on_tls(c->config.trace_data, c->tls, st == SMTP_TLS_OK);
    if (st == SMTP_TLS_FAILED) {
        smtp_client_tls_failed(c);
        return;
    }
    smtp_client_flush(c);
    if (st == SMTP_TLS_OK)
        handshake_done(c);
    else if (st == SMTP_TLS_ENDED)
        smtp_client_lost(c, SMTP_REASON_CONN_CLOSED, "the relay ended TLS in the handshake");
}

void smtp_client_start_tls(struct smtp_client *c)
{
    if (gw_fails_check(c->config.tls != NULL && c->tls == NULL) ||
        gw_fails_check(!c->in_flight && c->queue.len == 0)) {
        smtp_client_lost(c, SMTP_REASON_LOCAL_ERROR, "TLS cannot start here");
        return;
    }
    c->phase = CLIENT_HANDSHAKE;
    c->deadline_ms = gw_clock_mono_ms() + c->config.session.timeouts.handshake_ms;
    c->tls = smtp_tls_new(c->config.tls);
    smtp_client_arm(c);
    smtp_client_shake(c);
}
