/* SPDX-License-Identifier: MIT */
/* Connections and handshakes per peer address. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/peers.h"

static struct api_peers peers;

static struct api_peer *take4(const char *ip, size_t max)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    assert_int_equal(inet_pton(AF_INET, ip, &a.sin_addr), 1);
    return api_peers_take(&peers, (const struct sockaddr *)&a, max);
}

static struct api_peer *take6(const char *ip, size_t max)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6};
    assert_int_equal(inet_pton(AF_INET6, ip, &a.sin6_addr), 1);
    return api_peers_take(&peers, (const struct sockaddr *)&a, max);
}

static void an_address_has_its_number_of_connections(void **state)
{
    (void)state;
    api_peers_init(&peers);
    struct api_peer *a = take4("192.0.2.1", 2);
    struct api_peer *b = take4("192.0.2.2", 2);
    assert_ptr_not_equal(a, b);
    assert_ptr_equal(take4("192.0.2.1", 2), a);
    assert_null(take4("192.0.2.1", 2));
    assert_ptr_equal(take6("::ffff:192.0.2.2", 2), b); /* the same host */
    assert_null(take4("192.0.2.2", 2));
    api_peer_release(a);
    assert_ptr_equal(take4("192.0.2.1", 2), a);
    api_peer_release(a);
    api_peer_release(a);
    api_peer_release(b);
    api_peer_release(b);
    api_peer_release(NULL);
    assert_null(take4("192.0.2.1", 0));
}

static void an_ipv6_peer_is_its_network(void **state)
{
    (void)state;
    api_peers_init(&peers);
    struct api_peer *a = take6("2001:db8:0:1::1", 2);
    assert_ptr_equal(take6("2001:db8:0:1:ffff::2", 2), a);
    assert_null(take6("2001:db8:0:1::3", 2));
    struct api_peer *b = take6("2001:db8:0:2::1", 2);
    assert_ptr_not_equal(a, b);
    api_peer_release(a);
    api_peer_release(a);
    api_peer_release(b);
}

static void handshakes_are_bounded_also_over_closed_connections(void **state)
{
    (void)state;
    int64_t now_ms = 5000;
    api_peers_init(&peers);
    for (int i = 0; i < API_MAX_PEER_HANDSHAKES; i++) {
        struct api_peer *p = take4("192.0.2.1", 1);
        assert_true(api_peer_may_handshake(p, now_ms));
        api_peer_release(p);
        api_peers_prune(&peers, now_ms);
    }
    struct api_peer *p = take4("192.0.2.1", 1);
    assert_false(api_peer_may_handshake(p, now_ms));
    assert_true(api_peer_may_handshake(p, now_ms + 1000 / API_MAX_PEER_HANDSHAKES));
    assert_false(api_peer_may_handshake(p, now_ms + 1000 / API_MAX_PEER_HANDSHAKES));
    api_peers_prune(&peers, now_ms + 10000); /* it is connected: kept */
    api_peer_release(p);
    api_peers_prune(&peers, now_ms + 10000);
    for (size_t i = 0; i < API_PEER_BUCKETS; i++)
        assert_true(gw_list_empty(&peers.buckets[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_has_its_number_of_connections),
        cmocka_unit_test(an_ipv6_peer_is_its_network),
        cmocka_unit_test(handshakes_are_bounded_also_over_closed_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
