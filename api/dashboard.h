/* SPDX-License-Identifier: MIT */
/* The dashboard: one page without external parts, and the OpenAPI document. */
#ifndef API_DASHBOARD_H
#define API_DASHBOARD_H

#include <stddef.h>

#include "gateway/base/gw_slice.h"

enum {
    API_MAX_CSP = 512
};

/* The page's Content-Security-Policy: nothing but its own inline style and script (by hash) and
 * calls to this server. Empty when @page has not exactly the form <style>…</style> and
 * <script>…</script>. */
void api_dashboard_policy(struct gw_slice page, char out[API_MAX_CSP]);

#endif
