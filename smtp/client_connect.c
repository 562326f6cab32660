/* SPDX-License-Identifier: MIT */
/* From a host name to a connected socket: resolve, then let the addresses race. */
#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "smtp/client_internal.h"

/* --- The race --- */

static const struct {
    int uv_error;
    enum smtp_reason reason;
} reasons[] = {
    {UV_ECONNREFUSED, SMTP_REASON_CONN_REFUSED},
    {UV_ECONNRESET, SMTP_REASON_CONN_RESET},
    {UV_ECONNABORTED, SMTP_REASON_CONN_RESET},
    {UV_EPIPE, SMTP_REASON_CONN_RESET},
    {UV_EOF, SMTP_REASON_CONN_CLOSED},
    {UV_ETIMEDOUT, SMTP_REASON_TIMEOUT},
    {UV_EHOSTUNREACH, SMTP_REASON_CONN_UNREACHABLE},
    {UV_ENETUNREACH, SMTP_REASON_CONN_UNREACHABLE},
    {UV_ENETDOWN, SMTP_REASON_CONN_UNREACHABLE},
    {UV_EACCES, SMTP_REASON_CONN_UNREACHABLE},
    {UV_EPERM, SMTP_REASON_CONN_UNREACHABLE},
    {UV_EAFNOSUPPORT, SMTP_REASON_CONN_UNREACHABLE},
    {UV_EADDRNOTAVAIL, SMTP_REASON_LOCAL_FD},
    {UV_EMFILE, SMTP_REASON_LOCAL_FD},
    {UV_ENFILE, SMTP_REASON_LOCAL_FD},
    {UV_ENOBUFS, SMTP_REASON_LOCAL_FD},
};

enum smtp_reason smtp_client_reason_of(int uv_error)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].uv_error == uv_error)
            return reasons[i].reason;
    return SMTP_REASON_LOCAL_ERROR;
}

static void close_attempt(struct client_attempt *a)
{
    if (!a->open)
        return;
    a->open = false;
    uv_close((uv_handle_t *)&a->tcp, smtp_client_on_handle_closed);
}

void smtp_client_end_race(struct smtp_client *c, const uv_stream_t *winner)
{
    for (size_t i = 0; i < c->n_tried; i++)
        if ((const uv_stream_t *)&c->attempts[i].tcp != winner)
            close_attempt(&c->attempts[i]);
}

/* "connect 192.0.2.1:587: connection refused; [2001:db8::1]:587: network is unreachable" */
static void describe_failures(const struct smtp_client *c, char out[SMTP_DETAIL_SIZE])
{
    size_t at = (size_t)snprintf(out, SMTP_DETAIL_SIZE, "%s", "connect ");
    for (size_t i = 0; i < c->n_tried && at < SMTP_DETAIL_SIZE; i++) {
        char peer[SMTP_ADDRESS_TEXT_SIZE];
        int status = c->attempts[i].status;
        smtp_address_text(&c->addresses.list[i], peer);
        at += (size_t)snprintf(out + at, SMTP_DETAIL_SIZE - at, "%s%s: %s", i != 0 ? "; " : "",
                               peer, status != 0 ? uv_strerror(status) : "no answer");
    }
}

/* The relay's own faults tell more than ours: one socket error of ours does not hide a refusal. */
static void race_lost(struct smtp_client *c)
{
    char detail[SMTP_DETAIL_SIZE];
    enum smtp_reason reason = SMTP_REASON_LOCAL_ERROR;
    for (size_t i = 0; i < c->n_tried; i++) {
        enum smtp_reason own = smtp_client_reason_of(c->attempts[i].status);
        bool local = own == SMTP_REASON_LOCAL_FD || own == SMTP_REASON_LOCAL_ERROR;
        if (reason == SMTP_REASON_LOCAL_ERROR || (!local && reason == SMTP_REASON_LOCAL_FD))
            reason = own;
    }
    describe_failures(c, detail);
    smtp_client_lost(c, reason, detail);
}

static void start_next(struct smtp_client *c);

