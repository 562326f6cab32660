/* SPDX-License-Identifier: MIT */
/* The conversation of one connection: socket, TLS and timer feed the session, its actions drive
 * them. */
#include "smtp/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_clock.h"
#include "gateway/base/gw_log.h"
#include "gateway/base/gw_mem.h"
#include "smtp/client_internal.h"

struct smtp_client_buffers *smtp_client_buffers_new(void)
{
    struct smtp_client_buffers *b = gw_malloc(sizeof(*b));
    gw_buf_init(&b->out, SMTP_CLIENT_MAX_QUEUED);
    gw_buf_init(&b->cipher, SMTP_TLS_MAX_BUFFERED);
    return b;
}

void smtp_client_buffers_free(struct smtp_client_buffers **buffers)
{
    gw_buf_deinit(&(*buffers)->out);
    gw_buf_deinit(&(*buffers)->cipher);
    gw_free(*buffers);
    *buffers = NULL;
}

/* --- The end --- */

/* AUTH may have waited here. */
static void wipe(struct gw_buf *b)
{
    if (b->data != NULL)
        gw_wipe(b->data, b->cap);
    gw_buf_deinit(b);
}

void smtp_client_on_handle_closed(uv_handle_t *handle)
{
    struct smtp_client *c = handle->data;
    CHECK(c->n_handles > 0);
    if (--c->n_handles > 0 || c->phase != CLIENT_CLOSING)
        return;
    void (*on_closed)(void *) = c->events->on_closed;
    void *data = c->data;
    smtp_tls_free(&c->tls);
    smtp_session_free(&c->session);
    wipe(&c->queue);
    wipe(&c->flying);
    gw_buf_deinit(&c->probe.hello);
    gw_free(c);
    on_closed(data);
}

/* A close_notify tells the relay that nothing was cut off; one try, nobody waits for it. */
static void say_goodbye(struct smtp_client *c)
{
    if (c->tls == NULL || c->stream == NULL || c->in_flight || c->write_error != 0)
        return;
    smtp_tls_close_notify(c->tls);
    gw_buf_reset(&c->flying);
    smtp_tls_swap_output(c->tls, &c->flying);
    uv_buf_t buf = uv_buf_init(c->flying.data, (unsigned)c->flying.len);
    if (buf.len != 0)
        (void)uv_try_write(c->stream, &buf, 1);
}

void smtp_client_close_all(struct smtp_client *c)
{
    if (c->phase == CLIENT_CLOSING)
        return;
    say_goodbye(c);
    c->phase = CLIENT_CLOSING;
    smtp_resolver_cancel(&c->lookup);
    smtp_client_end_race(c, NULL);
    smtp_client_end_probe(c);
    uv_close((uv_handle_t *)&c->timer, smtp_client_on_handle_closed);
}

static void go_down(struct smtp_client *c, const struct smtp_client_end *end)
{
    if (c->down)
        return;
    c->down = true;
    c->ready = false;
    c->idle_ms = 0;
    if (c->in_flight && c->write_error == 0) {
        c->phase = CLIENT_LINGER;
        c->deadline_ms = gw_clock_mono_ms() + c->config.session.timeouts.quit_ms;
        smtp_client_arm(c);
    } else {
        smtp_client_close_all(c);
    }
    c->events->on_down(c, end, c->data);
}

static enum smtp_stage stage_before_session(const struct smtp_client *c)
{
    static const enum smtp_stage stages[] = {[CLIENT_RESOLVE] = SMTP_STAGE_RESOLVE,
                                             [CLIENT_CONNECT] = SMTP_STAGE_CONNECT,
                                             [CLIENT_HANDSHAKE] = SMTP_STAGE_TLS};
    return c->phase <= CLIENT_HANDSHAKE ? stages[c->phase] : SMTP_STAGE_GREETING;
}

