/* SPDX-License-Identifier: MIT */
/* Random bytes from the system, and UUIDv7. */
#ifndef GW_RANDOM_H
#define GW_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fills from getrandom(2) through a small per-thread pool; ends the process if the kernel refuses.
 */
void gw_random_bytes(void *out, size_t len);
/* Uniform in [0, below); below > 0. */
uint32_t gw_random_below(uint32_t below);
/* Uniform in [0, 1). */
double gw_random01(void);
/* Tests: a seeded generator for this thread instead (seed 0 returns to the system's). */
void gw_random_seed(uint64_t seed);

enum {
    GW_UUID_SIZE = 37
};
/* RFC 9562 sec. 5.7: 48-bit Unix milliseconds, then a per-thread monotonic counter and random bits;
 * lower-case text, NUL-terminated. Ids made by one thread sort in the order they were made. */
void gw_uuid_v7(int64_t wall_ms, char out[GW_UUID_SIZE]);

#endif
