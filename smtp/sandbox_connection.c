/* SPDX-License-Identifier: MIT */
/* One client of the sandbox: the driver of a sandbox session. */
#include "smtp/sandbox_connection.h"

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"

enum {
    TLS_READ_SIZE = 16 * 1024, /* one record */
    OUT_ENOUGH = 32 * 1024,    /* replies that wait for a client that does not read them */
    OUT_MAX = 64 * 1024,       /* above OUT_ENOUGH there is room for what one step says */
    N_HANDLES = 2,
    LINGER_MS = 2000 /* for the client to read our last reply; a close with unread input would
                        take it away from it */
};

enum phase {
    HANDSHAKE,
    TALK,
    VERDICT, /* waiting with the answer to a message */
    FINISH,  /* sending what is left */
    LINGER   /* all sent; what comes is thrown away until the client closes */
};

struct smtp_sandbox_connection {
    struct gw_list link;
    struct smtp_sandbox_shared *shared;
    uv_tcp_t tcp;
    uv_timer_t timer; /* idle, verdict or linger, as the phase is */
    uv_write_t write;
    uv_shutdown_t shutdown;
    unsigned n_handles;
    enum phase phase;
    bool closing, reading, eof, write_in_flight;
    struct smtp_sandbox_session *session;
    struct smtp_tls *tls;
    struct gw_buf in;      /* plaintext that the session has not used yet */
    struct gw_buf out;     /* for the wire, waiting; with TLS more waits there */
    struct gw_buf writing; /* owned by the write in flight */
};

static void pump(struct smtp_sandbox_connection *c);

struct smtp_sandbox_connection *smtp_sandbox_connection_of(struct gw_list *link)
{
    return gw_list_entry(link, struct smtp_sandbox_connection, link);
}

/* --- End --- */

static void on_closed(uv_handle_t *handle)
{
    struct smtp_sandbox_connection *c = handle->data;
    if (--c->n_handles > 0)
        return;
    struct smtp_sandbox_shared *shared = c->shared;
    smtp_sandbox_session_free(&c->session);
    smtp_tls_free(&c->tls);
    gw_buf_deinit(&c->in);
    gw_buf_deinit(&c->out);
    gw_buf_deinit(&c->writing);
    gw_free(c);
    shared->n_connections--;
    shared->on_freed(shared);
}

void smtp_sandbox_connection_close(struct smtp_sandbox_connection *c)
{
    if (c->closing)
        return;
    c->closing = true;
    gw_list_remove(&c->link);
    uv_close((uv_handle_t *)&c->tcp, on_closed);
    uv_close((uv_handle_t *)&c->timer, on_closed);
}

static void on_timer(uv_timer_t *timer);

static void set_timer(struct smtp_sandbox_connection *c, int64_t ms)
{
    (void)uv_timer_start(&c->timer, on_timer, (uint64_t)ms, 0);
}

/* --- Writing --- */

static void on_written(uv_write_t *write, int status)
{
    struct smtp_sandbox_connection *c = write->data;
    c->write_in_flight = false;
    gw_buf_reset(&c->writing);
    if (c->closing)
        return;
    if (status < 0)
        smtp_sandbox_connection_close(c);
    else
        pump(c);
}

static bool nothing_to_send(const struct smtp_sandbox_connection *c)
{
    return c->out.len == 0 && (c->tls == NULL || smtp_tls_output_size(c->tls) == 0);
}

/* One write at a time; what comes meanwhile goes with the next. */
static void flush(struct smtp_sandbox_connection *c)
{
    if (c->write_in_flight || nothing_to_send(c))
        return;
    if (c->out.len == 0)
        smtp_tls_swap_output(c->tls, &c->out);
    struct gw_buf empty = c->writing;
    c->writing = c->out;
    c->out = empty;
    uv_buf_t buf = uv_buf_init(c->writing.data, (unsigned)c->writing.len);
    c->write.data = c;
    c->write_in_flight = uv_write(&c->write, (uv_stream_t *)&c->tcp, &buf, 1, on_written) == 0;
    if (!c->write_in_flight)
        smtp_sandbox_connection_close(c);
}

static void send_plaintext(struct smtp_sandbox_connection *c, struct gw_slice text)
{
    if (c->tls == NULL)
        CHECK(gw_buf_add_slice(&c->out, text) == GW_OK);
    else if (smtp_tls_write(c->tls, text.data, text.len) != SMTP_TLS_OK)
        smtp_sandbox_connection_close(c);
}

