/* SPDX-License-Identifier: MIT */
/* Caps per recipient domain inside one relay: how many transactions to a domain run at once, and
 * how many start per second.
 *
 * A transaction may start when every domain of its recipients has room. One that may not waits at
 * the first domain that has none, out of the way of the others, and comes back to the front of the
 * queue when that domain has room. Loop thread only. */
#ifndef SMTP_RELAY_DOMAINS_H
#define SMTP_RELAY_DOMAINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/gw_list.h"
#include "smtp/relay.h"

enum {
    SMTP_DOMAINS_BUCKETS = 256 /* of the hash table; ours */
};

struct smtp_domains {
    size_t max_running; /* per domain; 0: no limit */
    double rate_per_s;  /* per domain; 0: no limit */
    struct gw_list buckets[SMTP_DOMAINS_BUCKETS];
    struct gw_list rated; /* domains where transactions wait for the rate */
    size_t n_blocked;     /* transactions that wait at a domain */
};

void smtp_domains_init(struct smtp_domains *d, size_t max_running, double rate_per_s);
/* No transaction is left. */
void smtp_domains_deinit(struct smtp_domains *d);
bool smtp_domains_limited(const struct smtp_domains *d);

/* @txn is submitted: remembers its domains. */
void smtp_domains_enter(struct smtp_domains *d, struct smtp_transaction *txn, int64_t now_ms);
/* True: it runs from now on. False: it waits at a domain; it was in no list and is in one of ours.
 */
bool smtp_domains_start(struct smtp_domains *d, struct smtp_transaction *txn, struct gw_list *queue,
                        int64_t now_ms);
/* It does not run any more; who waits for its place goes to the front of @queue. */
void smtp_domains_stop(struct smtp_domains *d, struct smtp_transaction *txn, struct gw_list *queue,
                       int64_t now_ms);
/* It is over, neither running nor in a list of ours: forgets its domains. A chance that it had and
 * did not use passes to the next, to the front of @queue. */
void smtp_domains_leave(struct smtp_domains *d, struct smtp_transaction *txn, struct gw_list *queue,
                        int64_t now_ms);

/* Takes @txn out of the list of the domain where it waits; false when it does not wait here. */
bool smtp_domains_unblock(struct smtp_domains *d, struct smtp_transaction *txn);
/* All that wait here go to the end of @queue: the relay is closing or down. */
void smtp_domains_unblock_all(struct smtp_domains *d, struct gw_list *queue);
/* Those whose domain's rate allows it now go to the front of @queue. */
void smtp_domains_tick(struct smtp_domains *d, struct gw_list *queue, int64_t now_ms);
/* Milliseconds until smtp_domains_tick() has something to do; -1: nothing waits for a rate. */
int64_t smtp_domains_wait_ms(const struct smtp_domains *d, int64_t now_ms);

#endif
