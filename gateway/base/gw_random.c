/* SPDX-License-Identifier: MIT */
/* Random bytes and UUIDv7. */
#include "gateway/base/gw_random.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "gateway/base/gw_check.h"
#include "gateway/base/gw_mem.h"

enum {
    POOL_SIZE = 512,
    COUNTER_BITS = 12
};

static _Thread_local struct {
    unsigned char bytes[POOL_SIZE];
    size_t left;
    uint64_t seed; /* 0: the system's */
} pool;

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

static void refill(void)
{
    if (pool.seed != 0) {
        for (size_t i = 0; i < POOL_SIZE; i += sizeof(uint64_t)) {
            uint64_t v = splitmix64(&pool.seed);
            memcpy(pool.bytes + i, &v, sizeof(v));
        }
    } else {
        size_t got = 0;
        while (got < POOL_SIZE) {
            ssize_t n = getrandom(pool.bytes + got, POOL_SIZE - got, 0);
            CHECK(n > 0 || errno == EINTR);
            got += n > 0 ? (size_t)n : 0;
        }
    }
    pool.left = POOL_SIZE;
}

void gw_random_bytes(void *out, size_t len)
{
    unsigned char *to = out;
    while (len != 0) {
        if (pool.left == 0)
            refill();
        size_t n = len < pool.left ? len : pool.left;
        unsigned char *from = pool.bytes + POOL_SIZE - pool.left;
        memcpy(to, from, n);
        gw_wipe(from, n);
        pool.left -= n;
        to += n;
        len -= n;
    }
}

uint32_t gw_random_below(uint32_t below)
{
    PRE(below > 0);
    uint32_t limit = UINT32_MAX - UINT32_MAX % below;
    uint32_t v;
    do {
        gw_random_bytes(&v, sizeof(v));
    } while (v >= limit);
    return v % below;
}

double gw_random01(void)
{
    return (double)gw_random_below(1U << 30) / (double)(1U << 30);
}

void gw_random_seed(uint64_t seed)
{
    pool.seed = seed;
    pool.left = 0;
}

void gw_uuid_v7(int64_t wall_ms, char out[GW_UUID_SIZE])
{
    static _Thread_local struct {
        int64_t ms;
        uint32_t counter;
    } last;
    unsigned char b[16];
    gw_random_bytes(b, sizeof(b));
    if (wall_ms > last.ms) {
        last.ms = wall_ms;
        last.counter = ((uint32_t)b[6] << 8 | b[7]) & 0x7ff; /* top bit clear: room to count */
    } else if (++last.counter >> COUNTER_BITS != 0) {
        last.ms++; /* RFC 9562 sec. 6.2: borrow from the clock when the counter is full */
        last.counter = 0;
    }
    for (int i = 0; i < 6; i++)
        b[i] = (unsigned char)(last.ms >> (40 - 8 * i));
    b[6] = (unsigned char)(0x70 | last.counter >> 8);
    b[7] = (unsigned char)last.counter;
    b[8] = (unsigned char)(0x80 | (b[8] & 0x3f));
    (void)snprintf(out, GW_UUID_SIZE,
                   "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
                   b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
                   b[14], b[15]);
}
