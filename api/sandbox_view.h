/* SPDX-License-Identifier: MIT */
/* What the sandbox relay caught, as answers. All are render functions of gw_sandbox_read(). */
#ifndef API_SANDBOX_VIEW_H
#define API_SANDBOX_VIEW_H

#include "gateway/sandbox.h"

/* The object of the first message, with bodies. */
void api_sandbox_view_one(const struct gw_sandbox_parsed *parsed, size_t n, struct gw_buf *out);
/* Its bytes. */
void api_sandbox_view_raw(const struct gw_sandbox_parsed *parsed, size_t n, struct gw_buf *out);
/* {"messages": […], "next_cursor": …} without bodies; more messages follow. */
void api_sandbox_view_page(const struct gw_sandbox_parsed *parsed, size_t n, struct gw_buf *out);
/* Likewise; no more messages follow. */
void api_sandbox_view_last_page(const struct gw_sandbox_parsed *parsed, size_t n,
                                struct gw_buf *out);

#endif