/* --- The session's wishes --- */

static void start_tls(struct smtp_sandbox_connection *c)
{
    c->tls = smtp_tls_new(c->shared->tls);
    c->phase = HANDSHAKE;
}

/* The acceptance is sent and the message kept at the same time, so that no message is here that
 * its sender was not told about. */
static void give_verdict(struct smtp_sandbox_connection *c)
{
    struct smtp_sandbox_shared *shared = c->shared;
    struct smtp_sandbox_kept *kept = smtp_sandbox_session_take(c->session);
    struct smtp_sandbox_action act;
    bool added = smtp_sandbox_store_add(&shared->store, kept) == GW_OK;
    const struct smtp_sandbox_message *m = added ? smtp_sandbox_store_at(&shared->store, 0) : NULL;
    smtp_sandbox_session_answer(c->session, m != NULL ? m->id : NULL, &act);
    c->phase = TALK;
    set_timer(c, shared->idle_ms);
    send_plaintext(c, act.out);
    if (m != NULL && shared->on_message != NULL)
        shared->on_message(m, shared->on_message_data);
}

static void act_on(struct smtp_sandbox_connection *c, const struct smtp_sandbox_action *act)
{
    if (act->progress)
        set_timer(c, c->shared->idle_ms);
    send_plaintext(c, act->out);
    if (c->closing)
        return;
    switch (act->need) {
    case SMTP_SANDBOX_INPUT:
        break;
    case SMTP_SANDBOX_START_TLS:
        start_tls(c);
        break;
    case SMTP_SANDBOX_VERDICT:
        c->phase = VERDICT;
        if (act->delay_ms > 0)
            set_timer(c, act->delay_ms);
        else
            give_verdict(c);
        break;
    case SMTP_SANDBOX_CLOSE:
        c->phase = FINISH;
        break;
    case SMTP_SANDBOX_DROP:
        smtp_sandbox_connection_close(c);
        break;
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct smtp_sandbox_connection *c = timer->data;
    struct smtp_sandbox_action act;
    if (c->closing)
        return;
    if (c->phase == VERDICT) {
        give_verdict(c);
        pump(c);
    } else if (c->phase == TALK && !c->write_in_flight) {
        smtp_sandbox_session_timeout(c->session, &act);
        act_on(c, &act);
        pump(c);
    } else {
        smtp_sandbox_connection_close(c);
    }
}

/* --- Input --- */

static void greet(struct smtp_sandbox_connection *c)
{
    struct smtp_sandbox_action act;
    smtp_sandbox_session_greet(c->session, &act);
    send_plaintext(c, act.out);
}

static void handshake(struct smtp_sandbox_connection *c)
{
    enum smtp_tls_status st = smtp_tls_handshake(c->tls);
    if (st == SMTP_TLS_OK) {
        c->phase = TALK;
        smtp_sandbox_session_tls_done(c->session, smtp_tls_version(c->tls));
        if (c->shared->implicit_tls)
            greet(c);
    } else if (st != SMTP_TLS_MORE) {
        c->phase = FINISH; /* an alert may be waiting */
    }
}

/* Plaintext for the session; false: none yet. */
static bool have_input(struct smtp_sandbox_connection *c)
{
    if (c->in.len != 0)
        return true;
    if (c->tls == NULL)
        return false;
    char *room = gw_buf_reserve(&c->in, TLS_READ_SIZE);
    size_t n = 0;
    enum smtp_tls_status st = smtp_tls_read(c->tls, room, TLS_READ_SIZE, &n);
    c->in.len += n;
    c->eof = c->eof || st == SMTP_TLS_ENDED;
    if (st == SMTP_TLS_FAILED)
        c->phase = FINISH;
    return n != 0;
}

static void step(struct smtp_sandbox_connection *c)
{
    struct smtp_sandbox_action act;
    smtp_sandbox_session_step(c->session, gw_buf_view(&c->in), &act);
    gw_buf_consume(&c->in, act.used);
    act_on(c, &act);
}

static bool may_step(const struct smtp_sandbox_connection *c)
{
    size_t waiting = c->out.len + (c->tls != NULL ? smtp_tls_output_size(c->tls) : 0);
    return !c->closing && c->phase == TALK && waiting < OUT_ENOUGH;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct smtp_sandbox_connection *c = handle->data;
    (void)suggested;
    *buf = uv_buf_init(c->shared->read_buffer, SMTP_SANDBOX_READ_SIZE);
}

static void take_bytes(struct smtp_sandbox_connection *c, const char *data, size_t len)
{
    if (c->phase == LINGER || c->phase == FINISH)
        return;
    if (c->tls == NULL) {
        /* Reading stops while c->in is not empty, so it fits. */
        if (gw_fails_check(gw_buf_add(&c->in, data, len) == GW_OK))
            smtp_sandbox_connection_close(c);
    } else if (smtp_tls_feed(c->tls, data, len) != SMTP_TLS_OK) {
        c->phase = FINISH;
    } else if (c->phase == HANDSHAKE) {
        handshake(c);
    }
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf)
{
    struct smtp_sandbox_connection *c = stream->data;
    if (c->closing || nread == 0)
        return;
    if (nread == UV_EOF && c->phase != LINGER) {
        c->eof = true;
    } else if (nread < 0) {
        smtp_sandbox_connection_close(c);
        return;
    } else {
        take_bytes(c, buf->base, (size_t)nread);
    }
    pump(c);
}

/* Read only what there is room for: a client that talks while it has to listen waits in its
 * kernel. */
static void adjust_reading(struct smtp_sandbox_connection *c)
{
    bool want = !c->eof && (c->phase == LINGER || c->phase == HANDSHAKE ||
                            (c->phase != FINISH && c->in.len == 0 && may_step(c)));
    if (want == c->reading)
        return;
    c->reading = want;
    if (!want)
        (void)uv_read_stop((uv_stream_t *)&c->tcp);
    else if (uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) != 0)
        smtp_sandbox_connection_close(c);
}

