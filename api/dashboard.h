/* SPDX-License-Identifier: MIT */
/* The dashboard: one page without external parts, and the OpenAPI document. */
#ifndef API_DASHBOARD_H
#define API_DASHBOARD_H

#include <stddef.h>

#include "gateway/base/gw_slice.h"

enum {
    API_MAX_CSP = 512
};

/* The Content-Security-Policy of the page: nothing but its own inline style and script (by hash),
 * calls to this server, and the frame below. Empty when @page has not exactly the form
 * <style>…</style> and <script>…</script>. */
void api_dashboard_policy(struct gw_slice page, char out[API_MAX_CSP]);
/* Of the frame that shows a mail's markup: an origin of its own, no script but the one of @page,
 * nothing loaded. Empty when @page has no <script>…</script>. */
void api_dashboard_mail_policy(struct gw_slice page, char out[API_MAX_CSP]);

#endif
