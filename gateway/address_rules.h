/* SPDX-License-Identifier: MIT */
/* Which addresses are somebody else's machine on the public Internet. */
#ifndef GW_ADDRESS_RULES_H
#define GW_ADDRESS_RULES_H

#include <stdbool.h>
#include <sys/socket.h>

/* False for every address that leads to this machine or its networks, or may: loopback, private,
 * link-local, shared (CGNAT), multicast, reserved, documentation, and IPv6 forms that carry an IPv4
 * address (mapped, compatible, NAT64, 6to4, Teredo).
 * Spec: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890). */
bool gw_address_is_public(const struct sockaddr *address);

/* Are the first @bits of both the same? Each has as many octets as they need. */
bool gw_address_begins_same(const unsigned char *a, const unsigned char *b, unsigned bits);

#endif