void smtp_client_lost(struct smtp_client *c, enum smtp_reason reason, const char *detail)
{
    if (c->down)
        return;
    struct smtp_client_end end = {.relay_sick = reason != SMTP_REASON_SHUTDOWN,
                                  .stage = stage_before_session(c),
                                  .reason = reason};
    (void)snprintf(end.detail, sizeof(end.detail), "%s", detail);
    if (c->begun) {
        smtp_client_drive(
            c, (struct smtp_event){.kind = SMTP_EV_CLOSED, .reason = reason, .detail = end.detail});
        if (c->down)
            return;
        (void)gw_fails_check(c->down); /* the session must say close */
        end.reason = SMTP_REASON_LOCAL_ERROR;
    }
    go_down(c, &end);
}

/* --- Time --- */

static int64_t earliest(int64_t a, int64_t b)
{
    return b != 0 && (a == 0 || b < a) ? b : a;
}

static void on_timer(uv_timer_t *timer);

/* Deadlines move with every reply; the timer is only touched when one comes nearer. When it rings
 * too early it is set again. */
void smtp_client_arm(struct smtp_client *c)
{
    int64_t due = earliest(c->deadline_ms, c->stagger_ms);
    due = earliest(earliest(due, c->probe_ms), earliest(c->idle_ms, c->broken_ms));
    due = earliest(due, c->work_ms);
    if (c->phase == CLIENT_CLOSING || due == 0 || (c->armed_ms != 0 && c->armed_ms <= due))
        return;
    int64_t wait = due - gw_clock_mono_ms();
    c->armed_ms = due;
    (void)uv_timer_start(&c->timer, on_timer, wait > 0 ? (uint64_t)wait : 0, 0);
}

static void handshake_timed_out(struct smtp_client *c)
{
    char detail[SMTP_DETAIL_SIZE];
    (void)snprintf(detail, sizeof(detail), "TLS handshake with %s not finished within %lld ms",
                   c->peer, (long long)c->config.session.timeouts.handshake_ms);
    smtp_client_lost(c, SMTP_REASON_TIMEOUT, detail);
}

static void on_timer(uv_timer_t *timer)
{
    struct smtp_client *c = timer->data;
    int64_t now = gw_clock_mono_ms();
    c->armed_ms = 0;
    c->sync_bytes = 0;
    bool due = c->deadline_ms != 0 && now >= c->deadline_ms;
    if (c->phase == CLIENT_CLOSING)
        return;
    if (c->started_at_ms == 0) {
        c->started_at_ms = now;
        smtp_client_resolve(c);
    } else if (c->phase <= CLIENT_CONNECT) {
        smtp_client_connect_timer(c, now);
    } else if (c->broken_ms != 0 && now >= c->broken_ms) {
        smtp_client_lost(c, smtp_client_reason_of(c->write_error), uv_strerror(c->write_error));
    } else if (due && c->phase == CLIENT_HANDSHAKE) {
        handshake_timed_out(c);
    } else if (due && c->phase == CLIENT_LINGER) {
        smtp_client_close_all(c);
    } else if (due) {
        smtp_client_drive(c, (struct smtp_event){.kind = SMTP_EV_DEADLINE});
    } else if (c->work_ms != 0 && c->phase == CLIENT_TALK) {
        c->work_ms = 0;
        smtp_client_drive(c, (struct smtp_event){.kind = SMTP_EV_WORK});
    } else if (c->probe_ms != 0 && now >= c->probe_ms) {
        smtp_client_start_probe(c);
    } else if (c->idle_ms != 0 && now >= c->idle_ms) {
        c->idle_ms = 0;
        c->events->on_idle_timeout(c, c->data);
    }
    smtp_client_arm(c);
}

/* --- Input --- */