/* --- Finish --- */

static void on_shutdown(uv_shutdown_t *shutdown, int status)
{
    struct smtp_sandbox_connection *c = shutdown->data;
    if (!c->closing && (status < 0 || c->eof))
        smtp_sandbox_connection_close(c);
}

static void finish(struct smtp_sandbox_connection *c)
{
    if (c->tls != NULL)
        smtp_tls_close_notify(c->tls);
    flush(c);
    if (c->closing || c->write_in_flight)
        return;
    c->phase = LINGER;
    c->shutdown.data = c;
    set_timer(c, LINGER_MS);
    if (uv_shutdown(&c->shutdown, (uv_stream_t *)&c->tcp, on_shutdown) != 0)
        smtp_sandbox_connection_close(c);
}

/* The client closed its side, and what it sent before that is dealt with. */
static bool is_over(const struct smtp_sandbox_connection *c)
{
    return c->eof && (c->phase == HANDSHAKE || (may_step(c) && c->in.len == 0));
}

/* Go on with whatever can go on. */
static void pump(struct smtp_sandbox_connection *c)
{
    while (may_step(c) && have_input(c))
        step(c);
    if (!c->closing)
        flush(c);
    if (!c->closing && is_over(c))
        c->phase = FINISH;
    if (!c->closing && c->phase == FINISH)
        finish(c);
    if (!c->closing)
        adjust_reading(c);
}

/* --- Start --- */

void smtp_sandbox_connection_accept(struct smtp_sandbox_shared *shared, uv_stream_t *listener)
{
    struct smtp_sandbox_connection *c = gw_calloc(1, sizeof(*c));
    c->shared = shared;
    c->n_handles = N_HANDLES;
    CHECK(uv_tcp_init(shared->loop, &c->tcp) == 0 && uv_timer_init(shared->loop, &c->timer) == 0);
    c->tcp.data = c;
    c->timer.data = c;
    shared->n_connections++;
    gw_list_push_back(&shared->connections, &c->link);
    gw_buf_init(&c->in, SMTP_SANDBOX_READ_SIZE);
    gw_buf_init(&c->out, OUT_MAX);
    gw_buf_init(&c->writing, OUT_MAX);
    c->session = smtp_sandbox_session_new(&shared->session);
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0) {
        smtp_sandbox_connection_close(c);
        return;
    }
    (void)uv_tcp_nodelay(&c->tcp, 1);
    set_timer(c, shared->idle_ms);
    c->phase = TALK;
    if (shared->implicit_tls)
        start_tls(c);
    else
        greet(c);
    pump(c);
}
