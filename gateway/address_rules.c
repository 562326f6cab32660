/* SPDX-License-Identifier: MIT */
/* Special-purpose addresses, as two tables. */
#include "gateway/address_rules.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct prefix {
    unsigned char octets[16];
    unsigned bits;
};

static const struct prefix special4[] = {
    {{0}, 8},             /* this network */
    {{10}, 8},            /* private */
    {{100, 64}, 10},      /* shared, CGNAT */
    {{127}, 8},           /* loopback */
    {{169, 254}, 16},     /* link-local, and clouds' metadata */
    {{172, 16}, 12},      /* private */
    {{192, 0, 0}, 24},    /* protocol assignments */
    {{192, 0, 2}, 24},    /* documentation */
    {{192, 88, 99}, 24},  /* 6to4 relays */
    {{192, 168}, 16},     /* private */
    {{198, 18}, 15},      /* benchmarks */
    {{198, 51, 100}, 24}, /* documentation */
    {{203, 0, 113}, 24},  /* documentation */
    {{224}, 3},           /* multicast, reserved, broadcast */
};

/* What is global unicast at all is 2000::/3; these are its exceptions. */
static const struct prefix special6[] = {
    {{0x20, 0x01, 0x00, 0x00}, 23}, /* protocol assignments, Teredo */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x20, 0x02}, 16},             /* 6to4 */
    {{0x3f, 0xff, 0x00}, 20},       /* documentation */
};

bool gw_address_begins_same(const unsigned char *a, const unsigned char *b, unsigned bits)
{
    unsigned whole = bits / 8;
    unsigned rest = bits % 8;
    return memcmp(a, b, whole) == 0 && (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

static bool is_in(const unsigned char *address, const struct prefix *p)
{
    return gw_address_begins_same(address, p->octets, p->bits);
}

static bool is_in_any(const unsigned char *address, const struct prefix *table, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_in(address, &table[i]))
            return true;
    return false;
}

bool gw_address_is_public(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct in_addr *in = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
        return !is_in_any((const unsigned char *)in, special4,
                          sizeof(special4) / sizeof(special4[0]));
    }
    if (address->sa_family != AF_INET6)
        return false;
    const unsigned char *octets =
        ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr;
    static const struct prefix global = {{0x20}, 3};
    return is_in(octets, &global) &&
           !is_in_any(octets, special6, sizeof(special6) / sizeof(special6[0]));
}
