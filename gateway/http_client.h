/* SPDX-License-Identifier: MIT */
/* HTTP requests as a client, by libcurl: on the loop, or blocking for command-line tools. The
 * library is loaded at the first request: it brings more memory than the whole server, and most
 * processes never need it (docs/decisions/001-libcurl-loaded-on-demand.md).
 *
 * Never a redirect, never a proxy from the environment; TLS 1.2 or later with verified
 * certificates.
 *
 * On the loop: start → the host is resolved in a thread of ours, each address put to `allow`, and
 * the connection pinned to those that passed: what was checked is what is connected to → on_done.
 * Failure: on_done says why; a deadline covers all of it; the answer is cut off at its maximum.
 * Loop thread only, but for gw_http_do(). */
#ifndef GW_HTTP_CLIENT_H
#define GW_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_slice.h"
#include "gateway/base/gw_status.h"

enum {
    GW_HTTP_MAX_CALLS = 256 /* on one loop at a time; ours */
};

/* Everything is copied by gw_http_start(). */
struct gw_http_request {
    const char *url;            /* http:// or https:// */
    const char *unix_socket;    /* path, or NULL: TCP to the URL's host (not on the loop) */
    const char *const *headers; /* "Name: value", NULL-terminated list, or NULL */
    struct gw_slice body;       /* POST; data NULL: GET */
    const char *ca_file;        /* PEM in place of the system's CAs, or NULL */
    long timeout_ms;            /* for everything */
    /* On the loop only: */
    size_t max_response; /* octets of the answer's body */
    /* May we connect to this address? NULL: to any. Called from the loop. */
    bool (*allow)(const struct sockaddr *address, void *data);
    void *allow_data;
};

/* One request, blocking: for command-line tools, never on the loop.
 * @response  its maximum bounds what is read; longer answers give GW_TOOBIG
 * GW_OK with *status_out; GW_IO, GW_TIMEOUT; GW_UNSUPPORTED when libcurl is not installed. */
enum gw_status gw_http_do(const struct gw_http_request *request, struct gw_buf *response,
                          long *status_out, struct gw_err *err) GW_NODISCARD;

/* A client on a loop. Costs nothing before the first request. */
struct gw_http;
struct gw_http *gw_http_new(uv_loop_t *loop);
uv_loop_t *gw_http_loop(const struct gw_http *h);
/* Calls in hand are cancelled. @on_closed once, when it is gone. */
void gw_http_close(struct gw_http *h, void (*on_closed)(void *data), void *data);

struct gw_http_result {
    enum gw_status status; /* GW_OK: an answer, whatever its HTTP status. GW_DNS, GW_TIMEOUT, GW_IO
                              (refused, reset), GW_TLS, GW_TOOBIG, GW_DENIED (no address was
                              allowed), GW_UNSUPPORTED */
    long http_status;      /* of GW_OK and GW_TOOBIG */
    struct gw_slice body;  /* valid during the call */
    long retry_after_s;    /* of the answer; 0: none */
    const char *detail;    /* on failure: words without secrets, valid during the call */
};
typedef void (*gw_http_done_cb)(const struct gw_http_result *result, void *data);

struct gw_http_call;
/* @call_out  valid until on_done
 * GW_OK: on_done comes once, from the loop, never from inside. GW_BUSY: GW_HTTP_MAX_CALLS in hand;
 * GW_INVALID: not a URL we take; GW_CLOSED: closing; on_done does not come. */
enum gw_status gw_http_start(struct gw_http *h, const struct gw_http_request *request,
                             gw_http_done_cb on_done, void *data, struct gw_http_call **call_out,
                             struct gw_err *err) GW_NODISCARD;
/* on_done does not come. */
void gw_http_cancel(struct gw_http_call *call);

#endif
