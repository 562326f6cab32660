/* SPDX-License-Identifier: MIT */
/* Connections per peer. */
#include "api/peers.h"

#include <string.h>

#include "gateway/base/gw_mem.h"

enum {
    IPV6_HOST_PREFIX = 8 /* octets of a /64 */
};

void api_peers_init(struct api_peers *p)
{
    for (size_t i = 0; i < API_PEER_BUCKETS; i++)
        gw_list_init(&p->buckets[i]);
}

static void key_of(const struct sockaddr *address, unsigned char key[16])
{
    memset(key, 0, 16);
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
        bool mapped = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
        memcpy(key, &v6->sin6_addr, mapped ? 16 : IPV6_HOST_PREFIX);
        return;
    }
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
    key[10] = 0xff;
    key[11] = 0xff;
    memcpy(key + 12, &v4->sin_addr, 4);
}

static struct gw_list *bucket_of(struct api_peers *p, const unsigned char key[16])
{
    unsigned hash = 5381;
    for (size_t i = 0; i < 16; i++)
        hash = hash * 33 + key[i];
    return &p->buckets[hash % API_PEER_BUCKETS];
}

struct api_peer *api_peers_take(struct api_peers *p, const struct sockaddr *address, size_t max)
{
    unsigned char key[16];
    key_of(address, key);
    struct gw_list *bucket = bucket_of(p, key);
    gw_list_foreach (it, bucket) {
        struct api_peer *peer = gw_list_entry(it, struct api_peer, link);
        if (memcmp(peer->address, key, sizeof(key)) != 0)
            continue;
        if (peer->connections >= max)
            return NULL;
        peer->connections++;
        return peer;
    }
    if (max == 0)
        return NULL;
    struct api_peer *peer = gw_calloc(1, sizeof(*peer));
    memcpy(peer->address, key, sizeof(key));
    peer->connections = 1;
    gw_list_push_back(bucket, &peer->link);
    return peer;
}

static void forget(struct api_peer *peer)
{
    gw_list_remove(&peer->link);
    gw_free(peer);
}

void api_peer_release(struct api_peer *peer)
{
    if (peer == NULL || --peer->connections > 0)
        return;
    if (peer->handshakes.spent <= 0)
        forget(peer);
}

bool api_peer_may_handshake(struct api_peer *peer, int64_t now_ms)
{
    int64_t retry_after_ms;
    return api_rate_take(&peer->handshakes, API_MAX_PEER_HANDSHAKES, now_ms, &retry_after_ms);
}

void api_peers_prune(struct api_peers *p, int64_t now_ms)
{
    for (size_t i = 0; i < API_PEER_BUCKETS; i++) {
        gw_list_foreach_safe (it, &p->buckets[i]) {
            struct api_peer *peer = gw_list_entry(it, struct api_peer, link);
            /* the bucket is full again after one second */
            if (peer->connections == 0 && now_ms - peer->handshakes.at_ms >= 1000)
                forget(peer);
        }
    }
}
