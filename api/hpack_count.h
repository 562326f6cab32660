/* SPDX-License-Identifier: MIT */
/* Counts the fields of an HPACK block without decoding it.
 *
 * Spec: RFC 7541 sec. 5 and 6. */
#ifndef API_HPACK_COUNT_H
#define API_HPACK_COUNT_H

#include <stddef.h>
#include <stdint.h>

/* Fields of the whole block @src, or -1 when it is not HPACK: cut short, a string longer than what
 * is left, or an integer that needs more than 28 bits. Allocates nothing. */
long api_hpack_count(const uint8_t *src, size_t len);

#endif