static void on_connect(uv_connect_t *req, int status)
{
    struct client_attempt *a = req->data;
    struct smtp_client *c = a->tcp.data;
    if (!a->open || c->phase != CLIENT_CONNECT)
        return;
    if (status != 0) {
        a->status = status;
        close_attempt(a);
        start_next(c);
        return;
    }
    c->stream = (uv_stream_t *)&a->tcp;
    c->winner = (size_t)(a - c->attempts);
    smtp_address_text(&c->addresses.list[c->winner], c->peer);
    smtp_client_end_race(c, c->stream);
    (void)uv_tcp_nodelay(&a->tcp, 1);
    (void)uv_tcp_keepalive(&a->tcp, 1, SMTP_CLIENT_KEEPALIVE_S);
    c->connected_at_ms = gw_clock_mono_ms();
    c->stagger_ms = 0;
    smtp_client_connected(c);
}

/* False when it failed at once. */
static bool start_attempt(struct smtp_client *c, size_t i)
{
    struct client_attempt *a = &c->attempts[i];
    a->status = uv_tcp_init(c->config.loop, &a->tcp);
    if (a->status != 0)
        return false;
    c->n_handles++;
    a->open = true;
    a->tcp.data = c;
    a->req.data = a;
    a->status = uv_tcp_connect(&a->req, &a->tcp, (const struct sockaddr *)&c->addresses.list[i],
                               on_connect);
    if (a->status == 0)
        return true;
    close_attempt(a);
    return false;
}

static bool any_running(const struct smtp_client *c)
{
    for (size_t i = 0; i < c->n_tried; i++)
        if (c->attempts[i].open)
            return true;
    return false;
}

/* The next address that does not fail at once joins; without one left and none running, the race
 * is lost. */
static void start_next(struct smtp_client *c)
{
    while (c->n_tried < c->addresses.n)
        if (start_attempt(c, c->n_tried++))
            break;
    if (!any_running(c)) {
        race_lost(c);
        return;
    }
    c->stagger_ms = c->n_tried < c->addresses.n ? gw_clock_mono_ms() + SMTP_CLIENT_STAGGER_MS : 0;
    smtp_client_arm(c);
}

/* --- Names --- */

static void start_race(struct smtp_client *c, const struct smtp_addresses *found)
{
    c->addresses = *found;
    c->resolved_at_ms = gw_clock_mono_ms();
    c->phase = CLIENT_CONNECT;
    c->deadline_ms = c->resolved_at_ms + c->config.session.timeouts.connect_ms;
    start_next(c);
}

static void on_resolved(struct smtp_lookup *lookup, const struct smtp_addresses *found,
                        enum smtp_reason reason, const char *detail)
{
    struct smtp_client *c = gw_list_entry(lookup, struct smtp_client, lookup);
    if (found == NULL)
        smtp_client_lost(c, reason, detail);
    else
        start_race(c, found);
}

void smtp_client_resolve(struct smtp_client *c)
{
    struct smtp_addresses known;
    int64_t patience_ms = c->config.session.timeouts.resolve_ms;
    if (smtp_resolver_cached(c->config.resolver, &known)) {
        start_race(c, &known);
        return;
    }
    /* Name servers that are silent would else cost every new connection the whole time. */
    if (smtp_resolver_last_good(c->config.resolver, &known) && patience_ms > SMTP_RESOLVER_STALE_MS)
        patience_ms = SMTP_RESOLVER_STALE_MS;
    c->lookup.on_done = on_resolved;
    c->deadline_ms = gw_clock_mono_ms() + patience_ms;
    smtp_resolver_lookup(c->config.resolver, &c->lookup);
    smtp_client_arm(c);
}

static void resolve_timed_out(struct smtp_client *c)
{
    char detail[SMTP_DETAIL_SIZE];
    struct smtp_addresses kept;
    smtp_resolver_cancel(&c->lookup);
    if (smtp_resolver_last_good(c->config.resolver, &kept)) {
        start_race(c, &kept);
        return;
    }
    (void)snprintf(detail, sizeof(detail),
                   "relay host \"%.100s\" was not resolved within %lld ms: DNS does not answer",
                   c->config.session.host, (long long)c->config.session.timeouts.resolve_ms);
    smtp_client_lost(c, SMTP_REASON_TIMEOUT, detail);
}

void smtp_client_connect_timer(struct smtp_client *c, int64_t now_ms)
{
    if (now_ms >= c->deadline_ms && c->phase == CLIENT_RESOLVE) {
        resolve_timed_out(c);
    } else if (now_ms >= c->deadline_ms) {
        char detail[SMTP_DETAIL_SIZE];
        describe_failures(c, detail);
        smtp_client_lost(c, SMTP_REASON_TIMEOUT, detail);
    } else if (c->stagger_ms != 0 && now_ms >= c->stagger_ms) {
        start_next(c);
    }
}