static void on_ciphertext(struct smtp_client *c, const char *data, size_t len)
{
    char *plain = c->config.buffers->plain;
    enum smtp_tls_status st = smtp_tls_feed(c->tls, data, len);
    if (st == SMTP_TLS_OK && c->phase == CLIENT_HANDSHAKE)
        smtp_client_shake(c);
    while (st == SMTP_TLS_OK && c->phase == CLIENT_TALK) {
        size_t n = 0;
        st = smtp_tls_read(c->tls, plain, SMTP_CLIENT_READ_SIZE, &n);
        if (st == SMTP_TLS_OK)
            smtp_client_drive(
                c, (struct smtp_event){.kind = SMTP_EV_BYTES, .bytes = gw_slice_of(plain, n)});
    }
    if (c->phase >= CLIENT_LINGER)
        return;
    if (st == SMTP_TLS_FAILED)
        smtp_client_tls_failed(c);
    else if (st == SMTP_TLS_ENDED)
        smtp_client_lost(c, SMTP_REASON_CONN_CLOSED, "the relay closed the connection");
    else if (smtp_tls_output_size(c->tls) != 0)
        smtp_client_flush(c); /* answers that TLS gave by itself */
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct smtp_client *c = handle->data;
    (void)suggested;
    *buf = uv_buf_init(c->config.buffers->in, SMTP_CLIENT_READ_SIZE);
}

