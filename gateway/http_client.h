/* SPDX-License-Identifier: MIT */
/* HTTP requests as a client, by libcurl. The library is loaded at the first request: it brings more
 * memory than the whole server, and most processes never need it
 * (docs/decisions/001-libcurl-loaded-on-demand.md). */
#ifndef GW_HTTP_CLIENT_H
#define GW_HTTP_CLIENT_H

#include <stddef.h>

#include "gateway/base/gw_buf.h"
#include "gateway/base/gw_slice.h"
#include "gateway/base/gw_status.h"

struct gw_http_request {
    const char *url;            /* http:// or https:// */
    const char *unix_socket;    /* path, or NULL: TCP to the URL's host */
    const char *const *headers; /* "Name: value", NULL-terminated list, or NULL */
    struct gw_slice body;       /* POST */
    long timeout_ms;
};

/* One POST, blocking: for command-line tools, never on the loop. No redirects, no proxies from the
 * environment.
 * @response  its maximum bounds what is read; longer answers give GW_TOOBIG
 * GW_OK with *status_out; GW_IO, GW_TIMEOUT; GW_UNSUPPORTED when libcurl is not installed. */
enum gw_status gw_http_post(const struct gw_http_request *request, struct gw_buf *response,
                            long *status_out, struct gw_err *err) GW_NODISCARD;

#endif
