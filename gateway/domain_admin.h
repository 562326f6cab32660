/* SPDX-License-Identifier: MIT */
/* Checks of domains that the API asks for. */
#ifndef GW_DOMAIN_ADMIN_H
#define GW_DOMAIN_ADMIN_H

#include "gateway/domain_check.h"
#include "gateway/gateway.h"

enum {
    GW_MAX_DOMAIN_CHECKS = 16 /* at a time; ours */
};

struct gw_domain_call;
/* As gw_domain_check_start() with the present configuration. NULL: GW_MAX_DOMAIN_CHECKS are in
 * hand, or the gateway is closing. */
struct gw_domain_call *gw_domain_call_start(struct gw_gateway *g,
                                            const struct gw_domain_request *request,
                                            gw_domain_check_cb on_done, void *data);
/* on_done does not come. */
void gw_domain_call_abandon(struct gw_domain_call *call);

#endif