/* libuv says "end" of a reset connection when it has just read something (POLLHUP). */
static int end_or_reset(const struct smtp_client *c)
{
    uv_os_fd_t fd = -1;
    int error = 0;
    if (c->write_error == UV_ECONNRESET) /* told once, to the write */
        return c->write_error;
    socklen_t size = sizeof(error);
    if (uv_fileno((const uv_handle_t *)c->stream, &fd) == 0)
        (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return error != 0 ? -error : UV_EOF;
}

/* What a read brought, or a libuv error. */
static void on_input(struct smtp_client *c, ssize_t nread, const char *data)
{
    c->sync_bytes = 0;
    smtp_client_end_probe(c); /* it speaks */
    if (nread == UV_EOF)
        nread = end_or_reset(c);
    if (nread == UV_EOF) {
        (void)uv_read_stop(c->stream);
        smtp_client_lost(c, SMTP_REASON_CONN_CLOSED, "the relay closed the connection");
    } else if (nread < 0) {
        smtp_client_lost(c, smtp_client_reason_of((int)nread), uv_strerror((int)nread));
    } else if (c->tls != NULL) {
        on_ciphertext(c, data, (size_t)nread);
    } else {
        smtp_client_drive(c, (struct smtp_event){.kind = SMTP_EV_BYTES,
                                                 .bytes = gw_slice_of(data, (size_t)nread)});
    }
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf)
{
    struct smtp_client *c = stream->data;
    if (c->phase < CLIENT_LINGER && nread != 0)
        on_input(c, nread, buf->base);
}

/* An idle relay may have hung up, or said 421, since the loop looked last: better to know before
 * the message goes out than to be uncertain of it behind. */
static void listen_first(struct smtp_client *c)
{
    uv_os_fd_t fd = -1;
    if (uv_fileno((const uv_handle_t *)c->stream, &fd) != 0)
        return;
    while (c->phase == CLIENT_TALK) {
        char *in = c->config.buffers->in;
        ssize_t n = recv(fd, in, SMTP_CLIENT_READ_SIZE, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        on_input(c, n > 0 ? n : n == 0 ? (ssize_t)UV_EOF : (ssize_t)-errno, in);
    }
}

void smtp_client_connected(struct smtp_client *c)
{
    c->deadline_ms = 0;
    if (c->config.trace != NULL)
        c->config.trace->on_connected(c->config.trace_data, c->peer);
    int rc = uv_read_start(c->stream, on_alloc, on_read);
    if (rc != 0) {
        smtp_client_lost(c, smtp_client_reason_of(rc), uv_strerror(rc));
    } else if (c->config.session.tls_mode == SMTP_TLS_IMPLICIT) {
        smtp_client_start_tls(c);
    } else {
        c->phase = CLIENT_TALK;
        c->begun = true;
        if (c->config.tls_probe_ms > 0)
            c->probe_ms = c->connected_at_ms + c->config.tls_probe_ms;
        smtp_client_drive(c, (struct smtp_event){.kind = SMTP_EV_CONNECTED});
    }
}

/* --- Session --- */

static int32_t span(int64_t from, int64_t to)
{
    return from != 0 && to >= from && to - from < INT32_MAX ? (int32_t)(to - from) : -1;
}

/* The first transaction waited for what the session knows nothing of. */
static void add_connect_times(const struct smtp_client *c, int32_t *ms)
{
    ms[SMTP_STAGE_RESOLVE] = span(c->started_at_ms, c->resolved_at_ms);
    ms[SMTP_STAGE_CONNECT] = span(c->resolved_at_ms, c->connected_at_ms);
    if (c->config.session.tls_mode == SMTP_TLS_IMPLICIT)
        ms[SMTP_STAGE_TLS] = span(c->connected_at_ms, c->secured_at_ms);
}

static void finish_transaction(struct smtp_client *c)
{
    struct smtp_transaction *txn = c->txn;
    c->txn = NULL;
    if (gw_fails_check(txn != NULL))
        return;
    smtp_session_timing(c->session, &txn->timing);
    if (c->n_started == 1)
        add_connect_times(c, txn->timing.ms);
    c->events->on_transaction_done(c, txn, c->data);
}

static void become_ready(struct smtp_client *c)
{
    c->ready = true;
    if (!c->was_ready)
        gw_log(GW_LOG_INFO, "relay_connected", GW_LOG_STR("relay", c->config.relay),
               GW_LOG_STR("address", c->peer),
               GW_LOG_STR("tls", c->tls != NULL ? smtp_tls_version(c->tls) : "none"),
               GW_LOG_STR("cipher", c->tls != NULL ? smtp_tls_cipher(c->tls) : ""),
               GW_LOG_NUM("resumed", c->tls != NULL && smtp_tls_resumed(c->tls)),
               GW_LOG_NUM("ms", gw_clock_mono_ms() - c->started_at_ms));
    c->was_ready = true;
    c->events->on_ready(c, c->data);
}

static void close_as_told(struct smtp_client *c, const struct smtp_action *act)
{
    struct smtp_client_end end = {.relay_sick = act->relay_sick,
                                  .stage = act->stage,
                                  .reason = act->reason,
                                  .reply = act->reply};
    (void)snprintf(end.detail, sizeof(end.detail), "%s", act->detail);
    go_down(c, &end);
}

static void apply(struct smtp_client *c, const struct smtp_action *act)
{
    if (act->out.len != 0) {
        if (c->config.trace != NULL)
            c->config.trace->on_bytes(c->config.trace_data, act->out, false, act->secret);
        smtp_client_send(c, act->out, act->wants_written);
    }
    smtp_session_release(c->session);
    c->deadline_ms = act->deadline_ms;
    c->work_ms = act->more_work ? gw_clock_mono_ms() : 0;
    if (act->start_tls)
        smtp_client_start_tls(c);
    else
        smtp_client_arm(c);
    if (act->transaction_done)
        finish_transaction(c);
    if (act->close)
        close_as_told(c, act);
    else if (act->ready && !c->ready && c->phase == CLIENT_TALK)
        become_ready(c);
}

/* One event and all the WRITTEN events it brings about. An event callback inside apply() may start
 * the next transaction, which drives from here again; nothing after it relies on what was before.
 */
void smtp_client_drive(struct smtp_client *c, struct smtp_event ev)
{
    struct smtp_action act;
    ev.now_ms = gw_clock_mono_ms();
    if (c->config.trace != NULL && ev.kind == SMTP_EV_BYTES)
        c->config.trace->on_bytes(c->config.trace_data, ev.bytes, true, false);
    smtp_session_step(c->session, &ev, &act);
    apply(c, &act);
    while (c->send_written && c->phase == CLIENT_TALK) {
        c->send_written = false;
        ev = (struct smtp_event){.kind = SMTP_EV_WRITTEN, .now_ms = gw_clock_mono_ms()};
        smtp_session_step(c->session, &ev, &act);
        apply(c, &act);
    }
}

/* --- For the pool --- */

struct smtp_client *smtp_client_new(const struct smtp_client_config *config,
                                    const struct smtp_client_events *events, void *data)
{
    struct smtp_client *c = gw_calloc(1, sizeof(*c));
    c->config = *config;
    c->events = events;
    c->data = data;
    c->config.session.memory = &config->buffers->out;
    c->session = smtp_session_new(&c->config.session);
    gw_buf_init(&c->queue, SMTP_CLIENT_MAX_QUEUED);
    gw_buf_init(&c->flying, SMTP_TLS_MAX_BUFFERED);
    gw_buf_init(&c->probe.hello, SMTP_TLS_MAX_BUFFERED);
    CHECK(uv_timer_init(config->loop, &c->timer) == 0);
    c->n_handles = 1;
    c->timer.data = c;
    (void)uv_timer_start(&c->timer, on_timer, 0, 0); /* no event from inside new */
    return c;
}

void smtp_client_start(struct smtp_client *c, struct smtp_transaction *txn)
{
    PRE(c->ready && c->txn == NULL);
    bool idled = c->parked_ms != 0 && c->parked_ms != gw_clock_mono_ms();
    c->ready = false;
    c->idle_ms = 0;
    c->parked_ms = 0;
    txn->reused_connection = c->n_started > 0;
    txn->tls_version = smtp_client_tls_version(c);
    c->n_started++;
    if (idled)
        listen_first(c);
    if (!c->down && !smtp_session_ready(c->session))
        smtp_client_lost(c, SMTP_REASON_PROTOCOL_ERROR, "the relay spoke without being asked");
    if (c->down)
        return;
    c->txn = txn;
    c->sync_bytes = 0;
    smtp_client_drive(c,
                      (struct smtp_event){.kind = SMTP_EV_TRANSACTION, .envelope = &txn->envelope});
}

void smtp_client_noop(struct smtp_client *c)
{
    PRE(c->ready);
    c->ready = false;
    c->idle_ms = 0;
    c->sync_bytes = 0;
    smtp_client_drive(c, (struct smtp_event){.kind = SMTP_EV_NOOP});
}

const struct smtp_capabilities *smtp_client_capabilities(const struct smtp_client *c)
{
    return smtp_session_capabilities(c->session);
}

void smtp_client_cancel(struct smtp_client *c)
{
    if (c->txn != NULL && c->phase == CLIENT_TALK)
        smtp_client_drive(c, (struct smtp_event){.kind = SMTP_EV_CANCEL});
}

void smtp_client_park(struct smtp_client *c, int64_t deadline_ms)
{
    PRE(c->ready);
    c->idle_ms = deadline_ms;
    c->parked_ms = gw_clock_mono_ms();
    smtp_client_arm(c);
}

void smtp_client_quit(struct smtp_client *c)
{
    if (c->phase != CLIENT_TALK) {
        smtp_client_abort(c);
        return;
    }
    c->ready = false;
    c->idle_ms = 0;
    smtp_client_drive(c, (struct smtp_event){.kind = SMTP_EV_QUIT});
}

void smtp_client_abort(struct smtp_client *c)
{
    smtp_client_lost(c, SMTP_REASON_SHUTDOWN, "connection closed by us");
    smtp_client_close_all(c);
}

bool smtp_client_ready(const struct smtp_client *c)
{
    return c->ready;
}

uint64_t smtp_client_n_started(const struct smtp_client *c)
{
    return c->n_started;
}

int64_t smtp_client_connected_at_ms(const struct smtp_client *c)
{
    return c->connected_at_ms;
}

const char *smtp_client_peer(const struct smtp_client *c)
{
    return c->peer;
}

const char *smtp_client_tls_version(const struct smtp_client *c)
{
    return c->tls != NULL ? smtp_tls_version(c->tls) : NULL;
}
