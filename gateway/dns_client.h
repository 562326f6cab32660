/* SPDX-License-Identifier: MIT */
/* Asks DNS servers, on the loop, by c-ares. UDP with EDNS first, TCP when an answer does not fit.
 * The first server that answers is believed, also when it says that it failed or refuses.
 *
 * Each client reads /etc/resolv.conf anew, unless servers are given: one client per errand, so that
 * a server at rest holds nothing and a changed file counts at once. Loop thread only. */
#ifndef GW_DNS_CLIENT_H
#define GW_DNS_CLIENT_H

#include <uv.h>

#include "gateway/base/gw_status.h"
#include "gateway/dns.h"

enum {
    GW_DNS_TRY_MS = 1500, /* for the first try at each server; the second takes twice that */
    GW_DNS_TRIES = 2      /* of each server */
};

struct gw_dns_client;

/* @servers    "192.0.2.1:53,[2001:db8::1]:53", or NULL: the system's
 * @on_answer  a question of the table has its answer. From inside gw_dns_client_ask() too: the
 *             client must not be closed in it.
 * GW_OK; GW_INVALID, GW_DNS with err->text. */
enum gw_status gw_dns_client_new(uv_loop_t *loop, const char *servers,
                                 void (*on_answer)(void *data), void *data,
                                 struct gw_dns_client **out, struct gw_err *err) GW_NODISCARD;

/* Asks for all questions of @t that were not asked yet. The table outlives the client. */
void gw_dns_client_ask(struct gw_dns_client *c, struct gw_dns_table *t);

/* Answers do not come any more. @on_closed once, from the loop, when it is gone. Not from inside
 * on_answer. */
void gw_dns_client_close(struct gw_dns_client *c, void (*on_closed)(void *data), void *data);

#endif
