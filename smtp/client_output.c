/* SPDX-License-Identifier: MIT */
/* Output of a connection: one write per flight, straight from where the bytes are when the kernel
 * takes them at once; two buffers change places when it does not. */
#include "gateway/base/gw_clock.h"
#include "smtp/client_internal.h"

/* The peer may have said why before it hung up, so reading goes on for a moment. */
static void write_failed(struct smtp_client *c, int error)
{
    c->write_error = error;
    c->owes_written = false;
    c->send_written = false;
    c->broken_ms = gw_clock_mono_ms() + SMTP_CLIENT_BROKEN_MS;
    smtp_client_arm(c);
}

static void on_written(uv_write_t *req, int status)
{
    struct smtp_client *c = req->data;
    c->in_flight = false;
    c->sync_bytes = 0;
    if (c->phase == CLIENT_CLOSING)
        return;
    gw_buf_reset(&c->flying);
    if (status != 0)
        write_failed(c, status);
    smtp_client_flush(c);
    if (c->phase == CLIENT_LINGER && !c->in_flight) {
        smtp_client_close_all(c);
        return;
    }
    if (c->send_written && c->phase == CLIENT_TALK)
        smtp_client_drive(c, (struct smtp_event){.kind = SMTP_EV_WRITTEN});
}

/* Octets that the kernel took at once; 0 when it is full, when others wait before these, or when
 * this callback has had its share. */
static size_t write_now(struct smtp_client *c, const char *data, size_t len)
{
    if (c->in_flight || c->write_error != 0 || c->sync_bytes >= SMTP_CLIENT_SYNC_BYTES)
        return 0;
    union {
        const char *ours;
        char *libuvs; /* which has one struct for reading and writing */
    } p = {.ours = data};
    uv_buf_t buf = {.base = p.libuvs, .len = len};
    int n = uv_try_write(c->stream, &buf, 1);
    if (n < 0 && n != UV_EAGAIN)
        write_failed(c, n);
    if (n <= 0)
        return 0;
    c->sync_bytes += (size_t)n;
    return (size_t)n;
}

static void swap(struct gw_buf *a, struct gw_buf *b)
{
    struct gw_buf t = *a;
    *a = *b;
    *b = t;
}

void smtp_client_flush(struct smtp_client *c)
{
    if (c->in_flight || c->write_error != 0 || c->stream == NULL)
        return;
    if (c->tls != NULL)
        smtp_tls_swap_output(c->tls, &c->flying);
    else
        swap(&c->queue, &c->flying);
    size_t n = c->flying.len != 0 ? write_now(c, c->flying.data, c->flying.len) : 0;
    if (c->write_error == 0 && n < c->flying.len) {
        uv_buf_t rest = {.base = c->flying.data + n, .len = c->flying.len - n};
        c->write_req.data = c;
        int rc = uv_write(&c->write_req, c->stream, &rest, 1, on_written);
        c->in_flight = rc == 0;
        if (rc != 0)
            write_failed(c, rc);
        return;
    }
    gw_buf_reset(&c->flying);
    if (c->tls != NULL)
        gw_buf_move_memory(&c->config.buffers->cipher, &c->flying);
    c->send_written = c->owes_written && c->write_error == 0;
    c->owes_written = false;
}

void smtp_client_send(struct smtp_client *c, struct gw_slice out, bool owes_written)
{
    if (c->write_error != 0)
        return;
    bool fits = true;
    c->owes_written = c->owes_written || owes_written;
    if (c->tls != NULL) {
        smtp_tls_take_memory(c->tls, &c->config.buffers->cipher);
        fits = smtp_tls_write(c->tls, out.data, out.len) == SMTP_TLS_OK;
    } else {
        size_t n = c->queue.len == 0 ? write_now(c, out.data, out.len) : 0;
        fits = gw_buf_add(&c->queue, out.data + n, out.len - n) == GW_OK;
    }
    if (!fits) {
        write_failed(c, UV_ENOBUFS);
        return;
    }
    smtp_client_flush(c);
}
