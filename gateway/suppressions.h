/* SPDX-License-Identifier: MIT */
/* The suppression lists as the HTTP face reads and changes them: one list per tenant, "" is the
 * list of those who need no key. Loop thread only; callbacks come from the loop, exactly once
 * unless abandoned (gw_call_abandon()), never from inside the call. */
#ifndef GW_SUPPRESSIONS_H
#define GW_SUPPRESSIONS_H

#include "gateway/records.h"

/* An address as somebody wrote it, in the form that the lists have. False: it is none. */
bool gw_suppression_address(struct gw_arena *arena, const char *in, const char **out);

/* What gw_store_engine's suppress, unsuppress and suppressions say holds for these.
 * @n  1 to GW_SUPPRESSIONS_MAX */
struct gw_call *gw_suppress(struct gw_gateway *g, const char *tenant,
                            const struct gw_suppression *entries, size_t n,
                            gw_store_suppressions_cb cb, void *data);
struct gw_call *gw_unsuppress(struct gw_gateway *g, const char *tenant, const char *const *emails,
                              size_t n, gw_store_suppressions_cb cb, void *data);
struct gw_call *gw_list_suppressions(struct gw_gateway *g, const struct gw_suppression_query *query,
                                     gw_store_suppressions_cb cb, void *data);

#endif
