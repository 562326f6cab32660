/* SPDX-License-Identifier: MIT */
/* How many connections each peer address holds: a small hash table of counters. */
#ifndef API_PEERS_H
#define API_PEERS_H

#include <netinet/in.h>
#include <stddef.h>

#include "api/auth.h"
#include "gateway/base/gw_list.h"

enum {
    API_PEER_BUCKETS = 256,
    API_MAX_PEER_HANDSHAKES = 100 /* TLS handshakes in a second, a millisecond of ours each */
};

/* One address that has connections. An IPv6 peer is its /64: hosts own that much. */
struct api_peer {
    struct gw_list link;
    unsigned char address[16];
    size_t connections;
    struct api_rate handshakes;
};

struct api_peers {
    struct gw_list buckets[API_PEER_BUCKETS];
};

void api_peers_init(struct api_peers *p);
/* Counts one more connection of @address (AF_INET or AF_INET6), or returns NULL when the peer has
 * @max already. Give it back with api_peer_release(). */
struct api_peer *api_peers_take(struct api_peers *p, const struct sockaddr *address, size_t max);
/* NULL is fine. */
void api_peer_release(struct api_peer *peer);
/* Counts a TLS handshake at @now_ms (monotonic); false when the peer makes too many. */
bool api_peer_may_handshake(struct api_peer *peer, int64_t now_ms);
/* Forgets peers that have no connections and no handshakes to remember. */
void api_peers_prune(struct api_peers *p, int64_t now_ms);

#endif
