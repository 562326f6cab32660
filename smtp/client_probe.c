/* SPDX-License-Identifier: MIT */
/* Why is there no greeting? A server that speaks TLS from the first byte waits for our hello, and
 * would let us wait for the whole greeting deadline. So after a while of silence a second
 * connection says hello in TLS, and only what its first bytes are counts. The first connection is
 * not touched: a slow SMTP server may still greet on it. */
#include <stdio.h>

#include "gateway/base/gw_check.h"
#include "smtp/client_internal.h"

void smtp_client_end_probe(struct smtp_client *c)
{
    c->probe_ms = 0;
    if (!c->probe.open)
        return;
    c->probe.open = false;
    uv_close((uv_handle_t *)&c->probe.tcp, smtp_client_on_handle_closed);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct smtp_client *c = handle->data;
    (void)suggested;
    *buf = uv_buf_init(c->config.buffers->in, SMTP_CLIENT_READ_SIZE);
}

/* A handshake record or an alert of TLS 1.x (RFC 8446 sec. 5.1). */
static bool is_tls_record(const char *data, size_t len)
{
    return len >= 2 && (data[0] == 0x16 || data[0] == 0x15) && data[1] == 0x03;
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf)
{
    struct smtp_client *c = stream->data;
    if (!c->probe.open || nread == 0)
        return;
    smtp_client_end_probe(c);
    if (nread > 0 && is_tls_record(buf->base, (size_t)nread))
        smtp_client_expected_tls(c);
}

/* The bytes of a ClientHello. Nothing is verified: nothing will be sent behind it. */
static bool make_hello(const struct smtp_client *c, struct gw_buf *hello)
{
    const struct smtp_tls_client_config config = {.verify = SMTP_VERIFY_NONE,
                                                  .server_name = c->config.session.host};
    struct smtp_tls_context *context = NULL;
    if (smtp_tls_client_context(&config, &context, NULL) != GW_OK)
        return false;
    struct smtp_tls *tls = smtp_tls_new(context);
    bool ok = smtp_tls_handshake(tls) == SMTP_TLS_MORE;
    gw_buf_reset(hello);
    smtp_tls_swap_output(tls, hello);
    smtp_tls_free(&tls);
    smtp_tls_context_free(&context);
    return ok;
}

static void on_connect(uv_connect_t *req, int status)
{
    struct smtp_client *c = req->data;
    struct client_probe *p = &c->probe;
    if (!p->open)
        return;
    bool ok = status == 0 && make_hello(c, &p->hello);
    uv_buf_t buf = uv_buf_init(p->hello.data, (unsigned)p->hello.len);
    /* A fresh socket takes a few hundred bytes at once or is of no use. */
    ok = ok && uv_try_write((uv_stream_t *)&p->tcp, &buf, 1) == (int)p->hello.len;
    if (!ok || uv_read_start((uv_stream_t *)&p->tcp, on_alloc, on_read) != 0)
        smtp_client_end_probe(c);
}

void smtp_client_start_probe(struct smtp_client *c)
{
    struct client_probe *p = &c->probe;
    c->probe_ms = 0;
    if (p->open || uv_tcp_init(c->config.loop, &p->tcp) != 0)
        return;
    c->n_handles++;
    p->open = true;
    p->tcp.data = c;
    p->connect_req.data = c;
    const struct sockaddr *to = (const struct sockaddr *)&c->addresses.list[c->winner];
    if (uv_tcp_connect(&p->connect_req, &p->tcp, to, on_connect) != 0)
        smtp_client_end_probe(c);
}
